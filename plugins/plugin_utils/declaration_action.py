# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module that reads a declaration, and tell of every problem in which file it is.

The module itself cannot: it gets values, not where they were written.
This plugin util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.disaster_recovery.aws.plugins.plugin_utils.origins import origin_of_problem

ProblemItem = dict[str, str]
"""C(where), C(value) and C(remedy) of a problem, as modules tell them."""


class DeclarationAction(ActionBase):
    """An action that runs the module of its own name.

    Attributes:
        VARIABLES: Variable that messages name, by the option of the module that gets it.
    """

    VARIABLES: Mapping[str, str] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; add C(file) to each of its problems, and to the message."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(self._execute_module(module_args=self.module_args(), task_vars=task_vars))
        problems = [*self.own_problems(result), *result.get("problems", [])]
        if problems:
            variables = self.variables()
            for problem in problems:
                problem["file"] = origin_of_problem(variables, problem["where"], problem["remedy"])
            result |= {"failed": True, "msg": "\n".join(map(_line, problems)), "problems": problems}
        return result

    def module_args(self) -> dict[str, Any]:
        """Return the options that the module gets."""
        return dict(self._task.args)

    def variables(self) -> dict[str, Any]:
        """Return the variables that were declared, by the names that messages give them."""
        args = self._task.args
        return {name: args[option] for option, name in self.VARIABLES.items() if option in args}

    def own_problems(self, _result: Mapping[str, Any]) -> list[ProblemItem]:
        """Return what is wrong beside what the module has found."""
        return []


def _line(problem: Mapping[str, str]) -> str:
    text = f"{problem['where']}: {problem['value']}: {problem['remedy']}"
    return f"{text} ({problem['file']})" if problem["file"] else text
