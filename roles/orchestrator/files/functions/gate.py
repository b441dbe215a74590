# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gate: may the plan run now? Fails closed: what could not be read is not a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from _failback_gate import failback_findings
from _isolation import isolation_findings
from _launch import FORWARD, read_configurations
from _records import read_plan, read_records, read_run
from _runtime import Call, Result, client, function, ip_map, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs, launch_templates
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Outcomes, Pacers, for_each
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import readiness
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, by_server
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_facts import TEST_PROFILE
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import job_from_drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.readiness import Finding, ServerFacts, Unknown
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK, ServerStatus, profile_of
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer

FINDINGS_IN_EVENT = 200
"""An item of DynamoDB holds 400 KB; the others are counted."""

Value = TypeVar("Value")


def _known(outcomes: Outcomes[str, Value]) -> dict[str, Value | Unknown]:
    """Return results, and errors as unknown facts. A transient error is raised: the state machine tries again."""
    for error in outcomes.errors.values():
        if isinstance(error, TransientError):
            raise error
    unknown = {key: Unknown(error.message) for key, error in outcomes.errors.items()}
    return {**outcomes.results, **unknown}


def _templates(
    configurations: Mapping[str, Mapping[str, Any] | Unknown], profile: str, pacers: Pacers
) -> dict[str, Mapping[str, Any] | Unknown | None]:
    """Return the data of the profile's version of each template; None where there is no intact one."""

    def read(_key: str, template_id: str) -> Mapping[str, Any] | None:
        version = launch_templates.version_of(swept.get(template_id, ()), profile)
        if version is None:
            pacers.take("DescribeLaunchTemplateVersions")
            version = launch_templates.version_of(launch_templates.read_versions(client("ec2"), template_id), profile)
        return version.data if version else None

    readable = {
        key: configuration["ec2LaunchTemplateID"]
        for key, configuration in configurations.items()
        if not isinstance(configuration, Unknown)
    }
    unreadable = {
        key: configuration for key, configuration in configurations.items() if isinstance(configuration, Unknown)
    }
    # At rest the default and the latest version are those of both profiles: of many templates they are read at once.
    many = len(readable) >= launch_templates.SWEEP_FROM
    swept = launch_templates.read_known(client("ec2"), list(readable.values()), pacers, sweep=True) if many else {}
    return {**_known(for_each(readable, read)), **unreadable}


def _source_servers(ids: list[str]) -> dict[str, SourceServer] | Unknown:
    try:
        return {server.source_server_id: server for server in drs.read_source_servers(client("drs"), ids=ids)}
    except TransientError:
        raise
    except AwsError as error:
        return Unknown(error.message)


def _active_jobs() -> dict[str, str] | Unknown:
    """Return the job that holds a server now, by source server id."""
    try:
        found = [job_from_drs(item) for item in drs.describe_jobs(client("drs"))]
    except TransientError:
        raise
    except AwsError as error:
        return Unknown(error.message)
    return {server_id: job.job_id for job in found if job.active for server_id in job.participants}


def _recovery_instances(ids: list[str]) -> dict[str, Mapping[str, Any]] | Unknown:
    """Return the recovery instance of a server, by source server id."""
    try:
        found = drs.describe_recovery_instances(client("drs"), source_server_ids=ids)
    except TransientError:
        raise
    except AwsError as error:
        return Unknown(error.message)
    return {item["sourceServerID"]: item for item in found}


def _entries(keys: list[str]) -> dict[str, tuple[MapEntry, ...]] | Unknown:
    try:
        found = by_server(ip_map().read(keys))
    except TransientError:
        raise
    except AwsError as error:
        return Unknown(error.message)
    return {key: tuple(entries) for key, entries in found.items()}


def _of(facts: Mapping[str, Value] | Unknown, key: str) -> Value | Unknown | None:
    return facts if isinstance(facts, Unknown) else facts.get(key)


def _facts(records: list[ServerRecord], profile: str) -> list[ServerFacts]:
    pacers = Pacers()
    ids = [record.source_server_id for record in records]
    servers = _source_servers(ids)
    configurations = _known(read_configurations(records))
    templates = _templates(configurations, profile, pacers)
    entries = _entries([record.server_key for record in records])
    jobs = _active_jobs()
    recovered = _recovery_instances(ids)
    return [
        ServerFacts(
            server_key=record.server_key,
            critical=record.critical,
            source_server=_of(servers, record.source_server_id),
            entries=_of(entries, record.server_key) or (),
            configuration=configurations[record.server_key],
            template=templates[record.server_key],
            active_job_id=_of(jobs, record.source_server_id),
            recovery_instance=_of(recovered, record.source_server_id),
        )
        for record in records
    ]


def _launch_findings(call: Call, run: Mapping[str, Any], plan: Plan) -> tuple[list[Finding], int]:
    """Return what keeps servers from being launched in the recovery Region, and how many were looked at."""
    profile = profile_of(run["mode"])
    records = read_records(call)
    # In a run that was resumed, servers that were launched before have passed.
    facts = _facts([record for record in records if record.status == ServerStatus.PENDING], profile)
    findings = isolation_findings(records, plan.gate.isolation) if profile == TEST_PROFILE else []
    # Whoever continues in spite of them is not asked again before every wave.
    paths = [finding.what for finding in findings if finding.blocking]
    runs().update_run(call.run_id, {"known_paths": paths[:FINDINGS_IN_EVENT]})
    findings += readiness.evaluate(facts, plan.gate, profile=profile, now=call.now)
    return findings, len(facts)


def _forward_findings(call: Call, plan: Plan) -> tuple[list[Finding], int]:
    """Return what keeps the servers that have come home from being recovered again, and how many were looked at."""
    came_home = [
        replace(record, source_server_id=record.way_home["protecting_server_id"], account_id=None, region=None)
        for record in read_records(call)
        if record.status == ServerStatus.VALIDATED
    ]
    facts = _facts(came_home, FORWARD)
    return list(readiness.evaluate(facts, plan.gate, profile=FORWARD, now=call.now)), len(facts)


def _findings(call: Call, run: Mapping[str, Any], plan: Plan) -> tuple[list[Finding], int]:
    if call.event.get("forward"):
        return _forward_findings(call, plan)
    if run["mode"] == FAILBACK:
        return failback_findings(call, run, plan)
    return _launch_findings(call, run, plan)


@function("gate")
def handler(call: Call) -> Result:
    """Return C({outcome, reason, findings}): done when nothing blocks, else ask; abort once it is asked for.

    With C(forward), at the end of a failback: may what came home be recovered again?
    """
    run = read_run(call)
    if run.get("aborting"):
        return {"outcome": "abort", "reason": "the run is being aborted", "findings": 0}
    findings, servers = _findings(call, run, read_plan(run))
    findings.sort(key=lambda finding: not finding.blocking)
    blocked = any(finding.blocking for finding in findings)
    told = {
        "servers": servers,
        "findings": [asdict(finding) for finding in findings[:FINDINGS_IN_EVENT]],
        "findings_not_shown": max(0, len(findings) - FINDINGS_IN_EVENT),
        **({"forward": True} if call.event.get("forward") else {}),
    }
    kind = EventKind.GATE_FAILED if blocked else EventKind.GATE_PASSED
    runs().append_event(call.run_id, kind.value, told, call.now)
    return {
        "outcome": "ask" if blocked else "done",
        "reason": readiness.summary(findings),
        "findings": len(findings),
    }
