# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readiness: may this plan run now? It fails closed: a check that could not be made is not a pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .ip_map import MapEntry
from .launch_templates import launched_tags, private_address
from .plans import FAIL, GatePolicy
from .source_servers import SourceServer
from .tag_rules import TagFinding, judge, judge_each
from .timestamps import format_seconds, format_time

ERROR = "error"
WARNING = "warning"
UNKNOWN = "unknown"

HEALTHY = "CONTINUOUS"
LAGGING_STATES = frozenset({"BACKLOG", "RESCAN", "CREATING_SNAPSHOT", "PAUSED"})
INITIAL_STATES = frozenset({"INITIATING", "INITIAL_SYNC"})
BROKEN_STATES = frozenset({"STALLED", "DISCONNECTED", "STOPPED"})

NAMED_IN_SUMMARY = 3


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands for a fact that could not be read; C(reason) says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What is known of one server of the plan.

    Attributes:
        source_server: None when DRS has no such server.
        entries: Its IP map entries.
        configuration: Answer of GetLaunchConfiguration.
        template: LaunchTemplateData of the profile's version; None when there is no such version.
        active_job_id: A job of somebody else that holds the server now, else None.
        recovery_instance: The recovery instance that DRS has of it; a launch, also of a drill, terminates it.
    """

    server_key: str
    critical: bool
    source_server: SourceServer | Unknown | None
    entries: tuple[MapEntry, ...] | Unknown
    configuration: Mapping[str, Any] | Unknown
    template: Mapping[str, Any] | Unknown | None
    active_job_id: str | Unknown | None = None
    recovery_instance: Mapping[str, Any] | Unknown | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against a start.

    Attributes:
        severity: C(error) and C(unknown) stop the run, C(warning) does not.
        server_key: The server, empty for the whole plan.
        what: What was found.
        remedy: How to fix it.
    """

    severity: str
    server_key: str
    what: str
    remedy: str

    @property
    def blocking(self) -> bool:
        """Whether the gate must ask."""
        return self.severity != WARNING


def evaluate(servers: Iterable[ServerFacts], gate: GatePolicy, *, profile: str, now: datetime) -> list[Finding]:
    """Return all findings, blocking ones first, then by server key.

    Args:
        servers: Facts of every server of the plan.
        gate: The plan's gate policy.
        profile: Network profile of the run's mode.
        now: The time of this look.
    """
    findings: list[Finding] = []
    for facts in servers:
        findings += _check_source_server(facts, gate, now)
        findings += _check_addresses(facts, profile)
        findings += _check_configuration(facts, profile)
        findings += _check_jobs(facts)
        findings += _check_recovery_instance(facts)
        findings += _check_tags(facts, gate, profile)
    return sorted(findings, key=lambda finding: (not finding.blocking, finding.server_key))


def summary(findings: Iterable[Finding]) -> str:
    """Return one line that a pause can show: how many findings of which severity, and the first blocking ones."""
    findings = list(findings)
    counts = [
        f"{count} {severity}{'s' if count > 1 and severity != UNKNOWN else ''}"
        for severity in (ERROR, UNKNOWN, WARNING)
        if (count := sum(finding.severity == severity for finding in findings))
    ]
    blocking = [_told(finding) for finding in findings if finding.blocking]
    named = "; ".join(blocking[:NAMED_IN_SUMMARY])
    more = len(blocking) - NAMED_IN_SUMMARY
    return (
        ", ".join(counts or ["no findings"]) + (f": {named}" if named else "") + (f"; {more} more" if more > 0 else "")
    )


def _told(finding: Finding) -> str:
    """Return a finding for a pause; one about the whole plan has its remedy, as no server tells where to look."""
    if finding.server_key:
        return f"{finding.server_key}: {finding.what}"
    return f"{finding.what} (remedy: {finding.remedy})"


