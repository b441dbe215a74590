# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instances of a run's servers, as DRS and EC2 have them at the places where they were launched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from _runtime import client
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs, instances
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import by_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord

Item = dict[str, Any]


def read_instances(records: Iterable[ServerRecord]) -> dict[str, Item]:
    """Return what EC2 says of the instances of servers, by instance id."""
    return _by_instance(records, instances.describe_instances)


def read_statuses(records: Iterable[ServerRecord]) -> dict[str, Item]:
    """Return the status checks of the instances of servers, by instance id."""
    return _by_instance(records, instances.describe_instance_status)


def _by_instance(
    records: Iterable[ServerRecord], read: Callable[[Any, Iterable[str]], dict[str, Item]]
) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for place, there in by_place(record for record in records if record.instance_id).items():
        found |= read(client("ec2", place=place), [record.instance_id or "" for record in there])
    return found


def read_recovery_instances(records: Iterable[ServerRecord]) -> list[Item]:
    """Return the recovery instances of servers, as DRS has them."""
    return [
        item
        for place, there in by_place(record for record in records if record.source_server_id).items()
        for item in drs.describe_recovery_instances(
            client("drs", place=place), source_server_ids=[record.source_server_id for record in there]
        )
    ]
