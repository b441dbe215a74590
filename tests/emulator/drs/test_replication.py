"""How replication goes on: start, stop, retry, stall, and its configuration [facts 1.1, 2.1, 5.6, 5.7]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs, replication_template
from tests.support.embedded import ControlError

STAGING_AREA = "subnet-0a30000000000e001"
STEPS = [
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
]


def info(drs: Drs, server: str) -> dict[str, Any]:
    answer: dict[str, Any] = drs.server(server)["dataReplicationInfo"]
    return answer


def change(drs: Drs, server: str, **changes: Any) -> None:
    body = {"account": TARGET, "region": "us-west-2", "source_server_id": server, **changes}
    drs.aws.control("drs/source-server", body)


def snapshots(drs: Drs, server: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = drs.api.describe_recovery_snapshots(sourceServerID=server)["items"]
    return items


def test_a_stopped_server_is_copied_from_the_beginning(drs: Drs) -> None:
    # 1.1 StopReplication deletes the snapshots, StartReplication protects again; 5.7: the path and its 11 steps.
    server = "s-payapp10000000001"
    stopped = drs.api.stop_replication(sourceServerID=server)["sourceServer"]
    assert stopped["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    assert "lagDuration" not in stopped["dataReplicationInfo"]
    assert "firstByteDateTime" not in stopped["lifeCycle"]
    assert snapshots(drs, server) == []
    with pytest.raises(drs.api.exceptions.ConflictException, match="STOPPED and cannot be recovered"):
        drs.start(server)

    started = drs.now()
    drs.api.start_replication(sourceServerID=server)
    drs.advance(100)
    initiation = info(drs, server)["dataReplicationInitiation"]
    assert [step["name"] for step in initiation["steps"]] == STEPS
    statuses = [step["status"] for step in initiation["steps"]]
    assert statuses == ["SUCCEEDED"] * 3 + ["IN_PROGRESS"] + ["NOT_STARTED"] * 7
    assert abs(datetime.fromisoformat(initiation["startDateTime"]) - started) < timedelta(seconds=1)
    with pytest.raises(drs.api.exceptions.ConflictException, match="no recovery snapshot"):
        drs.start(server)

    drs.advance(400)
    syncing = info(drs, server)
    assert syncing["dataReplicationState"] == "INITIAL_SYNC"
    assert {step["status"] for step in syncing["dataReplicationInitiation"]["steps"]} == {"SUCCEEDED"}
    disk = syncing["replicatedDisks"][0]
    assert 0 < disk["replicatedStorageBytes"] < disk["totalStorageBytes"] == 16 * 1024**3
    eta = datetime.fromisoformat(syncing["etaDateTime"])
    assert drs.now() < eta < drs.now() + timedelta(minutes=20)
    drs.advance(60)
    assert info(drs, server)["replicatedDisks"][0]["replicatedStorageBytes"] > disk["replicatedStorageBytes"]
    assert info(drs, server)["etaDateTime"] == syncing["etaDateTime"]
    assert drs.server(server)["lifeCycle"]["elapsedReplicationDuration"].startswith("PT")

    drs.advance((eta - drs.now()).total_seconds() + 1)
    assert info(drs, server)["dataReplicationState"] == "CREATING_SNAPSHOT"
    drs.advance(180)
    assert (info(drs, server)["dataReplicationState"], info(drs, server)["lagDuration"]) == ("CONTINUOUS", "P0D")
    assert timedelta(minutes=15) < drs.now() - started < timedelta(minutes=30)
    assert len(snapshots(drs, server)) == 1
    drs.launch_into(server, RECOVERY_APP)
    assert drs.status_of(drs.recover(server), server) == "LAUNCHED"


def test_only_a_stopped_server_is_started(drs: Drs) -> None:
    # 1.1 "Starts replication for a stopped Source Server"
    with pytest.raises(drs.api.exceptions.ConflictException, match="CONTINUOUS; only a STOPPED one"):
        drs.api.start_replication(sourceServerID="s-payapp20000000001")


def test_a_server_in_a_job_is_not_stopped(drs: Drs) -> None:
    server = "s-payapp20000000001"
    drs.launch_into(server, RECOVERY_APP)
    job = drs.start(server)
    with pytest.raises(drs.api.exceptions.ConflictException, match="processed by a Job"):
        drs.api.stop_replication(sourceServerID=server)
    drs.finish(job)


def test_a_stalled_server_keeps_its_snapshots_and_is_retried(drs: Drs) -> None:
    # 1.1 RetryDataReplication: stalled, disconnected or stopped only; 5.7: RESCAN where the data are still there.
    server = "s-payapp30000000001"
    with pytest.raises(drs.api.exceptions.ValidationException, match="only STALLED, STOPPED, DISCONNECTED"):
        drs.api.retry_data_replication(sourceServerID=server)
    change(drs, server, replication_state="STALLED", replication_error="UNSTABLE_NETWORK")
    began = drs.now()
    drs.advance(1800)
    stalled = info(drs, server)
    assert stalled["dataReplicationError"] == {"error": "UNSTABLE_NETWORK"}
    assert stalled["lagDuration"] == "PT30M"
    assert stalled["replicatedDisks"][0]["backloggedStorageBytes"] == 1800 * 262144
    held = snapshots(drs, server)
    assert datetime.fromisoformat(held[0]["timestamp"]) <= began

    drs.api.retry_data_replication(sourceServerID=server)
    states = []
    while not states or states[-1] != "CONTINUOUS":
        states += [state for state in [info(drs, server)["dataReplicationState"]] if [state] != states[-1:]]
        drs.advance(60)
    assert states == ["INITIATING", "RESCAN", "CONTINUOUS"]
    drs.advance(1200)
    moments = [datetime.fromisoformat(item["timestamp"]) for item in snapshots(drs, server)]
    assert not [moment for moment in moments if began < moment < began + timedelta(minutes=30)]
    assert moments[0] > began + timedelta(minutes=30)


def test_a_retry_stalls_again_while_its_cause_is_there(drs: Drs) -> None:
    # 5.7 and 6.1 (traps): a staging subnet that does not exist.
    server = "s-payapp40000000001"
    drs.api.update_replication_configuration(sourceServerID=server, stagingAreaSubnetId="subnet-00000000000000bad")
    change(drs, server, replication_state="STALLED")
    drs.api.retry_data_replication(sourceServerID=server)
    assert info(drs, server)["dataReplicationState"] == "INITIATING"
    drs.advance(60)
    assert info(drs, server)["dataReplicationError"] == {"error": "FAILED_TO_CREATE_SECURITY_GROUP"}
    assert "stagingAvailabilityZone" not in info(drs, server)
    drs.api.update_replication_configuration(sourceServerID=server, stagingAreaSubnetId=STAGING_AREA)
    change(drs, server, initiation_error="FAILED_TO_ATTACH_STAGING_DISKS")
    drs.api.retry_data_replication(sourceServerID=server)
    drs.advance(300)
    steps = info(drs, server)["dataReplicationInitiation"]["steps"]
    assert [step["status"] for step in steps] == ["SUCCEEDED"] * 7 + ["FAILED"] + ["NOT_STARTED"] * 3
    change(drs, server, initiation_error=None)
    drs.api.retry_data_replication(sourceServerID=server)
    drs.advance(1200)
    assert info(drs, server)["dataReplicationState"] == "CONTINUOUS"
    assert info(drs, server)["stagingAvailabilityZone"] == "us-west-2a"


def test_a_rescan_reads_all_disks(drs: Drs) -> None:
    # 5.7: "After reboot or reverse: RESCAN -> CONTINUOUS"
    server = "s-crmweb10000000001"
    change(drs, server, resync="rescan")
    drs.advance(30)
    rescan = info(drs, server)
    disk = rescan["replicatedDisks"][0]
    assert rescan["dataReplicationState"] == "RESCAN"
    assert 0 < disk["rescannedStorageBytes"] < disk["totalStorageBytes"] == disk["replicatedStorageBytes"]
    drs.advance(600)
    assert info(drs, server)["dataReplicationState"] == "CONTINUOUS"


def test_the_agent_is_not_seen_while_its_instance_is_down(drs: Drs) -> None:
    # 5.7 AGENT_NOT_SEEN; "After reboot or reverse: RESCAN -> CONTINUOUS"
    server = "s-payweb10000000001"
    instance = drs.server(server)["sourceProperties"]["identificationHints"]["awsInstanceID"]
    ec2 = drs.aws.client("ec2", region="us-east-1")
    ec2.stop_instances(InstanceIds=[instance])
    drs.advance(900)
    stalled = info(drs, server)
    assert (stalled["dataReplicationState"], stalled["lagDuration"]) == ("STALLED", "PT15M")
    assert stalled["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
    ec2.start_instances(InstanceIds=[instance])
    assert info(drs, server)["dataReplicationState"] == "RESCAN"
    drs.advance(600)
    assert info(drs, server)["dataReplicationState"] == "CONTINUOUS"
    ec2.reboot_instances(InstanceIds=[instance])
    assert info(drs, server)["dataReplicationState"] == "RESCAN"
    ec2.terminate_instances(InstanceIds=[instance])
    assert info(drs, server)["dataReplicationState"] == "STALLED"


def test_the_configuration_is_changed_member_by_member(drs: Drs) -> None:
    # 1.1 UpdateReplicationConfiguration, 2.1 point-in-time policy
    server = "s-payweb20000000001"
    before = drs.api.get_replication_configuration(sourceServerID=server)
    device = before["replicatedDisks"][0]["deviceName"]
    drs.api.update_replication_configuration(
        sourceServerID=server, bandwidthThrottling=100, replicatedDisks=[{"deviceName": device, "iops": 3000}]
    )
    after = drs.api.get_replication_configuration(sourceServerID=server)
    assert after["bandwidthThrottling"] == 100
    assert after["replicatedDisks"] == [{**before["replicatedDisks"][0], "iops": 3000}]
    kept = {"stagingAreaSubnetId", "ebsEncryption", "pitPolicy", "dataPlaneRouting"}
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    policy = [dict(rule) for rule in before["pitPolicy"]]
    policy[2]["retentionDuration"] = 30
    drs.api.update_replication_configuration(sourceServerID=server, pitPolicy=policy)
    assert len(snapshots(drs, server)) > 38
    for wrong in (
        {"pitPolicy": [policy[0], policy[0], policy[0]]},
        {"pitPolicy": [*policy[:2], {**policy[2], "retentionDuration": 366}]},
        {"pitPolicy": [{**policy[0], "interval": 5}, *policy[1:]]},
        {"replicatedDisks": [{"deviceName": "/dev/none"}]},
    ):
        with pytest.raises(drs.api.exceptions.ValidationException):
            drs.api.update_replication_configuration(sourceServerID=server, **wrong)
    assert drs.api.get_replication_configuration(sourceServerID=server)["pitPolicy"] == policy


def test_a_new_encryption_copies_the_disks_anew(drs: Drs) -> None:
    # 4.4 "Changing a server from DEFAULT to CUSTOM may trigger a full resync": it does, by default.
    server = "s-payrep10000000001"
    drs.api.update_replication_configuration(sourceServerID=server, ebsEncryption="DEFAULT")
    assert info(drs, server)["dataReplicationState"] == "INITIATING"
    assert snapshots(drs, server) == []


def test_an_extended_server_is_replicated_by_its_staging_account_only(drs: Drs) -> None:
    # 4.3
    arn = "arn:aws:drs:us-west-2:111111111111:source-server/s-whdb1000000000001"
    server = drs.api.create_extended_source_server(sourceServerArn=arn)["sourceServer"]["sourceServerID"]
    for call in (drs.api.start_replication, drs.api.stop_replication):
        with pytest.raises(drs.api.exceptions.ConflictException, match="that of its staging account"):
            call(sourceServerID=server)
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException, match="held by its staging account"):
        drs.api.update_replication_configuration(sourceServerID=server, bandwidthThrottling=1)
    drs.staging_api.stop_replication(sourceServerID="s-whdb1000000000001")
    assert info(drs, server)["dataReplicationState"] == "STOPPED"
    assert snapshots(drs, server) == []


def test_replication_templates_are_created_described_changed_and_deleted(drs: Drs) -> None:
    # 1.1
    api = drs.aws.client("drs", region="eu-west-1")
    api.initialize_service()
    made = api.create_replication_configuration_template(**replication_template(STAGING_AREA), tags={"Owner": "a"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    template = made["replicationConfigurationTemplateID"]
    assert made["arn"] == f"arn:aws:drs:eu-west-1:{TARGET}:replication-configuration-template/{template}"
    assert api.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"Owner": "a"}
    with pytest.raises(api.exceptions.ServiceQuotaExceededException):
        api.create_replication_configuration_template(**replication_template(STAGING_AREA))
    api.update_replication_configuration_template(replicationConfigurationTemplateID=template, bandwidthThrottling=50)
    pages = api.get_paginator("describe_replication_configuration_templates").paginate()
    items = [item for page in pages for item in page["items"]]
    expected = {key: value for key, value in made.items() if key != "ResponseMetadata"}
    assert items == [{**expected, "bandwidthThrottling": 50}]
    deleted = api.delete_replication_configuration_template(replicationConfigurationTemplateID=template)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(api.exceptions.ResourceNotFoundException):
        api.describe_replication_configuration_templates(replicationConfigurationTemplateIDs=[template])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"replication_error": "AGENT_NOT_SEEN"}, "for replication_state STALLED only"),
        ({"replication_state": "STALLED", "replication_error": "TIRED"}, "must be one of AGENT_NOT_SEEN"),
        ({"initiation_error": "TIRED"}, "must be one of AGENT_NOT_SEEN"),
        ({"resync": "some"}, "must be one of initial, rescan"),
    ],
)
def test_a_control_mistake_names_the_key(drs: Drs, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ControlError, match=text):
        change(drs, "s-payapp10000000001", **changes)
