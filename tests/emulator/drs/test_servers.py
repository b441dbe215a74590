"""Source servers, their snapshots and tags [facts 1.3, 1.5, 5.6]."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs


def test_a_source_server_shows_what_the_recorded_one_shows(drs: Drs) -> None:
    server = drs.server("s-paydb100000000001")
    assert server["arn"] == f"arn:aws:drs:us-west-2:{TARGET}:source-server/s-paydb100000000001"
    assert server["tags"] == {"Name": "pay-db-1", "Application": "payments", "Tier": "database"}
    assert server["lastLaunchResult"] == "NOT_STARTED"
    assert server["lifeCycle"]["lastLaunch"] == {"initiated": {}}
    assert server["lifeCycle"]["elapsedReplicationDuration"].startswith("P29DT23H59M")
    assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert server["dataReplicationInfo"]["lagDuration"] == "P0D"
    assert server["stagingArea"] == {"status": "NOT_EXTENDED", "stagingAccountID": TARGET}
    assert server["sourceCloudProperties"] == {
        "originAccountID": TARGET,
        "originRegion": "us-east-1",
        "originAvailabilityZone": "us-east-1a",
    }
    properties = server["sourceProperties"]
    assert properties["identificationHints"] == {
        "hostname": "pay-db-1",
        "fqdn": "pay-db-1.example.internal",
        "awsInstanceID": "i-0a1d0000000000001",
    }
    assert [(item["ips"], item["isPrimary"]) for item in properties["networkInterfaces"]] == [
        (["10.10.1.11"], True),
        (["10.10.5.11"], False),
    ]
    assert properties["ramBytes"] == 16 * 1024**3
    assert drs.server("s-crmdb100000000001")["sourceProperties"]["os"]["fullString"].startswith(
        "Microsoft Windows Server 2022"
    )


def test_filters_narrow_and_pages_cover_everything_once(drs: Drs) -> None:
    two = ["s-paydb100000000001", "s-paydb200000000001"]
    found = drs.api.describe_source_servers(filters={"sourceServerIDs": two})["items"]
    assert sorted(item["sourceServerID"] for item in found) == two
    assert drs.api.describe_source_servers(filters={"stagingAccountIDs": ["333333333333"]})["items"] == []
    pages = list(drs.api.get_paginator("describe_source_servers").paginate(PaginationConfig={"PageSize": 7}))
    ids = [item["sourceServerID"] for page in pages for item in page["items"]]
    assert [len(page["items"]) for page in pages] == [7, 7, 4]
    assert len(set(ids)) == 18


def test_the_policy_makes_snapshots_every_ten_minutes_hourly_and_daily(drs: Drs) -> None:
    pages = drs.api.get_paginator("describe_recovery_snapshots").paginate(
        sourceServerID="s-paydb200000000001", PaginationConfig={"PageSize": 10}
    )
    items = [item for page in pages for item in page["items"]]
    moments = [datetime.fromisoformat(item["timestamp"]) for item in items]
    now = drs.now()
    assert moments == sorted(moments, reverse=True)
    assert 34 <= len(moments) <= 38  # 6 of an hour, 24 of a day, 7 of a week, some the same
    assert now - moments[0] <= timedelta(minutes=10)
    assert now - moments[-1] <= timedelta(days=7)
    assert len([moment for moment in moments if now - moment <= timedelta(hours=1)]) == 6
    window = {
        "fromDateTime": f"{moments[3]:%Y-%m-%dT%H:%M:%SZ}",
        "toDateTime": f"{moments[1]:%Y-%m-%dT%H:%M:%SZ}",
    }
    ascending = drs.api.describe_recovery_snapshots(sourceServerID="s-paydb200000000001", filters=window, order="ASC")[
        "items"
    ]
    assert [datetime.fromisoformat(item["timestamp"]) for item in ascending] == moments[3:0:-1]
    assert len(items[0]["ebsSnapshots"]) == 2


def test_snapshots_keep_their_ids_while_time_passes(drs: Drs) -> None:
    before = drs.api.describe_recovery_snapshots(sourceServerID="s-payapp10000000001")["items"]
    drs.advance(600)
    after = drs.api.describe_recovery_snapshots(sourceServerID="s-payapp10000000001")["items"]
    assert after[1] == before[0]
    assert after[0]["snapshotID"] != before[0]["snapshotID"]


def test_tags_merge_and_go(drs: Drs) -> None:
    arn = drs.server("s-payapp20000000001")["arn"]
    assert (
        drs.api.tag_resource(resourceArn=arn, tags={"Owner": "a", "Tier": "x"})["ResponseMetadata"]["HTTPStatusCode"]
        == 200
    )
    drs.api.untag_resource(resourceArn=arn, tagKeys=["Application", "nothing"])
    expected = {"Name": "pay-app-2", "Owner": "a", "Tier": "x"}
    assert drs.api.list_tags_for_resource(resourceArn=arn)["tags"] == expected
    assert drs.server("s-payapp20000000001")["tags"] == expected


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ({"aws:thing": "x"}, "must not start with aws:"),
        ({"AWS:thing": "x"}, "must not start with aws:"),
        ({"k" * 129: "x"}, "1 to 128 characters"),
        ({f"key-{number}": "x" for number in range(51)}, "at most 50 tags"),
        ({"key": "v" * 257}, "length less than or equal to 256"),
    ],
)
def test_tags_keep_the_rules(drs: Drs, tags: dict[str, str], text: str) -> None:
    server = drs.server("s-payapp30000000001")
    with pytest.raises(drs.api.exceptions.ValidationException, match=text):
        drs.api.tag_resource(resourceArn=server["arn"], tags=tags)
    assert drs.server("s-payapp30000000001")["tags"] == server["tags"]


def test_tags_of_nothing_are_not_found(drs: Drs) -> None:
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        drs.api.list_tags_for_resource(resourceArn=f"arn:aws:drs:us-west-2:{TARGET}:source-server/s-00000000000000000")


def test_a_server_is_disconnected_and_then_deleted_with_its_template(drs: Drs) -> None:
    server = "s-payrep10000000001"
    template = drs.template(server)
    with pytest.raises(drs.api.exceptions.ConflictException, match="must be disconnected"):
        drs.api.delete_source_server(sourceServerID=server)
    answer = drs.api.disconnect_source_server(sourceServerID=server)
    assert answer["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    assert "lagDuration" not in answer["dataReplicationInfo"]
    assert answer["dataReplicationInfo"]["replicatedDisks"][0]["totalStorageBytes"] == 0
    drs.api.delete_source_server(sourceServerID=server)
    assert drs.api.describe_source_servers(filters={"sourceServerIDs": [server]})["items"] == []
    names = drs.ec2.describe_launch_templates(
        Filters=[{"Name": "tag:AWSElasticDisasterRecoverySourceServerID", "Values": [server]}]
    )
    assert template not in [item["LaunchTemplateId"] for item in names["LaunchTemplates"]]


def test_a_server_with_a_recovery_instance_or_in_a_job_stays(drs: Drs) -> None:
    server = "s-payweb10000000001"
    drs.launch_into(server, RECOVERY_APP)
    job_id = drs.start(server)
    for call in (drs.api.disconnect_source_server, drs.api.delete_source_server):
        with pytest.raises(drs.api.exceptions.ConflictException, match="processed by a Job"):
            call(sourceServerID=server)
    drs.finish(job_id)
    with pytest.raises(drs.api.exceptions.ConflictException, match="has a Recovery Instance"):
        drs.api.disconnect_source_server(sourceServerID=server)
