"""Jobs: start a recovery, list jobs, read a job's log."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from ...ec2.lookups import boot_modes_of
from .. import existing_instances, launch_actions, render, right_sizing, templates
from ..errors import ConflictError, ValidationError, not_found
from ..job_flow import CONVERT, LAUNCH, TERMINATE, new_job, schedule_job
from ..launching import older_instance
from ..models import DRSBackend, backend_of
from ..moments import date_string, parse_date
from ..paging import answer, page
from ..quotas import CONCURRENT_JOBS, SERVERS_IN_JOBS, SERVERS_PER_JOB
from ..settings import SETTINGS
from ..staging import extension_problem, origin
from ..state import Job, Participant, SourceServer
from ..timeline import launch_offsets
from .servers import BUSY, busy_servers
from .snapshots import points_in_time
from .tags import check_tags


def start_recovery(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer StartRecovery: everything is checked first, then everything starts."""
    entries = request["sourceServers"]
    check_tags(request.get("tags") or {})
    servers = checked_servers(backend, entries, now)
    check_job_quotas(backend, [server.server_id for server in servers])
    for staging, members in _staging_members(servers).values():
        check_job_quotas(staging, [member.server_id for _, member in members])
    is_drill = bool(request.get("isDrill"))
    pinned = {entry["sourceServerID"]: entry.get("recoverySnapshotID") for entry in entries}
    participants = [_participant(backend, server, pinned[server.server_id], now) for server in servers]
    for part, server in zip(participants, servers, strict=True):
        launch_actions.prepare(part, server)
    initiated_by = "START_DRILL" if is_drill else "START_RECOVERY"
    job = new_job(backend, LAUNCH, initiated_by, now, participants, request.get("tags"), is_drill=is_drill)
    for server in servers:
        templates.ensure(backend, server)
        templates.refresh(backend, server, (origin(server) or server).machine)
        server.launches += 1
        server.last_launch_result = "PENDING"
        initiated = {
            "apiCallDateTime": date_string(now),
            "jobID": job.job_id,
            "type": "DRILL" if is_drill else "RECOVERY",
        }
        server.last_launch = {"initiated": initiated, "status": "PENDING"}
    _start_staging_jobs(job, servers, now)
    schedule_job(backend, job)
    return {"job": render.job(job)}


def checked_servers(backend: DRSBackend, entries: list[dict[str, Any]], now: datetime) -> list[SourceServer]:
    """Return the servers of a StartRecovery request, or raise what makes it unacceptable."""
    ids = [entry["sourceServerID"] for entry in entries]
    repeated = [server_id for server_id, times in Counter(ids).items() if times > 1]
    if repeated:
        raise ValidationError(f"Source Server {repeated[0]} is listed more than once")
    unknown = [server_id for server_id in ids if server_id not in backend.servers]
    if unknown:
        raise ValidationError(f"Source Server {unknown[0]} does not exist")
    servers = [backend.servers[server_id] for server_id in ids]
    for server, entry in zip(servers, entries, strict=True):
        _check_recoverable(backend, server, entry.get("recoverySnapshotID"), now)
    return servers


def _check_recoverable(backend: DRSBackend, server: SourceServer, pinned: str | None, now: datetime) -> None:
    problem = extension_problem(server)
    if problem:
        raise ConflictError(problem, resourceId=server.server_id)
    replicating = origin(server) or server
    if replicating.replication.state in ("DISCONNECTED", "STOPPED"):
        raise ConflictError(
            f"Source Server {server.server_id} is {replicating.replication.state} and cannot be recovered",
            resourceId=server.server_id,
        )
    points = points_in_time(server, now)
    if not points:
        raise ConflictError(
            f"Source Server {server.server_id} has no recovery snapshot yet", resourceId=server.server_id
        )
    if pinned and pinned not in {item.snapshot_id for item in points}:
        raise ValidationError(f"Recovery snapshot {pinned} of Source Server {server.server_id} does not exist")
    target = existing_instances.target_of(server)
    if target:
        _check_target(backend, server, replicating, target)
    elif server.template_id in backend.ec2().launch_templates:
        _check_template(backend, server, replicating)


def _check_target(backend: DRSBackend, server: SourceServer, replicating: SourceServer, instance_id: str) -> None:
    problem = existing_instances.launch_problem(backend, server.launch_configuration, replicating.machine, instance_id)
    if problem:
        raise ConflictError(problem, resourceId=server.server_id, resourceType="AWS::DRS::SourceServer")


def _check_template(backend: DRSBackend, server: SourceServer, replicating: SourceServer) -> None:
    data = templates.default_data(backend, server)
    byol = server.launch_configuration.get("licensing", {}).get("osByol")
    if byol and server.machine.is_windows and data.get("Placement", {}).get("Tenancy") != "host":
        raise ValidationError("OS BYOL can only be used with EC2 Dedicated Hosts")
    machine = replicating.machine
    sized = right_sizing.chosen(server.launch_configuration["targetInstanceTypeRightSizingMethod"], machine)
    instance_type = sized or data.get("InstanceType", "")
    if machine.boot_mode not in boot_modes_of(instance_type):
        raise ValidationError(
            f"Source Server {server.server_id} has the boot mode {machine.boot_mode},"
            f" which instance type {instance_type} does not support"
        )


