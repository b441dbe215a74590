# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""May the servers of a failback go home now? What could not be read is a finding that stops the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from _clients import home
from _records import read_records, store
from _runtime import Call, client, ip_map
from _way_home import enter, positions, reader
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback_home import Wanted, read_homes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Kind, Stage
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_following import Seen
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_readiness import Traveller, evaluate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.readiness import UNKNOWN, Finding
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus, is_drill, profile_of

Entries = Mapping[str, list[MapEntry]]


def failback_findings(call: Call, run: Mapping[str, Any], plan: Plan) -> tuple[list[Finding], int]:
    """Return what keeps the plan's servers from going home, and how many were looked at.

    They are looked at anew: what a person has put right since the latest look takes part again.

    Raises:
        TransientError: The same may succeed later.
    """
    before = read_records(call)
    keys = [record.server_key for record in before]
    try:
        reading = reader(run, before).read([_protecting(record) for record in before])
        seen = positions(reading, plan, drill=is_drill(run))
        entries = by_server(ip_map().read(keys))
        tags = _tags(plan, before)
    except TransientError:
        raise
    except AwsError as error:
        what = f"where the servers are could not be read: {error.message}"
        return [Finding(UNKNOWN, "", what, "repair that, then retry")], 0
    records = enter(run, before, seen, call.now)
    store(call, before, records)
    going = [record for record in records if _takes_part(record)]
    travellers = [_traveller(record, seen, entries, tags.get(_protecting(record), {})) for record in going]
    homes = read_homes(
        lambda service, place: client(service, place=place),
        home(),
        _wanted(going, seen, entries, profile_of(run["mode"]), _launches_into(run, plan)),
    )
    findings = evaluate(
        travellers,
        {str(place): home for place, home in homes.items()},
        plan.gate,
        plan.failback,
        profile=profile_of(run["mode"]),
        drill=is_drill(run),
    )
    return findings, len(travellers)


def _protecting(record: ServerRecord) -> str:
    return str(record.way_home["protecting_server_id"])


def _takes_part(record: ServerRecord) -> bool:
    """Tell whether a server is still to go home; one that cannot is told of until a person goes on without it."""
    refused = record.status == ServerStatus.SKIPPED and record.way_home["stage"] == Stage.REFUSED
    return refused or record.status == ServerStatus.PENDING


def _tags(plan: Plan, records: Iterable[ServerRecord]) -> dict[str, Mapping[str, str]]:
    """Return the tags of the source servers that protect, by id; a plan that asks for none needs none."""
    if not plan.gate.tags:
        return {}
    servers = drs.read_source_servers(client("drs"), ids=[_protecting(record) for record in records])
    return {server.source_server_id: server.tags for server in servers}


def _traveller(record: ServerRecord, seen: Seen, entries: Entries, tags: Mapping[str, str]) -> Traveller:
    found = seen.get(_protecting(record))
    facts, position = found if found else (None, None)
    recovered = facts.recovered if facts else None
    jobs = (facts.recovery_job_id, facts.launch_job_id, facts.termination_job_id) if facts else ()
    return Traveller(
        server_key=record.server_key,
        critical=record.critical,
        is_windows=record.is_windows,
        kind=position.kind if position else "",
        refusal=position.refusal if position else "DRS does not show the source server that protects it any more",
        home=str(facts.origin) if facts and facts.kind != Kind.ON_PREMISES else None,
        stays=facts is not None and facts.kind == Kind.CROSS_ZONE,
        recovered_id=recovered.instance_id if recovered else None,
        recovered_state=facts.state_of(recovered.instance_id) if facts and recovered else None,
        original_id=record.way_home["original_instance_id"],
        tags=tags,
        jobs=[job_id for job_id in jobs if job_id],
        entries=entries.get(record.server_key, []),
    )


def _launches_into(run: Mapping[str, Any], plan: Plan) -> Callable[[Kind], bool]:
    """Return what tells whether servers of a kind are launched into their original instances; a drill does not."""
    return lambda kind: not is_drill(run) and plan.failback.original_of(kind) == OriginalInstance.LAUNCH_INTO


def _wanted(
    records: Iterable[ServerRecord], seen: Seen, entries: Entries, profile: str, launches_into: Callable[[Kind], bool]
) -> dict[Place, Wanted]:
    """Return what the IP map names in every place that servers go home to, and the instances that they were there."""
    wanted: dict[Place, Wanted] = {}
    for record in records:
        found = seen.get(_protecting(record))
        if found is None or found[0].kind == Kind.ON_PREMISES:
            continue
        names = wanted.setdefault(found[0].origin, Wanted(set(), set(), set(), set()))
        if record.way_home["original_instance_id"]:
            names.instances.add(record.way_home["original_instance_id"])
            if launches_into(found[0].kind):
                names.launched_into.add(record.way_home["original_instance_id"])
        for entry in entries.get(record.server_key, []):
            if target := entry.profiles.get(profile):
                names.subnets.add(target.subnet_id)
                names.security_groups.update(target.security_groups)
    return wanted
