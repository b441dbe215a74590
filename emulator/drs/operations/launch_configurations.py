"""The launch configuration of a source server and what it writes into the EC2 launch template."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import existing_instances, templates
from ..errors import ConflictError, ValidationError
from ..models import DRSBackend
from ..settings import SETTINGS
from ..staging import origin
from ..state import Machine, SourceServer
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


def initial(
    backend: DRSBackend, server_id: str, machine: Machine, source_instance: str | None = None
) -> dict[str, Any]:
    """Return the launch configuration of a new source server, whose launch template is made here.

    The launch configuration template of the account and Region counts, when there is one.

    Args:
        backend: the store that the server is added to.
        server_id: the new server.
        machine: what replicates.
        source_instance: the EC2 instance of this account and Region whose data the machine has, if there is one.

    Raises:
        ValidationError: the template wants launches into the source instance, which does not allow them.
    """
    configuration = {"name": machine.hostname, "ec2LaunchTemplateID": "", **DEFAULTS}
    for template in backend.launch_configuration_templates.values():
        settings = dict(template.settings)
        settings.pop("exportBucketArn", None)
        into_source = settings.pop("launchIntoSourceInstance")
        configuration.update(settings)
        if into_source and source_instance:
            _refuse(existing_instances.problem(backend, configuration, machine, source_instance))
            configuration["launchIntoInstanceProperties"] = {"launchIntoEC2InstanceID": source_instance}
    configuration["ec2LaunchTemplateID"] = templates.create(backend, server_id, machine)
    return configuration


def source_instance_here(backend: DRSBackend, machine: Machine) -> str | None:
    """Return the instance that replicates, when it is in the same account and Region."""
    here = (machine.origin_account, machine.origin_region) == (backend.account_id, backend.region_name)
    return machine.instance_id if here else None


def shown(configuration: dict[str, Any], server_id: str) -> dict[str, Any]:
    """Return a launch configuration as the API answers it."""
    return {"sourceServerID": server_id, **configuration}


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
    changes = {key: value for key, value in request.items() if key != "sourceServerID" and value is not None}
    machine = (origin(server) or server).machine
    changed = {**server.launch_configuration, **changes}
    if "launchIntoInstanceProperties" in changes:
        changed["launchIntoInstanceProperties"] = _launch_into(changes["launchIntoInstanceProperties"])
    _check(backend, server, machine, changed)
    server.launch_configuration = changed
    templates.ensure(backend, server)
    templates.refresh(backend, server, machine, always=SETTINGS.template_version_on_update == "always")
    return shown(server.launch_configuration, server.server_id)


def _launch_into(properties: dict[str, Any]) -> dict[str, Any]:
    if properties.get("launchIntoEC2InstanceID") == "":
        if not SETTINGS.empty_launch_into_clears:
            raise ValidationError("launchIntoEC2InstanceID must not be empty", "fieldValidationFailed")
        return {}
    return properties


def _check(backend: DRSBackend, server: SourceServer, machine: Machine, configuration: dict[str, Any]) -> None:
    """Raise ValidationError unless the parts of a changed launch configuration go together and with the machine."""
    if configuration.get("recoveryMode") == "FAST" and not machine.in_aws:
        raise ValidationError(f"Recovery mode FAST is only for EC2 instances, and {server.server_id} is none")
    if configuration["targetInstanceTypeRightSizingMethod"] == "IN_AWS" and not machine.in_aws:
        raise ValidationError(f"Right-sizing IN_AWS is only for EC2 instances, and {server.server_id} is none")
    instance_id = (configuration.get("launchIntoInstanceProperties") or {}).get("launchIntoEC2InstanceID")
    if instance_id:
        _refuse(existing_instances.problem(backend, configuration, machine, instance_id))


def _refuse(problem: str | None) -> None:
    if problem:
        raise ValidationError(problem)


OPERATIONS = {
    "GetLaunchConfiguration": get_launch_configuration,
    "UpdateLaunchConfiguration": update_launch_configuration,
}
