"""Limits of recovery plans that would take many calls, and the settings for what public sources leave open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from emulator.clock import VirtualClock
from emulator.drs import models
from emulator.drs.errors import ConflictError, DrsError, ServiceQuotaExceededError, ValidationError
from emulator.drs.job_flow import new_job
from emulator.drs.models import DRSBackend
from emulator.drs.operations import OPERATIONS
from emulator.drs.settings import SETTINGS
from emulator.drs.state import Job, Participant

ACCOUNT, REGION = "222222222222", "us-west-2"
START = datetime(2026, 8, 18, 9, 0, 12, tzinfo=UTC)


class Api:
    """The operations on a store in this process, with a clock of its own."""

    def __init__(self, clock: VirtualClock):
        self.clock = clock
        self.store = DRSBackend(REGION, ACCOUNT)

    def __call__(self, name: str, /, **request: Any) -> dict[str, Any]:
        self.store.catch_up()
        return OPERATIONS[name](self.store, request, self.clock.now())

    def plan(self, *servers: str) -> str:
        """Make a plan of two steps, one that recovers these servers and one that waits, and return its ARN."""
        arn: str = self("CreateRecoveryPlan", name="Payments")["recoveryPlan"]["recoveryPlanArn"]
        members = [{"serverArn": self.store.arn("source-server", server)} for server in servers]
        self.store.servers.update(dict.fromkeys(servers, cast("Any", None)))
        contents = [
            {"serverStepConfiguration": {"servers": members}},
            {"waitStepConfiguration": {"waitDurationMinutes": 1}},
        ]
        for configuration in contents:
            self("CreateRecoveryPlanStep", recoveryPlanArn=arn, stepName="Step", configuration=configuration)
        return arn

    def start(self, plan: str) -> str:
        """Start an execution and return its ARN."""
        answer = self("StartRecoveryPlanExecution", recoveryPlanArn=plan, mode="DRILL")
        arn: str = answer["recoveryPlanExecution"]["recoveryPlanExecutionArn"]
        return arn

    def step(self, execution: str, index: int) -> dict[str, Any]:
        """Return a step of an execution."""
        listed = self("ListRecoveryPlanExecutionSteps", recoveryPlanExecutionArn=execution)
        step: dict[str, Any] = listed["recoveryPlanExecutionSteps"][index - 1]
        return step

    def status(self, execution: str) -> str:
        """Return the status of an execution."""
        answer = self("GetRecoveryPlanExecution", recoveryPlanExecutionArn=execution)
        status: str = answer["recoveryPlanExecution"]["status"]
        return status


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    clock = VirtualClock(START)
    monkeypatch.setattr(models, "CLOCK", clock)
    clock.start()
    with clock.work():  # time moves when a test advances it, and not by itself
        yield Api(clock)
    clock.stop()


def advance(api: Api, seconds: float) -> None:
    api.clock.advance(seconds)


@pytest.fixture
def recoveries(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs of executions, which nobody carries out: a test decides how they end."""
    jobs: list[Job] = []

    def start_recovery(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
        parts = [Participant(entry["sourceServerID"]) for entry in request["sourceServers"]]
        jobs.append(new_job(backend, "LAUNCH", "START_DRILL", now, parts))
        return {"job": {"jobID": jobs[-1].job_id}}

    monkeypatch.setattr("emulator.drs.operations.jobs.start_recovery", start_recovery)
    return jobs


def finish(job: Job, number: int, status: str) -> None:
    """Let a job have come to its end for one of its servers."""
    job.participants[number].status = status
    job.participants[number].finished = True


def tell(api: Api, job: Job) -> None:
    """Let the execution see what its job has come to."""
    assert job.execution_id
    api.store.schedule(api.clock.now(), job.execution_id, "plan_look")
    api.store.catch_up()


def test_an_account_has_1000_plans(api: Api) -> None:
    """1,000 plans per account and Region [facts 2.1]."""
    for number in range(1000):
        api("CreateRecoveryPlan", name=f"Plan {number}")
    with pytest.raises(ServiceQuotaExceededError, match="at most 1000 recovery plans"):
        api("CreateRecoveryPlan", name="One more")


def test_a_plan_has_100_servers(api: Api) -> None:
    """100 servers per plan [facts 2.1], over all its steps."""
    servers = [f"s-{number:017}" for number in range(101)]
    plan = api.plan(*servers[:60])
    api.store.servers.update(dict.fromkeys(servers, cast("Any", None)))

    def step(names: list[str]) -> dict[str, Any]:
        members = [{"serverArn": api.store.arn("source-server", name)} for name in names]
        return {
            "recoveryPlanArn": plan,
            "stepName": "S",
            "configuration": {"serverStepConfiguration": {"servers": members}},
        }

    with pytest.raises(ServiceQuotaExceededError, match="at most 100 source servers"):
        api("CreateRecoveryPlanStep", **step(servers[60:]))
    assert api("CreateRecoveryPlanStep", **step(servers[60:100]))["recoveryPlanStep"]["stepOrder"] == 3


@pytest.mark.parametrize(
    ("when", "statuses"), [("at_job_end", ["IN_PROGRESS", "FAILED"]), ("at_first_failure", ["FAILED"])]
)
def test_a_step_fails_when_the_setting_says(
    api: Api, recoveries: list[Job], monkeypatch: pytest.MonkeyPatch, when: str, statuses: list[str]
) -> None:
    monkeypatch.setattr(SETTINGS, "plan_step_fails", when)
    execution = api.start(api.plan("s-00000000000000001", "s-00000000000000002"))
    advance(api, 6)
    (job,) = recoveries
    finish(job, 0, "FAILED")
    tell(api, job)
    assert api.status(execution) == statuses[0]
    finish(job, 1, "LAUNCHED")
    job.status = "COMPLETED"
    tell(api, job)
    assert api.status(execution) == statuses[-1]


def test_a_retry_keeps_what_was_launched_after_the_step_had_failed(
    api: Api, recoveries: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers already started go on; retry takes only failed servers [facts 5.8]."""
    monkeypatch.setattr(SETTINGS, "plan_step_fails", "at_first_failure")
    execution = api.start(api.plan("s-00000000000000001", "s-00000000000000002"))
    advance(api, 6)
    finish(recoveries[0], 0, "FAILED")
    tell(api, recoveries[0])
    finish(recoveries[0], 1, "LAUNCHED")
    recoveries[0].status = "COMPLETED"
    arn = api.step(execution, 1)["recoveryPlanExecutionStepArn"]
    assert (
        api("RetryRecoveryPlanExecutionStep", recoveryPlanExecutionStepArn=arn)["recoveryPlanExecutionStep"]["attempt"]
        == 2
    )
    assert [part.server_id for part in recoveries[1].participants] == ["s-00000000000000001"]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
@pytest.mark.parametrize("skips", [True, False])
def test_what_a_timed_out_execution_is_and_allows(
    api: Api, recoveries: list[Job], monkeypatch: pytest.MonkeyPatch, status: str, skips: bool
) -> None:
    monkeypatch.setattr(SETTINGS, "plan_time_out_status", status)
    monkeypatch.setattr(SETTINGS, "plan_skips_timed_out_steps", skips)
    execution = api.start(api.plan("s-00000000000000001"))
    advance(api, 24 * 3600)
    assert api.status(execution) == status
    step = api.step(execution, 1)
    assert step["status"] == "TIMED_OUT"
    request = {"recoveryPlanExecutionStepArn": step["recoveryPlanExecutionStepArn"], "status": "SKIPPED"}
    if skips:
        api("UpdateRecoveryPlanExecutionStep", **request)
        assert api.status(execution) == "IN_PROGRESS"
    else:
        with pytest.raises(ConflictError, match="TIMED_OUT and cannot be skipped"):
            api("UpdateRecoveryPlanExecutionStep", **request)


def test_a_plan_is_locked_while_it_is_executed_if_the_setting_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = api.plan("s-00000000000000001")
    api.start(plan)
    api("UpdateRecoveryPlan", recoveryPlanArn=plan, name="Renamed")
    monkeypatch.setattr(SETTINGS, "plan_locked_while_executing", True)
    with pytest.raises(ConflictError, match="has an active execution and cannot be changed"):
        api("UpdateRecoveryPlan", recoveryPlanArn=plan, name="Again")


def test_names_are_unique_if_the_setting_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    first = api.plan("s-00000000000000001")
    api("CreateRecoveryPlan", name="Payments")
    monkeypatch.setattr(SETTINGS, "plan_names_unique", True)
    with pytest.raises(ConflictError, match="with the name Payments exists already"):
        api("CreateRecoveryPlan", name="Payments")
    assert api("UpdateRecoveryPlan", recoveryPlanArn=first, name="CRM")["recoveryPlan"]["name"] == "CRM"
    assert api("UpdateRecoveryPlan", recoveryPlanArn=first, name="CRM")["recoveryPlan"]["name"] == "CRM"


def test_servers_are_checked_at_the_start_if_the_setting_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same checks as StartRecovery's: a server that is gone meanwhile [facts 5.1]."""
    plan = api.plan("s-00000000000000001")
    api.store.servers.clear()
    execution = api.start(plan)
    advance(api, 6)
    assert api.step(execution, 1)["errorDetail"]["message"] == "Source Server s-00000000000000001 does not exist"
    monkeypatch.setattr(SETTINGS, "plan_validates_at_start", True)
    with pytest.raises(ValidationError, match="does not exist"):
        api.start(plan)
    executions = api("ListRecoveryPlanExecutions", recoveryPlanArn=plan)["recoveryPlanExecutions"]
    assert [item["recoveryPlanExecutionArn"] for item in executions] == [execution]


def test_an_execution_moves_no_time_when_it_has_ended(api: Api, recoveries: list[Job]) -> None:
    """The 24 hours are a deadline: the clock does not jump to them."""
    api.start(api.plan("s-00000000000000001"))
    advance(api, 6)
    status = api.clock.status()
    assert status["timers"] == []
    assert status["deadlines"] == [(START + timedelta(hours=24)).isoformat()]


def test_a_second_execution_keeps_the_first_from_going_on(api: Api, recoveries: list[Job]) -> None:
    """One running execution per plan [facts 2.1], however it comes to run."""
    plan = api.plan("s-00000000000000001")
    first = api.start(plan)
    advance(api, 6)
    finish(recoveries[0], 0, "FAILED")
    recoveries[0].status = "COMPLETED"
    tell(api, recoveries[0])
    api.start(plan)
    arn = api.step(first, 1)["recoveryPlanExecutionStepArn"]
    requests: list[tuple[str, dict[str, Any]]] = [
        ("RetryRecoveryPlanExecutionStep", {}),
        ("UpdateRecoveryPlanExecutionStep", {"status": "SKIPPED"}),
    ]
    for name, members in requests:
        with pytest.raises(DrsError, match="Another execution is already active for plan"):
            api(name, recoveryPlanExecutionStepArn=arn, **members)
    assert api.status(first) == "FAILED"
    assert api.step(first, 1)["status"] == "FAILED"
