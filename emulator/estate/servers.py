"""Make the servers of an estate: EC2 source instances, and the source servers that DRS has of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import moto.ec2.models.instances as instances_module
from moto.ec2.models import ec2_backends

from ..clock import CLOCK
from ..drs.identifiers import digest, identifier
from ..drs.models import drs_backends
from ..drs.operations.launch_configurations import initial
from ..drs.operations.replication_templates import DEFAULTS, add_template
from ..drs.replication import impose, set_lag
from ..drs.reversal import configuration_for
from ..drs.right_sizing import GIBIBYTE
from ..drs.state import ACTIVE_STATES, Disk, Interface, Machine, Replication, SourceServer
from .declared import Place, Server, Subnet
from .keys import ensure_key
from .networks import born_as

PIT_POLICY = [
    {"ruleID": 1, "units": "MINUTE", "interval": 10, "retentionDuration": 60, "enabled": True},
    {"ruleID": 2, "units": "HOUR", "interval": 1, "retentionDuration": 24, "enabled": True},
    {"ruleID": 3, "units": "DAY", "interval": 1, "retentionDuration": 7, "enabled": True},
]
"""The default point-in-time policy of DRS."""

FIRST_BYTE_AFTER = timedelta(minutes=1)
PROTECTED_AFTER = timedelta(minutes=20)
"""From adding a server to its first data, and to its first snapshot: what a first copy takes at least."""


def create_server(server: Server) -> None:
    """Make the EC2 instance, unless it runs on premises, and the source server of one machine."""
    added = CLOCK.now() - timedelta(days=server.days)
    if server.source and server.instance_id:
        _create_instance(server, server.source, server.instance_id, added)
    _create_source_server(server, added)


def create_replication_template(account: str, region: str, subnet: Subnet) -> None:
    """Make the replication configuration template that new source servers of an account and Region get."""
    add_template(drs_backends[account][region], _replication_into(subnet, "NONE"))


def _create_instance(server: Server, source: Place, instance_id: str, launched: datetime) -> None:
    ec2 = ec2_backends[source.account][source.region]
    groups = [group.group_id for group in server.groups]
    interfaces = [
        {
            "DeviceIndex": index,
            "SubnetId": item.subnet.subnet_id,
            "Groups": groups,
            "PrivateIpAddresses": [
                {"Primary": number == 0, "PrivateIpAddress": text} for number, text in enumerate(item.addresses)
            ],
        }
        for index, item in enumerate(server.interfaces)
        if item.subnet
    ]
    disks = [
        {"DeviceName": device, "Ebs": {"VolumeSize": size, "VolumeType": "gp3", "DeleteOnTermination": True}}
        for device, size in server.disks.items()
    ]
    with born_as(instances_module, "random_instance_id", instance_id):
        reservation = ec2.run_instances(
            f"ami-0{identifier('ami', server.os)[4:-1]}",
            1,
            None,
            [],
            region_name=source.region,
            instance_type=server.instance_type,
            is_instance_type_default=False,
            nics=interfaces,
            block_device_mappings=disks,
            security_group_ids=[],
            tags={"instance": {"Name": server.name, **server.tags}},
            platform="windows" if "windows" in server.os.lower() else None,
        )
    reservation.instances[0].launch_time = launched.replace(tzinfo=None)
    if server.instance_profile:
        ec2.associate_iam_instance_profile(instance_id, iam_instance_profile_name=server.instance_profile)


def _create_source_server(server: Server, added: datetime) -> None:
    backend = drs_backends[server.target.account][server.target.region]
    machine = _machine(server)
    replication = Replication("INITIATING", 0.0, CLOCK.now(), added, staging_zone=server.staging_subnet.zone)
    if server.state in ACTIVE_STATES:
        replication.first_byte = added + FIRST_BYTE_AFTER
        replication.protected_since = added + PROTECTED_AFTER
    impose(replication, server.state, CLOCK.now())
    set_lag(replication, float(server.lag), CLOCK.now())
    backend.servers[server.server_id] = SourceServer(
        server.server_id,
        backend.arn("source-server", server.server_id),
        machine,
        replication,
        added,
        {"Name": server.name, **server.tags},
        initial(backend, server.server_id, machine),
        _replication_configuration(server, machine),
        slow=float(server.slow),
        faults=[server.fault] if server.fault else [],
    )


def _machine(server: Server) -> Machine:
    zones = [item.subnet.zone for item in server.interfaces if item.subnet]
    return Machine(
        hostname=server.name,
        fqdn=server.fqdn,
        os=server.os,
        instance_type=server.instance_type,
        cpu_cores=int(server.cpu_cores),
        ram_bytes=int(server.ram_gib * GIBIBYTE),
        interfaces=[
            Interface(_mac_address(server.instance_id or server.server_id, index), list(item.addresses), index == 0)
            for index, item in enumerate(server.interfaces)
        ],
        disks=[Disk(device, int(size * GIBIBYTE)) for device, size in server.disks.items()],
        origin_account=server.source.account if server.source else None,
        origin_region=server.source.region if server.source else None,
        origin_zone=zones[0] if zones else None,
        instance_id=server.instance_id,
        boot_mode=server.boot_mode,
        services=server.services,
        agent=server.agent,
    )


def _mac_address(instance_id: str, index: int) -> str:
    digits = digest("mac", instance_id, index)
    return ":".join(["02", *(digits[start : start + 2] for start in range(0, 10, 2))])


def _replication_configuration(server: Server, machine: Machine) -> dict[str, Any]:
    into = _replication_into(server.staging_subnet, server.ebs_encryption)
    if server.ebs_encryption == "CUSTOM":
        into["ebsEncryptionKeyArn"] = ensure_key(server.target.account, server.target.region)
    return configuration_for({**DEFAULTS, **into}, machine)


def _replication_into(subnet: Subnet, encryption: str) -> dict[str, Any]:
    """Return what whoever makes a replication configuration template has to say."""
    return {
        "stagingAreaSubnetId": subnet.subnet_id,
        "replicationServersSecurityGroupsIDs": [],
        "ebsEncryption": encryption,
        "bandwidthThrottling": 0,
        "stagingAreaTags": {},
        "pitPolicy": [dict(rule) for rule in PIT_POLICY],
    }
