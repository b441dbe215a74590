"""Failback between Regions and zones: ReverseReplication and what follows [facts 6.1, 6.2, 6.4]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs, frozen_sample, replication_template

HOME_APP = "subnet-0a10200000000a001"


class Estate:
    """The sample estate with DRS ready in both Regions: `there` recovers, `home` is where the servers came from."""

    def __init__(self, there: Drs):
        self.there = there
        self.home = Drs(there.aws, region="us-east-1")

    def recovered(self, server: str, **options: Any) -> str:
        """Recover a server into the recovery Region and return the recovery instance once it can be reversed."""
        self.there.launch_into(server, RECOVERY_APP)
        self.there.recover(server, **options)
        self.there.advance(200)
        return str(self.there.recovery_instance_of(server)["recoveryInstanceID"])

    def reversed(self, server: str, **options: Any) -> tuple[str, str]:
        """Recover and reverse a server; return the recovery instance and the FAILBACK server, which is CONTINUOUS."""
        instance = self.recovered(server, **options)
        answer = self.there.api.reverse_replication(recoveryInstanceID=instance)
        self.there.advance(7200)
        return instance, answer["reversedDirectionSourceServerArn"].rsplit("/", 1)[1]

    def failed_back(self, server: str, *, drill: bool = False) -> tuple[str, str, str]:
        """Fail a server over and back; return both instances and the FAILBACK server."""
        instance, back = self.reversed(server)
        self.home.launch_into(back, HOME_APP)
        job = self.home.recover(back, isDrill=drill)
        assert self.home.status_of(job, back) == "LAUNCHED"
        self.home.advance(200)
        return instance, back, str(self.home.recovery_instance_of(back)["recoveryInstanceID"])


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """The sample estate, shared: each test has servers of its own."""
    with frozen_sample() as running:
        yield Estate(running)


def replication(drs: Drs, server: str) -> dict[str, Any]:
    answer: dict[str, Any] = drs.server(server)["dataReplicationInfo"]
    return answer


def instance_of(drs: Drs, instance: str) -> dict[str, Any]:
    """Return one recovery instance."""
    answer: dict[str, Any] = drs.api.describe_recovery_instances(filters={"recoveryInstanceIDs": [instance]})["items"][
        0
    ]
    return answer


def test_reversal_is_refused_until_the_instance_has_finished_initializing(estate: Estate) -> None:
    # 6.1 step 3, 6.4: a ConflictException shortly after the launch, retried with backoff.
    there, server = estate.there, "s-payapp10000000001"
    there.launch_into(server, RECOVERY_APP)
    job = there.start(server)
    while there.job(job)["status"] != "COMPLETED":
        there.advance(30)
    instance = there.recovery_instance_of(server)
    assert instance["failback"] == {"state": "FAILBACK_NOT_STARTED"}
    assert instance["dataReplicationInfo"] == {"dataReplicationState": "NOT_STARTED"}
    assert (instance["originEnvironment"], instance["originAvailabilityZone"]) == ("AWS", "us-east-1a")
    with pytest.raises(there.api.exceptions.ConflictException, match="not finished initializing"):
        there.api.reverse_replication(recoveryInstanceID=instance["recoveryInstanceID"])
    assert there.aws.control("clock")["timers"]  # who retries in virtual time gets there
    there.advance(120)
    answer = there.api.reverse_replication(recoveryInstanceID=instance["recoveryInstanceID"])
    assert answer["reversedDirectionSourceServerArn"].startswith(f"arn:aws:drs:us-east-1:{TARGET}:source-server/s-")
    with pytest.raises(there.api.exceptions.ConflictException, match="already reversed"):
        there.api.reverse_replication(recoveryInstanceID=instance["recoveryInstanceID"])


def test_the_failback_server_is_initiated_copied_and_continuous(estate: Estate) -> None:
    # 6.1 steps 3 and 4, 6.4
    there, home, server = estate.there, estate.home, "s-payapp20000000001"
    instance = estate.recovered(server)
    there.api.reverse_replication(recoveryInstanceID=instance)
    found = [
        item
        for item in home.api.describe_source_servers()["items"]
        if item["sourceProperties"]["identificationHints"]["awsInstanceID"] == instance
    ]
    assert [item["replicationDirection"] for item in found] == ["FAILBACK"]
    back = found[0]["sourceServerID"]
    assert found[0]["reversedDirectionSourceServerArn"] == there.server(server)["arn"]
    assert there.server(server)["reversedDirectionSourceServerArn"] == found[0]["arn"]
    assert found[0]["sourceCloudProperties"] == {
        "originAccountID": TARGET,
        "originRegion": "us-west-2",
        "originAvailabilityZone": "us-west-2a",
    }
    address = there.instance(instance)["PrivateIpAddress"]
    assert found[0]["sourceProperties"]["networkInterfaces"][0]["ips"] == [address]
    assert found[0]["dataReplicationInfo"]["stagingAvailabilityZone"] == "us-east-1a"
    assert home.template(back) != there.template(server)
    listed = {item["instance"]: item["failback"] for item in there.aws.control("status")["drs recovery instances"]}
    assert listed[instance] == "FAILBACK_IN_PROGRESS"
    states = [found[0]["dataReplicationInfo"]["dataReplicationState"]]
    while states[-1] != "CONTINUOUS":
        assert instance_of(there, instance)["failback"]["state"] == "FAILBACK_IN_PROGRESS"
        assert instance_of(there, instance)["dataReplicationInfo"]["dataReplicationState"] == states[-1]
        there.advance(60)
        state = replication(home, back)["dataReplicationState"]
        states += [state] if state != states[-1] else []
    assert states == ["INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"]
    assert replication(home, back)["lagDuration"] == "P0D"
    with pytest.raises(there.api.exceptions.ConflictException, match="cannot be terminated during failback"):
        there.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    with pytest.raises(there.api.exceptions.ConflictException, match="cannot be disconnected"):
        there.api.disconnect_recovery_instance(recoveryInstanceID=instance)


def test_two_cycles_in_the_order_of_calls(estate: Estate) -> None:
    # 6.1, steps 1 to 13, twice; reversedDirectionSourceServerArn of the forward server is stale in the second.
    there, home, server = estate.there, estate.home, "s-payapp30000000001"
    first_arn = None
    for cycle in (1, 2):
        instance, back, returned = estate.failed_back(server)
        arn = home.server(back)["arn"]
        first_arn = first_arn or arn
        assert there.server(server)["reversedDirectionSourceServerArn"] == first_arn
        assert (arn == first_arn) == (cycle == 1)
        origin = instance_of(home, returned)
        assert (origin["originEnvironment"], origin["originAvailabilityZone"]) == ("AWS", "us-west-2a")
        assert origin["dataReplicationInfo"] == {"dataReplicationState": "NOT_STARTED"}

        answer = home.api.reverse_replication(recoveryInstanceID=returned)
        assert answer["reversedDirectionSourceServerArn"] == there.server(server)["arn"]
        assert instance_of(home, returned)["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
        forward = there.server(server)
        assert forward["replicationDirection"] == "FAILOVER"
        assert forward["sourceProperties"]["identificationHints"]["awsInstanceID"] == returned
        assert forward["sourceCloudProperties"]["originRegion"] == "us-east-1"
        assert forward["dataReplicationInfo"]["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
        assert [disk["rescannedStorageBytes"] for disk in forward["dataReplicationInfo"]["replicatedDisks"]] == [0]
        there.advance(200)
        disk = replication(there, server)["replicatedDisks"][0]
        assert replication(there, server)["dataReplicationState"] == "RESCAN"
        assert replication(there, server)["lagDuration"] != "P0D"
        assert 0 < disk["rescannedStorageBytes"] < disk["totalStorageBytes"] == disk["replicatedStorageBytes"]
        there.advance(600)
        info = replication(there, server)
        assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")
        assert info["replicatedDisks"][0]["rescannedStorageBytes"] == info["replicatedDisks"][0]["totalStorageBytes"]

        with pytest.raises(there.api.exceptions.ConflictException, match="cannot be terminated during failback"):
            there.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
        home.api.stop_replication(sourceServerID=back)
        assert home.api.describe_recovery_snapshots(sourceServerID=back)["items"] == []
        failback = instance_of(there, instance)["failback"]
        assert (failback["state"], failback["failbackLaunchType"]) == ("FAILBACK_COMPLETED", "RECOVERY")
        there.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
        there.advance(90)
        assert there.instance(instance)["State"]["Name"] == "terminated"
        assert replication(there, server)["dataReplicationState"] == "CONTINUOUS"

        with pytest.raises(home.api.exceptions.ConflictException, match="its replication is reversed"):
            home.api.disconnect_recovery_instance(recoveryInstanceID=returned)
        home.api.delete_recovery_instance(recoveryInstanceID=returned)
        assert home.instance(returned)["State"]["Name"] == "running"
        if cycle == 1:
            home.api.disconnect_source_server(sourceServerID=back)
            home.api.delete_source_server(sourceServerID=back)
        assert home.instance(returned)["State"]["Name"] == "running"


def test_a_failback_drill_leaves_nothing_running(estate: Estate) -> None:
    # 6.1: steps 3 to 6 with isDrill, then StopReplication, terminate the drill instance and the recovery instance.
    there, home, server = estate.there, estate.home, "s-payapp40000000001"
    instance, back, drill = estate.failed_back(server, drill=True)
    assert instance_of(there, instance)["failback"]["failbackLaunchType"] == "DRILL"
    home.api.stop_replication(sourceServerID=back)
    assert instance_of(there, instance)["failback"]["state"] == "FAILBACK_NOT_STARTED"
    home.api.terminate_recovery_instances(recoveryInstanceIDs=[drill])
    there.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    there.advance(90)
    assert [home.instance(drill)["State"]["Name"], there.instance(instance)["State"]["Name"]] == ["terminated"] * 2


def test_failback_into_the_original_instance_keeps_its_id_and_address(estate: Estate) -> None:
    # 6.1 step 5, 3.6: tag AWSDRS, the instance is stopped; what is re-protected then is the instance of the beginning.
    there, home, server = estate.there, estate.home, "s-crmweb10000000001"
    original = there.server(server)["sourceProperties"]["identificationHints"]["awsInstanceID"]
    address = home.instance(original)["PrivateIpAddress"]
    _, back = estate.reversed(server)
    tags = [{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}]
    home.ec2.create_tags(Resources=[original], Tags=tags)
    home.api.update_launch_configuration(
        sourceServerID=back, launchIntoInstanceProperties={"launchIntoEC2InstanceID": original}
    )
    home.ec2.stop_instances(InstanceIds=[original])
    assert home.status_of(home.recover(back), back) == "LAUNCHED"
    home.advance(200)
    assert home.recovery_instance_of(back)["recoveryInstanceID"] == original
    assert home.instance(original)["PrivateIpAddress"] == address
    assert replication(there, server)["dataReplicationState"] == "STALLED"
    home.api.reverse_replication(recoveryInstanceID=original)
    there.advance(1200)
    assert replication(there, server)["dataReplicationState"] == "CONTINUOUS"
    home.api.stop_replication(sourceServerID=back)
    home.api.delete_recovery_instance(recoveryInstanceID=original)
    home.api.disconnect_source_server(sourceServerID=back)
    home.api.delete_source_server(sourceServerID=back)
    assert home.instance(original)["State"]["Name"] == "running"


def test_a_stopped_failback_can_be_begun_again(estate: Estate) -> None:
    # 1.1 StopFailback; what the FAILBACK server becomes is not known: STOPPED here.
    there, home, server = estate.there, estate.home, "s-payweb10000000001"
    instance, back = estate.reversed(server)
    there.api.stop_failback(recoveryInstanceID=instance)
    assert instance_of(there, instance)["failback"]["state"] == "FAILBACK_NOT_STARTED"
    assert instance_of(there, instance)["dataReplicationInfo"]["dataReplicationState"] == "NOT_STARTED"
    assert replication(home, back)["dataReplicationState"] == "STOPPED"
    there.api.reverse_replication(recoveryInstanceID=instance)
    assert replication(home, back)["dataReplicationState"] == "INITIATING"
    there.api.stop_failback(recoveryInstanceID=instance)
    there.api.disconnect_recovery_instance(recoveryInstanceID=instance)
    with pytest.raises(there.api.exceptions.ConflictException, match="is disconnected"):
        there.api.reverse_replication(recoveryInstanceID=instance)


def test_a_new_launch_ends_the_failback_of_the_older_instance(estate: Estate) -> None:
    # 5.5: a new launch terminates the previous instance; the agent there is not seen any more (5.7).
    there, home, server = estate.there, estate.home, "s-payweb20000000001"
    _, back = estate.reversed(server)
    there.recover(server)
    info = replication(home, back)
    assert (info["dataReplicationState"], info["dataReplicationError"]) == ("STALLED", {"error": "AGENT_NOT_SEEN"})


def test_reversal_needs_drs_and_a_template_in_the_origin_region(estate: Estate) -> None:
    # 6.1 step 0
    there, home, server = estate.there, estate.home, "s-payrep10000000001"
    instance = estate.recovered(server)
    kept = home.api.describe_replication_configuration_templates()["items"][0]
    home.api.delete_replication_configuration_template(
        replicationConfigurationTemplateID=kept["replicationConfigurationTemplateID"]
    )
    with pytest.raises(there.api.exceptions.ResourceNotFoundException, match="no replication configuration template"):
        there.api.reverse_replication(recoveryInstanceID=instance)
    assert instance_of(there, instance)["failback"] == {"state": "FAILBACK_NOT_STARTED"}
    # A stale staging subnet stalls the failback server [facts 6.1 traps]; with a subnet that exists it is retried.
    stale = home.api.create_replication_configuration_template(**replication_template("subnet-00000000000000bad"))
    there.api.reverse_replication(recoveryInstanceID=instance)
    back = there.server(server)["reversedDirectionSourceServerArn"].rsplit("/", 1)[1]
    there.advance(60)
    info = replication(home, back)
    assert info["dataReplicationState"] == "STALLED"
    assert info["dataReplicationError"] == {"error": "FAILED_TO_CREATE_SECURITY_GROUP"}
    steps = {step["name"]: step["status"] for step in info["dataReplicationInitiation"]["steps"]}
    assert [steps["WAIT"], steps["CREATE_SECURITY_GROUP"], steps["LAUNCH_REPLICATION_SERVER"]] == [
        "SUCCEEDED",
        "FAILED",
        "NOT_STARTED",
    ]
    home.api.update_replication_configuration_template(
        replicationConfigurationTemplateID=stale["replicationConfigurationTemplateID"], stagingAreaSubnetId=HOME_APP
    )
    home.api.update_replication_configuration(sourceServerID=back, stagingAreaSubnetId=HOME_APP)
    home.api.retry_data_replication(sourceServerID=back)
    there.advance(7200)
    assert replication(home, back)["dataReplicationState"] == "CONTINUOUS"


def test_a_failback_goes_into_the_original_instance_when_the_launch_template_of_the_account_says_so(
    estate: Estate,
) -> None:
    """3.1, 3.6: launchIntoSourceInstance; without the prerequisites no FAILBACK server is made."""
    home, server = estate.home, "s-payweb30000000001"
    original = estate.there.server(server)["sourceProperties"]["identificationHints"]["awsInstanceID"]
    template = home.api.create_launch_configuration_template(launchIntoSourceInstance=True)
    instance = estate.recovered(server)
    before = {item["sourceServerID"] for item in home.api.describe_source_servers()["items"]}
    with pytest.raises(home.api.exceptions.ValidationException, match="does not have the tag AWSDRS"):
        estate.there.api.reverse_replication(recoveryInstanceID=instance)
    assert {item["sourceServerID"] for item in home.api.describe_source_servers()["items"]} == before

    tag = {"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}
    home.ec2.create_tags(Resources=[original], Tags=[tag])
    answer = estate.there.api.reverse_replication(recoveryInstanceID=instance)
    back = answer["reversedDirectionSourceServerArn"].rsplit("/", 1)[1]
    home.api.delete_launch_configuration_template(
        launchConfigurationTemplateID=template["launchConfigurationTemplate"]["launchConfigurationTemplateID"]
    )
    address = home.instance(original)["PrivateIpAddress"]
    home.ec2.stop_instances(InstanceIds=[original])
    estate.there.advance(7200)
    assert home.status_of(home.recover(back), back) == "LAUNCHED"
    assert home.recovery_instance_of(back)["recoveryInstanceID"] == original
    assert (home.instance(original)["State"]["Name"], home.instance(original)["PrivateIpAddress"]) == (
        "running",
        address,
    )
