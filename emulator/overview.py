"""What the status shows, in this order, and the control routes of DRS, events, faults and throttling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.iam.models import iam_backends

from emulator import control
from emulator.auth import PARTITION
from emulator.clock import CLOCK
from emulator.drs import control as drs_control
from emulator.drs import control_failback
from emulator.drs.models import DRSBackend, drs_backends
from emulator.events import control as event_control
from emulator.faults import control as fault_control
from emulator.faults.registry import FAULTS
from emulator.lambda_runner import service
from emulator.stepfunctions import api
from emulator.throttling import control as throttling_control


def add_sections() -> None:
    """Serve `/_embedded/drs/…`, events, faults and throttling, and fill the status."""
    for path, handler in {**drs_control.ROUTES, **control_failback.ROUTES}.items():
        control.route("POST", f"drs/{path}", handler)
    event_control.add_routes()
    fault_control.add_routes()
    throttling_control.add_routes()
    control.add_status("clock", CLOCK.status)
    control.add_status("accounts", _accounts)
    control.add_status("functions", service.status)
    control.add_status("executions", api.status)
    control.add_status("drs source servers", _servers)
    control.add_status("drs jobs", _jobs)
    control.add_status("drs recovery instances", _instances)
    control.add_status("faults", FAULTS.pending)


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
        {
            **place,
            "job": job.job_id,
            "type": job.kind,
            "drill": job.is_drill,
            "status": job.status,
            "servers": len(job.participants),
            "created": job.created.isoformat(),
            "ended": job.ended.isoformat() if job.ended else None,
        }
        for place, backend in _stores()
        for job in list(backend.jobs.values())
    ]


def _instances() -> list[dict[str, Any]]:
    return [
        {
            **place,
            "instance": instance.instance_id,
            "server": instance.server_id,
            "job": instance.job_id,
            "drill": instance.is_drill,
        }
        for place, backend in _stores()
        for instance in list(backend.instances.values())
    ]
