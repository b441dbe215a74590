"""Launches for which EC2 has no capacity: tried again with the next declared instance type, the real machine over."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.modules import (
    drs_launch_configuration,
    drs_launch_configuration_info,
)

from tests.support.orchestrator import IDS, KEYS, PREFIX, Orchestrator, options

NewRun = Callable[[], str]
TYPES = ("r5.large", "r5a.large", "m6i.large")
SETTINGS = {
    "ip_map_table": f"{PREFIX}-ip-map",
    "defaults": {
        "target_instance_type_right_sizing_method": "NONE",
        "copy_private_ip": False,
        "instance_type": TYPES[0],
        "alternative_instance_types": list(TYPES[1:]),
    },
    "mandatory_tags": {"Owner": "dr-team"},
}


def launch_settings(orchestrator: Orchestrator, module: Any) -> dict[str, Any]:
    """Run a module about the launch configurations with what is declared here."""

    def clients(service: str, region: str | None = None, credentials: None = None) -> Any:
        return orchestrator.client(service, region or "us-west-2")

    answer: dict[str, Any] = module.run(options(module, **SETTINGS), clients, False)
    return answer


def publish(orchestrator: Orchestrator, name: str, **wave: Any) -> str:
    """Publish a plan of one wave with the database server and a server that always finds its place."""
    return orchestrator.publish(
        name=name,
        groups={"all": {"servers": [KEYS["db-1"], KEYS["rep-1"]]}},
        waves=[{"name": "all", "groups": ["all"], **wave}],
        optional_servers=[],
    )


def no_capacity(orchestrator: Orchestrator, *types: str) -> None:
    """Let there be no capacity for instance types; only the database server is launched with them."""
    for instance_type in types:
        orchestrator.aws.control("faults", {"kind": "no_capacity", "instance_type": instance_type})


def template(orchestrator: Orchestrator, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the default version, and all versions, of a server's launch template."""
    answer = orchestrator.client("drs").get_launch_configuration(sourceServerID=IDS[name])
    found = orchestrator.client("ec2").describe_launch_template_versions(LaunchTemplateId=answer["ec2LaunchTemplateID"])
    versions = sorted(found["LaunchTemplateVersions"], key=lambda version: version["VersionNumber"])
    return next(version for version in versions if version["DefaultVersion"]), versions


def record(orchestrator: Orchestrator, run_id: str, name: str) -> dict[str, Any]:
    """Return the record of a server."""
    return next(item for item in orchestrator.runs.get_servers(run_id) if item["server_key"] == KEYS[name])


def report(orchestrator: Orchestrator, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the servers of a run's report by key."""
    bucket, key = orchestrator.runs.get_run(run_id)["evidence"].removeprefix("s3://").split("/", 1)
    document = json.loads(orchestrator.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    return {server["server_key"]: server for server in document["servers"]["list"]}


def test_a_launch_without_capacity_is_tried_with_the_next_type_and_the_next_run_begins_with_the_first(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    launch_settings(orchestrator, drs_launch_configuration)
    declared, before = template(orchestrator, "db-1")
    publish(orchestrator, "short", retries=2)
    no_capacity(orchestrator, *TYPES[:2])

    run_id = new_run()
    execution = orchestrator.follow(orchestrator.start("failover", run_id, plan="short"), until_paused=True)
    assert json.loads(execution["output"])["status"] == "succeeded"
    found = record(orchestrator, run_id, "db-1")
    assert (found["attempts"], found["instance_type"]) == (3, TYPES[2])
    assert found["types_without_capacity"] == list(TYPES[:2])
    (instance,) = orchestrator.client("ec2").describe_instances(InstanceIds=[found["instance_id"]])["Reservations"]
    assert instance["Instances"][0]["InstanceType"] == TYPES[2]
    told = [event["data"] for event in orchestrator.runs.events(run_id) if event["kind"] == "instance_type_changed"]
    changes = [(event["attempt"], event["instance_type"]) for event in told if event["server_key"] == KEYS["db-1"]]
    assert changes == [(2, TYPES[1]), (3, TYPES[2])]
    (validated,) = [
        event["data"]
        for event in orchestrator.runs.events(run_id)
        if event["kind"] == "server_validated" and event["data"]["server_key"] == KEYS["db-1"]
    ]
    assert validated["instance_type"] == TYPES[2]
    assert report(orchestrator, run_id)[KEYS["db-1"]]["types_without_capacity"] == list(TYPES[:2])

    used, versions = template(orchestrator, "db-1")
    assert "profile=failover" in used["VersionDescription"]
    assert f"alternative-of={declared['VersionNumber']}" in used["VersionDescription"]
    assert used["LaunchTemplateData"] == {**declared["LaunchTemplateData"], "InstanceType": TYPES[2]}
    assert len(versions) == len(before) + 2

    info = launch_settings(orchestrator, drs_launch_configuration_info)
    (server,) = [item for item in info["servers"] if item["server_key"] == KEYS["db-1"]]
    assert server["drift"] == [
        {"where": "default_version.InstanceType", "desired": TYPES[0], "live": TYPES[2]},
    ]
    assert server["live"]["default_profile"] == "failover"

    orchestrator.aws.control("faults", method="DELETE")
    instances = orchestrator.client("drs").describe_recovery_instances(filters={})["items"]
    orchestrator.client("drs").terminate_recovery_instances(
        recoveryInstanceIDs=[item["recoveryInstanceID"] for item in instances]
    )
    orchestrator.aws.control("clock", {"advance": 3600})
    second = new_run()
    execution = orchestrator.follow(orchestrator.start("test", second, plan="short"), until_paused=True)
    assert json.loads(execution["output"])["status"] == "succeeded"
    assert report(orchestrator, second)[KEYS["db-1"]]["instance_type"] == TYPES[0]
    assert template(orchestrator, "db-1")[0]["VersionNumber"] == declared["VersionNumber"]
    assert launch_settings(orchestrator, drs_launch_configuration_info)["drifted"] == []
    assert not launch_settings(orchestrator, drs_launch_configuration)["changed"]
    assert len(template(orchestrator, "db-1")[1]) == len(before) + 2


def test_a_wave_that_says_so_keeps_the_declared_type_and_another_failure_does_not_change_it(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    launch_settings(orchestrator, drs_launch_configuration)
    publish(orchestrator, "one-type", retries=1, next_instance_type_on=[])
    publish(orchestrator, "other-failure", retries=1)
    fault = {"phase": "LAUNCH", "times": 1, "raw_error": "An error occurred (InsufficientInstanceCapacity)"}
    for plan, failure in (
        ("one-type", fault),
        ("other-failure", {**fault, "raw_error": "An error occurred (VolumeLimitExceeded): Unsupportedly large"}),
        ("other-failure", {**fault, "phase": "CONVERSION"}),
    ):
        run_id = new_run()
        orchestrator.change_source_server("db-1", fail_launch=failure)
        orchestrator.follow(orchestrator.start("test", run_id, plan=plan), until_paused=True)
        found = record(orchestrator, run_id, "db-1")
        assert (found["attempts"], found["instance_type"], found["types_without_capacity"]) == (2, TYPES[0], [])
        assert found["status"] == "cleaned_up"
        assert "instance_type_changed" not in orchestrator.kinds(run_id)
