# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module of the same name and tell in which files its problems are."""

from __future__ import annotations

from ansible_collections.disaster_recovery.aws.plugins.plugin_utils.declaration_action import DeclarationAction


class ActionModule(DeclarationAction):
    """The action."""

    VARIABLES = {"subnet_map": "dr_subnet_map", "addresses": "dr_addresses", "accounts": "dr_accounts"}
