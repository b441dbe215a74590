"""What servers launch with at home, and what becomes of their original instances, by the deployed functions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.embedded import TARGET, EmbeddedAws
from tests.support.orchestrator import ESTATE, HOME_REGION, IDS, KEYS, PREFIX, REGION, Orchestrator
from tests.support.orchestrator import request as asked_for

ORIGINALS = {
    "db-1": "i-0a1d0000000000001",
    "app-1": "i-0a1a0000000000001",
    "app-2": "i-0a1a0000000000002",
    "rep-1": "i-0a1b0000000000001",
}
POLICIES = (
    "arn:aws:iam::aws:policy/service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy",
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
)
_numbers = itertools.count(1)


class Home:
    """The orchestrator after a failover whose servers replicate home."""

    def __init__(self, orchestrator: Orchestrator, *, clears: bool) -> None:
        self.orchestrator = orchestrator
        self.clears = clears
        self.drs = orchestrator.client("drs", HOME_REGION)
        self.ec2 = orchestrator.client("ec2", HOME_REGION)

    def advance(self, seconds: float) -> None:
        self.orchestrator.aws.control("clock", {"advance": seconds})

    def recover(self, *names: str) -> None:
        servers = [{"sourceServerID": IDS[name]} for name in names]
        self.orchestrator.client("drs").start_recovery(sourceServers=servers, isDrill=False)
        self.advance(3600)

    def tag(self, name: str, **tags: str) -> None:
        """Tag the source server that protects a machine."""
        arn = f"arn:aws:drs:{REGION}:{TARGET}:source-server/{IDS[name]}"
        self.orchestrator.client("drs").tag_resource(resourceArn=arn, tags=tags)

    def open(self, original: str, *, drill: bool = False) -> str:
        """Open a failback, discover its servers, and return its id."""
        run_id = f"home-{next(_numbers)}"
        self.orchestrator.publish(failback={"original_instance": original})
        asked = asked_for(run_id, "failback", "small", self.orchestrator.now())
        self.orchestrator.invoke("open-run", run_id, **asked, drill=drill)
        self.orchestrator.invoke("discover", run_id)
        return run_id

    def until_done(self, function: str, run_id: str, **event: Any) -> dict[str, Any]:
        """Call a function until it does not wait any more, and return its answer."""
        for _look in range(60):
            answer = self.orchestrator.invoke(function, run_id, **event)
            if answer["outcome"] != "wait":
                return answer
            self.advance(max(60, answer["seconds"]))
        raise AssertionError(f"{function} does not end: {answer}")

    def launch(self, run_id: str, wave: int) -> None:
        """Launch a wave whose servers are prepared, and validate it."""
        assert self.until_done("reconcile-wave", run_id, wave=wave)["outcome"] == "done"
        assert self.until_done("validate", run_id, wave=wave)["outcome"] == "done"

    def close(self, run_id: str) -> None:
        self.orchestrator.invoke("close-run", run_id, aborted=True)

    def record(self, run_id: str, name: str) -> dict[str, Any]:
        return next(item for item in self.orchestrator.runs.get_servers(run_id) if item["server_key"] == KEYS[name])

    def told(self, run_id: str, *kinds: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.orchestrator.runs.events(run_id) if event["kind"] in kinds]

    def steps(self, run_id: str, name: str) -> list[tuple[str, str]]:
        """What was begun and done with the original instance of a server, in order."""
        return [
            (event["kind"].removeprefix("failback_step_"), event["data"]["action"])
            for event in self.orchestrator.runs.events(run_id)
            if event["kind"].startswith("failback_step_")
            and event["data"]["server_key"] == KEYS[name]
            and event["data"]["action"] != "reverse_replication"
        ]

    def fate(self, run_id: str, name: str) -> str:
        (settled,) = [one for one in self.told(run_id, "original_settled") if one["server_key"] == KEYS[name]]
        return str(settled["fate"])

    def instance(self, instance_id: str) -> dict[str, Any]:
        (reservation,) = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return dict(reservation["Instances"][0])

    def state(self, name: str) -> str:
        return str(self.instance(ORIGINALS[name])["State"]["Name"])

    def configuration(self, run_id: str, name: str) -> dict[str, Any]:
        found = self.drs.get_launch_configuration(sourceServerID=self.record(run_id, name)["source_server_id"])
        return dict(found)

    def versions(self, run_id: str, name: str) -> dict[str, dict[str, Any]]:
        """The newest version of each profile of the template that leads a server home, and C($Default)."""
        template = self.configuration(run_id, name)["ec2LaunchTemplateID"]
        answer = self.ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
        found = {}
        for version in sorted(answer, key=lambda item: item["VersionNumber"]):
            words = version.get("VersionDescription", "").split()
            if len(words) > 1:
                found[words[1].removeprefix("profile=")] = version
            if version["DefaultVersion"]:
                found["$Default"] = version
        return found


OTHERWISE = {
    "template_version_on_update": "always",
    "empty_launch_into_clears": False,
    "launch_into_keeps_old_volumes": False,
}
"""What public sources leave open of launch settings, each the other way round."""


@pytest.fixture(scope="module", params=[{}, OTHERWISE], ids=["as by default", "otherwise"])
def home(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Home]:
    aws = EmbeddedAws({**yaml.safe_load(ESTATE.read_text(encoding="utf-8")), "drs_settings": request.param})
    try:
        found = Home(
            Orchestrator(aws, tmp_path_factory.mktemp("archive")),
            clears="empty_launch_into_clears" not in request.param,
        )
        found.tag("db-1", Owner="dr-team")
        found.recover("db-1", "app-1", "app-2")
        aws.control("clock", {"pace": 0.01})
        yield found
    finally:
        aws.stop()


def allow_launches(home: Home, *names: str) -> None:
    """Give original instances what DRS wants of them."""
    iam = home.orchestrator.client("iam")
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    iam.create_role(RoleName="original", AssumeRolePolicyDocument=json.dumps(trust))
    for arn in POLICIES:
        iam.attach_role_policy(RoleName="original", PolicyArn=arn)
    iam.create_instance_profile(InstanceProfileName="original")
    iam.add_role_to_instance_profile(InstanceProfileName="original", RoleName="original")
    for name in names:
        home.ec2.associate_iam_instance_profile(IamInstanceProfile={"Name": "original"}, InstanceId=ORIGINALS[name])


def places(data: dict[str, Any]) -> dict[str, str | None]:
    """The address in each subnet that a template version launches with."""
    return {one["SubnetId"]: one.get("PrivateIpAddress") for one in data["NetworkInterfaces"]}


def test_servers_go_home_into_new_instances_and_into_their_originals(home: Home) -> None:
    _drill(home)
    _keep(home)
    _replace(home)
    _give_up(home)
    _launch_into(home)


def _drill(home: Home) -> None:
    """Settings are those of the failover at home; a drill touches no original."""
    run_id = home.open("launch_into", drill=True)
    assert home.until_done("prepare-failback", run_id)["outcome"] == "done"
    assert home.until_done("prepare-wave", run_id, wave=1)["outcome"] == "done"
    found = home.versions(run_id, "db-1")
    assert found["$Default"] == found["failback-drill"]
    real, drill = (found[name]["LaunchTemplateData"] for name in ("failback", "failback-drill"))
    assert places(drill) == dict.fromkeys(places(real))
    assert set(places(real).values()) == {"10.10.1.11", "10.10.5.11"}
    assert real["InstanceType"] == home.instance(ORIGINALS["db-1"])["InstanceType"]
    configuration = home.configuration(run_id, "db-1")
    assert (configuration["copyPrivateIp"], configuration["targetInstanceTypeRightSizingMethod"]) == (False, "NONE")
    (server,) = [
        item
        for item in home.drs.describe_source_servers(filters={})["items"]
        if item["sourceServerID"] == home.record(run_id, "db-1")["source_server_id"]
    ]
    assert server["tags"]["Owner"] == "dr-team"
    written = home.told(run_id, "settings_written")
    assert {key for event in written for key in event["servers"]} == {KEYS[name] for name in ("db-1", "app-1", "app-2")}
    assert {home.state(name) for name in ORIGINALS} == {"running"}
    assert home.told(run_id, "original_settled") == []
    home.close(run_id)


def _keep(home: Home) -> None:
    """An original that is kept keeps its address, which a launch would need."""
    run_id = home.open("keep")
    assert home.until_done("prepare-failback", run_id)["outcome"] == "done"
    asked = home.until_done("prepare-wave", run_id, wave=1)
    assert asked["outcome"] == "ask"
    assert f"its original instance {ORIGINALS['db-1']} still has address 10.10." in asked["reason"]
    assert home.state("db-1") == "running"
    home.close(run_id)


def _replace(home: Home) -> None:
    """An original is stopped and terminated just before the launch, which has its addresses then."""
    run_id = home.open("replace")
    assert home.until_done("prepare-failback", run_id)["outcome"] == "done"
    assert home.state("db-1") == "running", "nothing happens before the wave"
    assert home.until_done("prepare-wave", run_id, wave=1)["outcome"] == "done"
    assert home.state("db-1") == "terminated"
    assert home.steps(run_id, "db-1") == [
        ("begun", "stop_original"),
        ("done", "stop_original"),
        ("begun", "terminate_original"),
        ("done", "terminate_original"),
    ]
    assert home.fate(run_id, "db-1") == "replaced"
    assert {home.state(name) for name in ("app-1", "app-2", "rep-1")} == {"running"}, "not of this wave"
    home.launch(run_id, 1)
    record = home.record(run_id, "db-1")
    assert record["status"] == "validated"
    assert record["instance_id"] not in ORIGINALS.values()
    interfaces = home.instance(record["instance_id"])["NetworkInterfaces"]
    assert {one["PrivateIpAddress"] for one in interfaces} == {"10.10.1.11", "10.10.5.11"}
    home.close(run_id)


def _give_up(home: Home) -> None:
    """What somebody has set to be launched into an instance is not in a drill, or the drill does not go on."""
    run_id = home.open("launch_into", drill=True)
    tag = {"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}
    home.ec2.create_tags(Resources=[ORIGINALS["app-2"]], Tags=[tag])
    server_id = home.record(run_id, "app-2")["source_server_id"]
    into = {"launchIntoEC2InstanceID": ORIGINALS["app-2"]}
    home.drs.update_launch_configuration(sourceServerID=server_id, copyTags=False, launchIntoInstanceProperties=into)
    answer = home.until_done("prepare-failback", run_id)
    left = home.configuration(run_id, "app-2").get("launchIntoInstanceProperties")
    if home.clears:
        assert (answer["outcome"], left) == ("done", {})
    else:
        assert (answer["outcome"], left) == ("ask", into)
        assert f"It launches into {ORIGINALS['app-2']}, which may be what DRS does not give up" in answer["reason"]
    home.close(run_id)


def _launch_into(home: Home) -> None:
    """A server is launched into its original, which keeps its id and interfaces; what is not fit is asked about."""
    run_id = home.open("launch_into")
    assert home.until_done("prepare-failback", run_id)["outcome"] == "done"
    asked = home.until_done("prepare-wave", run_id, wave=2)
    assert asked["outcome"] == "ask"
    assert "has no instance profile" in asked["reason"]
    assert {home.state(name) for name in ("app-1", "app-2")} == {"running"}, "checked before anything is done"
    allow_launches(home, "app-1", "app-2")
    assert home.until_done("prepare-wave", run_id, wave=2)["outcome"] == "done"
    for name in ("app-1", "app-2"):
        assert home.state(name) == "stopped"
        stop = [("begun", "stop_original"), ("done", "stop_original")]
        allow = [("begun", "allow_launch_into"), ("done", "allow_launch_into")]
        is_set = name == "app-2" and not home.clears
        assert home.steps(run_id, name) == (stop if is_set else allow + stop)
        assert home.fate(run_id, name) == "launched_into"
        configuration = home.configuration(run_id, name)
        assert configuration["launchIntoInstanceProperties"]["launchIntoEC2InstanceID"] == ORIGINALS[name]
        assert configuration["copyTags"] is False
    assert _used(home, "prepare-wave") >= {
        "drs:UpdateLaunchConfiguration",
        "ec2:CreateTags",
        "iam:GetInstanceProfile",
        "iam:ListAttachedRolePolicies",
    }
    before = {name: home.instance(ORIGINALS[name])["NetworkInterfaces"] for name in ("app-1", "app-2")}
    home.launch(run_id, 2)
    for name, interfaces in before.items():
        record = home.record(run_id, name)
        assert (record["status"], record["instance_id"]) == ("validated", ORIGINALS[name])
        ids = [one["NetworkInterfaceId"] for one in home.instance(ORIGINALS[name])["NetworkInterfaces"]]
        assert ids == [one["NetworkInterfaceId"] for one in interfaces]
    home.close(run_id)


def _used(home: Home, function: str) -> set[str]:
    """The actions that the role of a function has used."""
    identity = f"arn:aws:iam::{TARGET}:role/{PREFIX}-{function}"
    found = home.orchestrator.aws.control("permissions")["permissions"]
    return {entry["action"] for entry in found if entry["identity"] == identity and entry["result"] == "allowed"}
