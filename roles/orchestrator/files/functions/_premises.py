# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers on premises in a failback: nothing of EC2 is launched, a failback client boots the machine.

There is no instance at home that anybody could look at: what DRS says of the recovery instance is all that is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from _runtime import client, ip_map
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import failback_premises
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import (
    InstanceFacts,
    instance_facts,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import FailbackReplication
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.validation import CheckResult

Item = dict[str, Any]


def start_launch(records: Iterable[ServerRecord], tags: Mapping[str, str]) -> Item:
    """Start the job that boots the machines of servers, and return it."""
    return drs.start_failback_launch(client("drs"), [_recovered(record) for record in records], tags)


def with_readiness(records: Sequence[ServerRecord]) -> tuple[list[ServerRecord], list[ServerRecord]]:
    """Return the servers whose failback clients wait for their launch, and the others, with what is lacking."""
    found = _read(records)
    ready, waiting = [], []
    for record in records:
        lacking = failback_premises.lacks_for_launch(found.get(_recovered(record)))
        if lacking:
            waiting.append(replace(record, reason=lacking))
        else:
            ready.append(record)
    return ready, waiting


def check(records: Sequence[ServerRecord]) -> dict[str, CheckResult]:
    """Return how the launches of servers went, by server key, as far as DRS can tell."""
    found = _read(records)
    return {
        record.server_key: failback_premises.check_launch(
            found.get(_recovered(record)), was_valid=record.validated_at is not None
        )
        for record in records
    }


def addresses(records: Iterable[ServerRecord]) -> dict[str, str]:
    """Return the addresses that servers have at home, by server key, as the IP map knows them."""
    keys = [record.server_key for record in records]
    return {entry.server_key: entry.source.address for entry in ip_map().read(keys) if entry.interface == 0}


def configure_clients(records: Iterable[ServerRecord], wanted: FailbackReplication) -> None:
    """Let recovery instances replicate to their failback clients as the plan says; what is so already is left alone."""
    api = client("drs")
    fields = failback_premises.configuration(wanted)
    for record in records:
        present = drs.get_failback_replication_configuration(api, _recovered(record))
        changes = {name: value for name, value in fields.items() if present.get(name) != value}
        if changes:
            drs.update_failback_replication_configuration(api, _recovered(record), changes)


def _read(records: Iterable[ServerRecord]) -> dict[str, InstanceFacts]:
    ids = [_recovered(record) for record in records]
    found = drs.describe_recovery_instances(client("drs"), ids=ids) if ids else []
    return {item["recoveryInstanceID"]: instance_facts(item) for item in found}


def _recovered(record: ServerRecord) -> str:
    return str(record.way_home.get("recovered_instance_id") or "")