def _check_source_server(facts: ServerFacts, gate: GatePolicy, now: datetime) -> list[Finding]:
    server = facts.source_server
    if isinstance(server, Unknown):
        return [_unknown(facts, "the source server", server)]
    if server is None:
        return [_error(facts, "DRS has no such source server", "protect it again, or take it out of the plan")]
    findings = []
    if server.extension_status == "EXTENSION_ERROR":
        what = f"the extension from its staging account is broken: {server.extension_error or 'no reason given'}"
        findings.append(_error(facts, what, "repair the staging server or its role, then extend it again"))
    return [*findings, *_check_replication(facts, server, gate, now)]


def _check_replication(facts: ServerFacts, server: SourceServer, gate: GatePolicy, now: datetime) -> list[Finding]:
    state = server.replication_state
    if state in BROKEN_STATES:
        what = f"replication is {state}" + (
            f", the agent was last seen at {server.agent_seen_at}" if state != "STOPPED" else ""
        )
        return [_error(facts, what, "repair the replication, or decide to recover from older data")]
    if state in INITIAL_STATES:
        return [_error(facts, f"the first copy is not complete ({state})", "wait until replication is CONTINUOUS")]
    if state != HEALTHY and state not in LAGGING_STATES:
        what = f"DRS reports the replication state {state or 'none'}, which this version cannot judge"
        return [Finding(UNKNOWN, facts.server_key, what, "look at the server in the DRS console")]
    if server.lag_seconds is None:
        what = f"DRS reports no replication lag at {format_time(now)}"
        return [Finding(UNKNOWN, facts.server_key, what, "look at the server in the DRS console")]
    if server.lag_seconds > gate.max_lag:
        what = f"its data lag {format_seconds(server.lag_seconds)}, the plan allows {format_seconds(gate.max_lag)}"
        severity = ERROR if facts.critical else WARNING
        return [Finding(severity, facts.server_key, what, "wait until it has caught up, or decide to lose these data")]
    if state != HEALTHY:
        what = f"replication is {state}, its data lag {format_seconds(server.lag_seconds)}"
        return [Finding(WARNING, facts.server_key, what, "nothing to do: the lag is within the plan's limit")]
    return []


def _check_addresses(facts: ServerFacts, profile: str) -> list[Finding]:
    if isinstance(facts.entries, Unknown):
        return [_unknown(facts, "the IP map", facts.entries)]
    findings = []
    mapped = [entry for entry in facts.entries if profile in entry.profiles]
    if not mapped or len(mapped) < len(facts.entries):
        what = f"an interface has no IP map entry for profile {profile}" if mapped else f"no IP map entry for {profile}"
        findings.append(_error(facts, what, "map its addresses: run configure"))
    server = facts.source_server
    if isinstance(server, SourceServer) and mapped and len(server.interfaces) > len(mapped):
        what = f"it has {len(server.interfaces)} network interfaces, the IP map knows {len(mapped)}"
        findings.append(_error(facts, what, "map all of them: run configure"))
    if isinstance(server, SourceServer):
        further = [address for interface in server.interfaces for address in interface.addresses[1:]]
        if further:
            what = f"its further addresses {', '.join(further)} are not mapped: it is launched without them"
            findings.append(Finding(WARNING, facts.server_key, what, "assign what it needs after the launch"))
    return [*findings, *_check_template(facts, mapped, profile)]


def _check_template(facts: ServerFacts, mapped: Sequence[MapEntry], profile: str) -> list[Finding]:
    if isinstance(facts.template, Unknown):
        return [_unknown(facts, "the launch template", facts.template)]
    if facts.template is None:
        what = f"its launch template has no version for profile {profile}"
        return [_error(facts, what, "write it: run configure")]
    interfaces = {
        int(interface.get("DeviceIndex") or 0): interface for interface in facts.template.get("NetworkInterfaces") or []
    }
    findings = []
    for entry in mapped:
        interface, target = interfaces.get(entry.interface, {}), entry.profiles[profile]
        actual = _place(interface.get("SubnetId"), private_address(interface), interface.get("Groups") or [])
        wanted = _place(target.subnet_id, target.address, target.security_groups)
        if actual != wanted:
            what = (
                f"its template's version for {profile} launches interface {entry.interface} in {actual}, "
                f"the IP map says {wanted}"
            )
            findings.append(_error(facts, what, "bring the template to the IP map: run configure"))
    return findings


