"""The stored state as the API shows it at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .identifiers import identifier
from .moments import date_string, duration_string
from .snapshots import Snapshot, lag
from .staging import extension_problem, origin
from .state import HALTED_STATES, Job, Machine, RecoveryInstance, Replication, SourceServer

AGENT_VERSION = "6.60.20"
_INITIATION_STEPS = (
    "WAIT",
    "CREATE_SECURITY_GROUP",
    "LAUNCH_REPLICATION_SERVER",
    "BOOT_REPLICATION_SERVER",
    "AUTHENTICATE_WITH_SERVICE",
    "DOWNLOAD_REPLICATION_SOFTWARE",
    "CREATE_STAGING_DISKS",
    "ATTACH_STAGING_DISKS",
    "PAIR_REPLICATION_SERVER_WITH_AGENT",
    "CONNECT_AGENT_TO_REPLICATION_SERVER",
    "START_DATA_TRANSFER",
)
_BEFORE_FIRST_SYNC = frozenset({"INITIATING", "INITIAL_SYNC"})


def source_server(server: SourceServer, now: datetime) -> dict[str, Any]:
    """Return a source server."""
    replicating = origin(server)
    machine = replicating.machine if replicating else server.machine
    shown = {
        "sourceServerID": server.server_id,
        "arn": server.arn,
        "tags": dict(server.tags),
        "lastLaunchResult": server.last_launch_result,
        "dataReplicationInfo": _data_replication(replicating or server, now),
        "lifeCycle": _life_cycle(server, replicating or server, now),
        "sourceProperties": _source_properties(machine, now),
        "stagingArea": _staging_area(server),
        "sourceCloudProperties": {
            "originAccountID": machine.origin_account,
            "originRegion": machine.origin_region,
            "originAvailabilityZone": machine.origin_zone,
        },
        "replicationDirection": "FAILOVER",
        "agentVersion": AGENT_VERSION,
    }
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


def _life_cycle(server: SourceServer, replicating: SourceServer, now: datetime) -> dict[str, Any]:
    started = replicating.replication.started
    seen = replicating.replication.since if replicating.replication.state in HALTED_STATES else now
    return {
        "addedToServiceDateTime": date_string(server.added),
        "firstByteDateTime": date_string(started),
        "elapsedReplicationDuration": duration_string(now - started),
        "lastSeenByServiceDateTime": date_string(seen),
        "lastLaunch": server.last_launch,
    }


def _data_replication(server: SourceServer, now: datetime) -> dict[str, Any]:
    replication = server.replication
    info: dict[str, Any] = {
        "dataReplicationState": replication.state,
        "replicatedDisks": [
            _replicated_disk(disk.device_name, disk.size, replication) for disk in server.machine.disks
        ],
    }
    if replication.state in ("DISCONNECTED", "STOPPED"):
        return info
    info["lagDuration"] = duration_string(lag(server, now))
    info["dataReplicationInitiation"] = {
        "startDateTime": date_string(replication.started),
        "nextAttemptDateTime": _whole_minute(replication.started + timedelta(minutes=30)),
        "steps": [{"name": name, "status": _step_status(replication)} for name in _INITIATION_STEPS],
    }
    if replication.state == "STALLED":
        info["dataReplicationError"] = {"error": "AGENT_NOT_SEEN"}
    return info


def _whole_minute(moment: datetime) -> str:
    """Return the date of the minute that follows, as DRS writes a moment that it plans: without microseconds."""
    return (moment.replace(second=0, microsecond=0) + timedelta(minutes=1)).isoformat()


def _step_status(replication: Replication) -> str:
    return "NOT_STARTED" if replication.state == "INITIATING" else "SUCCEEDED"


def _replicated_disk(device: str, size: int, replication: Replication) -> dict[str, Any]:
    total = 0 if replication.state == "DISCONNECTED" else size
    done = 0 if replication.state in _BEFORE_FIRST_SYNC else total
    return {
        "deviceName": device,
        "totalStorageBytes": total,
        "replicatedStorageBytes": done,
        "rescannedStorageBytes": done,
        "backloggedStorageBytes": 0,
        "volumeStatus": "REGULAR",
    }


def _source_properties(machine: Machine, now: datetime) -> dict[str, Any]:
    return {
        "lastUpdatedDateTime": date_string(now),
        "recommendedInstanceType": machine.instance_type,
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
    shown = {"sourceServerID": part.server_id, "launchStatus": part.status}
    return {**shown, "recoveryInstanceID": part.recovery_instance_id} if part.recovery_instance_id else shown


def recovery_instance(item: RecoveryInstance, ec2_state: str, now: datetime) -> dict[str, Any]:
    """Return a recovery instance.

    Args:
        item: the record.
        ec2_state: the state of its EC2 instance, of the enumeration EC2InstanceState.
        now: the present moment.
    """
    machine = item.machine
    return {
        "recoveryInstanceID": item.instance_id,
        "ec2InstanceID": item.instance_id,
        "ec2InstanceState": ec2_state,
        "jobID": item.job_id,
        "sourceServerID": item.server_id,
        "arn": item.arn,
        "tags": dict(item.tags),
        "failback": {"state": "FAILBACK_NOT_STARTED"},
        "dataReplicationInfo": {"dataReplicationState": "DISCONNECTED" if item.disconnected else "NOT_STARTED"},
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
        "originEnvironment": "AWS" if machine.instance_id else "ON_PREMISES",
        "originAvailabilityZone": machine.origin_zone,
        "agentVersion": AGENT_VERSION,
    }


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
