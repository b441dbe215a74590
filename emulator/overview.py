"""What the status shows of DRS, and DRS's own control routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator import control
from emulator.drs.control import ROUTES
from emulator.drs.models import DRSBackend, drs_backends


def add_drs() -> None:
    """Serve `/_embedded/drs/…`, and show source servers, jobs and recovery instances in the status."""
    for path, handler in ROUTES.items():
        control.route("POST", f"drs/{path}", handler)
    control.add_status("drs source servers", _servers)
    control.add_status("drs jobs", _jobs)
    control.add_status("drs recovery instances", _instances)


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
