# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that name the orchestrator."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that reads or writes runs and plans."""

    DOCUMENTATION = r"""
options:
  prefix:
    description: What the names of the deployed orchestrator begin with.
    type: str
    default: disaster-recovery
  runs_table:
    description: Name of the runs table, when it is not C(O(prefix)-runs).
    type: str
"""
