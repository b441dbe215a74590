"""A failback that is only rehearsed, on the real machine: at home, beside production, which it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.emulator.drs.support import Drs
from tests.functions.run_control import execute, until
from tests.support.embedded import TARGET, EmbeddedAws
from tests.support.orchestrator import ESTATE, HOME_REGION, IDS, KEYS, REGION, Orchestrator

RECOVERED = ("app-1", "app-2", "db-1")
PROBES = [{"name": "postgres", "servers": [KEYS["db-1"]], "tcp": {"port": 5432}, "modes": ["failback"]}]


class Rehearsals:
    """The orchestrator with servers that were recovered and replicate home, and DRS at both places."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.there, self.home = Drs(orchestrator.aws, REGION), Drs(orchestrator.aws, HOME_REGION)
        self.there.recover(*(IDS[name] for name in RECOVERED))
        self.there.advance(600)
        for name in RECOVERED:
            recovered = self.there.recovery_instance_of(IDS[name])["recoveryInstanceID"]
            self.there.api.reverse_replication(recoveryInstanceID=recovered)
        self.there.advance(4 * 3600)

    def production(self) -> dict[str, str]:
        """Instances that were recovered, and the originals, with their states."""
        found = {}
        for drs in (self.there, self.home):
            for reservation in drs.ec2.describe_instances()["Reservations"]:
                for instance in reservation["Instances"]:
                    if instance["InstanceId"] not in self.drilled():
                        found[instance["InstanceId"]] = instance["State"]["Name"]
        return {name: state for name, state in found.items() if state in {"running", "stopped"}}

    def drilled(self) -> set[str]:
        """Instances that jobs of runs have launched at home."""
        records = [item for run in self.runs for item in self.orchestrator.runs.get_servers(run)]
        return {item["instance_id"] for item in records if item["job_id"] and item["instance_id"]}

    @property
    def runs(self) -> list[str]:
        """Runs that were begun."""
        return [item["run_id"] for item in self.orchestrator.runs.list_runs("small")]

    def returning(self) -> list[dict[str, Any]]:
        """The source servers that replicate home."""
        items: list[dict[str, Any]] = self.home.api.describe_source_servers(filters={})["items"]
        return items

    def let_answer(self, name: str, listens: list[dict[str, Any]]) -> None:
        """Let a server answer once it is at home."""
        (server,) = [
            server["sourceServerID"]
            for server in self.returning()
            if name in server["sourceProperties"]["identificationHints"]["hostname"]
        ]
        where = {"account": TARGET, "region": HOME_REGION, "source_server_id": server}
        self.orchestrator.aws.control("drs/source-server", {**where, "listens": listens})

    def profiles(self) -> set[str]:
        """The profiles in which the templates of these launch."""
        found = set()
        for server in self.returning():
            (version,) = self.home.ec2.describe_launch_template_versions(
                LaunchTemplateId=self.home.template(server["sourceServerID"]), Versions=["$Default"]
            )["LaunchTemplateVersions"]
            found.add(version["VersionDescription"].split("profile=")[1].split(" ")[0])
        return found

    def assert_nothing_is_left(self, run_id: str, status: str) -> None:
        """A rehearsal leaves no instance, no lock, no job that launches, and templates that launch the failback."""
        run = self.orchestrator.runs.get_run(run_id)
        assert run is not None
        assert (run["status"], run["drill"], run["open_pauses"]) == (status, True, [])
        assert self.home.api.describe_recovery_instances(filters={})["items"] == []
        assert self.orchestrator.runs.lock_owners([*KEYS.values(), "plan:small"]) == {}
        assert self.profiles() == {"failback"}
        states = [server["dataReplicationInfo"]["dataReplicationState"] for server in self.returning()]
        assert states == ["CONTINUOUS"] * len(RECOVERED)
        assert {self.home.instance(name)["State"]["Name"] for name in self.drilled()} == {"terminated"}


@pytest.fixture(scope="module")
def rehearsals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsals]:
    document = yaml.safe_load(ESTATE.read_text(encoding="utf-8"))
    home = document["accounts"][TARGET]["regions"][HOME_REGION]["networks"]["home"]
    home["security_groups"]["home"]["ingress"] = [{"port": 5432, "source": "home"}]
    aws = EmbeddedAws(document)
    try:
        deployed = Orchestrator(aws, tmp_path_factory.mktemp("archive"), probe_networks=("failback",))
        deployed.publish(probes=PROBES)
        yield Rehearsals(deployed)
    finally:
        aws.stop()


def test_a_rehearsed_failback_is_held_validated_and_gone_without_a_trace(rehearsals: Rehearsals) -> None:
    orchestrator, before = rehearsals.orchestrator, rehearsals.production()
    rehearsals.let_answer("db-1", [{"port": 5432}])
    arn = orchestrator.start("failback", "rehearsal", drill=True, hold=7200)
    assert orchestrator.follow(arn, until_paused=True)["status"] == "RUNNING"
    (pause,) = orchestrator.runs.open_pauses("rehearsal")
    assert pause["step"] == "hold", pause
    drilled = {item["ec2InstanceID"]: item for item in rehearsals.home.api.describe_recovery_instances()["items"]}
    assert [item["isDrill"] for item in drilled.values()] == [True] * len(RECOVERED)
    assert set(drilled) == rehearsals.drilled()
    assert len(pause["details"]["instances"]) == len(RECOVERED)
    records = {item["server_key"]: item for item in orchestrator.runs.get_servers("rehearsal")}
    assert {key: item["status"] for key, item in records.items()} == {
        **{KEYS[name]: "validated" for name in RECOVERED},
        KEYS["rep-1"]: "skipped",
    }
    (gate,) = [event for event in orchestrator.runs.events("rehearsal") if event["kind"] == "gate_passed"]
    assert "nothing keeps its servers from what they reach" in json.dumps(gate["data"])
    assert "is open" in records[KEYS["db-1"]]["probes"]["postgres"]["saw"]
    originals = {"10.10.1.11", "10.10.1.21", "10.10.1.22"}
    addresses = {rehearsals.home.instance(name)["PrivateIpAddress"] for name in drilled}
    assert not addresses & originals

    orchestrator.decide("rehearsal", "continue")
    execution = orchestrator.follow(arn)
    assert json.loads(execution["output"]) == {"run_id": "rehearsal", "status": "succeeded"}
    rehearsals.assert_nothing_is_left("rehearsal", "succeeded")
    assert rehearsals.production() == before
    used = orchestrator.aws.control("permissions")["permissions"]
    assert [one for one in used if ":role/" in one["identity"] and one["result"] != "allowed"] == []


def test_a_rehearsal_that_is_aborted_while_it_launches_leaves_nothing_either(rehearsals: Rehearsals) -> None:
    orchestrator, before = rehearsals.orchestrator, rehearsals.production()
    orchestrator.aws.control("clock", {"pace": 0.01})
    arn = orchestrator.start("failback", "given-up", drill=True)
    until(orchestrator, "given-up", "job_started", 1)
    assert execute(orchestrator, "aborted", "given-up")["changed"]
    orchestrator.aws.control("clock", {"pace": None})
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "aborted")
    assert [item["job_id"] for item in orchestrator.runs.get_servers("given-up") if item["instance_id"]]
    rehearsals.assert_nothing_is_left("given-up", "aborted")
    assert rehearsals.production() == before
