"""A failback from phase to phase: the real definitions with the real functions, aborted and killed on the way."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_budget import (
    EVENTS_FOR_A_CHILD,
    budget_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan

from tests.functions.run_control import MACHINE_ARN, execute, stop_executions, until
from tests.support.embedded import EmbeddedAws
from tests.support.histories import LONGEST_HISTORY, histories, largest_state
from tests.support.orchestrator import ESTATE, KEYS, PREFIX, Orchestrator, definition, deployed_roles

HOME = "us-east-1"
ANOTHER = "arn:aws:iam::222222222222:user/another-operator"
ORIGINALS = ["i-0a1d0000000000001", "i-0a1a0000000000001", "i-0a1a0000000000002", "i-0a1b0000000000001"]
MONTH = 30 * 86400
MOST_STATE = 8 * 1024
SHORTENED_LOOKS = 3
PLAN: dict[str, Any] = {
    "failback": {"order": "reversed"},
    "decision": {"timeout": MONTH, "default": "continue", "four_eyes": True},
}


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """An estate that has failed over, and whose instances at home are lost."""
    aws = EmbeddedAws(ESTATE)
    try:
        deployed = Orchestrator(aws, tmp_path_factory.mktemp("archive"))
        deployed.publish(**PLAN)
        assert deployed.follow(deployed.start("failover", "recovery"))["status"] == "SUCCEEDED"
        deployed.client("ec2", HOME).terminate_instances(InstanceIds=ORIGINALS)
        yield deployed
    finally:
        aws.stop()


def slowly(orchestrator: Orchestrator, slow: bool = True) -> None:
    """Let virtual time pass only when a test advances it, or as fast as the work allows again."""
    orchestrator.aws.control("clock", {"pace": 0.01 if slow else None})


def test_a_way_home_that_is_aborted_and_killed_again_and_again(orchestrator: Orchestrator) -> None:
    """Every further run goes on from what AWS shows."""
    _aborted_while_replicating(orchestrator)
    _not_approved(orchestrator)
    _rehearsed(orchestrator)
    _aborted_in_its_waves(orchestrator)
    _aborted_while_it_is_protected_again(orchestrator)
    _killed_and_resumed(orchestrator)
    _check_permissions(orchestrator)


def _aborted_while_replicating(orchestrator: Orchestrator) -> None:
    """Nothing is launched, and replication goes on. Until then, child follows child."""
    slowly(orchestrator)
    with ShortenedChildren(orchestrator):
        arn = orchestrator.start("failback", "first")
        until(orchestrator, "first", "replication_followed")
        while "first-prepare-3" not in (found := histories(orchestrator, "first")):
            orchestrator.aws.control("clock", {"advance": 60})
        _check_histories(orchestrator, "first", found)
        execute(orchestrator, "aborted", "first")
    slowly(orchestrator, slow=False)
    summary = _ends_as_aborted(orchestrator, arn)
    assert not {"wave_started", "job_started", "run_paused"} & set(orchestrator.kinds("first"))
    assert set(_returning(orchestrator).values()) <= {"INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"}
    assert len(_returning(orchestrator)) == len(KEYS)
    assert "What replicates goes on replicating" in summary


def _not_approved(orchestrator: Orchestrator) -> None:
    """Nobody approves alone what he asked for, silence approves nothing, and a month of it makes no history."""
    me = caller(orchestrator.client("sts")).arn
    arn = orchestrator.start("failback", "second", requested_by=me)
    orchestrator.follow(arn, until_paused=True)
    (pause,) = orchestrator.runs.open_pauses("second")
    assert (pause["step"], pause["wave"], pause["default"], pause["not_by"]) == ("approve-failback", None, "abort", me)
    assert pause["options"] == ["continue", "abort"]
    assert "4 servers: 4 in_sync" in pause["reason"]
    with pytest.raises(ConflictError, match="four eyes"):
        orchestrator.decide("second", "continue")
    before = sum(map(len, histories(orchestrator, "second").values()))
    orchestrator.aws.control("clock", {"advance": MONTH - 86400})
    assert sum(map(len, histories(orchestrator, "second").values())) - before < 5
    orchestrator.aws.control("clock", {"advance": 2 * 86400})
    _ends_as_aborted(orchestrator, arn)
    (pause,) = orchestrator.runs.pauses("second")
    assert (pause["status"], pause["decision"]) == ("expired", "abort")
    assert "wave_started" not in orchestrator.kinds("second")


def _rehearsed(orchestrator: Orchestrator) -> None:
    """A drill needs no approval, is held, and leaves nothing but what replicates home."""
    arn = orchestrator.start("failback", "drill", drill=True, hold=600)
    orchestrator.follow(arn, until_paused=True)
    (pause,) = orchestrator.runs.open_pauses("drill")
    assert pause["step"] == "hold"
    orchestrator.decide("drill", "continue")
    execution = orchestrator.follow(arn)
    assert json.loads(execution["output"]) == {"run_id": "drill", "status": "succeeded"}
    assert set(orchestrator.statuses("drill").values()) == {"cleaned_up"}
    assert orchestrator.kinds("drill").count("clean_up_ended") == 1
    instances = [server["instance_id"] for server in orchestrator.runs.get_servers("drill")]
    assert _states(orchestrator, instances, HOME) == {"terminated"}
    assert set(_returning(orchestrator).values()) == {"CONTINUOUS"}
    assert len(_returning(orchestrator)) == len(KEYS)


def _aborted_in_its_waves(orchestrator: Orchestrator) -> None:
    """The other way round than the failover; what was launched stays, and is not protected again."""
    arn = orchestrator.start("failback", "third")
    orchestrator.follow(arn, until_paused=True)
    slowly(orchestrator)
    orchestrator.decide("third", "continue", by=ANOTHER)
    until(orchestrator, "third", "job_started")
    execute(orchestrator, "aborted", "third")
    slowly(orchestrator, slow=False)
    _ends_as_aborted(orchestrator, arn)
    waves = {wave["name"]: wave for wave in orchestrator.runs.get_waves("third")}
    assert waves["databases"]["started_at"] is None
    assert waves["applications"]["started_at"]
    launched = [server for server in orchestrator.runs.get_servers("third") if server["instance_id"]]
    assert {server["wave"] for server in launched} == {2}
    assert {server["region"] for server in launched} == {HOME}
    assert _states(orchestrator, [server["instance_id"] for server in launched], HOME) == {"running"}
    assert _steps(orchestrator, "third") == []


def _aborted_while_it_is_protected_again(orchestrator: Orchestrator) -> None:
    """What an earlier run launched is not launched again; the abort takes effect before the next step."""
    arn = orchestrator.start("failback", "fourth")
    orchestrator.follow(arn, until_paused=True)
    orchestrator.decide("fourth", "continue", by=ANOTHER)
    slowly(orchestrator)
    until(orchestrator, "fourth", "failback_step_begun")
    execute(orchestrator, "aborted", "fourth")
    slowly(orchestrator, slow=False)
    _ends_as_aborted(orchestrator, arn)
    assert len(orchestrator.jobs("fourth")) == 0, "its jobs are at home"
    jobs = orchestrator.client("drs", HOME).describe_jobs(filters={})["items"]
    own = [job for job in jobs if job["tags"].get("dr:run") == "fourth"]
    assert [len(job["participatingServers"]) for job in own] == [1]
    assert {action for action, _key in _steps(orchestrator, "fourth")} == {"protect_again"}
    assert set(orchestrator.statuses("fourth").values()) == {"validated"}
    recovered = [server["instance_id"] for server in orchestrator.runs.get_servers("recovery")]
    assert _states(orchestrator, recovered, "us-west-2") == {"running"}


def _killed_and_resumed(orchestrator: Orchestrator) -> None:
    """It goes on after what is behind it, to the end: protected again, nothing left, ready to fail over."""
    arn = orchestrator.start("failback", "fifth")
    slowly(orchestrator)
    until(orchestrator, "fifth", "failback_step_begun", times=5)
    stop_executions(orchestrator)
    resumed = execute(orchestrator, "resumed", "fifth")
    assert resumed["execution_arn"] == f"{arn}-r1"
    slowly(orchestrator, slow=False)
    execution = orchestrator.follow(resumed["execution_arn"])
    assert json.loads(execution["output"]) == {"run_id": "fifth", "status": "succeeded"}
    assert orchestrator.kinds("fifth").count("gate_passed") == 2, (
        "the way home's, and the readiness of the next failover"
    )
    assert orchestrator.kinds("fifth").count("servers_correlated") == 2
    assert orchestrator.runs.pauses("fifth") == [], "what is at home already needs no approval"
    terminated = [key for action, key in _steps(orchestrator, "fifth") if action == "terminate_recovered"]
    assert sorted(terminated) == sorted(KEYS.values())
    assert _returning(orchestrator) == {}
    drs = orchestrator.client("drs")
    assert drs.describe_recovery_instances(filters={})["items"] == []
    states = {
        item["dataReplicationInfo"]["dataReplicationState"] for item in drs.describe_source_servers(filters={})["items"]
    }
    assert states == {"CONTINUOUS"}
    assert orchestrator.runs.lock_owners(KEYS.values()) == {}


def _check_permissions(orchestrator: Orchestrator) -> None:
    """Nothing was lacking, and the machines may do no more than they did, but for ending children with a run."""
    used: dict[str, set[str]] = defaultdict(set)
    for entry in orchestrator.aws.control("permissions")["permissions"]:
        if ":role/" in entry["identity"]:
            assert entry["result"] == "allowed", entry
            used[entry["identity"].rsplit(f"/{PREFIX}-", 1)[-1]].add(entry["action"])
    for machine in ("failback", "follow"):
        statements = deployed_roles()[machine][1]["Statement"]
        allowed = {action for one in statements for action in _listed(one["Action"])}
        assert allowed - used[machine] <= {"states:StopExecution"}


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def _ends_as_aborted(orchestrator: Orchestrator, arn: str) -> str:
    """Return the summary with which the run has ended."""
    execution = orchestrator.follow(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "aborted"), execution.get("cause")
    states = orchestrator.client("stepfunctions")
    running = states.list_executions(stateMachineArn=f"{MACHINE_ARN}follow", statusFilter="RUNNING")["executions"]
    assert running == []
    return str(execution["cause"])


def _check_histories(orchestrator: Orchestrator, run_id: str, found: dict[str, list[Any]]) -> None:
    children = [found[f"{run_id}-prepare-{number}"] for number in (1, 2)]
    assert max(len(events) for events in children) / SHORTENED_LOOKS * 400 <= LONGEST_HISTORY
    assert all(largest_state(events) <= MOST_STATE for events in found.values())
    run = orchestrator.runs.get_run(run_id)
    assert run is not None
    starts = [number for number, event in enumerate(found[run_id]) if event["type"] == "TaskStarted"][-2:]
    assert starts[1] - starts[0] <= EVENTS_FOR_A_CHILD
    assert len(found[run_id]) <= budget_of(parse_plan(run["plan"])).failback_events


class ShortenedChildren:
    """Children that look only a few times."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._states = orchestrator.client("stepfunctions")
        self._text = definition("follow")
        assert self._text.count("$looks < 400") == 2

    def __enter__(self) -> None:
        self._deploy(self._text.replace("$looks < 400", f"$looks < {SHORTENED_LOOKS}"))

    def __exit__(self, *_error: object) -> None:
        self._deploy(self._text)

    def _deploy(self, text: str) -> None:
        self._states.update_state_machine(stateMachineArn=f"{MACHINE_ARN}follow", definition=text)


def _returning(orchestrator: Orchestrator) -> dict[str, str]:
    """Return the replication states of the source servers at home."""
    items = orchestrator.client("drs", HOME).describe_source_servers(filters={})["items"]
    return {item["sourceServerID"]: item["dataReplicationInfo"]["dataReplicationState"] for item in items}


def _states(orchestrator: Orchestrator, instance_ids: list[str], region: str) -> set[str]:
    found = orchestrator.client("ec2", region).describe_instances(InstanceIds=instance_ids)["Reservations"]
    return {instance["State"]["Name"] for reservation in found for instance in reservation["Instances"]}


def _steps(orchestrator: Orchestrator, run_id: str) -> list[tuple[str, str]]:
    """Return the actions that a run began, with their servers."""
    return [
        (event["data"]["action"], event["data"]["server_key"])
        for event in orchestrator.runs.events(run_id)
        if event["kind"] == "failback_step_begun"
    ]
