# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the servers of a failback are in the cycle, and with which records they enter a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from _clients import declared_accounts, home
from _jobs import LONGEST_JOB
from _records import planned_record, read_records, tell
from _runtime import Call, client, ip_map
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    InvalidRequestError,
    NotFoundError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback_reader import FailbackReader, Reading
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import failback_premises, way_home
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import locate_within
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_following import Seen
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.machines import FAILBACK
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import is_drill
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time

Run = Mapping[str, Any]


def reader(run: Run, records: Iterable[ServerRecord] = ()) -> FailbackReader:
    """Return what reads the places of a failback; what records know helps where AWS shows no more."""
    return FailbackReader(
        clients=lambda service, place: client(service, place=place),
        home=home(),
        jobs_since=format_time(parse_time(run["requested_at"]) - LONGEST_JOB),
        remembered=way_home.remembered(records),
        entries=lambda keys: by_server(ip_map().read(sorted(keys))),
    )


def positions(reading: Reading, plan: Plan, *, drill: bool = False) -> Seen:
    """Return where machines are, by the source server that protects them.

    Args:
        reading: What was read of them.
        plan: The plan.
        drill: Whether the failback is only rehearsed: then those are refused that cannot be launched beside themselves.

    Raises:
        AwsError: A place could not be read: what was not seen might be production.
    """
    reading.raise_if_any()
    ends = plan.failback.original_instance == OriginalInstance.TERMINATE
    reached = {home().account_id, *(one.account_id for one in declared_accounts() if one.failback_role_arn)}
    found = {name: (facts, locate_within(facts, reached, end_original=ends)) for name, facts in reading.facts.items()}
    if not drill:
        return found
    return {name: (facts, failback_premises.in_a_drill(position)) for name, (facts, position) in found.items()}


def discovered(call: Call, run: Run, plan: Plan) -> list[ServerRecord]:
    """Return the records of a failback's servers, by where their machines are, and tell of those that take no part.

    What a person has decided in an earlier execution of the run stays. Addresses that are lacking are found by the
    gate, as everything else that keeps a server from going home.

    Raises:
        InvalidRequestError: All of them are at home.
    """
    servers = drs.read_source_servers(client("drs"))
    resolved = resolve(plan, (server for server in servers if server.replication_direction != FAILBACK)).servers
    entries = by_server(ip_map().read([planned.server.key for planned in resolved]))
    known = {record.server_key: record for record in read_records(call)}
    planned = [planned_record(one, run, plan, entries.get(one.server.key, ())) for one in resolved]
    records = [_again(known[record.server_key], record) if record.server_key in known else record for record in planned]
    found = reader(run, known.values()).read([one.server.source_server_id for one in resolved])
    seen = positions(found, plan, drill=is_drill(run))
    gone = [one.server.key for one in resolved if one.server.source_server_id not in seen]
    if gone:
        raise NotFoundError(f"DRS does not show the source servers of {', '.join(gone)} any more")
    entered = enter(run, records, seen, call.now)
    if all(record.was_home for record in entered):
        raise InvalidRequestError(f"No server of plan {plan.name} is recovered: there is nothing to bring home")
    tell(call, known.values(), entered)
    return entered


def enter(run: Run, records: Iterable[ServerRecord], seen: Seen, now: datetime) -> list[ServerRecord]:
    """Return the records with which servers enter the run, by where their machines are; others stay as they are.

    Args:
        run: The run.
        records: As the plan says, with C(protecting) as their source server, or as an earlier look has left them.
        seen: Where the machines are.
        now: The time of the call.
    """

    def entered(record: ServerRecord) -> ServerRecord:
        found = seen.get(record.way_home.get("protecting_server_id") or record.source_server_id)
        if found is None or not way_home.may_enter_anew(record):
            return record
        return way_home.new_record(record, *found, drill=is_drill(run), now=now)

    return [entered(record) for record in records]


def _again(known: ServerRecord, planned: ServerRecord) -> ServerRecord:
    """Return what is known of a server that an earlier execution of the run has discovered."""
    return replace(known, expected=planned.expected) if way_home.may_enter_anew(known) else known
