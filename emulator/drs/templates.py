"""The EC2 launch template that DRS makes and keeps for each source server."""

from __future__ import annotations

import copy
from typing import Any

from . import right_sizing
from .identifiers import identifier
from .models import DRSBackend
from .right_sizing import GIBIBYTE
from .state import Machine, SourceServer

MANAGED_TAG = {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"}
INSTANCE_PROFILE = "AWSElasticDisasterRecoveryRecoveryInstanceRole"
DEFAULT_VOLUME = {"DeleteOnTermination": True, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125}


def template_name(server_id: str) -> str:
    """Return the name of a server's launch template."""
    return f"created-and-used-for-drs-{server_id}"


def create(backend: DRSBackend, server_id: str, machine: Machine, generation: int = 0) -> str:
    """Create the launch template of a server with DRS's own data and return its id.

    Args:
        backend: the store of the server.
        server_id: the server.
        machine: what the server is.
        generation: how many templates the server had before this one.
    """
    tags = _tags(server_id, machine)
    template = backend.ec2().create_launch_template(
        template_name(server_id),
        "",
        _data(tags, machine),
        {"launch-template": {tag["Key"]: tag["Value"] for tag in tags}},
        template_id=f"lt-0{identifier('lt', server_id, generation)[3:-1]}",
    )
    return str(template.id)


def ensure(backend: DRSBackend, server: SourceServer) -> None:
    """Create the launch template again when somebody has deleted it: new id, DRS's own data."""
    templates = backend.ec2().launch_templates
    if server.template_id not in templates:
        server.templates_lost += 1
        template_id = create(backend, server.server_id, server.machine, server.templates_lost)
        server.launch_configuration["ec2LaunchTemplateID"] = template_id


def delete(backend: DRSBackend, server: SourceServer) -> None:
    """Delete the launch template of a server that leaves DRS."""
    if server.template_id in backend.ec2().launch_templates:
        backend.ec2().delete_launch_template(None, server.template_id)


def default_data(backend: DRSBackend, server: SourceServer) -> dict[str, Any]:
    """Return a copy of the data of the template's default version."""
    return copy.deepcopy(backend.ec2().get_launch_template(server.template_id).default_version().data)


def refresh(backend: DRSBackend, server: SourceServer, machine: Machine, *, always: bool = False) -> None:
    """Write what the launch configuration says into the template, as a new default version when it differs.

    DRS does this when the configuration changes and again before a launch, so whoever sets an instance type without
    turning right-sizing off loses it. On AWS right-sizing may take 90 minutes to show; here it shows at once.
    """
    before = default_data(backend, server)
    after = _with_launch_configuration(machine, server.launch_configuration, before)
    if always or after != before:
        template = backend.ec2().get_launch_template(server.template_id)
        template.default_version_number = template.create_version(after, "").number


def _with_launch_configuration(machine: Machine, configuration: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(data)
    instance_type = right_sizing.chosen(configuration["targetInstanceTypeRightSizingMethod"], machine)
    if instance_type and "InstanceRequirements" not in data:
        changed["InstanceType"] = instance_type
    if configuration["copyPrivateIp"] and machine.primary_address:
        # Turning copyPrivateIp off later removes nothing.
        interfaces = changed.setdefault("NetworkInterfaces", [{"DeviceIndex": 0}])
        interfaces[0].pop("PrivateIpAddress", None)
        interfaces[0]["PrivateIpAddresses"] = [{"Primary": True, "PrivateIpAddress": machine.primary_address}]
    return changed


def _tags(server_id: str, machine: Machine) -> list[dict[str, str]]:
    return [
        {"Key": "AWSElasticDisasterRecoverySourceServerID", "Value": server_id},
        dict(MANAGED_TAG),
        {"Key": "Name", "Value": machine.hostname},
    ]


def _data(tags: list[dict[str, str]], machine: Machine) -> dict[str, Any]:
    return {
        "IamInstanceProfile": {"Name": INSTANCE_PROFILE},
        "EbsOptimized": True,
        "InstanceType": right_sizing.basic(machine),
        "BlockDeviceMappings": [
            {
                "DeviceName": disk.device_name,
                "Ebs": {**DEFAULT_VOLUME, "VolumeSize": -(-disk.size // GIBIBYTE)},
            }
            for disk in machine.disks
        ],
        "NetworkInterfaces": [{"DeviceIndex": 0}],
        "TagSpecifications": [{"ResourceType": kind, "Tags": copy.deepcopy(tags)} for kind in ("instance", "volume")],
    }
