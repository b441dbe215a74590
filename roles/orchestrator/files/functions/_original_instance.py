# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instances that the servers of a failback were before their failover: launched into, replaced, or left alone.

Seen to just before the launch, after the approval. A drill never touches them. What is begun is in the records before
it is done, and what is done is seen in AWS: so a call that was cut short does nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from _launch import read_configurations
from _records import store
from _runtime import Call, client, runs
from _way_home import reader
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs, instances
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.instance_profiles import read_policies
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.networks import read_interfaces
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import for_each
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_following import question
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.original_instance import (
    Next,
    Sight,
    Step,
    next_step,
    with_fate,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, by_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK, ServerStatus, is_drill

Item = dict[str, Any]

LOOK_SECONDS = 15
"""Seconds between two looks at instances that stop or end."""


@dataclass(frozen=True)
class Settled:
    """What one call came to.

    Attributes:
        records: The servers of the wave as they are now.
        seconds: After which to look again; 0 when every original instance is as the plan says.
        reason: Why a person has to look, empty when nobody has.
    """

    records: list[ServerRecord]
    seconds: int = 0
    reason: str = ""


def settle_originals(call: Call, run: Mapping[str, Any], plan: Plan, records: Sequence[ServerRecord]) -> Settled:
    """See to the original instances of the servers of a wave that is about to be launched at home.

    Raises:
        TransientError: The same may succeed later.
    """
    if run["mode"] != FAILBACK or is_drill(run):
        return Settled(list(records))
    due = [record for record in records if _is_due(record)]
    if not due:
        return Settled(list(records))
    sights = _look(run, plan, due)
    nexts = {key: next_step(sight) for key, sight in sights.items()}
    known = _record_all(call, due, sights, nexts)
    refused = _do_all(known, nexts)
    troubles = {key: found.trouble for key, found in nexts.items() if found.trouble}
    after = {record.server_key: record for record in (*records, *known)}
    troubles |= refused
    if troubles:
        return Settled(list(after.values()), 0, question(troubles))
    left = any(found.fate is None for found in nexts.values())
    quick = all(found.step in (Step.ALLOW, Step.GIVE_UP) for found in nexts.values() if found.fate is None)
    return Settled(list(after.values()), 1 if left and quick else LOOK_SECONDS if left else 0)


def _is_due(record: ServerRecord) -> bool:
    way = record.way_home
    pending = record.status == ServerStatus.PENDING and bool(way) and not record.by_failback_client
    return pending and not (way.get("original") or {}).get("fate")


def _choice(plan: Plan, record: ServerRecord) -> OriginalInstance:
    return plan.failback.original_of(record.way_home["kind"])


def _original_id(record: ServerRecord) -> str:
    return record.way_home.get("original_instance_id") or ""


def _look(run: Mapping[str, Any], plan: Plan, records: Sequence[ServerRecord]) -> dict[str, Sight]:
    touching = [record for record in records if _choice(plan, record).gives_its_address and _original_id(record)]
    protecting = [record.way_home["protecting_server_id"] for record in touching]
    facts = reader(run, touching).read(protecting).facts if touching else {}
    into = [record for record in records if _choice(plan, record) == OriginalInstance.LAUNCH_INTO]
    configurations = read_configurations(into).raise_if_any("read launch configurations")
    sights: dict[str, Sight] = {}
    for place, there in by_place(records).items():
        found = instances.describe_instances(client("ec2", place=place), {_original_id(one) for one in there} - {""})
        policies = _policies(place, [found[_original_id(one)] for one in into if _original_id(one) in found])
        in_use = _in_use(place, there)
        for record in there:
            sights[record.server_key] = Sight(
                choice=_choice(plan, record),
                original_id=_original_id(record),
                instance=found.get(_original_id(record)),
                facts=facts.get(record.way_home["protecting_server_id"]),
                is_windows=record.is_windows,
                configuration=configurations.get(record.server_key, {}),
                policies=policies,
                expected=record.expected,
                in_use=in_use,
                terminated=_doing(record) == Step.TERMINATE,
            )
    return sights


def _policies(place: Place | None, found: Sequence[Item]) -> dict[str, frozenset[str]]:
    profiles = {item["IamInstanceProfile"]["Arn"] for item in found if item.get("IamInstanceProfile")}
    return read_policies(client("iam", place=place), profiles) if profiles else {}


def _in_use(place: Place | None, records: Sequence[ServerRecord]) -> dict[tuple[str, str], Item]:
    """Return what has the addresses that servers are to have, by subnet id and address."""
    wanted = {
        (interface["subnet_id"], interface["address"])
        for record in records
        for interface in record.expected["interfaces"]
        if interface["address"]
    }
    ec2 = client("ec2", place=place)
    found = read_interfaces(lambda *_place: ec2, {place or Place("", ""): {subnet for subnet, _address in wanted}})
    return {key: interface for key, interface in found.items() if key in wanted}


def _record_all(
    call: Call, before: Sequence[ServerRecord], sights: Mapping[str, Sight], nexts: Mapping[str, Next]
) -> list[ServerRecord]:
    """Tell of what is done and what begins, write it down, and return the records."""
    told: list[tuple[str, Item]] = []
    after = []
    for record in before:
        sight, found, doing = sights[record.server_key], nexts[record.server_key], _doing(record)
        ids = _ids(record)
        if doing and _is_done(doing, found):
            told.append((EventKind.FAILBACK_STEP_DONE.value, {**ids, "action": doing}))
        if found.step and found.step != doing:
            told.append((EventKind.FAILBACK_STEP_BEGUN.value, {**ids, "action": found.step.value}))
        if found.fate:
            told.append((EventKind.ORIGINAL_SETTLED.value, {**ids, "choice": sight.choice, "fate": found.fate.value}))
            expected = with_fate(record.expected, found.fate, sight.original_id, sight.instance)
            record = replace(record, expected=expected)
        original = {
            "doing": found.step.value if found.step else doing,
            "fate": found.fate.value if found.fate else None,
        }
        after.append(replace(record, way_home={**record.way_home, "original": original}))
    if told:
        runs().append_events(call.run_id, told, call.now)
    store(call, before, after)
    return after


def _is_done(doing: str, found: Next) -> bool:
    """Whether what was begun is seen to be done: something else is next, which is not a wait for it."""
    return found.step != doing and not found.waiting and not found.trouble and bool(found.step or found.fate)


def _doing(record: ServerRecord) -> str | None:
    return (record.way_home.get("original") or {}).get("doing")


def _ids(record: ServerRecord) -> Item:
    names = ("protecting_server_id", "recovered_instance_id", "original_instance_id")
    return {
        "server_key": record.server_key,
        **{name: record.way_home.get(name) for name in names},
        "source_server_id": record.source_server_id,
    }


def _do_all(records: Sequence[ServerRecord], nexts: Mapping[str, Next]) -> dict[str, str]:
    """Do the next step of every server; return why AWS refuses it, by server key."""
    clients = {
        place: (client("drs", place=place), client("ec2", place=place)) for place in {one.place for one in records}
    }

    def do(key: str, record: ServerRecord) -> None:
        _do(nexts[key].step, record, *clients[record.place])

    outcomes = for_each({one.server_key: one for one in records if nexts[one.server_key].step}, do)
    for error in outcomes.errors.values():
        if isinstance(error, TransientError):
            raise error
    return {
        key: f"AWS refuses to {str(nexts[key].step).replace('_', ' ')}: {error.message}"
        for key, error in outcomes.errors.items()
    }


def _do(step: Step | None, record: ServerRecord, drs_client: Any, ec2_client: Any) -> None:
    original_id = _original_id(record)
    if step == Step.ALLOW:
        instances.allow_launch_into(ec2_client, original_id)
        changes = {**_into(original_id), "copyTags": False, "copyPrivateIp": False}
        drs.update_launch_configuration(drs_client, record.source_server_id, changes)
    elif step == Step.STOP:
        instances.stop_instance(ec2_client, original_id)
    elif step == Step.TERMINATE:
        instances.terminate_instance(ec2_client, original_id)
    elif step == Step.GIVE_UP:
        drs.update_launch_configuration(drs_client, record.source_server_id, _into(""))


def _into(instance_id: str) -> Item:
    return {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": instance_id}}
