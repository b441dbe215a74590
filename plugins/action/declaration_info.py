# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module of the same name and tell in which files its problems are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import ACCOUNT_FIELDS
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import (
    declaration_problems,
    read_declaration,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problem, Problems
from ansible_collections.disaster_recovery.aws.plugins.plugin_utils.declaration_action import (
    DeclarationAction,
    ProblemItem,
)

ACCOUNTS = "dr_accounts"


class ActionModule(DeclarationAction):
    """The action.

    The accounts are read here: the module's option for them keeps external ids out of logs, and would refuse all of a
    declaration for one unknown key.
    """

    def module_args(self) -> dict[str, Any]:
        """Return the declaration without its accounts, and those of the accounts that can be read."""
        args = dict(self._task.args)
        declared = args.get("declaration")
        if isinstance(declared, Mapping):
            rest = {name: value for name, value in declared.items() if name != ACCOUNTS}
            accounts = read_declaration(declared, Problems()).accounts
            readable = [{name: getattr(account, name) for name in ACCOUNT_FIELDS} for account in accounts]
            args |= {"declaration": rest, "accounts": readable}
        return args

    def variables(self) -> dict[str, Any]:
        """Return the declaration."""
        declared = self._task.args.get("declaration")
        return dict(declared) if isinstance(declared, Mapping) else {}

    def own_problems(self, result: Mapping[str, Any]) -> list[ProblemItem]:
        """Return what is wrong with the accounts; where AWS could not be asked, with everything, and that."""
        found = declaration_problems(self.variables()) if self.variables() else []
        if not result.get("failed") or "problems" in result:
            return [asdict(problem) for problem in found if problem.where.startswith(ACCOUNTS)]
        if not found:
            return []
        remedy = f"the declaration was not compared with AWS: {result.get('msg')}"
        return [*map(asdict, found), asdict(Problem(str(result.get("operation") or "AWS"), "AWS", remedy))]