def _place(subnet_id: str | None, address: str | None, security_groups: Iterable[str]) -> str:
    groups = ", ".join(sorted(security_groups)) or "no security group"
    return f"{subnet_id or 'no subnet'} with {address or 'a dynamic address'} and {groups}"


def _check_configuration(facts: ServerFacts, profile: str) -> list[Finding]:
    configuration = facts.configuration
    if isinstance(configuration, Unknown):
        return [_unknown(facts, "the launch configuration", configuration)]
    findings = []
    entries = () if isinstance(facts.entries, Unknown) else facts.entries
    fixed = any(entry.profiles[profile].address for entry in entries if profile in entry.profiles)
    if configuration.get("copyPrivateIp") and fixed:
        what = "copyPrivateIp is on: DRS writes the source address over that of the IP map"
        findings.append(_error(facts, what, "turn it off: run configure"))
    if configuration.get("launchDisposition") == "STOPPED":
        what = "its launch disposition is STOPPED: nobody could validate it after the launch"
        findings.append(_error(facts, what, "set it to STARTED: run configure"))
    method = configuration.get("targetInstanceTypeRightSizingMethod", "NONE")
    if method != "NONE":
        what = f"right-sizing is {method}: DRS may change the template's instance type at any time"
        findings.append(Finding(WARNING, facts.server_key, what, "set it to NONE: run configure"))
    return findings


def _check_jobs(facts: ServerFacts) -> list[Finding]:
    if isinstance(facts.active_job_id, Unknown):
        return [_unknown(facts, "the running jobs", facts.active_job_id)]
    if facts.active_job_id is None:
        return []
    what = f"job {facts.active_job_id}, which is not this run's, is at work on it"
    return [_error(facts, what, "wait until the job has completed")]


def _check_recovery_instance(facts: ServerFacts) -> list[Finding]:
    instance = facts.recovery_instance
    if isinstance(instance, Unknown):
        return [_unknown(facts, "its recovery instance", instance)]
    if instance is None or instance.get("ec2InstanceState") in {"TERMINATED", "NOT_FOUND"}:
        return []
    name = instance.get("recoveryInstanceID")
    if instance.get("isDrill") is True:
        what = f"it has a drill instance, {name}: the launch terminates it"
        return [Finding(WARNING, facts.server_key, what, "nothing to do, unless somebody still works on it")]
    what = f"it is recovered already: a launch, also of a drill, terminates its recovery instance {name}"
    return [_error(facts, what, "fail back first; go on only to replace this instance and lose what it has written")]


def _check_tags(facts: ServerFacts, gate: GatePolicy, profile: str) -> list[Finding]:
    """Judge the tags of the source server and of what its template launches; what is unknown is told elsewhere."""
    found: list[TagFinding] = []
    if isinstance(facts.source_server, SourceServer):
        found += judge(gate.tags, facts.source_server.tags, "the source server")
    if gate.tags and isinstance(facts.template, Mapping):
        launched = launched_tags(facts.template)
        found += judge_each(gate.tags, launched, f"its template's version for {profile}")
    severity = ERROR if gate.mandatory_tags == FAIL else WARNING
    return [Finding(severity, facts.server_key, finding.what, finding.remedy) for finding in found]


def _error(facts: ServerFacts, what: str, remedy: str) -> Finding:
    return Finding(ERROR, facts.server_key, what, remedy)


def _unknown(facts: ServerFacts, thing: str, unknown: Unknown) -> Finding:
    return Finding(UNKNOWN, facts.server_key, f"{thing} could not be read: {unknown.reason}", "repair that, then retry")
