"""Fault rules that happen in DRS: calls about a server, launches, replication [facts 5.4, 5.7, 10.1 item 12]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs
from tests.support.embedded import ControlError


@pytest.fixture(autouse=True)
def _no_faults_left(drs: Drs) -> Iterator[None]:
    yield
    drs.aws.control("faults", method="DELETE")


def fault(drs: Drs, **document: Any) -> str:
    identifier: str = drs.aws.control("faults", document)["id"]
    return identifier


def hostname(drs: Drs, server: str) -> str:
    name: str = drs.server(server)["sourceProperties"]["identificationHints"]["hostname"]
    return name


def test_a_start_whose_answer_is_lost_has_started_and_cannot_be_repeated(drs: Drs) -> None:
    """Facts, first list, 3 and 7.1: StartRecovery has no client token; the job is found by its tag."""
    server = "s-paydb100000000001"
    drs.launch_into(server, RECOVERY_APP)
    fault(drs, kind="timeout_after", service="drs", operation="StartRecovery")
    with pytest.raises(ConnectionClosedError):
        drs.start(server, isDrill=True, tags={"run": "r-1"})
    with pytest.raises(drs.api.exceptions.ConflictException):
        drs.start(server, isDrill=True, tags={"run": "r-1"})
    (job,) = [job for job in drs.api.describe_jobs()["items"] if job["tags"] == {"run": "r-1"}]
    drs.finish(job["jobID"])
    assert drs.status_of(job["jobID"], server) == "LAUNCHED"


def test_a_start_that_never_arrived_has_done_nothing(drs: Drs) -> None:
    server = "s-paydb200000000001"
    drs.launch_into(server, RECOVERY_APP)
    fault(drs, kind="timeout_before", service="drs", operation="StartRecovery")
    with pytest.raises(ConnectionClosedError):
        drs.start(server, tags={"run": "r-2"})
    assert not [job for job in drs.api.describe_jobs()["items"] if job["tags"] == {"run": "r-2"}]


def test_calls_about_one_server_fail_and_others_do_not(drs: Drs) -> None:
    struck, other = "s-payapp10000000001", "s-payapp20000000001"
    fault(drs, kind="denied", service="drs", operation="Get*", server=hostname(drs, struck), times=None)
    with pytest.raises(drs.api.exceptions.AccessDeniedException):
        drs.api.get_launch_configuration(sourceServerID=struck)
    assert drs.api.get_launch_configuration(sourceServerID=other)["sourceServerID"] == other


@pytest.mark.parametrize(
    ("server", "phase", "event"),
    [
        ("s-payapp10000000001", "SNAPSHOT", "SNAPSHOT_FAIL"),
        ("s-payapp20000000001", "CONVERSION", "CONVERSION_FAIL"),
        ("s-payapp30000000001", "LAUNCH", "LAUNCH_FAILED"),
    ],
)
def test_a_launch_fails_in_a_phase_with_or_without_a_reason(drs: Drs, server: str, phase: str, event: str) -> None:
    """Facts 5.4: the job is COMPLETED, the server FAILED; rawError may be absent."""
    drs.launch_into(server, RECOVERY_APP)
    fault(drs, kind="launch_failure", phase=phase, server=server, raw_error="as told")
    fault(drs, kind="launch_failure", phase=phase, server=hostname(drs, server))
    logs = [drs.log(drs.recover(server), server) for _ in range(2)]
    assert [log[-1]["event"] for log in logs] == [event, event]
    assert [log[-1]["eventData"].get("rawError") for log in logs] == ["as told", None]
    assert drs.status_of(drs.recover(server), server) == "LAUNCHED"


def test_launches_fail_by_chance_and_the_same_way_again(drs: Drs) -> None:
    servers = ["s-crmapp10000000001", "s-crmapp20000000001", "s-crmapp30000000001", "s-crmapp40000000001"]
    failed = []
    for _ in range(2):
        rule = fault(
            drs, kind="launch_failure", phase="SNAPSHOT", server="crm-*", probability=0.5, seed="dice", times=None
        )
        job_id = drs.recover(*servers)
        drs.aws.control("faults", {"id": rule}, "DELETE")
        failed.append([drs.events(job_id, server)[-1] for server in servers].count("SNAPSHOT_FAIL"))
    assert failed[0] == failed[1]
    assert 0 < failed[0] < len(servers)


def test_an_older_instance_that_cannot_be_cleaned_up_fails_the_launch(drs: Drs) -> None:
    """Facts 5.3: CLEANUP_FAIL."""
    server = "s-payweb10000000001"
    drs.launch_into(server, RECOVERY_APP)
    drs.recover(server)
    fault(drs, kind="launch_failure", phase="CLEANUP", server=server, raw_error="it stays")
    last = drs.log(drs.recover(server), server)[-1]
    assert (last["event"], last["eventData"]["rawError"]) == ("CLEANUP_FAIL", "it stays")


def test_a_zone_without_capacity_fails_launches_there_while_it_lasts(drs: Drs) -> None:
    """InsufficientInstanceCapacity of EC2 ends as LAUNCH_FAILED with EC2's text [facts 5.3, issue 3]."""
    server = "s-payweb20000000001"
    drs.launch_into(server, RECOVERY_APP)
    kind = drs.template_data(server)["InstanceType"]
    zone = drs.ec2.describe_subnets(SubnetIds=[RECOVERY_APP])["Subnets"][0]["AvailabilityZone"]
    rule = fault(drs, kind="no_capacity", instance_type=kind, zone=zone)
    last = drs.log(drs.recover(server), server)[-1]
    assert last["event"] == "LAUNCH_FAILED"
    assert "(InsufficientInstanceCapacity) when calling the RunInstances operation" in last["eventData"]["rawError"]
    drs.aws.control("faults", {"id": rule}, "DELETE")
    assert drs.status_of(drs.recover(server), server) == "LAUNCHED"


