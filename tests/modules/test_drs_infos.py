"""The modules that read jobs and recovery instances, against a drill of the sample estate."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.modules import (
    drs_job_info,
    drs_launch_configuration,
    drs_recovery_instance_info,
    ip_map,
)

from tests.modules.estate import DECLARATION, TABLE, Estate
from tests.support.embedded import STAGING, TARGET
from tests.support.orchestrator import options

READER = f"arn:aws:iam::{STAGING}:role/disaster-recovery-reader"
ACCOUNTS = [
    {"account_id": TARGET, "regions": ["us-west-2", "us-east-1"], "role_arn": None, "external_id": None},
    {"account_id": STAGING, "regions": ["us-west-2"], "role_arn": READER, "external_id": None},
]


class Drill:
    """All servers of the sample estate launched by one job, after the launch of one of them by another job failed."""

    def __init__(self, estate: Estate) -> None:
        self.aws = estate.aws
        self.drs = self.aws.client("drs")
        self._configure()
        items = self.drs.describe_source_servers(filters={})["items"]
        self.servers = sorted(item["sourceServerID"] for item in items)
        fails = {"phase": "LAUNCH", "times": 1, "raw_error": "InsufficientInstanceCapacity"}
        where = {"account": TARGET, "region": "us-west-2", "source_server_id": self.servers[0]}
        self.aws.control("drs/source-server", {**where, "fail_launch": fails})
        self.first = self._launch(self.servers[:1], run="before")
        self.second = self._launch(self.servers, run="now")

    def _configure(self) -> None:
        mapping = options(
            ip_map, table=TABLE, subnet_map=DECLARATION["dr_subnet_map"], source_region=DECLARATION["dr_source_region"]
        )
        ip_map.run(mapping, self.clients, False)
        settings = {"target_instance_type_right_sizing_method": "NONE", "copy_private_ip": False}
        launching = options(drs_launch_configuration, ip_map_table=TABLE, defaults=settings)
        drs_launch_configuration.run(launching, self.clients, False)

    def _launch(self, servers: list[str], run: str) -> str:
        answer = self.drs.start_recovery(
            isDrill=True, sourceServers=[{"sourceServerID": server} for server in servers], tags={"dr:run": run}
        )
        self.aws.control("clock", {"advance": 3600})
        return str(answer["job"]["jobID"])

    def clients(self, service: str, *, region: str = "us-west-2", credentials: Any = None) -> Any:
        return self.aws.client(service, region, **(credentials.arguments() if credentials else {}))

    def jobs(self, **given: Any) -> list[dict[str, Any]]:
        answer = drs_job_info.run(options(drs_job_info, **given), self.clients, False)
        found: list[dict[str, Any]] = answer["jobs"]
        return found

    def instances(self, **given: Any) -> dict[str, Any]:
        given = options(drs_recovery_instance_info, **given)
        return drs_recovery_instance_info.run(given, self.clients, False)


@pytest.fixture(scope="module")
def drill(shared_estate: Estate) -> Drill:
    return Drill(shared_estate)


def test_jobs_are_found_by_id_run_status_and_time(drill: Drill) -> None:
    everything = drill.jobs()
    assert [job["job_id"] for job in everything] == [drill.second, drill.first]
    assert [job["job_id"] for job in drill.jobs(job_ids=[drill.first, "drsjob-00000000000000000"])] == [drill.first]
    assert [job["run_id"] for job in drill.jobs(run_id="now")] == ["now"]
    assert drill.jobs(run_id="nobody") == []
    assert len(drill.jobs(status=["COMPLETED"])) == 2
    assert drill.jobs(status=["STARTED", "A_STATUS_OF_TOMORROW"]) == []
    later = everything[0]["created_at"]
    for given in ({}, {"job_ids": [drill.first, drill.second]}):
        assert [job["job_id"] for job in drill.jobs(created_after=later, **given)] == [drill.second]
        assert [job["job_id"] for job in drill.jobs(created_before="2000-01-01T00:00:00Z", **given)] == []
    with pytest.raises(DeclarationError, match=r"created_after: 'soon'(.|\n)*created_before"):
        drill.jobs(created_after="soon", created_before="never")


def test_the_log_is_read_to_its_last_page(drill: Drill) -> None:
    (job,) = drill.jobs(run_id="now", log=True)
    assert (job["type"], job["initiated_by"], job["status"]) == ("LAUNCH", "START_DRILL", "COMPLETED")
    assert (job["account_id"], job["region"]) == (TARGET, "us-west-2")
    assert {server["source_server_id"] for server in job["servers"]} == set(drill.servers)
    assert {server["launch_status"] for server in job["servers"]} == {"LAUNCHED"}
    assert len(job["log"]) > 100  # a page
    ended = [line["event_data"] for line in job["log"] if line["event"] == "LAUNCH_END"]
    assert {data["source_server_id"] for data in ended} == set(drill.servers)
    assert job["log"][-1]["event"] == "JOB_END"
    (failed,) = drill.jobs(run_id="before", log=True)
    assert (failed["status"], failed["servers"][0]["launch_status"]) == ("COMPLETED", "FAILED")
    assert "InsufficientInstanceCapacity" in failed["servers"][0]["error"]
    assert "log" not in drill.jobs(run_id="now")[0]


def test_values_that_nobody_knows_yet_are_shown_as_they_are(drill: Drill) -> None:
    def of_tomorrow(parsed: dict[str, Any], **_more: Any) -> None:
        for item in parsed["items"]:
            item |= {"status": "PAUSED", "type": "TELEPORT", "initiatedBy": "AN_OMEN"}
            item["participatingServers"] = [{"sourceServerID": "s-1", "launchStatus": "HOVERING"}, {}]

    events = drill.drs.meta.events
    events.register("after-call.drs.DescribeJobs", of_tomorrow, unique_id="tomorrow")
    try:
        (job,) = drill.jobs(job_ids=[drill.first], status=["PAUSED"])
    finally:
        events.unregister("after-call.drs.DescribeJobs", unique_id="tomorrow")
    assert (job["status"], job["type"], job["initiated_by"]) == ("PAUSED", "TELEPORT", "AN_OMEN")
    assert job["servers"] == [
        {"source_server_id": "s-1", "launch_status": "HOVERING", "recovery_instance_id": None},
        {"source_server_id": "", "launch_status": "", "recovery_instance_id": None},
    ]


def test_recovery_instances_with_what_ec2_says_of_them(drill: Drill) -> None:
    everything = drill.instances()["recovery_instances"]
    assert {item["source_server_id"] for item in everything} == set(drill.servers)
    assert {item["job_id"] for item in everything} == {drill.second}
    one = everything[0]
    assert drill.instances(recovery_instance_ids=[one["recovery_instance_id"]])["recovery_instances"] == [one]
    both = {"recovery_instance_ids": [one["recovery_instance_id"]], "source_server_ids": ["s-00000000000000000"]}
    assert drill.instances(**both)["recovery_instances"] == []
    assert len(drill.instances(run_id="now")["recovery_instances"]) == len(drill.servers)
    assert drill.instances(run_id="before")["recovery_instances"] == []
    tags = drill.instances(tags={"Nobody": "has this"})
    assert tags == {"changed": False, "recovery_instances": [], "unread": []}
    (asked,) = drill.instances(source_server_ids=[one["source_server_id"]], ec2=True)["recovery_instances"]
    assert (asked["is_drill"], asked["ec2"]["state"]) == (True, "running")
    assert asked["ec2"]["interfaces"][0]["address"]
    drill.aws.client("ec2").terminate_instances(InstanceIds=[one["ec2_instance_id"]])
    drill.aws.control("clock", {"advance": 7200})
    (gone,) = drill.instances(source_server_ids=[one["source_server_id"]], ec2=True)["recovery_instances"]
    assert gone["ec2"] is None or gone["ec2"]["state"] == "terminated"


def test_several_accounts_are_read_and_one_that_does_not_answer_is_told_of(drill: Drill) -> None:
    found = drill.instances(accounts=ACCOUNTS)
    assert found["unread"] == []
    assert {(item["account_id"], item["region"]) for item in found["recovery_instances"]} == {(TARGET, "us-west-2")}
    down = {"service": "drs", "operation": "DescribeRecoveryInstances", "error": "AccessDeniedException"}
    drill.aws.control("faults", {**down, "account": STAGING})
    try:
        found = drill.instances(accounts=ACCOUNTS)
    finally:
        drill.aws.control("faults", method="DELETE")
    assert len(found["recovery_instances"]) == len(drill.servers)
    assert [(one["account_id"], one["region"]) for one in found["unread"]] == [(STAGING, "us-west-2")]
    assert "AccessDeniedException" in found["unread"][0]["reason"]
    drill.aws.control("faults", {**down, "account": TARGET})
    try:
        with pytest.raises(AwsError, match="AccessDeniedException"):
            drill.instances(accounts=ACCOUNTS)
    finally:
        drill.aws.control("faults", method="DELETE")
