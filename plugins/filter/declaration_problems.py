# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what is wrong with a declaration before anything is asked or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import declaration
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problem
from ansible_collections.disaster_recovery.aws.plugins.plugin_utils.origins import origin_of_problem

DOCUMENTATION = r"""
name: declaration_problems
short_description: Tell what is wrong with a declaration
version_added: 0.1.0
description:
  - Reads the inventory variables that declare a disaster recovery estate as the modules do.
  - Returns every problem that can be seen without asking AWS.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
options:
  _input:
    description:
      - The variables by name, any of C(dr_accounts), C(dr_extended_source_servers), C(dr_mandatory_tags),
        C(dr_tag_policy), C(dr_server_variables), C(dr_subnet_map), C(dr_addresses), C(dr_production_cidrs),
        C(dr_launch_defaults) and C(dr_launch_overrides).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Check the subnet map
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('; ') }}"
  vars:
    problems: "{{ {'dr_subnet_map': dr_subnet_map} | disaster_recovery.aws.declaration_problems }}"
"""

RETURN = r"""
_value:
  description:
    - The problems, each with where it is, the value, what to do, and the file and line where Ansible remembers these.
    - Empty when there are none.
  type: list
  elements: str
"""


def declaration_problems(variables: Any) -> list[str]:
    """Return the problems of a declaration as texts.

    Raises:
        AnsibleFilterError: The input is no mapping.
    """
    if not isinstance(variables, Mapping):
        raise AnsibleFilterError(f"declaration_problems needs a dictionary of variables, not {variables!r}")
    return [_line(problem, variables) for problem in declaration.declaration_problems(variables)]


def _line(problem: Problem, variables: Mapping[str, Any]) -> str:
    origin = origin_of_problem(variables, problem.where)
    return f"{problem} ({origin})" if origin else str(problem)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"declaration_problems": declaration_problems}
