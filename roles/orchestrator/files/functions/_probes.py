# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probes of launched servers: those that are due are tried, commands are sent once and followed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from _premises import addresses
from _runtime import Call, client, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import network_probes, run_command
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import chunks
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import probe_results
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, by_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.probes import (
    COMMAND,
    SSM_AGENT,
    Probe,
    parse_networks,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord, record_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

Records = dict[str, ServerRecord]
Instances = Mapping[str, Mapping[str, Any]]

MOST_LOOKS = 2000
"""Network probes of one call, those not tried the longest first: that many end within the function's time."""

ONLINE = "Online"


class Look:
    """One look at the probes of a validation.

    Args:
        call: The call of the function.
        profile: Network profile of the run.
        since: When the validation began, as the records say it.
        instances: DescribeInstances by instance id.
        records: Records of the servers whose own checks have passed.
    """

    def __init__(
        self, call: Call, profile: str, since: str, instances: Instances, records: Iterable[ServerRecord]
    ) -> None:
        self.call = call
        self.profile = profile
        self.since = since
        self.instances = instances
        self.records: Records = {record.server_key: record for record in records}
        self._agents: dict[str, str] | None = None
        self._at_home: dict[str, str] | None = None

    def due(self, probe: Probe) -> list[ServerRecord]:
        """Return the servers that a probe is to be tried on now."""
        return [
            record
            for record in self.records.values()
            if probe.name in record.expected.get("probes", ())
            and probe_results.is_due(probe, probe_results.result_of(record, probe, self.since), self.call.now)
        ]

    def tried(
        self, record: ServerRecord, probe: Probe, *, passed: bool, saw: str, milliseconds: int | None = None
    ) -> None:
        """Remember an attempt."""
        self._keep(
            [
                probe_results.tried(
                    record, probe, self.since, self.call.now, passed=passed, saw=saw, milliseconds=milliseconds
                )
            ]
        )

    def waiting(self, record: ServerRecord, probe: Probe, saw: str) -> None:
        """Remember that there was nothing to try yet."""
        self._keep([probe_results.waiting(record, probe, self.since, self.call.now, saw)])

    def sending(self, records: Iterable[ServerRecord], probe: Probe, token: str) -> list[ServerRecord]:
        """Write down that a command is about to be sent, and return the records."""
        intended = [probe_results.sending(record, probe, self.since, self.call.now, token) for record in records]
        runs().put_servers(self.call.run_id, [record_to_item(record) for record in intended])
        self._keep(intended)
        return intended

    def sent(self, records: Iterable[ServerRecord], probe: Probe, command_id: str) -> None:
        """Remember the id of a command."""
        self._keep([probe_results.sent(record, probe, self.since, self.call.now, command_id) for record in records])

    def left_out(self, record: ServerRecord, probe: Probe, why: str) -> None:
        """Remember that a server cannot be asked."""
        self._keep([probe_results.left_out(record, probe, self.since, self.call.now, why)])

    def address(self, record: ServerRecord) -> str | None:
        """Return the address of a server: that of its instance, on premises the one of the IP map, read at once."""
        if not record.by_failback_client:
            return self.instances[record.instance_id or ""].get("PrivateIpAddress")
        if self._at_home is None:
            self._at_home = addresses(one for one in self.records.values() if one.by_failback_client)
        return self._at_home.get(record.server_key)

    def agent(self, record: ServerRecord) -> str | None:
        """Return the ping status of a server's agent, None when it never had one. All are read at once."""
        if self._agents is None:
            self._agents = {}
            for place, there in by_place(self.records.values()).items():
                ids = [record.instance_id for record in there if record.instance_id]
                self._agents |= run_command.read_agents(client("ssm", place=place), ids)
        return self._agents.get(record.instance_id or "")

    def _keep(self, records: Iterable[ServerRecord]) -> None:
        self.records.update({record.server_key: record for record in records})


def probe_servers(look: Look, probes: Sequence[Probe]) -> list[ServerRecord]:
    """Try what is due, and return the records with what was seen."""
    _over_network(look, [probe for probe in probes if probe.needs_network])
    for probe in probes:
        if not probe.needs_network:
            _leave_out_premises(look, probe)
        if probe.kind == SSM_AGENT:
            _look_for_agents(look, probe)
        elif probe.kind == COMMAND:
            _follow_commands(look, probe)
            _send_commands(look, probe)
    return list(look.records.values())


def _over_network(look: Look, probes: Sequence[Probe]) -> None:
    by_name = {probe.name: probe for probe in probes}
    due = [
        (_last_tried(record, probe, look.since), probe.name, record.server_key)
        for probe in probes
        for record in look.due(probe)
    ]
    targets = {}
    for _last, name, key in sorted(due)[:MOST_LOOKS]:
        probe, record = by_name[name], look.records[key]
        address = look.address(record)
        targets[f"{name} {key}"] = (
            probe,
            key,
            {"address": address, "timeout": probe.timeout, probe.kind: probe.settings},
        )
    if not targets:
        return
    function = network_probes.function_name(os.environ["PREFIX"], look.profile)
    region = parse_networks(os.environ["PROBE_NETWORKS"]).get(look.profile, "")
    wanted = {name: target for name, (_probe, _key, target) in targets.items()}
    seen = network_probes.ask(client("lambda", place=Place("", region)), function, wanted, look.call.at)
    for name, (probe, key, _target) in targets.items():
        if "not_tried" in seen[name]:
            look.waiting(look.records[key], probe, seen[name]["not_tried"])
        else:
            look.tried(look.records[key], probe, **seen[name])


def _last_tried(record: ServerRecord, probe: Probe, since: str) -> str:
    result = probe_results.result_of(record, probe, since)
    return str(result["at"]) if result else ""


def _leave_out_premises(look: Look, probe: Probe) -> None:
    for record in look.due(probe):
        if record.by_failback_client:
            look.left_out(
                record, probe, "left out: it asks the SSM agent of an EC2 instance, and this server is on premises"
            )


def _look_for_agents(look: Look, probe: Probe) -> None:
    for record in look.due(probe):
        status = look.agent(record)
        look.tried(record, probe, passed=status == ONLINE, saw=_agent_text(status))


def _send_commands(look: Look, probe: Probe) -> None:
    ready = []
    for record in look.due(probe):
        status = look.agent(record)
        if status == ONLINE:
            ready.append(record)
        else:
            look.waiting(record, probe, _agent_text(status))
    together: dict[tuple[Place | None, int], list[ServerRecord]] = {}
    for record in ready:
        result = probe_results.result_of(record, probe, look.since)
        together.setdefault((record.place, result["attempts"] if result else 0), []).append(record)
    for (_place, attempt), records in together.items():
        for piece in chunks(records, run_command.INSTANCES):
            keys = [record.server_key for record in piece]
            token = probe_results.command_token(look.call.run_id, probe.name, look.since, attempt, keys)
            _send(look, probe, look.sending(piece, probe, token), token)


def _send(look: Look, probe: Probe, records: Sequence[ServerRecord], token: str) -> None:
    """Send a command to servers of one place."""
    ids = [record.instance_id for record in records if record.instance_id]
    ssm = client("ssm", place=records[0].place, repeats=False)
    command_id = run_command.send(ssm, probe.settings, probe.timeout, token, ids)
    if command_id is not None:
        look.sent(records, probe, command_id)
        return
    for record in records:
        look.waiting(record, probe, "the agent of a server that is asked with it has gone")


def _follow_commands(look: Look, probe: Probe) -> None:
    for token, records in probe_results.by_token(look.records.values(), probe, look.since).items():
        command, ssm = records[0].probes[probe.name]["command"], client("ssm", place=records[0].place)
        command_id = command["id"] or run_command.find(ssm, token, parse_time(command["at"]))
        if command_id is None:
            _send(look, probe, records, token)
            continue
        look.sent([record for record in records if not record.probes[probe.name]["command"]["id"]], probe, command_id)
        found = run_command.read_invocations(ssm, command_id)
        for record in records:
            invocation = found.get(record.instance_id or "")
            if invocation and invocation.ended:
                saw = f"command {command_id} {invocation.status}: {invocation.output}"
                look.tried(look.records[record.server_key], probe, passed=invocation.succeeded, saw=saw)


def _agent_text(status: str | None) -> str:
    return "the SSM agent has not registered" if status is None else f"the SSM agent is {status}"
