"""Recovery jobs: time line, log, participants, conflicts [facts 1.5, 5]."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from emulator.drs.state import Machine
from emulator.drs.timeline import launch_offsets
from tests.emulator.drs.support import RECOVERY_APP, RECOVERY_BACKUP, RECOVERY_DB, Drs, seconds_after

RECORDED = {
    "JOB_START": 0.36,
    "SNAPSHOT_START": 0.76,
    "SNAPSHOT_END": 0.95,
    "CONVERSION_START": 52.9,
    "CONVERSION_END": 250.4,
    "LAUNCH_START": 251.0,
    "LAUNCH_END": 529.8,
    "JOB_END": 533.3,
}


def test_a_drill_follows_the_recorded_time_line(drs: Drs) -> None:
    server = "s-payapp10000000001"
    drs.launch_into(server, RECOVERY_APP)
    response = drs.api.start_recovery(sourceServers=[{"sourceServerID": server}], isDrill=True, tags={"dr:run": "a"})
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 202
    job = response["job"]
    assert (job["type"], job["initiatedBy"], job["status"]) == ("LAUNCH", "START_DRILL", "PENDING")
    assert job["participatingServers"] == [{"sourceServerID": server, "launchStatus": "PENDING"}]
    assert drs.server(server)["lastLaunchResult"] == "PENDING"

    drs.advance(200)
    assert drs.status_of(job["jobID"], server) == "IN_PROGRESS"
    assert drs.job(job["jobID"])["status"] == "STARTED"
    assert drs.events(job["jobID"])[-1] == "CONVERSION_START"

    drs.finish(job["jobID"])
    log = drs.log(job["jobID"])
    assert [item["event"] for item in log] == list(RECORDED)
    moments = {item["event"]: seconds_after(job["creationDateTime"], item["logDateTime"]) for item in log}
    assert moments == pytest.approx(RECORDED, rel=0.06)
    assert all(item["eventData"].get("sourceServerID") == server for item in log[1:-1])

    ended = drs.job(job["jobID"])
    instance = drs.recovery_instance_of(server)
    assert ended["status"] == "COMPLETED"
    assert seconds_after(ended["endDateTime"], log[-1]["logDateTime"]) == pytest.approx(0.026)
    assert ended["tags"] == {"dr:run": "a"}
    assert ended["participatingServers"] == [
        {"sourceServerID": server, "launchStatus": "LAUNCHED", "recoveryInstanceID": instance["recoveryInstanceID"]}
    ]
    assert log[-2]["eventData"]["targetInstanceID"] == instance["ec2InstanceID"]
    assert instance["isDrill"] is True
    assert instance["jobID"] == job["jobID"]
    shown = drs.server(server)
    assert shown["recoveryInstanceId"] == instance["recoveryInstanceID"]
    assert shown["lastLaunchResult"] == "SUCCEEDED"
    assert shown["lifeCycle"]["lastLaunch"] == {
        "initiated": {"apiCallDateTime": job["creationDateTime"], "jobID": job["jobID"], "type": "DRILL"},
        "status": "LAUNCHED",
    }


def test_windows_takes_three_times_as_long(drs: Drs) -> None:
    server = "s-crmapp10000000001"
    drs.launch_into(server, RECOVERY_APP)
    job_id = drs.recover(server)
    job = drs.job(job_id)
    assert job["initiatedBy"] == "START_RECOVERY"
    assert seconds_after(job["creationDateTime"], job["endDateTime"]) == pytest.approx(3 * 533, rel=0.06)
    assert drs.instance(drs.recovery_instance_of(server)["ec2InstanceID"])["Platform"] == "windows"


def test_the_instance_is_what_the_template_and_the_launch_settings_say(drs: Drs) -> None:
    server = "s-paydb100000000001"
    drs.api.update_launch_configuration(
        sourceServerID=server, copyTags=True, targetInstanceTypeRightSizingMethod="NONE", launchDisposition="STOPPED"
    )
    specifications = drs.template_data(server)["TagSpecifications"]
    own = [{"Key": "Owner", "Value": "dr-team"}, {"Key": "Tier", "Value": "from-the-template"}]
    merged = [{**item, "Tags": item["Tags"] + own} for item in specifications]
    drs.launch_with(
        server,
        InstanceType="m5.xlarge",
        NetworkInterfaces=[
            {
                "DeviceIndex": 0,
                "SubnetId": RECOVERY_DB,
                "PrivateIpAddresses": [
                    {"Primary": True, "PrivateIpAddress": "10.20.1.11"},
                    {"Primary": False, "PrivateIpAddress": "10.20.1.12"},
                ],
                "Groups": ["sg-0a20100000000d001"],
            },
            {
                "DeviceIndex": 1,
                "SubnetId": RECOVERY_BACKUP,
                "PrivateIpAddress": "10.20.5.11",
                "Groups": ["sg-0a20500000000b001"],
            },
        ],
        TagSpecifications=[*merged, {"ResourceType": "network-interface", "Tags": own}],
    )
    job_id = drs.recover(server)
    instance = drs.instance(drs.recovery_instance_of(server)["ec2InstanceID"])
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    interfaces = sorted(instance["NetworkInterfaces"], key=lambda item: item["Attachment"]["DeviceIndex"])

    assert instance["State"]["Name"] == "stopped"
    assert instance["InstanceType"] == "m5.xlarge"
    assert instance["IamInstanceProfile"]["Arn"].endswith("/AWSElasticDisasterRecoveryRecoveryInstanceRole")
    assert [
        (
            item["SubnetId"],
            [address["PrivateIpAddress"] for address in item["PrivateIpAddresses"]],
            [group["GroupId"] for group in item["Groups"]],
        )
        for item in interfaces
    ] == [
        (RECOVERY_DB, ["10.20.1.11", "10.20.1.12"], ["sg-0a20100000000d001"]),
        (RECOVERY_BACKUP, ["10.20.5.11"], ["sg-0a20500000000b001"]),
    ]
    assert tags["AWSElasticDisasterRecoveryManaged"] == "drs.amazonaws.com"
    assert tags["AWSElasticDisasterRecoverySourceServerID"] == server
    assert tags["drs.amazonaws.com-source-server"] == server
    assert tags["drs.amazonaws.com-job"] == job_id
    assert tags["Application"] == "payments"  # copied from the source server
    assert tags["Tier"] == "from-the-template"  # the template wins
    volume_ids = [item["Ebs"]["VolumeId"] for item in instance["BlockDeviceMappings"]]
    volumes = drs.ec2.describe_volumes(VolumeIds=volume_ids)["Volumes"]
    assert sorted(volume["Size"] for volume in volumes) == [16, 200]
    assert all({"Key": "Owner", "Value": "dr-team"} in volume["Tags"] for volume in volumes)
    shown = drs.ec2.describe_network_interfaces(NetworkInterfaceIds=[interfaces[0]["NetworkInterfaceId"]])
    assert {"Key": "Owner", "Value": "dr-team"} in shown["NetworkInterfaces"][0]["TagSet"]


def test_tags_of_the_source_server_are_not_copied_unless_asked_for(drs: Drs) -> None:
    server = "s-payapp20000000001"
    drs.launch_into(server, RECOVERY_APP)
    drs.recover(server)
    tags = drs.instance(drs.recovery_instance_of(server)["ec2InstanceID"])["Tags"]
    assert "Application" not in {tag["Key"] for tag in tags}


def test_a_new_launch_terminates_the_older_instance_first(drs: Drs) -> None:
    server = "s-payapp30000000001"
    drs.launch_into(server, RECOVERY_APP, "10.20.2.113")
    drs.recover(server, isDrill=True)
    older = drs.recovery_instance_of(server)["ec2InstanceID"]
    job_id = drs.recover(server)
    newer = drs.recovery_instance_of(server)
    assert drs.events(job_id)[:4] == ["JOB_START", "CLEANUP_START", "CLEANUP_END", "SNAPSHOT_START"]
    assert drs.instance(older)["State"]["Name"] == "terminated"
    assert newer["ec2InstanceID"] != older
    assert newer["isDrill"] is False
    assert drs.instance(newer["ec2InstanceID"])["PrivateIpAddress"] == "10.20.2.113"


def test_termination_protection_of_the_older_instance_fails_the_launch(drs: Drs) -> None:
    server = "s-payapp40000000001"
    drs.launch_into(server, RECOVERY_APP)
    drs.recover(server)
    older = drs.recovery_instance_of(server)["ec2InstanceID"]
    drs.ec2.modify_instance_attribute(InstanceId=older, DisableApiTermination={"Value": True})
    job_id = drs.recover(server)
    log = drs.log(job_id, server)
    assert [item["event"] for item in log] == ["CLEANUP_START", "CLEANUP_FAIL"]
    assert "OperationNotPermitted" in log[-1]["eventData"]["rawError"]
    assert drs.status_of(job_id, server) == "FAILED"
    assert drs.recovery_instance_of(server)["ec2InstanceID"] == older


def test_a_pinned_snapshot_is_used_and_none_is_taken(drs: Drs) -> None:
    server = "s-payweb10000000001"
    drs.launch_into(server, RECOVERY_APP)
    oldest = drs.api.describe_recovery_snapshots(sourceServerID=server, order="ASC")["items"][0]
    entry = {"sourceServerID": server, "recoverySnapshotID": oldest["snapshotID"]}
    job_id = drs.api.start_recovery(sourceServers=[entry])["job"]["jobID"]
    drs.finish(job_id)
    assert drs.events(job_id)[:2] == ["JOB_START", "CONVERSION_START"]
    assert drs.recovery_instance_of(server)["pointInTimeSnapshotDateTime"] == oldest["timestamp"]


def test_a_snapshot_that_is_gone_is_refused(drs: Drs) -> None:
    entry = {"sourceServerID": "s-payweb20000000001", "recoverySnapshotID": "pit-00000000000000000"}
    with pytest.raises(drs.api.exceptions.ValidationException, match="pit-00000000000000000"):
        drs.api.start_recovery(sourceServers=[entry])


def test_a_server_is_in_one_job_at_a_time_and_nothing_starts_when_one_is_busy(drs: Drs) -> None:
    busy, idle = "s-payweb20000000001", "s-payweb30000000001"
    drs.launch_into(busy, RECOVERY_APP)
    job_id = drs.start(busy)
    with pytest.raises(drs.api.exceptions.ConflictException) as error:
        drs.start(idle, busy)
    assert error.value.response["Error"]["Message"] == (
        "One or more of the Source Servers included in API call are currently being processed by a Job"
    )
    assert error.value.response["resourceId"] == busy
    assert drs.server(idle)["lastLaunchResult"] == "NOT_STARTED"
    drs.finish(job_id)


def test_of_many_starts_at_once_one_gets_the_server(drs: Drs) -> None:
    server = "s-paydb200000000001"
    drs.launch_into(server, RECOVERY_DB)

    def attempt(_number: int) -> str:
        try:
            return drs.start(server)
        except drs.api.exceptions.ConflictException:
            return "conflict"

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(attempt, range(24)))
    assert outcomes.count("conflict") == 23
    drs.finish(next(outcome for outcome in outcomes if outcome != "conflict"))


@pytest.mark.parametrize(
    ("servers", "text"),
    [
        (["s-00000000000000000"], "s-00000000000000000 does not exist"),
        (["s-payrep10000000001", "s-payrep10000000001"], "more than once"),
    ],
)
def test_a_start_that_names_servers_wrongly_is_refused(drs: Drs, servers: list[str], text: str) -> None:
    with pytest.raises(drs.api.exceptions.ValidationException, match=text):
        drs.start(*servers)


def test_jobs_are_listed_newest_first_in_pages_and_by_date(drs: Drs) -> None:
    server = "s-payrep10000000001"
    drs.launch_into(server, RECOVERY_APP)
    begin = drs.now()
    made = [drs.recover(server), drs.recover(server), drs.recover(server)]
    pages = drs.api.get_paginator("describe_jobs").paginate(
        filters={"fromDate": f"{begin:%Y-%m-%dT%H:%M:%SZ}"}, PaginationConfig={"PageSize": 1}
    )
    assert [job["jobID"] for page in pages for job in page["items"]] == made[::-1]
    second = drs.job(made[1])
    first_only = drs.api.describe_jobs(
        filters={
            "jobIDs": made,
            "toDate": f"{_moment(second) - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        }
    )
    assert [job["jobID"] for job in first_only["items"]] == made[:1]


def _moment(job: dict[str, str]) -> datetime:
    return datetime.fromisoformat(job["creationDateTime"])


def test_the_log_of_an_unknown_job_is_refused(drs: Drs) -> None:
    with pytest.raises(drs.api.exceptions.ValidationException, match="does not exist"):
        drs.api.describe_job_log_items(jobID="drsjob-00000000000000000")


def test_the_same_seed_gives_the_same_time_line() -> None:
    machine = Machine("a", "a.b", "Linux", "t3.small", 2, 1, [], [], "1" * 12, "us-east-1", "us-east-1a", None)
    first = launch_offsets("s-1", 0, machine, 1.0, cleanup=False)
    assert launch_offsets("s-1", 0, machine, 1.0, cleanup=False) == first
    assert launch_offsets("s-2", 0, machine, 1.0, cleanup=False) != first
    assert launch_offsets("s-1", 1, machine, 1.0, cleanup=False) != first
    assert launch_offsets("s-1", 0, machine, 2.0, cleanup=False)["launch_end"] == pytest.approx(
        2 * first["launch_end"], rel=0.01
    )
