# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the option C(match)."""

from __future__ import annotations


class ModuleDocFragment:
    """The option that selects source servers."""

    DOCUMENTATION = r"""
options:
  match:
    description:
      - Which source servers the task is about. All conditions that are given must hold.
      - Without it, all source servers of the account and Region.
      - A selector that selects nothing is an error.
    type: dict
    suboptions:
      tags:
        description: Tags that a source server must have, with these values.
        type: dict
      servers:
        description: >-
          Server keys. The key of a source server is the value of its tag C(dr:server-key), else its FQDN, else its host
          name, in lower case.
        type: list
        elements: str
      source_server_ids:
        description: Ids of source servers.
        type: list
        elements: str
"""
