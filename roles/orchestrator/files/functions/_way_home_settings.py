# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers of a failback launch with at home: written before they are launched, a piece of them at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

from _runtime import Call, client, ip_map, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs, way_home
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    NotFoundError,
    TransientError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.instances import (
    LIVING_STATES,
    describe_instances,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import (
    BUCKETS,
    Outcomes,
    Pacers,
    for_each,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_words import Kind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import DesiredLaunch
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, by_place, told_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK, is_drill
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.way_home_settings import (
    WAY_HOME_PROFILES,
    Forward,
    launch_home,
    left_out,
    tags_home,
)

_BURST, _A_SECOND = BUCKETS["CreateLaunchTemplateVersion"]

SET_AT_ONCE = _BURST // len(WAY_HOME_PROFILES)
"""Servers of one call: as many as EC2 makes versions for at once. The state machine calls again for more."""


@dataclass(frozen=True)
class Settled:
    """What became of the servers of one call.

    Attributes:
        done: Keys of servers whose settings are written.
        troubles: Why a person has to look at others, by key.
        seconds: After which the call may be repeated for those that are left; 0 when there are none.
    """

    done: frozenset[str]
    troubles: Mapping[str, str] = field(default_factory=dict)
    seconds: int = 0


def write_settings(call: Call, run: Mapping[str, Any], plan: Plan, records: Sequence[ServerRecord]) -> Settled:
    """Write what servers launch with at home; what is so already costs reads only.

    Args:
        call: The call.
        run: The run.
        plan: Its plan.
        records: Servers that are in sync, each with the source server that leads it home.

    Raises:
        TransientError: The same may succeed later.
    """
    piece = records[:SET_AT_ONCE]
    # A failback client copies to a machine that is there: nothing of EC2 is launched.
    launched = [record for record in piece if not record.by_failback_client]
    outcomes = [_write(call, run, plan, place, there) for place, there in by_place(launched).items()]
    errors = {key: error for outcome in outcomes for key, error in outcome.errors.items()}
    for error in errors.values():
        if isinstance(error, TransientError):
            raise error
    return Settled(
        frozenset(record.server_key for record in piece if record.server_key not in errors),
        {key: f"its settings for the way home: {error.message}" for key, error in errors.items()},
        ceil(len(piece) * len(WAY_HOME_PROFILES) / _A_SECOND) if len(records) > len(piece) else 0,
    )


def _write(
    call: Call, run: Mapping[str, Any], plan: Plan, place: Place | None, records: Sequence[ServerRecord]
) -> Outcomes[str, Mapping[str, int | None]]:
    """Write the settings of servers that are launched at one place."""
    there = client("drs", place=place)
    servers = {
        server.source_server_id: server
        for server in drs.read_source_servers(there, ids=[record.source_server_id for record in records])
    }
    forward = _read_forward(records)
    entries = by_server(ip_map().read([record.server_key for record in records]))
    into = _launched_into(run, plan, place, records)

    def declare(key: str, record: ServerRecord) -> DesiredLaunch:
        returning = _there(servers, record)
        launch = launch_home(returning, forward.results[key], _mapped(record, entries), into_original=key in into)
        if record.way_home["kind"] == Kind.CROSS_ZONE:
            # The source server is the one of the failover: what it is configured with is for both ways.
            return replace(launch, configuration={})
        return launch

    declared = for_each({one.server_key: one for one in records if one.server_key in forward.results}, declare)
    written = way_home.write_home(there, client("ec2", place=place), declared.results, Pacers())
    tags = for_each(
        {one.server_key: one for one in records if one.server_key in written.results},
        lambda key, record: _lacking_tags(record, servers[record.source_server_id], forward.results[key]),
    )
    tagged = way_home.tag_servers(
        there, {key: (declared.results[key].server.arn, lacking) for key, lacking in tags.results.items()}
    )
    errors: dict[str, AwsError] = {}
    for outcome in (forward, declared, written, tags, tagged):
        errors |= outcome.errors
    done = {key: versions for key, versions in written.results.items() if key not in errors}
    _tell(call, place, done, declared.results, forward.results, entries)
    return Outcomes(done, errors)


def _read_forward(records: Sequence[ServerRecord]) -> Outcomes[str, Forward]:
    """Return what servers launch with in a failover, where they are protected."""
    ids = {record.server_key: record.way_home["protecting_server_id"] for record in records}
    known = {
        server.source_server_id: server for server in drs.read_source_servers(client("drs"), ids=list(ids.values()))
    }
    protecting = {key: known[server_id] for key, server_id in ids.items() if server_id in known}
    found = way_home.read_forward(client("drs"), client("ec2"), protecting, Pacers())
    gone = {
        key: NotFoundError(f"DRS does not show source server {server_id}, which protects it, any more")
        for key, server_id in ids.items()
        if server_id not in known
    }
    return Outcomes(found.results, {**found.errors, **gone})


def _launched_into(
    run: Mapping[str, Any], plan: Plan, place: Place | None, records: Sequence[ServerRecord]
) -> set[str]:
    """Return the keys of servers that are to be launched into their original instances, which are there still."""
    if is_drill(run):
        return set()
    ids = {
        record.server_key: record.way_home.get("original_instance_id") or ""
        for record in records
        if plan.failback.original_of(record.way_home["kind"]) == OriginalInstance.LAUNCH_INTO
    }
    found = describe_instances(client("ec2", place=place), set(ids.values()) - {""})
    living = {name for name, item in found.items() if item["State"]["Name"] in LIVING_STATES}
    return {key for key, instance_id in ids.items() if instance_id in living}


def _there(servers: Mapping[str, SourceServer], record: ServerRecord) -> SourceServer:
    if record.source_server_id not in servers:
        raise NotFoundError(f"DRS does not show source server {record.source_server_id}, which leads it home, any more")
    return servers[record.source_server_id]


def _mapped(record: ServerRecord, entries: Mapping[str, Sequence[MapEntry]]) -> Sequence[MapEntry]:
    found = entries.get(record.server_key, ())
    if not found or any(FAILBACK not in entry.profiles for entry in found):
        raise NotFoundError(
            f"the IP map has no addresses of all its interfaces in profile {FAILBACK}: declare them in dr_subnet_map, "
            "and run configure"
        )
    return found


def _lacking_tags(record: ServerRecord, returning: SourceServer, forward: Forward) -> Mapping[str, str]:
    try:
        return tags_home(record.server_key, returning, forward.server)
    except DeclarationError as error:
        raise AwsError(str(error)) from error


def _tell(
    call: Call,
    place: Place | None,
    done: Mapping[str, Mapping[str, int | None]],
    launches: Mapping[str, DesiredLaunch],
    forward: Mapping[str, Forward],
    entries: Mapping[str, Sequence[MapEntry]],
) -> None:
    if not done:
        return
    servers = {
        key: {
            "source_server_id": launches[key].source_server_id,
            "versions": dict(versions),
            "left_out": left_out(launches[key].server, forward[key], entries[key]),
        }
        for key, versions in done.items()
    }
    told = {**told_place(place), "servers": servers}
    runs().append_event(call.run_id, EventKind.SETTINGS_WRITTEN.value, told, call.now)
