"""Runs that are started at the same instant: one server is in one of them, and one run id is one run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from tests.support.orchestrator import KEYS, Orchestrator

NewRun = Callable[[], str]
PLANS = ("left", "right")


def at_once(work: Sequence[Callable[[], str]]) -> list[str]:
    """Do all at the same instant, and return what each answers, or the code of its error."""
    barrier = threading.Barrier(len(work))

    def do(one: Callable[[], str]) -> str:
        barrier.wait()
        try:
            return one()
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(do, work))


def test_of_two_plans_with_one_server_one_gets_it_and_the_other_ends_at_once(
    orchestrator: Orchestrator, new_run: NewRun
) -> None:
    shared = {"waves": [{"name": "all", "groups": ["db", "rest"], "retries": 0}], "optional_servers": []}
    for plan, others in zip(PLANS, (["app-1"], ["app-2", "rep-1"]), strict=True):
        groups = {"db": {"servers": [KEYS["db-1"]]}, "rest": {"servers": [KEYS[name] for name in others]}}
        orchestrator.publish(name=plan, groups=groups, **shared)
    orchestrator.change_source_server("db-1", fail_launch={"phase": "LAUNCH", "times": 1, "raw_error": "no luck"})
    run_ids = {plan: new_run() for plan in PLANS}
    arns = at_once(
        [lambda plan=plan: orchestrator.start("test", run_ids[plan], plan=plan) for plan in PLANS]  # type: ignore[misc]
    )
    ended = {plan: orchestrator.follow(arn, until_paused=True)["status"] for plan, arn in zip(PLANS, arns, strict=True)}
    (winner,) = [plan for plan, status in ended.items() if status == "RUNNING"]
    (loser,) = [plan for plan, status in ended.items() if status == "FAILED"]
    lost = orchestrator.runs.get_run(run_ids[loser])
    assert lost["status"] == "failed"
    assert f"{KEYS['db-1']} by run {run_ids[winner]}" in lost["error"]
    assert orchestrator.jobs(run_ids[loser]) == []
    locks = orchestrator.runs.lock_owners([*KEYS.values(), *(f"plan:{plan}" for plan in PLANS)])
    assert set(locks.values()) == {run_ids[winner]}
    assert f"plan:{loser}" not in locks
    orchestrator.decide(run_ids[winner], "retry")
    assert orchestrator.follow(arns[PLANS.index(winner)])["status"] == "SUCCEEDED"
    assert orchestrator.runs.lock_owners(locks) == {}


def test_one_run_id_is_one_run_however_often_it_is_started_at_once(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    orchestrator.change_source_server("db-1", fail_launch={"phase": "LAUNCH", "times": 1, "raw_error": "no luck"})
    answers = at_once([lambda: orchestrator.start("test", run_id)] * 3)
    assert len(set(answers)) == 1
    (arn,) = set(answers)
    orchestrator.follow(arn, until_paused=True)
    again = at_once([lambda: orchestrator.start("test", run_id), lambda: orchestrator.start("test", run_id, plan="x")])
    assert again == [arn, "ExecutionAlreadyExists"]
    assert orchestrator.kinds(run_id).count("run_opened") == 1
    assert len(orchestrator.jobs(run_id)) == 1
    orchestrator.decide(run_id, "abort")
    orchestrator.follow(arn)
