"""What the status shows, in this order, and the control routes of DRS, events, faults and throttling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moto.iam.models import iam_backends

from emulator import control, page, state_file
from emulator.auth import PARTITION
from emulator.calls import Calls
from emulator.clock import CLOCK
from emulator.drs import control as drs_control
from emulator.drs import control_failback, failback
from emulator.drs.models import DRSBackend, drs_backends
from emulator.drs.state import Job
from emulator.events import control as event_control
from emulator.faults import control as fault_control
from emulator.faults.registry import FAULTS
from emulator.lambda_runner import service
from emulator.stepfunctions import api
from emulator.throttling import control as throttling_control


def add_sections(calls: Calls) -> None:
    """Serve `/_embedded/drs/…`, events, faults and throttling, and fill the status and its page."""
    for path, handler in {**drs_control.ROUTES, **control_failback.ROUTES}.items():
        control.route("POST", f"drs/{path}", handler)
    event_control.add_routes()
    fault_control.add_routes()
    throttling_control.add_routes()
    control.route("POST", "state", _save_state)
    control.add_page(lambda: page.render(_view(calls)), page.HEADERS)
    control.add_status("clock", CLOCK.status)
    control.add_status("accounts", _accounts)
    control.add_status("functions", service.status)
    control.add_status("executions", api.status)
    control.add_status("drs source servers", _servers)
    control.add_status("drs jobs", _jobs)
    control.add_status("drs recovery instances", _instances)
    control.add_status("drs recovery plan executions", _plan_executions)
    control.add_status("faults", FAULTS.pending)


def _save_state(body: dict[str, Any]) -> dict[str, Any]:
    path = body.get("save")
    if set(body) != {"save"} or not isinstance(path, str) or not Path(path).is_absolute():
        raise control.ControlError('give {"save": "/an/absolute/path"}')
    state_file.save(Path(path))
    return {"saved": path}


def _view(calls: Calls) -> dict[str, Any]:
    return {
        "clock": CLOCK.status(),
        "jobs": sorted(_jobs_with_participants(), key=lambda job: str(job["created"])),
        "executions": sorted(api.status(), key=lambda execution: str(execution["started"])),
        "servers": _servers(),
        "functions": service.status(),
        "faults": FAULTS.pending(),
        "errors": calls.errors(page.NEWEST),
    }


def _accounts() -> list[dict[str, Any]]:
    return [
        {"account": account, "users": sorted(partitions[PARTITION].users)}
        for account, partitions in sorted(iam_backends.items())
        if partitions[PARTITION].users
    ]


def _stores() -> Iterator[tuple[dict[str, Any], DRSBackend]]:
    for account, regions in sorted(drs_backends.items()):
        for region, backend in sorted(regions.items()):
            yield {"account": account, "region": region}, backend


def _servers() -> list[dict[str, Any]]:
    return [
        {
            **place,
            "server": server.server_id,
            "hostname": server.machine.hostname,
            "replication": server.replication.state,
            "last_launch": server.last_launch_result,
            "extended": server.extends is not None,
        }
        for place, backend in _stores()
        for server in list(backend.servers.values())
    ]


def _jobs() -> list[dict[str, Any]]:
    return [
        {**_job(place, job), "servers": len(job.participants)}
        for place, backend in _stores()
        for job in list(backend.jobs.values())
    ]


def _jobs_with_participants() -> list[dict[str, Any]]:
    return [
        {**_job(place, job), "participants": _participants(backend, job)}
        for place, backend in _stores()
        for job in list(backend.jobs.values())
    ]


def _job(place: dict[str, Any], job: Job) -> dict[str, Any]:
    return {
        **place,
        "job": job.job_id,
        "type": job.kind,
        "drill": job.is_drill,
        "status": job.status,
        "created": job.created.isoformat(),
        "ended": job.ended.isoformat() if job.ended else None,
    }


def _participants(backend: DRSBackend, job: Job) -> list[dict[str, Any]]:
    """Return the servers of a job, each with the latest event of the job log about it."""
    phases = {item["eventData"].get("sourceServerID"): item["event"] for item in list(job.log)}
    return [
        {
            "server": part.server_id,
            "hostname": server.machine.hostname if server else None,
            "status": part.status,
            "phase": phases.get(part.server_id),
            "instance": part.recovery_instance_id or part.target_instance_id,
        }
        for part in job.participants
        for server in [backend.servers.get(part.server_id)]
    ]


def _instances() -> list[dict[str, Any]]:
    return [
        {
            **place,
            "instance": instance.instance_id,
            "server": instance.server_id,
            "job": instance.job_id,
            "drill": instance.is_drill,
            "failback": failback.state(instance),
        }
        for place, backend in _stores()
        for instance in list(backend.instances.values())
    ]


def _plan_executions() -> list[dict[str, Any]]:
    return [
        {
            **place,
            "execution": execution.execution_id,
            "plan": execution.plan_arn.rsplit("/", 1)[1],
            "mode": execution.mode,
            "status": execution.status,
            "steps": [step.status for step in execution.steps],
            "started": execution.started.isoformat(),
            "ended": execution.completed.isoformat() if execution.completed else None,
        }
        for place, backend in _stores()
        for execution in list(backend.recovery_plans.executions.values())
    ]
