# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the declared set-up of accounts, for the role accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.account_setup import setup_problems

DOCUMENTATION = r"""
name: account_setup_problems
short_description: Tell what is wrong with the declared set-up of accounts
version_added: 0.1.0
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
description:
  - Reads the inventory variable C(dr_account_setup) and returns every problem that can be seen without asking AWS.
positional: _input, account_id, most_targets
options:
  _input:
    description: The variable.
    type: list
    elements: dict
    required: true
  account_id:
    description: The account that is to be set up; it must be declared.
    type: str
    required: true
  most_targets:
    description: How many target accounts a staging account may have.
    type: int
    default: 100
"""

EXAMPLES = r"""
- name: Check what is declared for account 111111111111
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('; ') }}"
  vars:
    problems: "{{ dr_account_setup | disaster_recovery.aws.account_setup_problems('111111111111') }}"
"""

RETURN = r"""
_value:
  description: The problems, each with where it is, the value, and what to do. Empty when there are none.
  type: list
  elements: str
"""


def account_setup_problems(setup: Any, account_id: str, most_targets: int = 100) -> list[str]:
    """Return the problems of a set-up as texts."""
    return [str(problem) for problem in setup_problems(setup, account_id, most_targets)]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"account_setup_problems": account_setup_problems}
