"""Drills to their end: held for testers, aborted in every phase, killed, cleaned up; what they leave behind is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

from tests.functions.run_control import execute, stop_executions, until
from tests.functions.test_isolation import internet_gateway, opened
from tests.support.orchestrator import IDS, KEYS, PREFIX, Orchestrator

NewRun = Callable[[], str]
FAILOVER_SUBNET, DRILL_SUBNET, DRILL_GROUP = (
    "subnet-0a20100000000d001",
    "subnet-0a99100000000d001",
    "sg-0a99100000000d001",
)


def recovery_instances(orchestrator: Orchestrator) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = orchestrator.client("drs").describe_recovery_instances(filters={})["items"]
    return items


def instances(orchestrator: Orchestrator, *ids: str) -> list[dict[str, Any]]:
    found = orchestrator.client("ec2").describe_instances(InstanceIds=list(ids))["Reservations"]
    return [item for reservation in found for item in reservation["Instances"]]


def default_subnets(orchestrator: Orchestrator) -> set[str]:
    """The subnets of interface 0 of what the servers' templates launch now."""
    subnets = set()
    for server_id in IDS.values():
        template = orchestrator.client("drs").get_launch_configuration(sourceServerID=server_id)["ec2LaunchTemplateID"]
        (version,) = orchestrator.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=template, Versions=["$Default"]
        )["LaunchTemplateVersions"]
        interfaces = version["LaunchTemplateData"]["NetworkInterfaces"]
        subnets.update(item["SubnetId"] for item in interfaces if item["DeviceIndex"] == 0)
    return subnets


def report(orchestrator: Orchestrator, run_id: str) -> dict[str, Any]:
    stored = orchestrator.client("s3").get_object(Bucket=orchestrator.bucket, Key=f"runs/{run_id}/report.json")
    found: dict[str, Any] = json.load(stored["Body"])
    return found


def assert_nothing_is_left(orchestrator: Orchestrator, run_id: str, status: str) -> None:
    """A closed drill holds no lock, launches nothing, leaves no instance, and its templates launch a failover."""
    run = orchestrator.runs.get_run(run_id)
    assert run is not None
    assert (run["status"], run["open_pauses"]) == (status, [])
    assert orchestrator.runs.lock_owners([*KEYS.values(), "plan:small", "plan:drilled"]) == {}
    assert {job["status"] for job in orchestrator.jobs(run_id)} <= {"COMPLETED"}
    assert recovery_instances(orchestrator) == []
    assert default_subnets(orchestrator) == {FAILOVER_SUBNET}
    assert orchestrator.runs.turn_tokens(run_id) == {}
    assert all(wave["ended_at"] for wave in orchestrator.runs.get_waves(run_id) if wave["started_at"])
    launched = {
        server["sourceServerID"]
        for job in orchestrator.jobs(run_id)
        for server in job["participatingServers"]
        if server["launchStatus"] == "LAUNCHED"
    }
    stored = report(orchestrator, run_id)
    assert {item["source_server_id"] for item in stored["servers"]["list"] if item["instance_id"]} == launched
    assert (stored["drill_instances_left"], stored["templates_left"]) == ([], None)


PHASES: list[tuple[str, int, dict[str, Any]]] = [
    ("run_opened", 1, {}),
    ("servers_correlated", 1, {}),
    ("servers_discovered", 1, {}),
    ("gate_passed", 1, {}),
    ("wave_started", 1, {}),
    ("templates_prepared", 1, {}),
    ("job_started", 1, {}),
    ("server_launched", 1, {}),
    ("server_validated", 1, {"waves": [{"name": "all", "groups": ["db", "app", "rep"], "soak": 80000}]}),
    ("wave_ended", 1, {}),
    ("wave_ended", 2, {}),
    ("run_paused", 1, {"drill": {"hold": 86400}}),
    ("clean_up_started", 1, {}),
]
"""Open, correlate, discover, gate, wait for the turn, before the launch, launching, validating, soak, between waves,
final validation, hold, clean-up. An abort while a person is asked: test_run_control."""


@pytest.mark.parametrize(("phase", "times", "plan"), PHASES)
def test_an_abort_in_any_phase_waits_for_drs_and_leaves_nothing(
    orchestrator: Orchestrator, new_run: NewRun, slowly: None, phase: str, times: int, plan: dict[str, Any]
) -> None:
    run_id = new_run()
    orchestrator.publish(name="drilled", **plan)
    arn = orchestrator.start("test", run_id, plan="drilled")
    until(orchestrator, run_id, phase, times)
    before = parse_time(orchestrator.now())
    assert execute(orchestrator, "aborted", run_id)["changed"]
    orchestrator.aws.control("clock", {"pace": None})
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "aborted")
    assert_nothing_is_left(orchestrator, run_id, "aborted")
    # Nobody waited for the end of a soak or a hold: DRS's jobs take a few minutes, their time-outs an hour.
    closed_at = parse_time((orchestrator.runs.get_run(run_id) or {})["closed_at"])
    assert (closed_at - before).total_seconds() < 7200


