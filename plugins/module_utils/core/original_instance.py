# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the instance that a server was before its failover, just before the server is launched at home.

It is not production: that is C(recovered). So it may be stopped and terminated, but nothing else ever is.
Sources: DRS User Guide, launch settings ("Launch into source instance"); EC2 API Reference, Instance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .failback_extended import ORIGINAL_ONLY
from .failback_facts import GONE, RUNNING, MachineFacts
from .failback_policy import OriginalInstance
from .failback_words import Kind
from .launch_checks import ALLOWING_TAG, remedies_once_allowed
from .source_servers import device_index

Item = Mapping[str, Any]

STOPPED = "stopped"
ENDING = "shutting-down"
ENDED = frozenset({GONE, "terminated"})
ON_THE_WAY = frozenset({"pending", "stopping"})


class Step(StrEnum):
    """What is done to an original instance, or to what is said of it, in this order."""

    ALLOW = "allow_launch_into"
    STOP = "stop_original"
    TERMINATE = "terminate_original"
    GIVE_UP = "give_up_launch_into"


class Fate(StrEnum):
    """What became of an original instance when everything is ready for the launch."""

    LAUNCHED_INTO = "launched_into"
    REPLACED = "replaced"
    KEPT = "kept"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of one server just before its launch at home.

    Attributes:
        choice: What the plan says.
        original_id: The original instance of the record; empty when nobody knows.
        instance: Its item of DescribeInstances, None when EC2 does not know it (any more).
        facts: What AWS shows of the machine; only asked for where the original is to be touched.
        is_windows: Whether the machine runs Windows.
        configuration: Launch configuration of the source server that leads it home, where it is to be launched into.
        policies: Managed policies by ARN of an instance profile, where it is to be launched into.
        expected: What the launched instance must have (C(expected) of its record).
        in_use: Items of DescribeNetworkInterfaces by subnet id and address, of the subnets that it is launched in.
        terminated: Whether this run has terminated the original instance.
    """

    choice: OriginalInstance
    original_id: str
    instance: Item | None
    facts: MachineFacts | None
    is_windows: bool
    configuration: Item
    policies: Mapping[str, frozenset[str]]
    expected: Item
    in_use: Mapping[tuple[str, str], Item]
    terminated: bool = False

    @property
    def state(self) -> str:
        """State of the original instance."""
        return str(self.instance["State"]["Name"]) if self.instance else GONE

    @property
    def into(self) -> str:
        """The instance that DRS launches into now, empty for a new one."""
        properties = self.configuration.get("launchIntoInstanceProperties") or {}
        return properties.get("launchIntoEC2InstanceID") or ""


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next: a step, something that is waited for, a person, or the launch (C(fate))."""

    step: Step | None = None
    waiting: str = ""
    trouble: str = ""
    fate: Fate | None = None


def next_step(sight: Sight) -> Next:
    """Return what has to happen to an original instance before its server is launched at home."""
    there = sight.state not in ENDED
    if sight.choice == OriginalInstance.LAUNCH_INTO and there:
        return _launch_into(sight)
    if sight.choice == OriginalInstance.REPLACE and there:
        return _replace(sight)
    if sight.facts is not None and sight.facts.kind == Kind.EXTENDED:
        return Next(trouble=f"its original instance {sight.original_id} is {sight.state}: {ORIGINAL_ONLY}")
    return _launch_anew(sight, there=there)


def objection(original_id: str, facts: MachineFacts | None) -> str:
    """Return why an instance must not be touched, whatever the plan says; empty when it is the original, and idle.

    Args:
        original_id: The original instance of the record.
        facts: What AWS shows of the machine now.
    """
    if facts is None:
        return "the source server that protects it is not seen"
    if facts.unread or facts.contradiction:
        return facts.unread or facts.contradiction
    if not original_id or facts.original_id != original_id:
        return f"AWS shows {facts.original_id or 'no instance'} as its original, not {original_id or 'one'}"
    recovered, returned = facts.recovered, facts.returned
    if recovered is None or recovered.is_drill or facts.state_of(recovered.instance_id) != RUNNING:
        return f"its recovery instance {recovered.instance_id if recovered else ''} does not run"
    if original_id in {recovered.instance_id, returned.instance_id if returned else ""}:
        return f"{original_id} is what DRS launched: it runs production"
    if returned is not None:
        return f"{returned.instance_id} runs at home already"
    if facts.original_protected_by:
        return f"{facts.original_protected_by} replicates {original_id}"
    return ""


