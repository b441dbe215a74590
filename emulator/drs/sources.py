"""The agents of source servers that are EC2 instances: not seen while the instance is down, back when it runs again.

moto's EC2 knows nothing of agents, so its calls that stop, start, reboot and terminate instances are completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import wraps
from typing import Any

from moto.ec2.models.instances import InstanceBackend

from ..clock import CLOCK
from ..completion import replace
from .models import LOCK, DRSBackend, drs_backends
from .replication import lose_agent, rescan
from .state import SourceServer

_AFTER = "tell_the_agents"
Change = Callable[[DRSBackend, SourceServer, datetime], None]


def install() -> None:
    """Patch moto's EC2. Calling it again changes nothing."""
    if InstanceBackend.stop_instances.__name__ == _AFTER:
        return
    replace(
        InstanceBackend,
        stop_instances=_followed(InstanceBackend.stop_instances, _lost),
        terminate_instances=_followed(InstanceBackend.terminate_instances, _lost),
        start_instances=_followed(InstanceBackend.start_instances, _back),
        reboot_instances=_followed(InstanceBackend.reboot_instances, _rebooted),
    )


def _followed(original: Any, change: Change) -> Any:
    @wraps(original)
    def tell_the_agents(self: Any, instance_ids: list[str]) -> Any:
        answer = original(self, instance_ids)
        with LOCK:
            now = CLOCK.now()
            for backend, server in _replicated(set(instance_ids)):
                change(backend, server, now)
        return answer

    tell_the_agents.__name__ = _AFTER
    return tell_the_agents


def _replicated(instance_ids: set[str]) -> Iterator[tuple[DRSBackend, SourceServer]]:
    for regions in list(drs_backends.values()):
        for backend in list(regions.values()):
            for server in list(backend.servers.values()):
                if server.machine.instance_id in instance_ids and not server.extends:
                    yield backend, server


def _lost(backend: DRSBackend, server: SourceServer, now: datetime) -> None:  # noqa: ARG001
    lose_agent(server, now)


def _back(backend: DRSBackend, server: SourceServer, now: datetime) -> None:
    replication = server.replication
    unseen = replication.state == "STALLED" and replication.error == "AGENT_NOT_SEEN"
    if unseen and replication.protected_since and not _recovered_into(server):
        rescan(backend, server, now)


def _rebooted(backend: DRSBackend, server: SourceServer, now: datetime) -> None:
    if server.replication.state == "CONTINUOUS":
        rescan(backend, server, now)


def _recovered_into(server: SourceServer) -> bool:
    """Tell whether the machine is, or becomes, what another server was recovered to: then its own agent is gone."""
    machine = server.machine
    home = drs_backends[str(machine.origin_account)][str(machine.origin_region)]
    item = home.instances.get(str(machine.instance_id))
    if item:
        return item.failback.replicates_to != server.arn and server.replication.started <= item.launched
    return any(
        part.target_instance_id == machine.instance_id for job in home.active_jobs() for part in job.participants
    )