def test_replication_stalls_from_one_moment_to_another(drs: Drs) -> None:
    """Facts 5.7: STALLED is a state of its own, in which the lag grows."""
    stalled, other = "s-crmweb10000000001", "s-payweb10000000001"
    fault(drs, kind="replication", state="STALLED", server=stalled, **{"from": 600, "to": 4200})
    seen = []
    for seconds in (300, 1500, 1800, 1200):
        drs.advance(seconds)
        seen.append(drs.server(stalled)["dataReplicationInfo"])
    assert [info["dataReplicationState"] for info in seen] == ["CONTINUOUS", "STALLED", "STALLED", "CONTINUOUS"]
    assert [info["lagDuration"] for info in seen] == ["P0D", "PT20M", "PT50M", "P0D"]
    assert drs.server(other)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert drs.aws.control("faults") == {"faults": []}


def test_a_copy_that_stalled_for_a_while_goes_on(drs: Drs) -> None:
    """Facts 5.7: a first copy that a rule held up comes to its end, not back to a state for ever."""
    server = "s-crmweb20000000001"
    drs.api.stop_replication(sourceServerID=server)
    drs.api.start_replication(sourceServerID=server)
    fault(drs, kind="replication", state="STALLED", server=server, **{"from": 400, "to": 600})
    drs.advance(500)
    assert drs.server(server)["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
    drs.advance(7200)
    assert drs.server(server)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_a_lag_lasts_until_its_rule_is_deleted(drs: Drs) -> None:
    server = "s-crmweb10000000001"
    rule = fault(drs, kind="replication", state="BACKLOG", lag=900, account=TARGET, server=hostname(drs, server))
    info = drs.server(server)["dataReplicationInfo"]
    assert (info["dataReplicationState"], info["lagDuration"]) == ("BACKLOG", "PT15M")
    drs.aws.control("faults", {"id": rule}, "DELETE")
    info = drs.server(server)["dataReplicationInfo"]
    assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")


def test_a_launch_failure_needs_a_phase(drs: Drs) -> None:
    with pytest.raises(ControlError, match="of kind launch_failure needs phase"):
        fault(drs, kind="launch_failure")
