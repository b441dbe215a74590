"""The beginning of a failback: who takes part, what keeps servers from going home, and the replication back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.support.embedded import TARGET, EmbeddedAws
from tests.support.orchestrator import ESTATE, IDS, KEYS, FunctionError, Orchestrator, request

HOME = "us-east-1"
RECOVERED = ("db-1", "app-1", "app-2")
PREPARE = "prepare-failback"

OpenFailback = Callable[..., str]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """An estate of which all servers but the replica are recovered; its time passes only when a test advances it."""
    aws = EmbeddedAws(ESTATE)
    try:
        deployed = Orchestrator(aws, tmp_path_factory.mktemp("archive"))
        servers = [{"sourceServerID": IDS[name]} for name in RECOVERED]
        deployed.client("drs").start_recovery(sourceServers=servers, isDrill=False)
        advance(deployed, 3600)
        aws.control("clock", {"pace": 0.01})
        yield deployed
    finally:
        aws.stop()


@pytest.fixture
def open_failback(orchestrator: Orchestrator) -> Iterator[OpenFailback]:
    """Open a failback, discover its servers, and return its id; afterwards nothing of it is on its way any more."""
    opened: list[str] = []

    def open_(drill: bool = False, **failback: Any) -> str:
        run_id = f"home-{next(_numbers)}"
        opened.append(run_id)
        orchestrator.publish(failback={"original_instance": "replace", **failback})
        asked = request(run_id, "failback", "small", orchestrator.now())
        orchestrator.invoke("open-run", run_id, **asked, drill=drill)
        orchestrator.invoke("discover", run_id)
        return run_id

    yield open_
    for run_id in opened:
        orchestrator.invoke("close-run", run_id, aborted=True)
    for item in orchestrator.client("drs").describe_recovery_instances(filters={})["items"]:
        orchestrator.client("drs").stop_failback(recoveryInstanceID=item["recoveryInstanceID"])
    home = orchestrator.client("drs", HOME)
    for item in home.describe_source_servers(filters={})["items"]:
        home.disconnect_source_server(sourceServerID=item["sourceServerID"])
        home.delete_source_server(sourceServerID=item["sourceServerID"])


def advance(orchestrator: Orchestrator, seconds: float) -> None:
    orchestrator.aws.control("clock", {"advance": seconds})


def records(orchestrator: Orchestrator, run_id: str) -> dict[str, dict[str, Any]]:
    return {item["server_key"].split(".")[0]: item for item in orchestrator.runs.get_servers(run_id)}


def stages(orchestrator: Orchestrator, run_id: str) -> dict[str, str]:
    return {name: item["way_home"]["stage"] for name, item in records(orchestrator, run_id).items()}


def told(orchestrator: Orchestrator, run_id: str, kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in orchestrator.runs.events(run_id) if event["kind"] == kind]


def reversals(orchestrator: Orchestrator) -> int:
    counts = orchestrator.aws.control("calls")["counts"]
    return sum(item["count"] for item in counts if item["operation"] == "ReverseReplication")


def prepare(orchestrator: Orchestrator, run_id: str, *, faster: int = 1) -> list[dict[str, Any]]:
    """Call prepare-failback until there is nothing to wait for, and return its answers.

    Args:
        faster: How many waits to spend between two looks.
    """
    answers: list[dict[str, Any]] = []
    for _look in range(100):
        answers.append(orchestrator.invoke(PREPARE, run_id))
        if answers[-1]["outcome"] != "wait":
            return answers
        advance(orchestrator, answers[-1]["seconds"] * faster)
    raise AssertionError(f"{run_id} does not end: {answers[-1]}")


def decide(orchestrator: Orchestrator, run_id: str, reason: str, decision: str) -> None:
    """Ask, as the state machine does, and answer."""
    orchestrator.invoke(
        "ask-operator",
        run_id,
        step=PREPARE,
        wave=None,
        reason=reason,
        task_token=f"token-{next(_numbers)}",
        timeout=3600,
    )
    (pause,) = orchestrator.runs.open_pauses(run_id)
    at = datetime.fromisoformat(orchestrator.now())
    orchestrator.runs.answer_pause(run_id, pause["pause_id"], decision=decision, by="me", at=at, reason="I say so")
    orchestrator.invoke("apply-decision", run_id, step=PREPARE, wave=None)


def change_returning(orchestrator: Orchestrator, run_id: str, name: str, **changes: Any) -> None:
    """Change the replication home of a server."""
    server_id = records(orchestrator, run_id)[name]["source_server_id"]
    where = {"account": TARGET, "region": HOME, "source_server_id": server_id}
    orchestrator.aws.control("drs/source-server", {**where, **changes})


class TestWayHome:
    def test_servers_replicate_home_and_are_followed_until_all_are_in_sync(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback()
        assert stages(orchestrator, run_id) == {**dict.fromkeys(RECOVERED, "recovered"), "rep-1": "protected"}
        replica = records(orchestrator, run_id)["rep-1"]
        assert (replica["status"], replica["reason"]) == ("skipped", "is not recovered")
        assert orchestrator.invoke("gate", run_id) == {"outcome": "done", "reason": "no findings", "findings": 0}
        before = reversals(orchestrator)
        answers = prepare(orchestrator, run_id)
        assert answers[-1] == {"outcome": "done", "seconds": 0, "reason": "3 servers: 3 in_sync", "launches": 3}
        assert all(30 <= answer["seconds"] <= 600 for answer in answers[:-1])
        assert any("INITIAL_SYNC (" in answer["reason"] and " left" in answer["reason"] for answer in answers)
        assert reversals(orchestrator) - before == len(RECOVERED)
        self._check_records(orchestrator, run_id)
        self._check_events(orchestrator, run_id)
        assert orchestrator.invoke(PREPARE, run_id)["outcome"] == "done"
        assert reversals(orchestrator) - before == len(RECOVERED)

    @staticmethod
    def _check_records(orchestrator: Orchestrator, run_id: str) -> None:
        home = orchestrator.client("drs", HOME).describe_source_servers(filters={})["items"]
        returning = {
            item["sourceProperties"]["identificationHints"]["awsInstanceID"]: item["sourceServerID"] for item in home
        }
        for name in RECOVERED:
            record = records(orchestrator, run_id)[name]
            way = record["way_home"]
            assert (record["account_id"], record["region"]) == (TARGET, HOME)
            assert record["source_server_id"] == returning[way["recovered_instance_id"]]
            assert (way["kind"], way["stage"], way["protecting_server_id"]) == ("cross_region", "in_sync", IDS[name])
            assert way["settings_at"]
            assert way["in_sync_at"]
        interfaces = records(orchestrator, run_id)["db-1"]["expected"]["interfaces"]
        assert [interface["address"] for interface in interfaces] == ["10.10.1.11", "10.10.5.11"]

    @staticmethod
    def _check_events(orchestrator: Orchestrator, run_id: str) -> None:
        keys = {KEYS[name] for name in RECOVERED}
        for kind in ("failback_step_begun", "failback_step_done"):
            steps = told(orchestrator, run_id, kind)
            assert {step["server_key"] for step in steps} == keys
            assert [step["action"] for step in steps] == ["reverse_replication"] * len(RECOVERED)
        followed = told(orchestrator, run_id, "replication_followed")
        assert [one["stages"] for one in (followed[0], followed[-1])] == [{"reversing": 3}, {"in_sync": 3}]
        assert len(followed) <= 4
        (skipped,) = told(orchestrator, run_id, "server_skipped")
        assert skipped["server_key"] == KEYS["rep-1"]

    def test_another_run_goes_on_from_what_aws_shows(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        first = open_failback()
        orchestrator.invoke(PREPARE, first)
        orchestrator.invoke("close-run", first, aborted=True)
        before = reversals(orchestrator)
        second = open_failback(drill=True)
        assert stages(orchestrator, second) == {**dict.fromkeys(RECOVERED, "reversing"), "rep-1": "protected"}
        assert records(orchestrator, second)["db-1"]["expected"]["interfaces"][0]["address"] is None
        assert prepare(orchestrator, second, faster=10)[-1]["outcome"] == "done"
        assert reversals(orchestrator) == before

    def test_a_run_that_is_discovered_again_keeps_what_it_has_done(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback()
        prepare(orchestrator, run_id, faster=10)
        before = records(orchestrator, run_id)
        advance(orchestrator, 60)
        orchestrator.invoke("discover", run_id)
        assert records(orchestrator, run_id) == before
        assert len(told(orchestrator, run_id, "server_skipped")) == 1

    def test_an_instance_that_is_still_starting_is_waited_for(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        drs = orchestrator.client("drs")
        drs.start_recovery(sourceServers=[{"sourceServerID": IDS["rep-1"]}], isDrill=False)
        filters = {"sourceServerIDs": [IDS["rep-1"]]}
        while not (found := drs.describe_recovery_instances(filters=filters)["items"]):
            advance(orchestrator, 20)
        advance(orchestrator, 20)
        try:
            run_id = open_failback()
            first = orchestrator.invoke(PREPARE, run_id)
            assert (first["outcome"], first["seconds"]) == ("wait", 30)
            assert stages(orchestrator, run_id)["rep-1"] == "recovered"
            refused = records(orchestrator, run_id)["rep-1"]["way_home"]["refused"]
            assert "has not finished initializing" in refused["reason"]
            answers = prepare(orchestrator, run_id, faster=10)
            assert answers[-1]["outcome"] == "done"
            begun = [step["server_key"] for step in told(orchestrator, run_id, "failback_step_begun")]
            assert sorted(begun) == sorted(KEYS.values()), "once for each, however often it was tried"
        finally:
            drs.stop_failback(recoveryInstanceID=found[0]["recoveryInstanceID"])
            drs.terminate_recovery_instances(recoveryInstanceIDs=[found[0]["recoveryInstanceID"]])
            advance(orchestrator, 600)

    def test_where_all_is_at_home_a_failback_ends_at_once(self, orchestrator: Orchestrator) -> None:
        orchestrator.publish(
            name="replica",
            groups={"rep": {"servers": [KEYS["rep-1"]]}},
            waves=[{"name": "replicas", "groups": ["rep"]}],
            optional_servers=[],
        )
        asked = request("at-home", "failback", "replica", orchestrator.now())
        orchestrator.invoke("open-run", "at-home", **asked)
        with pytest.raises(FunctionError, match="there is nothing to bring home") as refused:
            orchestrator.invoke("discover", "at-home")
        assert refused.value.name == "InvalidRequest"
        assert orchestrator.runs.get_servers("at-home") == []
        assert orchestrator.runs.lock_owners([KEYS["rep-1"]]) == {}

    def test_a_run_that_is_being_aborted_begins_nothing(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback()
        before = reversals(orchestrator)
        orchestrator.runs.update_run(run_id, {"aborting": {"by": "me", "at": orchestrator.now(), "reason": "no"}})
        for function in ("gate", PREPARE):
            assert orchestrator.invoke(function, run_id)["outcome"] == "abort"
        assert reversals(orchestrator) == before


class TestStall:
    def test_a_stall_is_asked_about_and_followed_on_and_left_out(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback()
        orchestrator.invoke(PREPARE, run_id)
        change_returning(orchestrator, run_id, "db-1", replication_state="STALLED", replication_error="NOT_CONVERGING")
        asked = prepare(orchestrator, run_id, faster=10)[-1]
        assert asked["outcome"] == "ask"
        assert asked["reason"].startswith(f"1 server does not get on. {KEYS['db-1']}: its replication is STALLED")
        assert "DRS says NOT_CONVERGING" in asked["reason"]
        assert "raise the bandwidth" in asked["reason"]
        decide(orchestrator, run_id, asked["reason"], "retry")
        decided = orchestrator.now()
        answers = prepare(orchestrator, run_id, faster=10)
        assert len(answers) > 1, "time counts anew"
        assert answers[-1]["outcome"] == "ask"
        assert orchestrator.now() >= decided[:11] + f"{int(decided[11:13]) + 1:02}" + decided[13:]
        decide(orchestrator, run_id, answers[-1]["reason"], "skip")
        assert records(orchestrator, run_id)["db-1"]["status"] == "skipped"
        assert "skipped by an operator" in records(orchestrator, run_id)["db-1"]["reason"]
        assert prepare(orchestrator, run_id, faster=10)[-1]["reason"] == "2 servers: 2 in_sync"

    def test_a_server_that_falls_behind_after_it_was_in_sync_is_waited_for(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback()
        prepare(orchestrator, run_id, faster=10)
        change_returning(orchestrator, run_id, "app-1", replication_state="BACKLOG", lag=60)
        assert orchestrator.invoke(PREPARE, run_id)["outcome"] == "done", "a lag within the plan's limit is none"
        change_returning(orchestrator, run_id, "app-1", replication_state="BACKLOG", lag=3600)
        assert orchestrator.invoke(PREPARE, run_id)["reason"].startswith("3 servers: 1 reversing, 2 in_sync")
        change_returning(orchestrator, run_id, "app-1", replication_state="CONTINUOUS", lag=0)
        assert orchestrator.invoke(PREPARE, run_id)["outcome"] == "done"


class TestGate:
    def test_an_original_instance_that_keeps_its_address_stops_a_failback_but_no_drill(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback(original_instance="keep")
        asked = orchestrator.invoke("gate", run_id)
        assert (asked["outcome"], asked["findings"]) == ("ask", 4), "one for each interface"
        assert "still has address 10.10.1.11" in asked["reason"]
        (failed,) = told(orchestrator, run_id, "gate_failed")
        assert all("launch_into" in finding["remedy"] for finding in failed["findings"])
        orchestrator.invoke("close-run", run_id, aborted=True)
        assert orchestrator.invoke("gate", open_failback(drill=True, original_instance="keep"))["outcome"] == "done"

    def test_an_original_instance_that_is_launched_into_is_looked_at(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback(original_instance="launch_into")
        assert orchestrator.invoke("gate", run_id)["outcome"] == "ask"
        (failed,) = told(orchestrator, run_id, "gate_failed")
        found = {
            (finding["severity"], finding["what"].split("i-")[1].split(" ", 1)[-1]) for finding in failed["findings"]
        }
        assert ("error", "has no instance profile: DRS needs one with its policies") in found
        assert "warning" in {severity for severity, _what in found}, "EC2 does not tell how it boots"

    def test_a_server_that_cannot_go_home_is_asked_about_until_it_can(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        ec2, drs = orchestrator.client("ec2"), orchestrator.client("drs")
        (item,) = drs.describe_recovery_instances(filters={"sourceServerIDs": [IDS["app-2"]]})["items"]
        ec2.stop_instances(InstanceIds=[item["ec2InstanceID"]])
        advance(orchestrator, 120)
        try:
            run_id = open_failback()
            assert records(orchestrator, run_id)["app-2"]["status"] == "skipped"
            asked = orchestrator.invoke("gate", run_id)
            assert asked["outcome"] == "ask"
            assert f"{KEYS['app-2']}: it cannot go home" in asked["reason"]
            skipped = [event["server_key"] for event in told(orchestrator, run_id, "server_skipped")]
            assert skipped == [KEYS["app-2"], KEYS["rep-1"]]
        finally:
            ec2.start_instances(InstanceIds=[item["ec2InstanceID"]])
            advance(orchestrator, 120)
        assert orchestrator.invoke("gate", run_id)["outcome"] == "done"
        assert records(orchestrator, run_id)["app-2"]["status"] == "pending"

    def test_a_home_without_a_replication_template_stops_a_failback(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        home = orchestrator.client("drs", HOME)
        (template,) = home.describe_replication_configuration_templates()["items"]
        run_id = open_failback()
        home.delete_replication_configuration_template(
            replicationConfigurationTemplateID=template["replicationConfigurationTemplateID"]
        )
        try:
            asked = orchestrator.invoke("gate", run_id)
            assert asked["outcome"] == "ask"
            assert "no replication configuration template in account 222222222222 in us-east-1" in asked["reason"]
            assert asked["findings"] == 1
        finally:
            made = {
                name: value
                for name, value in template.items()
                if name not in {"arn", "replicationConfigurationTemplateID"}
            }
            home.create_replication_configuration_template(**made)


class TestForwardGate:
    def test_what_came_home_is_judged_as_before_a_failover(
        self, orchestrator: Orchestrator, open_failback: OpenFailback
    ) -> None:
        run_id = open_failback()
        replica = records(orchestrator, run_id)["rep-1"]
        orchestrator.runs.put_servers(run_id, [{**replica, "status": "validated"}])
        assert orchestrator.invoke("gate", run_id, forward=True)["outcome"] == "done"
        (passed,) = told(orchestrator, run_id, "gate_passed")
        assert (passed["servers"], passed["forward"]) == (1, True)
        orchestrator.change_source_server("rep-1", replication_state="STALLED")
        try:
            asked = orchestrator.invoke("gate", run_id, forward=True)
            assert asked["outcome"] == "ask"
            assert "replication is STALLED" in asked["reason"]
        finally:
            orchestrator.change_source_server("rep-1", replication_state="CONTINUOUS", lag=0)
