"""A drill of the failback at two places: servers that went to the home Region, and one that stays in the recovery one.

The functions from the deployed archive, one after another; what prepare-failback does is done by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import probes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    VersionMark,
    digest,
    version_description,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place, told_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord, record_to_item

from tests.emulator.drs.support import Drs
from tests.support.embedded import TARGET, EmbeddedAws
from tests.support.orchestrator import ESTATE, HOME_REGION, IDS, KEYS, REGION, FunctionError, Orchestrator, request

HOME = Place(TARGET, HOME_REGION)
HOME_SUBNET, HOME_GROUP = "subnet-0a10100000000d001", "sg-0a10100000000d001"
GOING_HOME, STAYING = ("app-1", "app-2", "db-1"), "rep-1"
TYPES = ("t3.small", "t3.medium")
RUN = "rehearsal"
ORIGINAL = "i-0a1a0000000000001"

AT_HOME_ALREADY = ServerRecord(
    server_key="ledger",
    wave=1,
    source_server_id="",
    critical=True,
    status="validated",
    validated_at="2026-11-24T00:00:00.000Z",
    instance_id=ORIGINAL,
    expected={"interfaces": []},
    **told_place(HOME),
)
"""A server that an earlier run has brought home; as an instance EC2 has the original of another."""

PLAN: dict[str, Any] = {
    "name": "rehearsed",
    "groups": {"all": {"servers": list(KEYS.values())}},
    "waves": [{"name": "all", "groups": ["all"], "retries": 1}],
    "optional_servers": [],
    "probes": [
        {"name": "postgres", "servers": [KEYS["db-1"]], "tcp": {"port": 5432}, "modes": ["failback"]},
        {"name": "agents", "servers": [KEYS["db-1"]], "ssm_agent": "expected", "modes": ["failback"]},
        {"name": "service", "servers": [KEYS["db-1"]], "command": {"commands": ["true"]}, "modes": ["failback"]},
    ],
}


class Rehearsal:
    """The orchestrator, and DRS at both places, after a failover whose servers replicate home."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.aws = orchestrator.aws
        self.there, self.home = Drs(self.aws, REGION), Drs(self.aws, HOME_REGION)
        self.recovered, self.returning = self._fail_over()

    def _fail_over(self) -> tuple[dict[str, str], dict[str, str]]:
        self.there.recover(*(IDS[name] for name in GOING_HOME))
        self.there.advance(600)
        recovered = {name: str(self.there.recovery_instance_of(IDS[name])["recoveryInstanceID"]) for name in GOING_HOME}
        returning = {
            name: self.there.api.reverse_replication(recoveryInstanceID=instance)["reversedDirectionSourceServerArn"]
            for name, instance in recovered.items()
        }
        self.there.advance(4 * 3600)
        return recovered, {name: arn.rsplit("/", 1)[1] for name, arn in returning.items()}

    def drs(self, name: str) -> tuple[Drs, str]:
        """DRS where a server is launched, and the id of the source server that is."""
        return (self.home, self.returning[name]) if name in self.returning else (self.there, IDS[name])

    def change(self, name: str, **changes: Any) -> None:
        """Change a server on its way home through the control API."""
        where = {"account": TARGET, "region": HOME_REGION, "source_server_id": self.returning[name]}
        self.aws.control("drs/source-server", {**where, **changes})

    def make_version(self, name: str, profile: str, subnet: str, group: str) -> None:
        """Give a server's template a version of a profile, the default one, with an address that AWS chooses."""
        drs, server_id = self.drs(name)
        interfaces = [{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group]}]
        data = {**drs.template_data(server_id), "NetworkInterfaces": interfaces, "InstanceType": TYPES[0]}
        mark = VersionMark(profile, digest(data), instance_types=TYPES[1:])
        template = drs.template(server_id)
        made = drs.ec2.create_launch_template_version(
            LaunchTemplateId=template, LaunchTemplateData=data, VersionDescription=version_description(mark)
        )["LaunchTemplateVersion"]["VersionNumber"]
        drs.ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(made))

    def default_profile(self, name: str) -> str:
        """What the default version of a server's template says that it is for."""
        drs, server_id = self.drs(name)
        (version,) = drs.ec2.describe_launch_template_versions(
            LaunchTemplateId=drs.template(server_id), Versions=["$Default"]
        )["LaunchTemplateVersions"]
        return str(version["VersionDescription"].split("profile=")[1].split(" ")[0])

    def record(self, name: str, **changes: Any) -> ServerRecord:
        """The record of a server as it is when its wave begins."""
        at_home = name in self.returning
        subnet, groups = (HOME_SUBNET, [HOME_GROUP]) if at_home else ("subnet-0a20100000000d001", [])
        interface = {"interface": 0, "subnet_id": subnet, "address": None, "security_groups": groups}
        record = ServerRecord(
            server_key=KEYS[name],
            wave=1,
            source_server_id=self.drs(name)[1],
            critical=True,
            attempts_allowed=2,
            expected={
                "interfaces": [{**interface, "security_groups": groups or ["sg-0a20100000000d001"]}],
                "probes": [probe["name"] for probe in PLAN["probes"]] if name == "db-1" else [],
            },
            way_home={
                "kind": "cross_region" if at_home else "cross_zone",
                "protecting_server_id": IDS[name],
                "recovered_instance_id": self.recovered.get(name),
            },
            **told_place(HOME if at_home else Place(TARGET, REGION)),
        )
        return replace(record, **changes)

    def open(self, run_id: str = RUN, **request_more: Any) -> None:
        """Open a drill, and write the records that discover and prepare-failback would write."""
        runs = self.orchestrator.runs
        asked = request(run_id, "failback", PLAN["name"], self.orchestrator.now())
        self.orchestrator.invoke("open-run", run_id, **asked, drill=True, **request_more)
        records = [*map(self.record, KEYS), AT_HOME_ALREADY]
        runs.put_servers(run_id, [record_to_item(record) for record in records])
        wave = {"wave": 1, "name": "all", "status": "pending", "started_at": None, "ended_at": None}
        runs.put_waves(run_id, [wave])
        runs.take_locks(list(KEYS.values()), run_id, at=self.there.now())

    def until_done(self, function: str, run_id: str = RUN, **event: Any) -> dict[str, Any]:
        """Call a function as the state machine does, until it is done or asks."""
        for _ in range(100):
            step = self.orchestrator.invoke(function, run_id, **event)
            if step["outcome"] != "wait":
                return step
            self.aws.control("clock", {"advance": step["seconds"]})
        raise AssertionError(f"{function} did not end: {step}")

    def records(self, run_id: str = RUN) -> dict[str, dict[str, Any]]:
        """The server records of a run by short name."""
        return {item["server_key"].split(".")[0]: item for item in self.orchestrator.runs.get_servers(run_id)}

    def told(self, kind: str, run_id: str = RUN) -> list[dict[str, Any]]:
        """The data of a run's events of a kind."""
        return [event["data"] for event in self.orchestrator.runs.events(run_id) if event["kind"] == kind]


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    document = yaml.safe_load(ESTATE.read_text(encoding="utf-8"))
    home = document["accounts"][TARGET]["regions"][HOME_REGION]["networks"]["home"]
    home["security_groups"]["home"]["ingress"] = [{"port": 5432, "source": "home"}]
    aws = EmbeddedAws(document)
    try:
        deployed = Orchestrator(aws, tmp_path_factory.mktemp("archive"), probe_networks=("failback",))
        deployed.publish(**PLAN)
        found = Rehearsal(deployed)
        for profile in ("failback", "failback-drill"):
            for name in GOING_HOME:
                found.make_version(name, profile, HOME_SUBNET, HOME_GROUP)
        found.make_version(STAYING, "failback-drill", "subnet-0a20100000000d001", "sg-0a20100000000d001")
        yield found
    finally:
        aws.stop()


