# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drill leaves in EC2 after its instances were terminated: found by id, as it was attached, and by DRS's tags.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core.leftovers import Leftover
from .dynamodb import chunks
from .instances import MAX_FILTER_VALUES
from .paging import read_pages

Item = dict[str, Any]

JOB_TAG = "drs.amazonaws.com-job"
"""Tag by which DRS marks what a job made in EC2, its conversion servers included."""

GOING = frozenset({"deleting", "deleted", "terminated", "shutting-down"})

KINDS: Mapping[str, tuple[str, str, str, str]] = {
    "volume": ("describe_volumes", "Volumes", "volume-id", "VolumeId"),
    "network-interface": (
        "describe_network_interfaces",
        "NetworkInterfaces",
        "network-interface-id",
        "NetworkInterfaceId",
    ),
    "instance": ("describe_instances", "Reservations", "instance-id", "InstanceId"),
}
"""Of each kind: how it is read, the field of the answer, the filter by id, and the field with its id."""


def find_leftovers(client: Any, *, owners: Mapping[str, str], job_ids: Iterable[str]) -> list[Leftover]:
    """Return what is still there, by kind and id. What EC2 is deleting already is not.

    Args:
        client: boto3 EC2 client.
        owners: Ids of volumes and network interfaces that were attached, and the server key of each.
        job_ids: DRS jobs whose tag marks what they made.

    Raises:
        AwsError: EC2 did not answer; nothing is known then.
    """
    jobs = sorted(set(job_ids))
    volumes = [name for name in owners if name.startswith("vol-")]
    interfaces = [name for name in owners if name.startswith("eni-")]
    found: dict[str, Leftover] = {}
    for kind, ids in (("volume", volumes), ("network-interface", interfaces), ("instance", [])):
        _operation, _field, by_id, id_field = KINDS[kind]
        for name, values in ((by_id, sorted(ids)), (f"tag:{JOB_TAG}", jobs)):
            for item in _read(client, kind, name, values):
                state = item["State"]["Name"] if kind == "instance" else item.get("State") or item.get("Status") or ""
                if state not in GOING:
                    found[item[id_field]] = Leftover(kind, item[id_field], owners.get(item[id_field], ""), state)
    return sorted(found.values(), key=lambda leftover: (leftover.kind, leftover.id))


def attached_to(instance: Mapping[str, Any]) -> list[str]:
    """Return the ids of the volumes and network interfaces of an item of DescribeInstances."""
    volumes = [mapping["Ebs"]["VolumeId"] for mapping in instance.get("BlockDeviceMappings", []) if mapping.get("Ebs")]
    interfaces = [interface["NetworkInterfaceId"] for interface in instance.get("NetworkInterfaces", [])]
    return sorted([*volumes, *interfaces])


def _read(client: Any, kind: str, name: str, values: Iterable[str]) -> Iterator[Item]:
    operation, field, _by_id, _id_field = KINDS[kind]
    for piece in chunks(list(values), MAX_FILTER_VALUES):
        filters = [{"Name": name, "Values": list(piece)}]
        for item in read_pages(client, operation, f"look for what a drill left ({kind})", key=field, Filters=filters):
            yield from item["Instances"] if kind == "instance" else [item]
