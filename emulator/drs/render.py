"""The stored state as the API shows it at a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from . import failback, launch_actions, right_sizing
from .identifiers import identifier
from .moments import date_string, duration_string
from .progress import data_replication
from .snapshots import Snapshot
from .staging import extension_problem, origin
from .state import HALTED_STATES, Job, Machine, RecoveryInstance, Replication, SourceServer

AGENT_VERSION = "6.60.20"
_UNSEEN_STATES = HALTED_STATES | {"DISCONNECTED"}


def source_server(server: SourceServer, now: datetime) -> dict[str, Any]:
    """Return a source server."""
    replicating = origin(server)
    machine = (replicating or server).machine
    replication = (replicating or server).replication
    shown = {
        "sourceServerID": server.server_id,
        "arn": server.arn,
        "tags": dict(server.tags),
        "lastLaunchResult": server.last_launch_result,
        "dataReplicationInfo": data_replication(replication, machine.disks, now),
        "lifeCycle": _life_cycle(server, replication, now),
        "sourceProperties": _source_properties(machine, now),
        "stagingArea": _staging_area(server),
        "replicationDirection": server.direction,
        "agentVersion": AGENT_VERSION,
    }
    if machine.in_aws:
        shown["sourceCloudProperties"] = {
            "originAccountID": machine.origin_account,
            "originRegion": machine.origin_region,
            "originAvailabilityZone": machine.origin_zone,
        }
    if server.reversed_arn:
        shown["reversedDirectionSourceServerArn"] = server.reversed_arn
    if server.recovery_instance_id:
        shown["recoveryInstanceId"] = server.recovery_instance_id
    return shown


def _staging_area(server: SourceServer) -> dict[str, Any]:
    if server.extends is None:
        return {"status": "NOT_EXTENDED", "stagingAccountID": server.arn.split(":")[4]}
    area = {"stagingAccountID": server.extends.split(":")[4], "stagingSourceServerArn": server.extends}
    problem = extension_problem(server)
    if problem:
        return {**area, "status": "EXTENSION_ERROR", "errorMessage": problem}
    return {**area, "status": "EXTENDED"}


def _life_cycle(server: SourceServer, replication: Replication, now: datetime) -> dict[str, Any]:
    shown = {
        "addedToServiceDateTime": date_string(server.added),
        "lastSeenByServiceDateTime": date_string(replication.since if replication.state in _UNSEEN_STATES else now),
        "lastLaunch": server.last_launch,
    }
    if replication.first_byte:
        shown["firstByteDateTime"] = date_string(replication.first_byte)
        shown["elapsedReplicationDuration"] = duration_string(now - replication.first_byte)
    return shown


def _source_properties(machine: Machine, now: datetime) -> dict[str, Any]:
    return {
        "lastUpdatedDateTime": date_string(now),
        "recommendedInstanceType": right_sizing.basic(machine),
        "identificationHints": identification_hints(machine),
        "networkInterfaces": network_interfaces(machine),
        "disks": [{"deviceName": disk.device_name, "bytes": disk.size} for disk in machine.disks],
        "cpus": _cpus(machine),
        "ramBytes": machine.ram_bytes,
        "os": {"fullString": machine.os},
        "supportsNitroInstances": True,
        "architecture": "x86_64",
    }


def _cpus(machine: Machine) -> list[dict[str, Any]]:
    """Return an entry for each virtual CPU, as recorded of a machine with two."""
    return [{"cores": 1, "modelName": "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"}] * machine.cpu_cores


def identification_hints(machine: Machine) -> dict[str, str]:
    """Return the names by which a machine is known."""
    hints = {"hostname": machine.hostname, "fqdn": machine.fqdn}
    return {**hints, "awsInstanceID": machine.instance_id} if machine.instance_id else hints


def network_interfaces(machine: Machine) -> list[dict[str, Any]]:
    """Return the network interfaces of a machine."""
    return [
        {"macAddress": item.mac_address, "ips": list(item.addresses), "isPrimary": item.primary}
        for item in machine.interfaces
    ]


def job(item: Job) -> dict[str, Any]:
    """Return a job."""
    shown = {
        "jobID": item.job_id,
        "arn": item.arn,
        "type": item.kind,
        "initiatedBy": item.initiated_by,
        "creationDateTime": date_string(item.created),
        "status": item.status,
        "participatingServers": [_participant(part) for part in item.participants],
        "tags": dict(item.tags),
    }
    if item.ended:
        shown["endDateTime"] = date_string(item.ended)
    return shown


def _participant(part: Any) -> dict[str, Any]:
    shown = {"sourceServerID": part.server_id, "launchStatus": part.status, **launch_actions.status(part)}
    return {**shown, "recoveryInstanceID": part.recovery_instance_id} if part.recovery_instance_id else shown


def recovery_instance(item: RecoveryInstance, ec2_state: str, now: datetime) -> dict[str, Any]:
    """Return a recovery instance.

    Args:
        item: the record.
        ec2_state: the state of its EC2 instance, of the enumeration EC2InstanceState.
        now: the present moment.
    """
    machine = item.machine
    shown = {
        "recoveryInstanceID": item.instance_id,
        "ec2InstanceID": item.instance_id,
        "ec2InstanceState": ec2_state,
        "jobID": item.job_id,
        "sourceServerID": item.server_id,
        "arn": item.arn,
        "tags": dict(item.tags),
        "failback": failback.shown(item, now),
        "dataReplicationInfo": failback.data_replication(item, now),
        "recoveryInstanceProperties": {
            "lastUpdatedDateTime": date_string(now),
            "identificationHints": {**identification_hints(machine), "awsInstanceID": item.instance_id},
            "disks": [{"internalDeviceName": disk.device_name, "bytes": disk.size} for disk in machine.disks],
            "cpus": _cpus(machine),
            "ramBytes": machine.ram_bytes,
            "os": {"fullString": machine.os},
        },
        "pointInTimeSnapshotDateTime": date_string(item.point_in_time),
        "isDrill": item.is_drill,
        "originEnvironment": "AWS" if machine.in_aws else "ON_PREMISES",
        "agentVersion": AGENT_VERSION,
    }
    if machine.in_aws:
        shown["originAvailabilityZone"] = machine.origin_zone
    return shown


def snapshot(item: Snapshot, disks: int) -> dict[str, Any]:
    """Return a recovery snapshot."""
    moment = date_string(item.moment)
    return {
        "snapshotID": item.snapshot_id,
        "sourceServerID": item.server_id,
        "expectedTimestamp": moment,
        "timestamp": moment,
        "ebsSnapshots": [identifier("snap", item.snapshot_id, number) for number in range(disks)],
    }
