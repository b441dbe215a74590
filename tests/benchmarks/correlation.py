"""An estate of ten accounts for the benchmark of correlation: staging and extended servers, instances, launches."""

from __future__ import annotations

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.correlation import correlate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.machines import (
    Instance,
    KnownMachine,
    Observed,
    instance_from_ec2,
    known_from_item,
    machine_to_item,
    recovery_instance_from_drs,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer, from_drs

TARGET = "222222222222"
STAGING = [f"11111111111{number}" for number in range(9)]
HOME, RECOVERY = "us-east-1", "us-west-2"


def observed(count: int, *, with_ids: bool) -> Observed:
    """What is seen of so many extended servers, each with its staging server and instance, every tenth recovered.

    Args:
        count: Machines.
        with_ids: Whether DRS tells the source instances; without, names and addresses have to do.
    """
    servers: list[SourceServer] = []
    instances, recoveries = [], []
    for number in range(count):
        staging = STAGING[number % len(STAGING)]
        address = f"10.{number // 60000 + 10}.{number // 200 % 250}.{number % 200 + 10}"
        staged_id, extended_id, instance_id = f"s-{number:017x}", f"s-e{number:016x}", f"i-{number:017x}"
        arn = f"arn:aws:drs:{RECOVERY}:{staging}:source-server/{staged_id}"
        hints = {"fqdn": f"host-{number}.example.internal", "hostname": f"host-{number}"}
        if with_ids:
            hints["awsInstanceID"] = instance_id
        item = {
            "tags": {},
            "sourceProperties": {
                "identificationHints": hints,
                "networkInterfaces": [{"ips": [address], "isPrimary": True, "macAddress": ""}],
            },
            "sourceCloudProperties": {"originAccountID": staging, "originRegion": HOME},
            "dataReplicationInfo": {"dataReplicationState": "CONTINUOUS"},
        }
        staged = {**item, "sourceServerID": staged_id, "arn": arn}
        extended = {**item, "sourceServerID": extended_id, "stagingArea": {"stagingSourceServerArn": arn}}
        servers += [
            from_drs(staged, account_id=staging, region=RECOVERY),
            from_drs(extended, account_id=TARGET, region=RECOVERY),
        ]
        instances.append(_instance(instance_id, address, staging, HOME))
        if number % 10 == 0:
            launched = f"i-b{number:016x}"
            instances.append(_instance(launched, address.replace("10.", "10.2", 1), TARGET, RECOVERY))
            record = {"recoveryInstanceID": launched, "ec2InstanceID": launched, "sourceServerID": extended_id}
            recoveries.append(recovery_instance_from_drs(record, account_id=TARGET, region=RECOVERY))
    places = frozenset((instance.account_id, instance.region) for instance in instances)
    return Observed(tuple(servers), tuple(instances), tuple(recoveries), places)


def known(seen: Observed) -> list[KnownMachine]:
    """What an earlier correlation stored."""
    machines = correlate(seen).machines.values()
    return [known_from_item({**machine_to_item(machine), "version": 1}) for machine in machines]


def _instance(instance_id: str, address: str, account_id: str, region: str) -> Instance:
    interface = {"SubnetId": "subnet-1", "PrivateIpAddress": address, "Attachment": {"DeviceIndex": 0}}
    item = {"InstanceId": instance_id, "State": {"Name": "running"}, "NetworkInterfaces": [interface]}
    return instance_from_ec2(item, account_id=account_id, region=region)
