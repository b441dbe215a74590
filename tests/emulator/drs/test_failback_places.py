"""Failback within a Region, to a machine on premises, and of extended servers [facts 4.5, 6.2, 6.3]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.drs.support import Drs, frozen
from tests.support.embedded import ACCOUNTS, STAGING, TARGET, ControlError

SUBNET_A, SUBNET_B = "subnet-0a000000000000001", "subnet-0a000000000000002"
STAGING_B = "subnet-0a000000000000003"
HOME = "subnet-0a000000000000004"
BACKBONE = {
    "cidr": "10.1.0.0/16",
    "subnets": {
        "zone-a": {"id": SUBNET_A, "cidr": "10.1.1.0/24", "zone": "a"},
        "zone-b": {"id": SUBNET_B, "cidr": "10.1.2.0/24", "zone": "b"},
        "staging-b": {"id": STAGING_B, "cidr": "10.1.3.0/24", "zone": "b"},
    },
}


def network(cidr: str, **subnet: Any) -> dict[str, Any]:
    """Return a network of one subnet, `only`."""
    return {"cidr": cidr, "subnets": {"only": {"cidr": cidr, **subnet}}}


def server(**keys: Any) -> dict[str, Any]:
    """Return a small server of the target account."""
    replication = {"account": TARGET, "region": "us-west-2", "staging_subnet": "zone-a", "ebs_encryption": "NONE"}
    return {"os": "Linux", "instance_type": "t3.small", "disks": {"/dev/xvda": 8}, "replication": replication, **keys}


def on_premises(number: int) -> dict[str, Any]:
    """Return a server that no EC2 instance is."""
    return server(id=f"s-onpremises{number:07}", on_premises=True, addresses={"lan": f"192.168.1.{number}"})


ESTATE: dict[str, Any] = {
    "accounts": {
        TARGET: {
            **ACCOUNTS[TARGET],
            "regions": {"us-west-2": {"drs": True, "drs_staging_subnet": "zone-a", "networks": {"backbone": BACKBONE}}},
        },
        STAGING: {
            **ACCOUNTS[STAGING],
            "drs_target_accounts": [TARGET],
            "drs_failback_accounts": [TARGET],
            "regions": {
                "us-west-2": {"drs": True, "networks": {"staging": network("10.3.0.0/24")}},
                "us-east-1": {
                    "drs": True,
                    "drs_staging_subnet": "only",
                    "networks": {"home": network("10.2.0.0/24", id=HOME)},
                },
            },
        },
    },
    "servers": {
        **{f"plant-{number}": on_premises(number) for number in range(1, 5)},
        "zonal-1": server(
            id="s-zonal100000000001",
            instance="i-0a000000000000001",
            addresses={"zone-a": "10.1.1.10"},
            source={"account": TARGET, "region": "us-west-2"},
        ),
        "extended-1": server(
            id="s-extended000000001",
            instance="i-0e000000000000001",
            addresses={"only": "10.2.0.10"},
            source={"account": STAGING, "region": "us-east-1"},
            replication={
                "account": STAGING,
                "region": "us-west-2",
                "staging_subnet": "only",
                "ebs_encryption": "NONE",
            },
        ),
    },
}


@pytest.fixture(scope="module")
def places() -> Iterator[Drs]:
    """A running estate, shared: each test has servers of its own."""
    with frozen(ESTATE) as running:
        yield running


def recovered(drs: Drs, server_id: str, subnet: str = SUBNET_A, **options: Any) -> str:
    """Recover a server and return the recovery instance once it can be failed back."""
    drs.launch_into(server_id, subnet)
    job = drs.recover(server_id, **options)
    assert drs.status_of(job, server_id) == "LAUNCHED"
    drs.advance(200)
    return str(drs.server(server_id)["recoveryInstanceId"])


def instance_of(drs: Drs, instance: str) -> dict[str, Any]:
    """Return one recovery instance."""
    found = drs.api.describe_recovery_instances(filters={"recoveryInstanceIDs": [instance]})["items"]
    answer: dict[str, Any] = found[0]
    return answer


def boot_client(drs: Drs, instance: str, **keys: Any) -> None:
    """Boot the failback client and pair it with a recovery instance."""
    body = {"account": TARGET, "region": "us-west-2", "recovery_instance_id": instance, **keys}
    drs.aws.control("drs/failback-client", body)


def test_a_server_on_premises_has_no_origin_in_aws(places: Drs) -> None:
    # 1.3 SourceCloudProperties, RecoveryInstance.originEnvironment
    shown = places.server("s-onpremises0000001")
    assert "sourceCloudProperties" not in shown
    assert "awsInstanceID" not in shown["sourceProperties"]["identificationHints"]
    assert shown["sourceProperties"]["networkInterfaces"][0]["ips"] == ["192.168.1.1"]


def test_failback_to_the_original_machine(places: Drs) -> None:
    # 6.3, steps 1 to 6
    drs, source = places, "s-onpremises0000001"
    instance = recovered(drs, source)
    assert instance_of(drs, instance)["originEnvironment"] == "ON_PREMISES"
    assert "originAvailabilityZone" not in instance_of(drs, instance)
    with pytest.raises(drs.api.exceptions.ValidationException, match="did not originate in EC2"):
        drs.api.reverse_replication(recoveryInstanceID=instance)
    with pytest.raises(drs.api.exceptions.ConflictException, match="is FAILBACK_NOT_STARTED"):
        drs.api.start_failback_launch(recoveryInstanceIDs=[instance])

    drs.api.update_failback_replication_configuration(
        recoveryInstanceID=instance, bandwidthThrottling=500, usePrivateIP=True
    )
    configuration = drs.api.get_failback_replication_configuration(recoveryInstanceID=instance)
    del configuration["ResponseMetadata"]
    assert configuration == {
        "recoveryInstanceID": instance,
        "name": "plant-1",
        "bandwidthThrottling": 500,
        "usePrivateIP": True,
        "internetProtocol": "IPV4",
    }

    boot_client(drs, instance)
    assert drs.server(source)["dataReplicationInfo"]["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
    drs.advance(60)
    shown = instance_of(drs, instance)
    assert shown["failback"]["state"] == "FAILBACK_IN_PROGRESS"
    assert shown["failback"]["failbackToOriginalServer"] is True
    steps = shown["dataReplicationInfo"]["dataReplicationInitiation"]["steps"]
    assert steps[0]["name"] == "LINK_FAILBACK_CLIENT_WITH_RECOVERY_INSTANCE"
    assert steps[-1]["name"] == "ESTABLISH_AGENT_REPLICATOR_SOFTWARE_COMMUNICATION"
    assert [step["status"] for step in steps[:3]] == ["SUCCEEDED", "SUCCEEDED", "IN_PROGRESS"]
    with pytest.raises(drs.api.exceptions.ConflictException, match="cannot be terminated during failback"):
        drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    with pytest.raises(drs.api.exceptions.ConflictException, match="is FAILBACK_IN_PROGRESS"):
        drs.api.start_failback_launch(recoveryInstanceIDs=[instance])
    drs.advance(180)
    assert instance_of(drs, instance)["dataReplicationInfo"]["dataReplicationState"] == "RESCAN"
    drs.advance(600)
    shown = instance_of(drs, instance)
    assert shown["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert shown["failback"]["state"] == "FAILBACK_READY_FOR_LAUNCH"

    answer = drs.api.start_failback_launch(recoveryInstanceIDs=[instance], tags={"dr:run": "r1"})
    job = answer["job"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert (job["type"], job["initiatedBy"], job["tags"]) == ("LAUNCH", "FAILBACK", {"dr:run": "r1"})
    assert [(part["sourceServerID"], part["recoveryInstanceID"]) for part in job["participatingServers"]] == [
        (source, instance)
    ]
    with pytest.raises(drs.api.exceptions.ConflictException, match="processed by a Job"):
        drs.api.start_failback_launch(recoveryInstanceIDs=[instance])
    with pytest.raises(drs.api.exceptions.ConflictException, match="is being launched back"):
        drs.api.stop_failback(recoveryInstanceID=instance)
    drs.finish(job["jobID"])
    assert drs.status_of(job["jobID"], source) == "LAUNCHED"
    assert drs.server(source)["lifeCycle"]["lastLaunch"]["initiated"]["jobID"] != job["jobID"]
    shown = instance_of(drs, instance)["failback"]
    assert (shown["state"], shown["failbackJobID"]) == ("FAILBACK_COMPLETED", job["jobID"])
    drs.advance(600)
    assert drs.server(source)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    drs.advance(90)
    assert drs.instance(instance)["State"]["Name"] == "terminated"


def test_failback_to_another_machine_is_stopped_and_begun_again(places: Drs) -> None:
    # 6.3 StopFailback: FAILBACK_NOT_STARTED, replication to the client stops
    drs = places
    instance = recovered(drs, "s-onpremises0000002")
    boot_client(drs, instance, original_server=False)
    drs.advance(300)
    assert instance_of(drs, instance)["dataReplicationInfo"]["dataReplicationState"] == "INITIAL_SYNC"
    assert drs.server("s-onpremises0000002")["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    drs.api.stop_failback(recoveryInstanceID=instance)
    drs.advance(3600)
    assert instance_of(drs, instance)["failback"] == {"state": "FAILBACK_NOT_STARTED"}
    assert instance_of(drs, instance)["dataReplicationInfo"] == {"dataReplicationState": "NOT_STARTED"}
    boot_client(drs, instance)
    drs.advance(3600)
    assert instance_of(drs, instance)["failback"]["state"] == "FAILBACK_READY_FOR_LAUNCH"
    drs.api.stop_failback(recoveryInstanceID=instance)
    drs.api.disconnect_recovery_instance(recoveryInstanceID=instance)
    drs.api.delete_recovery_instance(recoveryInstanceID=instance)
    assert drs.instance(instance)["State"]["Name"] == "running"


def test_a_client_that_fails_shows_its_step(places: Drs) -> None:
    # 1.2 FailbackReplicationError, 6.3 FAILBACK_ERROR
    drs = places
    instance = recovered(drs, "s-onpremises0000003")
    boot_client(drs, instance, error="FAILED_TO_CONFIGURE_REPLICATION_SOFTWARE")
    drs.advance(300)
    shown = instance_of(drs, instance)
    assert shown["failback"]["state"] == "FAILBACK_ERROR"
    info = shown["dataReplicationInfo"]
    assert info["dataReplicationError"] == {"error": "FAILED_TO_CONFIGURE_REPLICATION_SOFTWARE"}
    statuses = [step["status"] for step in info["dataReplicationInitiation"]["steps"]]
    assert statuses == ["SUCCEEDED"] * 4 + ["FAILED"] + ["NOT_STARTED"] * 2


def test_a_failback_launch_that_fails_leaves_the_error_state(places: Drs) -> None:
    # 6.3 step 5: "FAILBACK_COMPLETED (or FAILBACK_ERROR)"
    drs, source = places, "s-onpremises0000004"
    instance = recovered(drs, source)
    boot_client(drs, instance)
    drs.advance(3600)
    place = {"account": TARGET, "region": "us-west-2", "source_server_id": source}
    drs.aws.control("drs/source-server", {**place, "fail_launch": {"phase": "CONVERSION", "raw_error": "no disk"}})
    job = drs.api.start_failback_launch(recoveryInstanceIDs=[instance])["job"]["jobID"]
    drs.finish(job)
    assert drs.status_of(job, source) == "FAILED"
    assert drs.log(job, source)[-1]["event"] == "CONVERSION_FAIL"
    assert instance_of(drs, instance)["failback"]["state"] == "FAILBACK_ERROR"
    assert drs.server(source)["lastLaunchResult"] == "SUCCEEDED"
    assert drs.instance(instance)["State"]["Name"] == "running"


def test_a_recovered_instance_is_protected_in_its_own_region(places: Drs) -> None:
    # 6.2: the same source server goes on, rescan only, snapshots kept; staging and launch subnet are changed first.
    drs, source = places, "s-zonal100000000001"
    instance = recovered(drs, source, SUBNET_B)
    before = {item["snapshotID"] for item in drs.api.describe_recovery_snapshots(sourceServerID=source)["items"]}
    drs.api.update_replication_configuration(sourceServerID=source, stagingAreaSubnetId=STAGING_B)
    answer = drs.api.reverse_replication(recoveryInstanceID=instance)
    assert answer["reversedDirectionSourceServerArn"] == drs.server(source)["arn"]
    states = []
    while not states or states[-1] != "CONTINUOUS":
        info = drs.server(source)["dataReplicationInfo"]
        states += [info["dataReplicationState"]] if [info["dataReplicationState"]] != states[-1:] else []
        drs.advance(30)
    assert states == ["STALLED", "RESCAN", "CONTINUOUS"]
    assert info["stagingAvailabilityZone"] == "us-west-2b"
    shown = drs.server(source)
    assert shown["replicationDirection"] == "FAILOVER"
    assert shown["sourceProperties"]["identificationHints"]["awsInstanceID"] == instance
    assert shown["sourceCloudProperties"]["originAvailabilityZone"] == "us-west-2b"
    after = {item["snapshotID"] for item in drs.api.describe_recovery_snapshots(sourceServerID=source)["items"]}
    assert len(before & after) >= len(before) - 6
    again = recovered(drs, source, SUBNET_A)
    assert again != instance
    assert drs.instance(again)["Placement"]["AvailabilityZone"] == "us-west-2a"
    assert drs.instance(instance)["State"]["Name"] == "running"
    drs.api.delete_recovery_instance(recoveryInstanceID=instance)
    drs.api.reverse_replication(recoveryInstanceID=again)
    assert drs.server(source)["sourceProperties"]["identificationHints"]["awsInstanceID"] == again


def test_an_extended_server_is_failed_back_once(places: Drs) -> None:
    # 4.5: three roles in both accounts; afterwards the agent replicates no more, staging restarts the replication.
    drs, home = places, Drs(places.aws, region="us-east-1", account=STAGING)
    arn = f"arn:aws:drs:us-west-2:{STAGING}:source-server/s-extended000000001"
    source = drs.api.create_extended_source_server(sourceServerArn=arn)["sourceServer"]["sourceServerID"]
    instance = recovered(drs, source)
    with pytest.raises(drs.api.exceptions.AccessDeniedException, match="DRSCrossAccount"):
        drs.api.reverse_replication(recoveryInstanceID=instance)
    iam = drs.aws.client("iam")
    iam.create_role(RoleName=f"DRSCrossAccountReplicationRole_{STAGING}", AssumeRolePolicyDocument="{}")
    with pytest.raises(drs.api.exceptions.AccessDeniedException, match="DRSCrossAccountReplicationRole"):
        drs.api.reverse_replication(recoveryInstanceID=instance)  # it is not where DRS looks for it
    iam.delete_role(RoleName=f"DRSCrossAccountReplicationRole_{STAGING}")
    for name in ("DRSCrossAccountReplicationRole", "DRSCrossAccountAgentRole", "DRSCrossAccountAgentAuthorizedRole"):
        iam.create_role(RoleName=f"{name}_{STAGING}", Path="/service-role/", AssumeRolePolicyDocument="{}")
    back_arn = drs.api.reverse_replication(recoveryInstanceID=instance)["reversedDirectionSourceServerArn"]
    assert back_arn.startswith(f"arn:aws:drs:us-east-1:{STAGING}:")
    back = back_arn.rsplit("/", 1)[1]
    drs.advance(3600)
    assert home.server(back)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    returned = recovered(home, back, HOME)
    assert drs.server(source)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"  # of the original machine
    with pytest.raises(home.api.exceptions.ConflictException, match="restarted from its staging account"):
        home.api.reverse_replication(recoveryInstanceID=returned)
    home.api.disconnect_recovery_instance(recoveryInstanceID=returned)
    home.api.delete_recovery_instance(recoveryInstanceID=returned)
    home.api.stop_replication(sourceServerID=back)
    drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    drs.advance(90)

    original = "i-0e000000000000001"
    for _cycle in range(2):
        returned = into_original(drs, home, source, original)
        assert drs.server(source)["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
        assert returned == original
        with pytest.raises(home.api.exceptions.ConflictException, match="must be disconnected"):
            home.api.delete_recovery_instance(recoveryInstanceID=returned)
        drs.staging_api.start_replication(sourceServerID="s-extended000000001")
        drs.advance(3600)
        info = drs.server(source)["dataReplicationInfo"]
        assert info["dataReplicationState"] == "CONTINUOUS"
        assert all(disk["rescannedStorageBytes"] == disk["totalStorageBytes"] for disk in info["replicatedDisks"])
        home.ec2.stop_instances(InstanceIds=[original])
        home.ec2.start_instances(InstanceIds=[original])
        drs.advance(3600)
        assert drs.server(source)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def into_original(drs: Drs, home: Drs, source: str, original: str) -> str:
    """Recover a server, fail it back into its original instance, end the rest and return what runs at home."""
    instance = recovered(drs, source)
    back = drs.api.reverse_replication(recoveryInstanceID=instance)["reversedDirectionSourceServerArn"].split("/")[1]
    drs.advance(3600)
    home.ec2.create_tags(Resources=[original], Tags=[{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}])
    home.ec2.stop_instances(InstanceIds=[original])
    into = {"launchIntoEC2InstanceID": original}
    home.api.update_launch_configuration(
        sourceServerID=back, copyTags=False, copyPrivateIp=False, launchIntoInstanceProperties=into
    )
    job = home.recover(back)
    assert home.status_of(job, back) == "LAUNCHED"
    home.api.stop_replication(sourceServerID=back)
    drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    drs.advance(90)
    return str(home.server(back)["recoveryInstanceId"])


def test_the_agent_of_an_extended_server_may_have_to_be_installed_again() -> None:
    # 4.5: "the agent stops replicating"; how that shows in the staging account is not known.
    roles = {"drs_failback_accounts": [STAGING]}
    accounts = {**ESTATE["accounts"], TARGET: {**ESTATE["accounts"][TARGET], **roles}}
    with frozen({**ESTATE, "accounts": accounts, "drs_settings": {"extended_failback_leaves": "STALLED"}}) as drs:
        home, staging = Drs(drs.aws, region="us-east-1", account=STAGING), "s-extended000000001"
        arn = f"arn:aws:drs:us-west-2:{STAGING}:source-server/{staging}"
        source = drs.api.create_extended_source_server(sourceServerArn=arn)["sourceServer"]["sourceServerID"]
        into_original(drs, home, source, "i-0e000000000000001")
        drs.advance(7200)
        info = drs.server(source)["dataReplicationInfo"]
        assert (info["dataReplicationState"], info["dataReplicationError"]["error"]) == ("STALLED", "AGENT_NOT_SEEN")
        with pytest.raises(drs.staging_api.exceptions.ConflictException, match="only a STOPPED one"):
            drs.staging_api.start_replication(sourceServerID=staging)
        place = {"account": STAGING, "region": "us-west-2", "source_server_id": staging}
        drs.aws.control("drs/source-server", {**place, "resync": "initial"})
        drs.advance(7200)
        assert drs.server(source)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"recovery_instance_id": "i-00000000000000000"}, "there is no recovery instance"),
        ({"original_server": "yes"}, "must be true or false"),
        ({"error": "TIRED"}, "must be one of AGENT_NOT_SEEN"),
        ({"speed": 1}, "unknown key 'speed'"),
    ],
)
def test_a_mistake_with_the_client_names_the_key(places: Drs, keys: dict[str, Any], text: str) -> None:
    with pytest.raises(ControlError, match=text):
        boot_client(places, "i-00000000000000001", **keys)
