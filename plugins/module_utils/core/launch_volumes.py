# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of launch templates: how those that DRS declares are laid out, without ever losing or shrinking one.

Device names and sizes are those of the source's disks: DRS ignores further devices and enlarges what is too small.
Source: EC2 API Reference, LaunchTemplateEbsBlockDeviceRequest; DRS User Guide, "EC2 launch template".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from .errors import Problems
from .fields import Fields, members_of

IOPS: Mapping[str, tuple[int, int]] = {"gp3": (3000, 80_000), "io1": (100, 64_000), "io2": (100, 256_000)}
NEEDS_IOPS = ("io1", "io2")
THROUGHPUT: Mapping[str, tuple[int, int]] = {"gp3": (125, 2000)}
TYPES = ("gp2", "gp3", "io1", "io2", "st1", "sc1", "standard")
INITIALIZATION_RATE = (100, 300)
LARGEST_GIB = 65_536

_TYPES_WITH: Mapping[str, tuple[str, ...]] = {"Iops": tuple(IOPS), "Throughput": tuple(THROUGHPUT)}


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """Settings of the volume of one device, or of all of a server's; None leaves what the template has.

    Attributes:
        device_name: C(/dev/xvda), None for every device.
        size: GiB; never less than the template has.
        throughput: MiB per second, as is C(initialization_rate).
    """

    device_name: str | None = None
    volume_type: str | None = None
    size: int | None = None
    iops: int | None = None
    throughput: int | None = None
    initialization_rate: int | None = None


def parse_volumes(raw: Any, where: str, problems: Problems) -> tuple[VolumeSettings, ...]:
    """Read the declared settings of volumes; problems are collected."""
    return tuple(_parse_volume(member, place, problems) for place, member in members_of(raw, where, problems))


def volume_problems(mappings: Sequence[Mapping[str, Any]], volumes: Sequence[VolumeSettings]) -> list[tuple[str, str]]:
    """Return what a template cannot have of the declared settings, as offending value and remedy.

    Args:
        mappings: C(BlockDeviceMappings) of the template as it is.
        volumes: Declared settings, first to last.
    """
    sizes = {mapping["DeviceName"]: int(mapping.get("Ebs", {}).get("VolumeSize", 0)) for mapping in mappings}
    found = []
    for volume in volumes:
        name = volume.device_name
        if name is not None and name not in sizes:
            known = ", ".join(sorted(sizes)) or "none"
            found.append((name, f"is no device of this server (it has {known}): DRS ignores further devices"))
            continue
        largest = max((size for device, size in sizes.items() if name in (None, device)), default=0)
        if volume.size is not None and volume.size < largest:
            remedy = f"is smaller than the {largest} GiB that its disk needs: declare at least that, or no size"
            found.append((f"{name or 'volumes'} of {volume.size} GiB", remedy))
    for mapping in merged_mappings(mappings, volumes):
        ebs = mapping.get("Ebs", {})
        kind = ebs.get("VolumeType")
        if kind in NEEDS_IOPS and not ebs.get("Iops"):
            found.append((f"{mapping['DeviceName']} of type {kind}", "needs iops: declare them"))
    return found


def merged_mappings(mappings: Sequence[Mapping[str, Any]], volumes: Sequence[VolumeSettings]) -> list[dict[str, Any]]:
    """Return the mappings with the declared settings laid over them; a later setting wins, other members stay.

    IOPS and throughput go to the types that have them alone: EC2 refuses IOPS of a gp2 volume.
    """
    return [_merged(mapping, volumes) for mapping in mappings]


def _merged(mapping: Mapping[str, Any], volumes: Sequence[VolumeSettings]) -> dict[str, Any]:
    before = mapping.get("Ebs", {})
    declared: dict[str, Any] = {}
    for volume in volumes:
        if volume.device_name in (None, mapping["DeviceName"]):
            declared.update(_members(volume))
    if not declared:
        return dict(mapping)
    kind = declared.get("VolumeType", before.get("VolumeType"))
    inherited = before if kind == before.get("VolumeType") else _without_performance(before)
    ebs = {**inherited, **declared}
    fitting = {name: value for name, value in ebs.items() if kind is None or kind in _TYPES_WITH.get(name, TYPES)}
    return {**mapping, "Ebs": fitting}


def _without_performance(ebs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in ebs.items() if name not in _TYPES_WITH}


def _members(volume: VolumeSettings) -> dict[str, Any]:
    declared = {
        "VolumeType": volume.volume_type,
        "VolumeSize": volume.size,
        "Iops": volume.iops,
        "Throughput": volume.throughput,
        "VolumeInitializationRate": volume.initialization_rate,
    }
    return {name: value for name, value in declared.items() if value is not None}


def _parse_volume(raw: Any, where: str, problems: Problems) -> VolumeSettings:
    read = Fields(raw, where, problems, [field.name for field in fields(VolumeSettings)])
    device_remedy = "must be a device name such as /dev/xvda; leave it out for every volume"
    kind = read.choice("volume_type", TYPES) if "volume_type" in read else None
    if kind is not None:
        for name, ranges in (("iops", IOPS), ("throughput", THROUGHPUT)):
            if name in read and kind not in ranges:
                read.reject(name, f"a volume of type {kind} has none: leave it out, or use {', '.join(ranges)}")
    return VolumeSettings(
        device_name=read.text("device_name", pattern=r"(/dev/)?[a-z0-9/]+", remedy=device_remedy)
        if "device_name" in read
        else None,
        volume_type=kind,
        size=_number(read, "size", (1, LARGEST_GIB)),
        iops=_number(read, "iops", IOPS.get(kind or "", (100, 256_000))),
        throughput=_number(read, "throughput", THROUGHPUT["gp3"]),
        initialization_rate=_number(read, "initialization_rate", INITIALIZATION_RATE),
    )


def _number(read: Fields, name: str, limits: tuple[int, int]) -> int | None:
    return read.integer(name, minimum=limits[0], maximum=limits[1]) if name in read else None