def check_job_quotas(backend: DRSBackend, server_ids: list[str], kind: str = LAUNCH) -> None:
    """Raise unless a job of a kind with these servers may start now, by the four quotas of jobs."""
    backend.check_quota(SERVERS_PER_JOB, len(server_ids), resourceType="AWS::DRS::Job")
    busy = busy_servers(backend)
    occupied = [server_id for server_id in server_ids if server_id in busy]
    if occupied:
        raise ConflictError(BUSY, resourceId=occupied[0], resourceType="AWS::DRS::SourceServer")
    if kind == TERMINATE and not SETTINGS.terminate_jobs_count:
        return
    counted = [job for job in backend.active_jobs() if job.kind != TERMINATE or SETTINGS.terminate_jobs_count]
    backend.check_quota(CONCURRENT_JOBS, len(counted) + 1, resourceType="AWS::DRS::Job")
    in_jobs = sum(len(job.participants) for job in counted)
    backend.check_quota(SERVERS_IN_JOBS, in_jobs + len(server_ids), resourceType="AWS::DRS::Job")


def _participant(backend: DRSBackend, server: SourceServer, pinned: str | None, now: datetime) -> Participant:
    machine = (origin(server) or server).machine
    cleanup = older_instance(backend, server) is not None
    offsets = launch_offsets(
        server.server_id, server.launches, machine, server.slow, cleanup=cleanup, convert=_converts(server)
    )
    target = existing_instances.target_of(server)
    if not pinned:
        return Participant(server.server_id, offsets=offsets, launch_into=target)
    # A pinned point in time needs no on-demand snapshot.
    offsets = {name: offset for name, offset in offsets.items() if not name.startswith("snapshot_")}
    moment = next(item.moment for item in points_in_time(server, now) if item.snapshot_id == pinned)
    return Participant(server.server_id, offsets=offsets, snapshot_id=pinned, point_in_time=moment, launch_into=target)


def _converts(server: SourceServer) -> bool:
    """Tell whether a launch converts the disks; the job in the staging account of an extended server always does."""
    fast = server.launch_configuration.get("recoveryMode") == "FAST"
    return not fast or SETTINGS.fast_mode_converts or server.extends is not None


def _staging_members(
    servers: list[SourceServer],
) -> dict[str, tuple[DRSBackend, list[tuple[SourceServer, SourceServer]]]]:
    """Return the extended servers by staging account: its store, and pairs of the server here and the server there."""
    members: dict[str, tuple[DRSBackend, list[tuple[SourceServer, SourceServer]]]] = {}
    for server in servers:
        replicating = origin(server)
        if server.extends and replicating:
            staging = backend_of(server.extends)
            members.setdefault(staging.account_id, (staging, []))[1].append((server, replicating))
    return members


def _start_staging_jobs(job: Job, servers: list[SourceServer], now: datetime) -> None:
    """Start the jobs in the staging accounts that make the converted snapshots, on the launches' own time lines."""
    for staging, members in _staging_members(servers).values():
        prepared = []
        for server, replicating in members:
            part = job.participant(server.server_id)
            steps = {
                name: offset for name, offset in part.offsets.items() if name.startswith(("snapshot", "conversion"))
            }
            prepared.append(Participant(replicating.server_id, offsets=steps, snapshot_id=part.snapshot_id))
        staging_job = new_job(staging, CONVERT, "TARGET_ACCOUNT", now, prepared)
        for server, replicating in members:
            job.staging[server.server_id] = (staging.account_id, staging_job.job_id, replicating.server_id)
        schedule_job(staging, staging_job)


def describe_jobs(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DescribeJobs, newest first."""
    filters = request.get("filters") or {}
    begin = parse_date(filters["fromDate"]) if filters.get("fromDate") else None
    end = parse_date(filters["toDate"]) if filters.get("toDate") else None
    found = (
        job
        for job in backend.jobs.values()
        if (not filters.get("jobIDs") or job.job_id in filters["jobIDs"])
        and (begin is None or job.created >= begin)
        and (end is None or job.created <= end)
    )
    chosen, token = page(found, lambda job: [-job.created.timestamp(), -job.number], request)
    return answer("items", [render.job(job) for job in chosen], token)


def describe_job_log_items(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DescribeJobLogItems, oldest first."""
    if request["jobID"] not in backend.jobs:
        raise ValidationError(f"Job {request['jobID']} does not exist")
    numbered = list(enumerate(backend.jobs[request["jobID"]].log))
    chosen, token = page(numbered, lambda item: [item[0]], request)
    return answer("items", [item for _, item in chosen], token)


def delete_job(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DeleteJob: only the record of a job that has ended goes."""
    job = backend.jobs.get(request["jobID"])
    if job is None:
        raise not_found("Job", request["jobID"])
    if job.active:
        raise ConflictError(
            f"Job {job.job_id} is {job.status} and cannot be deleted",
            resourceId=job.job_id,
            resourceType="AWS::DRS::Job",
        )
    del backend.jobs[job.job_id]
    return {}


OPERATIONS = {
    "StartRecovery": start_recovery,
    "DeleteJob": delete_job,
    "DescribeJobs": describe_jobs,
    "DescribeJobLogItems": describe_job_log_items,
}