def test_a_held_drill_waits_for_its_testers_and_what_they_leave_behind_is_told(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id, ec2 = new_run(), orchestrator.client("ec2")
    arn = orchestrator.start("test", run_id, hold=7200, requested_by="me")
    orchestrator.follow(arn, until_paused=True)
    (pause,) = orchestrator.runs.open_pauses(run_id)
    assert (pause["step"], pause["options"], pause["default"], pause["not_by"]) == (
        "hold",
        ["continue", "abort"],
        "continue",
        None,
    )
    assert (parse_time(pause["deadline"]) - parse_time(pause["asked_at"])).total_seconds() == 7200
    record = next(item for item in orchestrator.runs.get_servers(run_id) if item["server_key"] == KEYS["db-1"])
    shown = f"{KEYS['db-1']}: {record['instance_id']}, 10.99.1.11, 10.99.5.11"
    assert shown in pause["details"]["instances"]
    assert len(pause["details"]["instances"]) == 4
    (instance,) = instances(orchestrator, record["instance_id"])
    volume = ec2.create_volume(AvailabilityZone=instance["Placement"]["AvailabilityZone"], Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=record["instance_id"], Device="/dev/sdz")
    interface = ec2.create_network_interface(SubnetId=DRILL_SUBNET, Groups=[DRILL_GROUP])["NetworkInterface"]
    interface_id = interface["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=interface_id, InstanceId=record["instance_id"], DeviceIndex=5)
    orchestrator.aws.control("clock", {"advance": 3600})
    assert orchestrator.client("stepfunctions").describe_execution(executionArn=arn)["status"] == "RUNNING"
    orchestrator.decide(run_id, "continue")
    execution = orchestrator.follow(arn)
    try:
        assert json.loads(execution["output"]) == {"run_id": run_id, "status": "succeeded_with_failures"}
        assert_nothing_is_left(orchestrator, run_id, "succeeded_with_failures")
        assert set(orchestrator.statuses(run_id).values()) == {"cleaned_up"}
        left = [(item["kind"], item["id"], item["server_key"]) for item in report(orchestrator, run_id)["left_behind"]]
        assert left == [("network-interface", interface_id, KEYS["db-1"]), ("volume", volume, KEYS["db-1"])]
        (ended,) = [item for item in orchestrator.runs.events(run_id) if item["kind"] == "clean_up_ended"]
        assert [item["id"] for item in ended["data"]["left_behind"]] == [interface_id, volume]
    finally:
        ec2.delete_volume(VolumeId=volume)
        ec2.delete_network_interface(NetworkInterfaceId=interface_id)


def test_a_hold_ends_by_itself_and_goes_on_after_its_execution_was_lost(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id = new_run()
    orchestrator.publish(name="drilled", drill={"hold": 7200})
    orchestrator.follow(orchestrator.start("test", run_id, plan="drilled"), until_paused=True)
    orchestrator.aws.control("clock", {"advance": 3600})
    stop_executions(orchestrator)
    arn = execute(orchestrator, "resumed", run_id)["execution_arn"]
    orchestrator.follow(arn, until_paused=True)
    first, second = orchestrator.runs.pauses(run_id)
    assert (first["status"], second["status"]) == ("void", "open")
    assert abs((parse_time(second["deadline"]) - parse_time(first["deadline"])).total_seconds()) < 60
    orchestrator.aws.control("clock", {"advance": 3700})
    assert json.loads(orchestrator.follow(arn)["output"])["status"] == "succeeded"
    assert [pause.get("decision") for pause in orchestrator.runs.pauses(run_id)] == [None, "continue"]
    assert_nothing_is_left(orchestrator, run_id, "succeeded")


def test_a_drill_killed_half_way_then_a_real_failover_goes_to_the_failover_network(
    orchestrator: Orchestrator, new_run: NewRun, slowly: None
) -> None:
    drill, failover = new_run(), new_run()
    orchestrator.start("test", drill)
    until(orchestrator, drill, "server_launched")
    start: dict[str, Any] = {"plan": "small", "mode": "failover"}
    with pytest.raises(ConflictError, match=f"being run by run '{drill}': join it"):
        execute(orchestrator, "started", failover, **start)
    stop_executions(orchestrator)
    with pytest.raises(ConflictError, match=f"locked by run '{drill}', whose execution has ended .* Abort it"):
        execute(orchestrator, "started", failover, **start)
    assert DRILL_SUBNET in default_subnets(orchestrator)
    stopped = execute(orchestrator, "stopped", drill)
    assert f"disaster_recovery.aws.clean_up -e dr_run={drill}" in stopped["warnings"][1]
    assert recovery_instances(orchestrator) != []
    assert DRILL_SUBNET in default_subnets(orchestrator)
    arn = execute(orchestrator, "started", failover, **start)["execution_arn"]
    until(orchestrator, failover, "servers_discovered")
    with pytest.raises(ConflictError, match=f"Run {failover} holds"):
        execute(orchestrator, "cleaned_up", drill)
    orchestrator.aws.control("clock", {"pace": None})
    assert json.loads(orchestrator.follow(arn)["output"])["status"] == "succeeded"
    launched = [item["instance_id"] for item in orchestrator.runs.get_servers(failover)]
    assert {item["SubnetId"] for item in instances(orchestrator, *launched)} == {FAILOVER_SUBNET}
    # What the drill launched was replaced: its clean-up finds nothing, and leaves the failover alone.
    orchestrator.follow(execute(orchestrator, "cleaned_up", drill)["execution_arn"])
    assert {item["State"]["Name"] for item in instances(orchestrator, *launched)} == {"running"}
    with pytest.raises(ConflictError, match="is a failover"):
        execute(orchestrator, "cleaned_up", failover)


def test_a_stopped_drill_can_be_cleaned_up_and_keeps_its_status(
    orchestrator: Orchestrator, new_run: NewRun, slowly: None
) -> None:
    run_id = new_run()
    orchestrator.start("test", run_id)
    until(orchestrator, run_id, "job_started")
    with pytest.raises(ConflictError, match="is being executed"):
        execute(orchestrator, "cleaned_up", run_id)
    execute(orchestrator, "stopped", run_id)
    assert execute(orchestrator, "cleaned_up", run_id, check_mode=True)["changed"]
    arn = execute(orchestrator, "cleaned_up", run_id)["execution_arn"]
    orchestrator.aws.control("clock", {"pace": None})
    orchestrator.follow(arn)
    assert_nothing_is_left(orchestrator, run_id, "aborted")
    assert [kind for kind in orchestrator.kinds(run_id) if kind.startswith(("clean_up", "run_closed"))] == [
        "run_closed",
        "clean_up_requested",
        "clean_up_started",
        "clean_up_ended",
    ]


def test_a_run_whose_execution_is_dead_is_aborted_by_another_one(
    orchestrator: Orchestrator, new_run: NewRun, slowly: None
) -> None:
    run_id = new_run()
    orchestrator.start("test", run_id)
    until(orchestrator, run_id, "job_started")
    stop_executions(orchestrator)
    arn = execute(orchestrator, "aborted", run_id)["execution_arn"]
    orchestrator.aws.control("clock", {"pace": None})
    assert orchestrator.follow(arn)["error"] == "aborted"
    assert_nothing_is_left(orchestrator, run_id, "aborted")
    assert "gate_passed" not in orchestrator.kinds(run_id)[orchestrator.kinds(run_id).index("abort_requested") :]


def test_a_drill_that_nobody_can_be_asked_about_fails_and_is_cleaned_up_all_the_same(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    run_id, iam = new_run(), orchestrator.client("iam")
    waves = [{"name": name, "groups": [name], "retries": 0, "depends_on": []} for name in ("db", "app", "rep")]
    orchestrator.publish(name="drilled", waves=waves)
    orchestrator.change_source_server("db-1", fail_launch={"phase": "LAUNCH", "times": 1, "raw_error": "no capacity"})
    denied = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}]}
    role = f"{PREFIX}-ask-operator"
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=json.dumps(denied))
    try:
        execution = orchestrator.follow(orchestrator.start("test", run_id, plan="drilled"))
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")
    assert (execution["status"], execution["error"]) == ("FAILED", "failed")
    assert "No operator could be asked" in (orchestrator.runs.get_run(run_id) or {})["error"]
    assert_nothing_is_left(orchestrator, run_id, "failed")


def test_a_way_that_opens_between_two_waves_of_a_drill_is_asked_about(
    orchestrator: Orchestrator, new_run: NewRun, slowly: None
) -> None:
    run_id = new_run()
    arn = orchestrator.start("test", run_id)
    until(orchestrator, run_id, "job_started")
    with opened(orchestrator, internet_gateway) as gateway:
        orchestrator.aws.control("clock", {"pace": None})
        orchestrator.follow(arn, until_paused=True)
        (pause,) = orchestrator.runs.open_pauses(run_id)
        assert (pause["step"], pause["wave"]) == ("prepare-wave", 2)
        assert gateway in pause["reason"]
        assert len(orchestrator.jobs(run_id)) == 1
    orchestrator.decide(run_id, "retry")
    assert orchestrator.follow(arn)["status"] == "SUCCEEDED"
    assert_nothing_is_left(orchestrator, run_id, "succeeded")
