"""The end of a failback: what came home is protected again, and what led it there goes, one thing after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus

from tests.support.embedded import EmbeddedAws
from tests.support.orchestrator import ESTATE, IDS, KEYS, Orchestrator, launch_home, request

HOME = "us-east-1"
PROTECT = "protect-again"
STEPS = [
    *("protect_again", "stop_returning", "terminate_recovered", "forget_returned", "disconnect_returning"),
    "delete_returning",
]

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    aws = EmbeddedAws(ESTATE)
    try:
        yield Orchestrator(aws, tmp_path_factory.mktemp("archive"))
    finally:
        aws.stop()


class Failback:
    """A failback of some servers whose waves have ended: what is launched at home is validated.

    Args:
        orchestrator: The deployed one.
        names: Servers that have come home.
        policy: Of the plan's option C(failback).
    """

    def __init__(self, orchestrator: Orchestrator, *names: str, **policy: Any) -> None:
        self.orchestrator = orchestrator
        self.names = names
        self.run_id = f"home-{next(_numbers)}"
        self.there = orchestrator.client("drs")
        self.home = orchestrator.client("drs", HOME)
        orchestrator.publish(failback=policy)
        self._fail_over()
        asked = request(self.run_id, "failback", "small", orchestrator.now())
        orchestrator.invoke("open-run", self.run_id, **asked)
        orchestrator.invoke("discover", self.run_id)
        self.until("prepare-failback", "done")
        self.originals = {name: self.record(name)["way_home"]["original_instance_id"] for name in names}
        self.recovered = {name: self.record(name)["way_home"]["recovered_instance_id"] for name in names}
        self._launch()

    def advance(self, seconds: float) -> None:
        self.orchestrator.aws.control("clock", {"advance": seconds})

    def _fail_over(self) -> None:
        self.there.start_recovery(sourceServers=[{"sourceServerID": IDS[name]} for name in self.names], isDrill=False)
        self.advance(3600)

    def _launch(self) -> None:
        """Do what the waves do: launch at home, and record it as validated."""
        servers = {name: self.record(name)["source_server_id"] for name in self.names}
        instances = launch_home(self.orchestrator, list(servers.values()))
        self.returned = {name: instances[server_id] for name, server_id in servers.items()}
        for name in self.names:
            at = self.orchestrator.now()
            self.change(name, status="validated", validated_at=at, instance_id=self.returned[name])

    def record(self, name: str) -> dict[str, Any]:
        (found,) = [
            item for item in self.orchestrator.runs.get_servers(self.run_id) if item["server_key"] == KEYS[name]
        ]
        return found

    def change(self, name: str, **changes: Any) -> None:
        self.orchestrator.runs.put_servers(self.run_id, [{**self.record(name), **changes}])

    def call(self) -> dict[str, Any]:
        return self.orchestrator.invoke(PROTECT, self.run_id)

    def until(self, function: str, outcome: str, faster: int = 5) -> list[dict[str, Any]]:
        """Call a function until it answers something, and return its answers."""
        answers: list[dict[str, Any]] = []
        for _look in range(80):
            answers.append(self.orchestrator.invoke(function, self.run_id))
            if answers[-1]["outcome"] == outcome:
                return answers
            assert answers[-1]["outcome"] == "wait", answers[-1]
            self.advance(answers[-1]["seconds"] * faster)
        raise AssertionError(f"{self.run_id} does not come to {outcome}: {answers[-1]}")

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.orchestrator.runs.events(self.run_id) if event["kind"] == kind]

    def steps(self, kind: str, name: str) -> list[str]:
        """Return the actions that the events tell of, without those that led home."""
        steps = [step["action"] for step in self.told(kind) if step["server_key"] == KEYS[name]]
        return [step for step in steps if step != "reverse_replication"]

    def state_of(self, instance_id: str, region: str) -> str:
        ec2 = self.orchestrator.client("ec2", region)
        (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return str(reservation["Instances"][0]["State"]["Name"])

    def decide(self, reason: str, decision: str) -> None:
        """Ask, as the state machine does, and answer."""
        token = f"token-{next(_numbers)}"
        self.orchestrator.invoke(
            "ask-operator", self.run_id, step=PROTECT, wave=None, reason=reason, task_token=token, timeout=3600
        )
        (pause,) = self.orchestrator.runs.open_pauses(self.run_id)
        at = datetime.fromisoformat(self.orchestrator.now())
        self.orchestrator.runs.answer_pause(
            self.run_id, pause["pause_id"], decision=decision, by="me", at=at, reason="I say so"
        )
        self.orchestrator.invoke("apply-decision", self.run_id, step=PROTECT, wave=None)

    def close(self) -> None:
        self.orchestrator.invoke("close-run", self.run_id, aborted=True)


def calls(orchestrator: Orchestrator, operation: str) -> int:
    counts = orchestrator.aws.control("calls")["counts"]
    return sum(item["count"] for item in counts if item["operation"] == operation)


def test_what_came_home_is_protected_again_and_nothing_is_left_of_the_way(orchestrator: Orchestrator) -> None:
    failback = Failback(orchestrator, "db-1", "app-1", original_instance="terminate")
    terminations = calls(orchestrator, "TerminateRecoveryInstances")
    first = failback.call()
    assert (first["outcome"], first["seconds"]) == ("wait", 120), first
    assert first["reason"].startswith("2 servers: 2 protecting_again; slowest app-1.example.internal: ")
    answers = failback.until(PROTECT, "done")
    assert answers[-1] == {"outcome": "done", "seconds": 0, "reason": "2 servers: 2 protected"}
    assert calls(orchestrator, "TerminateRecoveryInstances") - terminations == 1
    for name in failback.names:
        for kind in ("failback_step_begun", "failback_step_done"):
            assert failback.steps(kind, name) == [*STEPS, "end_original"]
        record = failback.record(name)
        assert (record["status"], record["way_home"]["stage"]) == (ServerStatus.VALIDATED, "protected")
        assert failback.state_of(failback.recovered[name], "us-west-2") == "terminated"
        assert failback.state_of(failback.originals[name], HOME) == "terminated"
        assert failback.state_of(failback.returned[name], HOME) == "running"
        (protecting,) = failback.there.describe_source_servers(filters={"sourceServerIDs": [IDS[name]]})["items"]
        hints = protecting["sourceProperties"]["identificationHints"]
        assert hints["awsInstanceID"] == failback.returned[name]
        assert protecting["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert failback.there.describe_recovery_instances(filters={})["items"] == []
    for answer in (failback.home.describe_recovery_instances, failback.home.describe_source_servers):
        assert answer(filters={})["items"] == []
    followed = [one for one in failback.told("replication_followed") if one["phase"] == PROTECT]
    assert (followed[0]["stages"], followed[-1]["stages"]) == ({"protecting_again": 2}, {"protected": 2})
    assert failback.call()["outcome"] == "done"
    failback.close()


def test_an_aborted_run_begins_nothing_and_another_goes_on_from_what_aws_shows(orchestrator: Orchestrator) -> None:
    failback = Failback(orchestrator, "app-1", "app-2")
    terminations = calls(orchestrator, "TerminateRecoveryInstances")
    while failback.record("app-1")["way_home"]["stage"] != "protected_again":
        failback.call()
        failback.advance(120)
    orchestrator.runs.update_run(failback.run_id, {"aborting": {"by": "me", "at": orchestrator.now(), "reason": "no"}})
    before = failback.told("failback_step_begun")
    first = failback.steps("failback_step_begun", "app-1")
    failback.advance(600)
    assert failback.call() == {"outcome": "abort", "seconds": 0, "reason": "the run is being aborted"}
    assert failback.told("failback_step_begun") == before
    assert STEPS[0] in first
    assert STEPS[-1] not in first
    failback.close()

    failback.run_id = f"home-{next(_numbers)}"
    asked = request(failback.run_id, "failback", "small", orchestrator.now())
    orchestrator.invoke("open-run", failback.run_id, **asked)
    orchestrator.invoke("discover", failback.run_id)
    assert failback.record("app-1")["status"] == ServerStatus.VALIDATED
    failback.until(PROTECT, "done")
    assert [*first, *failback.steps("failback_step_begun", "app-1")] == STEPS
    assert calls(orchestrator, "TerminateRecoveryInstances") - terminations == 1
    assert [failback.state_of(name, HOME) for name in failback.originals.values()] == ["running"] * 2
    failback.close()


def test_what_was_not_validated_is_left_alone(orchestrator: Orchestrator) -> None:
    failback = Failback(orchestrator, "app-2")
    failback.change("app-2", status="failed", validated_at=None, reason="no answer")
    assert failback.call() == {"outcome": "done", "seconds": 0, "reason": "nothing came home"}
    assert failback.told("failback_step_begun")[-1]["action"] == "reverse_replication"
    failback.close()


def test_who_does_not_get_on_is_asked_about_and_left_as_it_is_or_tried_again(orchestrator: Orchestrator) -> None:
    failback = Failback(orchestrator, "db-1", "rep-1")
    ec2 = orchestrator.client("ec2")
    ec2.modify_instance_attribute(InstanceId=failback.recovered["db-1"], DisableApiTermination={"Value": True})
    failback.until(PROTECT, "wait")
    failback.advance(60)
    orchestrator.change_source_server("rep-1", replication_state="STALLED", replication_error="AGENT_NOT_SEEN")
    asked = failback.until(PROTECT, "ask")[-1]["reason"]
    assert f"{KEYS['db-1']}: DRS took terminate_recovered 3 times, and nothing has changed" in asked
    assert failback.steps("failback_step_begun", "db-1") == STEPS[:3]
    assert failback.state_of(failback.recovered["db-1"], "us-west-2") == "running"
    ec2.modify_instance_attribute(InstanceId=failback.recovered["db-1"], DisableApiTermination={"Value": False})
    failback.decide(asked, "retry")

    asked = failback.until(PROTECT, "ask", faster=20)[-1]["reason"]
    assert asked.startswith(f"1 server does not get on. {KEYS['rep-1']}: its replication is STALLED")
    assert failback.steps("failback_step_done", "db-1") == STEPS
    failback.decide(asked, "skip")
    assert failback.record("rep-1")["way_home"]["left_as_is"] == "me: I say so"
    assert failback.call()["outcome"] == "done"
    assert failback.steps("failback_step_done", "rep-1") == STEPS[:1]
    assert failback.state_of(failback.recovered["rep-1"], "us-west-2") == "running"
    failback.close()
