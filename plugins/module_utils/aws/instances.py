# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2 instances: what they are and how their status checks stand.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.launch_checks import ALLOWING_TAG
from .dynamodb import call, chunks
from .errors import translate

Item = dict[str, Any]

MAX_FILTER_VALUES = 200
"""Values of one filter. Source: EC2 API Reference, Filter."""

MAX_RESULTS = 1000
"""Instances in one answer. Source: EC2 API Reference, DescribeInstances."""

LIVING_STATES = ("pending", "running", "stopping", "stopped")


def _by_id(client: Any, operation: str, result: str, ids: Iterable[str], what: str, **arguments: Any) -> list[Item]:
    found: list[Item] = []
    try:
        for piece in chunks(sorted(set(ids)), MAX_FILTER_VALUES):
            wanted = [{"Name": "instance-id", "Values": list(piece)}]
            for page in client.get_paginator(operation).paginate(Filters=wanted, **arguments):
                found += page[result]
    except Exception as error:
        raise translate(error, what) from error
    return found


def describe_instances(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the instances by id. By filter, so that an id that EC2 does not know (any more) is only left out."""
    reservations = _by_id(client, "describe_instances", "Reservations", ids, "describe instances")
    return {item["InstanceId"]: item for reservation in reservations for item in reservation["Instances"]}


def describe_living_instances(client: Any) -> list[Item]:
    """Return all instances of an account and Region that are not terminated."""
    wanted = [{"Name": "instance-state-name", "Values": list(LIVING_STATES)}]
    paging = {"PageSize": MAX_RESULTS}
    found: list[Item] = []
    try:
        for page in client.get_paginator("describe_instances").paginate(Filters=wanted, PaginationConfig=paging):
            found += [item for reservation in page["Reservations"] for item in reservation["Instances"]]
    except Exception as error:
        raise translate(error, "describe all instances") from error
    return found


def describe_instance_status(client: Any, ids: Iterable[str]) -> dict[str, Item]:
    """Return the status checks of instances by id, also of instances that do not run."""
    what = "describe the status of instances"
    statuses = _by_id(client, "describe_instance_status", "InstanceStatuses", ids, what, IncludeAllInstances=True)
    return {item["InstanceId"]: item for item in statuses}


def read_offerings(client: Any, types: Iterable[str]) -> dict[str, set[str]]:
    """Return the availability zones that offer instance types, by type; types that none offers are left out."""
    offered: dict[str, set[str]] = {}
    try:
        for piece in chunks(sorted(set(types)), MAX_FILTER_VALUES):
            pages = client.get_paginator("describe_instance_type_offerings").paginate(
                LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": list(piece)}]
            )
            for item in (item for page in pages for item in page["InstanceTypeOfferings"]):
                offered.setdefault(item["InstanceType"], set()).add(item["Location"])
    except Exception as error:
        raise translate(error, "read which instance types are offered") from error
    return offered


def allow_launch_into(client: Any, instance_id: str) -> None:
    """Tag an instance so that DRS may launch into it."""
    key, value = ALLOWING_TAG
    call(client.create_tags, f"tag {instance_id}", Resources=[instance_id], Tags=[{"Key": key, "Value": value}])


def stop_instance(client: Any, instance_id: str) -> None:
    """Stop an instance."""
    call(client.stop_instances, f"stop {instance_id}", InstanceIds=[instance_id])


def terminate_instance(client: Any, instance_id: str) -> None:
    """Terminate an instance."""
    call(client.terminate_instances, f"terminate {instance_id}", InstanceIds=[instance_id])
