# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what a configuration did, for the role configure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import table_lines

DOCUMENTATION = r"""
name: configuration_table
short_description: Show what the steps of a configuration did
version_added: 0.1.0
author:
  - The disaster_recovery.aws maintainers
description:
  - Returns the lines of one table with the servers, changes, skipped servers and problems of each step.
  - Below it comes every problem and note.
positional: _input
options:
  _input:
    description:
      - Mappings with the keys C(step), its name, and C(result), what its task registered.
      - A task that was not reached has no result; one that was skipped shows as not declared.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what was done
  ansible.builtin.debug:
    msg: "{{ [{'step': 'IP map', 'result': ip_map_result}] | disaster_recovery.aws.configuration_table }}"
  vars:
    ip_map_result: {summary: {servers: 24, changed: 2, skipped: 0, problems: []}}
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def configuration_table(steps: Any) -> list[str]:
    """Return the lines of the table.

    Raises:
        AnsibleFilterError: The input is no list of steps.
    """
    if not isinstance(steps, (list, tuple)) or not all(isinstance(step, Mapping) and "step" in step for step in steps):
        raise AnsibleFilterError(f"configuration_table needs a list of steps with their results, not {steps!r}")
    return table_lines(steps)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"configuration_table": configuration_table}
