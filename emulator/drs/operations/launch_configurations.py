"""The launch configuration of a source server and what it writes into the EC2 launch template."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import templates
from ..errors import ConflictError, NotEmulatedError
from ..models import DRSBackend
from ..settings import SETTINGS
from ..staging import origin
from .servers import BUSY, busy_servers, find

DEFAULTS: dict[str, Any] = {
    "launchDisposition": "STARTED",
    "targetInstanceTypeRightSizingMethod": "BASIC",
    "copyPrivateIp": False,
    "copyTags": False,
    "licensing": {"osByol": False},
    "postLaunchEnabled": False,
}
"""What a new server has when the account has no launch configuration template."""


def shown(configuration: dict[str, Any], server_id: str) -> dict[str, Any]:
    """Return a launch configuration as the API answers it."""
    public = {key: value for key, value in configuration.items() if not key.startswith("_")}
    return {"sourceServerID": server_id, **public}


def get_launch_configuration(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer GetLaunchConfiguration."""
    server = find(backend, request["sourceServerID"])
    templates.ensure(backend, server)
    return shown(server.launch_configuration, server.server_id)


def update_launch_configuration(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer UpdateLaunchConfiguration: what is absent stays; a template that differs gets a new default version."""
    server = find(backend, request["sourceServerID"])
    if server.server_id in busy_servers(backend):
        raise ConflictError(BUSY, resourceId=server.server_id)
    if (request.get("launchIntoInstanceProperties") or {}).get("launchIntoEC2InstanceID"):
        raise NotEmulatedError("Launching into an existing instance is not emulated yet")
    if request.get("recoveryMode") == "FAST":
        raise NotEmulatedError("The recovery mode FAST is not emulated yet")
    changes = {key: value for key, value in request.items() if key != "sourceServerID" and value is not None}
    server.launch_configuration.update(changes)
    templates.ensure(backend, server)
    machine = (origin(server) or server).machine
    templates.refresh(backend, server, machine, always=SETTINGS.template_version_on_update == "always")
    return shown(server.launch_configuration, server.server_id)


OPERATIONS = {
    "GetLaunchConfiguration": get_launch_configuration,
    "UpdateLaunchConfiguration": update_launch_configuration,
}
