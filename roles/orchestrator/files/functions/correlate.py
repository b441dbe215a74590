# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Correlate: which source servers and instances of all accounts are one machine, and has the IP map the right ones?

Called by a run before its discovery, and by a schedule without one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from _clients import accounts
from _records import read_plan, read_run
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.correlation import (
    Estate,
    correlate_estate,
    remember,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.correlation_findings import told
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problem
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_identity import identity_problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import KEY_TAG

PROBLEMS_TOLD = 20
"""Problems in the result and in the event: a state holds 256 KiB, and the module tells all."""


def _check_plan(plan: Plan, estate: Estate) -> None:
    """Refuse a plan of which it is not certain which servers it means; nothing was launched yet."""
    here = [
        server
        for server in estate.observed.source_servers
        if (server.account_id, server.region) == (estate.home.account_id, estate.home.region)
    ]
    problems = identity_problems(plan, estate.correlation, here)
    if len(problems) > PROBLEMS_TOLD:
        remedy = "module server_correlation_info tells all of them"
        problems[PROBLEMS_TOLD:] = [Problem(f"{len(problems) - PROBLEMS_TOLD} more", f"plan {plan.name}", remedy)]
    if problems:
        raise DeclarationError(problems)


def _result(estate: Estate, written: dict[str, int]) -> Result:
    problems = list(told(estate.correlation.findings, estate.observed))
    return {
        **estate.correlation.counts(),
        "unread": len(estate.observed.unread),
        "written": written,
        "problems": problems[:PROBLEMS_TOLD],
        "problems_not_shown": max(0, len(problems) - PROBLEMS_TOLD),
    }


def _event(result: Result) -> dict[str, Any]:
    """Return what the run's event tells: not what was written, which is nothing when the function is called again."""
    names: Iterable[str] = ("machines", "ambiguous", "unmatched", "unread", "problems", "problems_not_shown")
    return {name: result[name] for name in names}


@function("correlate", needs_run=False)
def handler(call: Call) -> Result:
    """Return counts and the first problems; machines are in the IP map table."""
    plan = read_plan(read_run(call)) if call.run_id else None
    clients = accounts()
    dynamodb, table = client("dynamodb"), os.environ["IP_MAP_TABLE"]
    key_tag = os.environ.get("SERVER_KEY_TAG") or KEY_TAG
    estate = correlate_estate(clients, os.environ["AWS_REGION"], dynamodb=dynamodb, table=table, key_tag=key_tag)
    if plan:
        _check_plan(plan, estate)
    who = caller(client("sts")).arn
    result = _result(estate, remember(estate, clients, dynamodb, table, updated_by=who, updated_at=call.at))
    if plan:
        runs().append_event(call.run_id, EventKind.SERVERS_CORRELATED.value, _event(result), call.now)
    return result