def with_fate(expected: Item, fate: Fate, original_id: str, instance: Item | None) -> dict[str, Any]:
    """Return what validation has to find of a server: of one that is launched into its original, that very instance.

    Args:
        expected: C(expected) of its record.
        fate: What became of the original instance.
        original_id: The original instance.
        instance: Its item of DescribeInstances.
    """
    without = {name: value for name, value in expected.items() if name != "instance_id"}
    if fate != Fate.LAUNCHED_INTO or instance is None:
        return without
    groups = {index: _groups(interface) for index, interface in _interfaces(instance).items()}
    interfaces = [
        {**wanted, "security_groups": groups.get(wanted["interface"], wanted["security_groups"])}
        for wanted in expected["interfaces"]
    ]
    return {**without, "interfaces": interfaces, "instance_id": original_id}


def _launch_into(sight: Sight) -> Next:
    trouble = objection(sight.original_id, sight.facts) or _one_for_both_ways(sight.facts) or _unfit(sight)
    if trouble:
        return Next(trouble=f"its original instance {sight.original_id} cannot be launched into: {trouble}")
    if sight.into != sight.original_id or not _is_allowed(sight.instance or {}):
        return Next(Step.ALLOW)
    if sight.state == STOPPED:
        return Next(fate=Fate.LAUNCHED_INTO)
    return _stop(sight)


def _replace(sight: Sight) -> Next:
    if sight.state == ENDING:
        return Next(waiting=f"{sight.original_id} is {ENDING}")
    trouble = objection(sight.original_id, sight.facts)
    if trouble:
        return Next(trouble=f"its original instance {sight.original_id} is not terminated: {trouble}")
    return Next(Step.TERMINATE) if sight.state == STOPPED else _stop(sight)


def _stop(sight: Sight) -> Next:
    if sight.state in ON_THE_WAY:
        return Next(waiting=f"{sight.original_id} is {sight.state}")
    if sight.state == ENDING:
        return Next(waiting=f"{sight.original_id} is {ENDING}")
    return Next(Step.STOP)


def _launch_anew(sight: Sight, *, there: bool) -> Next:
    if sight.into:
        return Next(Step.GIVE_UP)
    for wanted in sight.expected["interfaces"]:
        holder = sight.in_use.get((wanted["subnet_id"], wanted["address"] or ""))
        if holder is not None:
            return Next(trouble=_in_use(sight, wanted, holder))
    if there:
        return Next(fate=Fate.KEPT)
    return Next(fate=Fate.REPLACED if sight.terminated else Fate.GONE)


def _in_use(sight: Sight, wanted: Item, holder: Item) -> str:
    instance_id = (holder.get("Attachment") or {}).get("InstanceId")
    place = f"address {wanted['address']} of {wanted['subnet_id']}"
    if instance_id and instance_id == sight.original_id:
        remedy = "set failback.original_instance to replace or launch_into, or free it"
        return f"its original instance {instance_id} still has {place}: {remedy}"
    return f"{place} is in use by {holder['NetworkInterfaceId']} of {instance_id or 'no instance'}: free it"


def _one_for_both_ways(facts: MachineFacts | None) -> str:
    """Within one Region a source server leads both ways: what it is launched into at home, a failover would be, too."""
    if facts is None or facts.kind != Kind.CROSS_ZONE:
        return ""
    return f"{facts.protecting.server_id} recovers the machine as well: set failback.original_instance to replace"


def _unfit(sight: Sight) -> str:
    """Return what of the instance keeps DRS from launching into it; its tag and its state are seen to."""
    instance = sight.instance or {}
    byol = bool((sight.configuration.get("licensing") or {}).get("osByol"))
    remedies = remedies_once_allowed(instance, sight.policies, is_windows=sight.is_windows, byol=byol)
    return "; ".join([*remedies, *_other_places(sight.expected["interfaces"], instance)])


def _other_places(expected: Sequence[Item], instance: Item) -> list[str]:
    """Return where the instance, which keeps its interfaces, is not where the IP map wants the server."""
    found = _interfaces(instance)
    different = []
    for wanted in expected:
        interface = found.get(wanted["interface"], {})
        place = (interface.get("SubnetId"), interface.get("PrivateIpAddress"))
        if place != (wanted["subnet_id"], wanted["address"] or place[1]):
            different.append(
                f"its interface {wanted['interface']} has {place[1]} in {place[0]} and keeps it, and the IP map says "
                f"{wanted['address'] or 'any'} in {wanted['subnet_id']}: map the same, or replace the instance"
            )
    return different


def _interfaces(instance: Item) -> dict[int, Item]:
    return {device_index(interface): interface for interface in instance.get("NetworkInterfaces", [])}


def _groups(interface: Item) -> list[str]:
    return sorted(group["GroupId"] for group in interface.get("Groups", []))


def _is_allowed(instance: Item) -> bool:
    key, value = ALLOWING_TAG
    return any(tag["Key"] == key and tag["Value"] == value for tag in instance.get("Tags", []))