def test_a_drill_of_the_failback_takes_place_where_the_records_say_and_leaves_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.open()
    home, there = rehearsal.home, rehearsal.there
    fault = {"phase": "LAUNCH", "times": 1, "raw_error": "An error occurred (InsufficientInstanceCapacity)"}
    where = {"account": TARGET, "region": HOME_REGION}
    aws = rehearsal.aws
    aws.control("drs/source-server", {**where, "source_server_id": rehearsal.returning["app-1"], "fail_launch": fault})
    aws.control(
        "drs/source-server",
        {
            **where,
            "source_server_id": rehearsal.returning["db-1"],
            "listens": [{"port": 5432}],
            "ssm_agent": True,
        },
    )

    # Templates and jobs: at each place its own, with the quotas of that place.
    assert rehearsal.until_done("prepare-wave", wave=1)["outcome"] == "done"
    assert {rehearsal.default_profile(name) for name in KEYS} == {"failback-drill"}
    assert rehearsal.until_done("reconcile-wave", wave=1)["outcome"] == "done"
    jobs = {
        drs: [
            sorted(server["sourceServerID"] for server in job["participatingServers"])
            for job in drs.api.describe_jobs(filters={})["items"]
            if job["tags"].get("dr:run") == RUN
        ]
        for drs in (home, there)
    }
    ours = rehearsal.returning
    assert jobs[there] == [[IDS[STAYING]]]
    assert sorted(map(len, jobs[home])) == [1, 3], "all at once, and one of them again with another type"
    assert {server for job in jobs[home] for server in job} == set(ours.values())
    assert sorted(told["batch"] for told in rehearsal.told("job_started")) == [1, 2, 3]
    quotas = {told.get("region"): told["source"] for told in rehearsal.told("quotas_read")}
    assert quotas == {HOME_REGION: "Service Quotas", None: "Service Quotas"}
    records = rehearsal.records()
    assert {name: records[name]["status"] for name in KEYS} == dict.fromkeys(KEYS, "launched")
    assert [told["instance_type"] for told in rehearsal.told("instance_type_changed")] == [TYPES[1]]
    assert records["app-1"]["instance_type"] == TYPES[1]

    # Validation: instances, checks, and probes at home, made by a function there.
    assert rehearsal.until_done("validate", wave=1)["outcome"] == "done"
    assert rehearsal.until_done("validate", wave=None)["outcome"] == "done"
    validated = rehearsal.records()
    assert {item["status"] for item in validated.values()} == {"validated"}
    seen = {name: probe["saw"] for name, probe in validated["db-1"]["probes"].items()}
    address = home.instance(validated["db-1"]["instance_id"])["PrivateIpAddress"]
    assert seen["postgres"] == f"port 5432 of {address} is open"
    assert address.startswith("10.10.1.")
    assert seen["agents"] == "the SSM agent is Online"
    assert "Success" in seen["service"]

    # Clean-up: the drill's instances go, at both places; production and its replication do not. Nor does an instance
    # that was there before the drill, whatever DRS says of it.
    runs, kept = rehearsal.orchestrator.runs, validated["app-2"]
    was_there = {**kept["way_home"], "original_instance_id": kept["instance_id"]}
    runs.put_servers(RUN, [{**kept, "way_home": was_there}])
    asked = rehearsal.until_done("clean-up")
    assert (asked["outcome"], kept["instance_id"] in asked["reason"]) == ("ask", True)
    assert home.instance(kept["instance_id"])["State"]["Name"] == "running"
    runs.put_servers(RUN, [{**rehearsal.records()["app-2"], "way_home": kept["way_home"]}])
    invoked = rehearsal.until_done("clean-up")
    assert (invoked["outcome"], invoked["reason"]) == ("done", "4 drill instances are terminated")
    for name in KEYS:
        instance = rehearsal.drs(name)[0].instance(validated[name]["instance_id"])
        assert instance["State"]["Name"] == "terminated", name
    statuses = {name: item["status"] for name, item in rehearsal.records().items()}
    assert statuses == {**dict.fromkeys(KEYS, "cleaned_up"), "ledger": "validated"}
    assert home.instance(ORIGINAL)["State"]["Name"] == "running"
    for name, instance in rehearsal.recovered.items():
        assert there.instance(instance)["State"]["Name"] == "running"
        state = home.server(ours[name])["dataReplicationInfo"]["dataReplicationState"]
        assert state == "CONTINUOUS"
    assert {rehearsal.default_profile(name) for name in GOING_HOME} == {"failback"}
    assert rehearsal.default_profile(STAYING) == "failover"
    (ended,) = rehearsal.told("clean_up_ended")
    assert (ended["profile"], ended["left_behind"]) == ("failback, failover", [])
    closed = rehearsal.orchestrator.invoke("close-run", RUN)
    assert (closed["outcome"], closed["status"]) == ("done", "succeeded")
    assert len(rehearsal.told("job_ended")) == 3
    used = rehearsal.aws.control("permissions")["permissions"]
    denied = [entry for entry in used if ":role/" in entry["identity"] and entry["result"] != "allowed"]
    assert denied == []


def test_a_drill_never_launches_into_an_instance_that_was_there_before(rehearsal: Rehearsal) -> None:
    run_id = "into-the-original"
    rehearsal.open(run_id)
    configuration = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": ORIGINAL}}
    original = {
        "Resources": ["i-0a1a0000000000001"],
        "Tags": [{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}],
    }
    rehearsal.home.ec2.create_tags(**original)
    rehearsal.home.ec2.stop_instances(InstanceIds=original["Resources"])
    rehearsal.aws.control("clock", {"advance": 600})
    server_id = rehearsal.returning["app-1"]
    rehearsal.home.api.update_launch_configuration(sourceServerID=server_id, **configuration)
    with pytest.raises(FunctionError, match=f"is launched into instance {ORIGINAL}, which a drill must not"):
        rehearsal.until_done("prepare-wave", run_id, wave=1)
    assert "launch_template" not in {name for name, value in rehearsal.records(run_id)["app-1"].items() if value}


def test_networks_of_probes_say_where_their_function_is() -> None:
    assert probes.parse_networks("failback=us-east-1,test") == {"failback": "us-east-1", "test": ""}
    assert probes.parse_networks("") == {}
