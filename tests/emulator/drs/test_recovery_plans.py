"""Native recovery plans: plans and steps, executions, what goes wrong and how it goes on [facts 5.8, 2.1, 1.1]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs
from tests.emulator.drs.test_protocol import post

REACTION = 5  # seconds from one step to the next
LAUNCH = 600  # more than a Linux server takes
NO_SUBNET = 70  # more than a launch without a subnet takes to fail


def arn_of(server_id: str) -> str:
    return f"arn:aws:drs:us-west-2:{TARGET}:source-server/{server_id}"


def servers_step(*critical: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    members = [{"serverArn": arn_of(item)} for item in critical]
    members += [{"serverArn": arn_of(item), "impactLevel": "OPTIONAL"} for item in optional]
    return {"serverStepConfiguration": {"servers": members}}


def wait_step(minutes: int) -> dict[str, Any]:
    return {"waitStepConfiguration": {"waitDurationMinutes": minutes}}


def new_plan(drs: Drs, *steps: dict[str, Any]) -> str:
    """Create a plan with these steps and return its ARN."""
    arn = drs.api.create_recovery_plan(name="Payments")["recoveryPlan"]["recoveryPlanArn"]
    for number, configuration in enumerate(steps, start=1):
        drs.api.create_recovery_plan_step(recoveryPlanArn=arn, stepName=f"Step {number}", configuration=configuration)
    return arn


def start(drs: Drs, plan: str, mode: str = "DRILL", **options: Any) -> str:
    """Start an execution and return its ARN."""
    answer = drs.api.start_recovery_plan_execution(recoveryPlanArn=plan, mode=mode, **options)
    return answer["recoveryPlanExecution"]["recoveryPlanExecutionArn"]


def execution(drs: Drs, arn: str) -> dict[str, Any]:
    return drs.api.get_recovery_plan_execution(recoveryPlanExecutionArn=arn)["recoveryPlanExecution"]


def steps_of(drs: Drs, arn: str, **options: Any) -> list[dict[str, Any]]:
    pages = drs.api.get_paginator("list_recovery_plan_execution_steps").paginate(
        recoveryPlanExecutionArn=arn, **options
    )
    return [item for page in pages for item in page["recoveryPlanExecutionSteps"]]


def statuses(drs: Drs, arn: str) -> list[str]:
    """Return the status of the execution and of each of its steps."""
    return [execution(drs, arn)["status"], *(step["status"] for step in steps_of(drs, arn))]


def step_of(drs: Drs, arn: str, index: int) -> dict[str, Any]:
    step_arn = steps_of(drs, arn)[index - 1]["recoveryPlanExecutionStepArn"]
    answer = drs.api.get_recovery_plan_execution_step(recoveryPlanExecutionStepArn=step_arn)
    return answer["recoveryPlanExecutionStep"]


def jobs_of(step: dict[str, Any]) -> dict[str, str | None]:
    """Return the job of each server of a step of an execution."""
    members = step["configuration"]["executionServerStepConfiguration"]["servers"]
    return {item["serverArn"].rsplit("/", 1)[1]: item.get("jobID") for item in members}


def update_step(drs: Drs, arn: str, index: int, **changes: Any) -> dict[str, Any]:
    step_arn = steps_of(drs, arn)[index - 1]["recoveryPlanExecutionStepArn"]
    answer = drs.api.update_recovery_plan_execution_step(recoveryPlanExecutionStepArn=step_arn, **changes)
    return answer["recoveryPlanExecutionStep"]


def retry(drs: Drs, arn: str, index: int) -> dict[str, Any]:
    step_arn = steps_of(drs, arn)[index - 1]["recoveryPlanExecutionStepArn"]
    answer = drs.api.retry_recovery_plan_execution_step(recoveryPlanExecutionStepArn=step_arn)
    return answer["recoveryPlanExecutionStep"]


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


# -- executions --------------------------------------------------------------------------------------------------------


def test_an_execution_recovers_step_after_step_and_waits_between(drs: Drs) -> None:
    """Ordered steps, servers of a step in parallel, modes, no clean-up; 201 and members [facts 5.8, 1.1, 1.3]."""
    first, second, third = "s-payapp10000000001", "s-payapp20000000001", "s-payapp30000000001"
    for server in (first, second, third):
        drs.launch_into(server, RECOVERY_APP)
    plan = new_plan(drs, servers_step(first, second), wait_step(2), servers_step(third))
    answer = drs.api.start_recovery_plan_execution(recoveryPlanArn=plan, mode="DRILL", tags={"dr:run": "a"})
    shown = answer["recoveryPlanExecution"]
    arn = shown["recoveryPlanExecutionArn"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (shown["status"], shown["mode"], shown["tags"]) == ("CREATED", "DRILL", {"dr:run": "a"})
    assert shown["recoveryPlanArn"] == plan
    assert "completedAt" not in shown

    drs.advance(REACTION + 1)
    assert statuses(drs, arn) == ["IN_PROGRESS", "EXECUTING", "NOT_STARTED", "NOT_STARTED"]
    step = step_of(drs, arn, 1)
    (job_id,) = set(jobs_of(step).values())
    assert job_id
    job = drs.job(job_id)
    assert (job["initiatedBy"], job["type"]) == ("START_DRILL", "LAUNCH")
    assert [part["sourceServerID"] for part in job["participatingServers"]] == [first, second]
    assert jobs_of(step_of(drs, arn, 3)) == {third: None}

    drs.advance(LAUNCH)
    assert statuses(drs, arn) == ["IN_PROGRESS", "COMPLETED", "WAITING", "NOT_STARTED"]
    ended = moment(step_of(drs, arn, 1)["updatedAt"])
    assert abs(ended - datetime.fromisoformat(drs.job(job_id)["endDateTime"])) < timedelta(seconds=1)

    drs.advance(120 + REACTION + LAUNCH)
    assert statuses(drs, arn) == ["COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED"]
    waited = moment(step_of(drs, arn, 2)["updatedAt"]) - ended
    assert timedelta(seconds=120) <= waited <= timedelta(seconds=120 + 2 * REACTION)
    assert moment(execution(drs, arn)["completedAt"]) > moment(execution(drs, arn)["startedAt"])
    assert all(drs.recovery_instance_of(server)["isDrill"] for server in (first, second, third))
    states = {drs.recovery_instance_of(server)["ec2InstanceState"] for server in (first, second, third)}
    assert states == {"RUNNING"}


def test_a_critical_server_that_fails_stops_the_execution_and_a_retry_recovers_it_alone(drs: Drs) -> None:
    """CRITICAL is the default, others of the step go on, retry takes the failed servers only [facts 5.8]."""
    failing, launched, later = "s-payweb10000000001", "s-payweb20000000001", "s-payweb30000000001"
    drs.launch_into(launched, RECOVERY_APP)
    arn = start(drs, new_plan(drs, servers_step(failing, launched), servers_step(optional=(later,))), "RECOVERY")
    drs.advance(REACTION + LAUNCH)
    assert statuses(drs, arn) == ["FAILED", "FAILED", "NOT_STARTED"]
    step = step_of(drs, arn, 1)
    assert failing in step["errorDetail"]["message"]
    assert launched not in step["errorDetail"]["message"]
    assert "Step 1" in execution(drs, arn)["errorDetail"]["message"]
    first_job = jobs_of(step)[launched]
    assert first_job
    assert drs.status_of(first_job, launched) == "LAUNCHED"
    assert drs.job(first_job)["initiatedBy"] == "START_RECOVERY"

    drs.launch_into(failing, RECOVERY_APP)
    retried = retry(drs, arn, 1)
    assert (retried["status"], retried["attempt"]) == ("EXECUTING", 2)
    assert "errorDetail" not in retried
    assert jobs_of(retried)[launched] == first_job
    second_job = jobs_of(retried)[failing]
    assert second_job
    assert second_job != first_job
    assert [part["sourceServerID"] for part in drs.job(second_job)["participatingServers"]] == [failing]
    with pytest.raises(drs.api.exceptions.ConflictException, match="in status EXECUTING and cannot be retried"):
        retry(drs, arn, 1)
    drs.advance(LAUNCH + REACTION + NO_SUBNET)
    assert statuses(drs, arn) == ["COMPLETED", "COMPLETED", "COMPLETED"]
    assert (
        drs.job(first_job)["participatingServers"][1]["recoveryInstanceID"]
        == (drs.recovery_instance_of(launched)["recoveryInstanceID"])
    )


def test_an_optional_server_that_fails_stops_nothing(drs: Drs) -> None:
    """OPTIONAL: the step completes [facts 5.8]."""
    server = "s-payrep10000000001"
    arn = start(drs, new_plan(drs, servers_step(optional=(server,)), wait_step(1)))
    drs.advance(REACTION + NO_SUBNET)
    job_id = jobs_of(step_of(drs, arn, 1))[server]
    assert job_id
    assert drs.status_of(job_id, server) == "FAILED"
    assert statuses(drs, arn) == ["IN_PROGRESS", "COMPLETED", "WAITING"]
    drs.advance(60 + REACTION)
    assert statuses(drs, arn) == ["COMPLETED", "COMPLETED", "COMPLETED"]


def test_what_start_recovery_refuses_fails_the_step_of_optional_servers_too(drs: Drs) -> None:
    """Impact levels do not apply to validation, which is StartRecovery's [facts 5.8, 5.1]."""
    server = "s-payapp40000000001"
    arn = start(drs, new_plan(drs, servers_step(optional=(server,))))
    drs.start(server)
    drs.advance(REACTION + 1)
    assert statuses(drs, arn) == ["FAILED", "FAILED"]
    detail = step_of(drs, arn, 1)["errorDetail"]
    assert detail["code"] == "ConflictException"
    assert detail["message"].startswith("One or more of the Source Servers included in API call")
    drs.advance(NO_SUBNET)
    assert retry(drs, arn, 1)["status"] == "EXECUTING"
    drs.advance(NO_SUBNET + REACTION)
    assert statuses(drs, arn) == ["COMPLETED", "COMPLETED"]


def test_skipping_a_failed_step_goes_on_with_the_next(drs: Drs) -> None:
    """Skip: FAILED or NOT_STARTED, also ahead; an execution with skipped steps is COMPLETED [facts 5.8]."""
    first, second = "s-crmapp10000000001", "s-crmapp20000000001"
    arn = start(drs, new_plan(drs, servers_step(first), wait_step(3), wait_step(1), servers_step(optional=(second,))))
    drs.advance(REACTION + 1)
    assert update_step(drs, arn, 2, status="SKIPPED")["status"] == "SKIPPED"
    with pytest.raises(drs.api.exceptions.ConflictException, match="EXECUTING and cannot be skipped"):
        update_step(drs, arn, 1, status="SKIPPED")
    drs.advance(3 * NO_SUBNET)
    assert statuses(drs, arn) == ["FAILED", "FAILED", "SKIPPED", "NOT_STARTED", "NOT_STARTED"]
    assert update_step(drs, arn, 1, status="SKIPPED")["status"] == "SKIPPED"
    assert execution(drs, arn)["status"] == "IN_PROGRESS"
    assert "errorDetail" not in execution(drs, arn)
    drs.advance(REACTION + 1)
    assert statuses(drs, arn)[1:] == ["SKIPPED", "SKIPPED", "WAITING", "NOT_STARTED"]
    with pytest.raises(drs.api.exceptions.ConflictException, match="WAITING and cannot be skipped"):
        update_step(drs, arn, 3, status="SKIPPED")
    drs.advance(60 + REACTION + 3 * NO_SUBNET + REACTION)
    assert statuses(drs, arn) == ["COMPLETED", "SKIPPED", "SKIPPED", "COMPLETED", "COMPLETED"]
    with pytest.raises(drs.api.exceptions.ConflictException, match="in status COMPLETED"):
        update_step(drs, arn, 4, status="SKIPPED")


def test_a_cancelled_execution_ends_the_running_step_first(drs: Drs) -> None:
    """Cancel: CREATED or IN_PROGRESS only, CANCELLING → CANCELLED, remaining steps are skipped [facts 5.8, 1.1]."""
    plan = new_plan(drs, servers_step("s-crmapp30000000001"), wait_step(1))
    early = start(drs, plan)
    cancelled = drs.api.cancel_recovery_plan_execution(recoveryPlanExecutionArn=early)["recoveryPlanExecution"]
    assert cancelled["status"] == "CANCELLED"
    assert statuses(drs, early) == ["CANCELLED", "SKIPPED", "SKIPPED"]

    arn = start(drs, plan)
    drs.advance(REACTION + 1)
    cancelling = drs.api.cancel_recovery_plan_execution(recoveryPlanExecutionArn=arn)["recoveryPlanExecution"]
    assert cancelling["status"] == "CANCELLING"
    assert statuses(drs, arn) == ["CANCELLING", "EXECUTING", "SKIPPED"]
    with pytest.raises(drs.api.exceptions.ConflictException, match="in status CANCELLING and cannot be cancelled"):
        drs.api.cancel_recovery_plan_execution(recoveryPlanExecutionArn=arn)
    with pytest.raises(drs.api.exceptions.ConflictException, match="in status CANCELLING and cannot be deleted"):
        drs.api.delete_recovery_plan_execution(recoveryPlanExecutionArn=arn)
    drs.advance(3 * NO_SUBNET)
    assert statuses(drs, arn) == ["CANCELLED", "FAILED", "SKIPPED"]
    with pytest.raises(drs.api.exceptions.ConflictException, match="only steps of FAILED executions can be retried"):
        retry(drs, arn, 1)


def test_an_execution_takes_24_hours_at_most(drs: Drs) -> None:
    """An execution lasts at most 24 hours [facts 2.1]; a TIMED_OUT step can be skipped [facts 5.8]."""
    arn = start(drs, new_plan(drs, *[wait_step(120)] * 13, servers_step(optional=("s-crmweb10000000001",))))
    started = moment(execution(drs, arn)["startedAt"])
    drs.advance(25 * 3600)
    assert statuses(drs, arn) == ["FAILED", *["COMPLETED"] * 11, "TIMED_OUT", "NOT_STARTED", "NOT_STARTED"]
    ended = execution(drs, arn)
    assert moment(ended["completedAt"]) - started == timedelta(hours=24)
    assert ended["errorDetail"]["message"] == "The execution took more than 24 hours"
    update_step(drs, arn, 12, status="SKIPPED")
    update_step(drs, arn, 13, status="SKIPPED")
    drs.advance(2 * REACTION + 3 * NO_SUBNET)
    assert statuses(drs, arn) == ["COMPLETED", *["COMPLETED"] * 11, "SKIPPED", "SKIPPED", "COMPLETED"]


def test_a_step_that_has_not_started_can_be_changed(drs: Drs) -> None:
    """UpdateRecoveryPlanExecutionStep: servers and wait duration while NOT_STARTED [facts 1.1, 5.8, M]."""
    first, second, third = "s-crmdb100000000001", "s-crmdb200000000001", "s-crmapp40000000001"
    plan = new_plan(drs, wait_step(5), wait_step(120), servers_step(first))
    arn = start(drs, plan)
    drs.advance(REACTION + 1)
    changed = update_step(drs, arn, 2, waitDurationMinutes=1)
    assert changed["configuration"] == wait_step(1)
    replacement = [{"serverArn": arn_of(second)}, {"serverArn": arn_of(third), "impactLevel": "OPTIONAL"}]
    shown = update_step(drs, arn, 3, servers=replacement)["configuration"]["executionServerStepConfiguration"]
    assert [item["impactLevel"] for item in shown["servers"]] == ["CRITICAL", "OPTIONAL"]
    refusals: list[tuple[int, dict[str, Any], str]] = [
        (1, {"waitDurationMinutes": 9}, "ConflictException"),
        (2, {"servers": replacement}, "ValidationException"),
        (3, {"waitDurationMinutes": 9}, "ValidationException"),
        (3, {"status": "COMPLETED"}, "ValidationException"),
        (3, {"status": "SKIPPED", "servers": replacement}, "ValidationException"),
        (3, {}, "ValidationException"),
    ]
    for index, changes, code in refusals:
        with pytest.raises(getattr(drs.api.exceptions, code)):
            update_step(drs, arn, index, **changes)
    drs.advance(5 * 60 + 60 + 3 * REACTION)
    assert statuses(drs, arn)[-1] == "EXECUTING"
    assert set(jobs_of(step_of(drs, arn, 3))) == {second, third}
    plan_step = drs.api.list_recovery_plan_steps(recoveryPlanArn=plan)["recoveryPlanSteps"][2]
    assert [item["serverArn"] for item in plan_step["configuration"]["serverStepConfiguration"]["servers"]] == [
        arn_of(first)
    ]
    drs.advance(3 * NO_SUBNET)


# -- starting ----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_started_says_why_in_the_words_of_aws(drs: Drs) -> None:
    """The error texts of StartRecoveryPlanExecution, verbatim; one execution at a time [facts 5.8, 2.1]."""
    plan = new_plan(drs)
    plan_id = plan.rsplit("/", 1)[1]
    conflict, invalid = drs.api.exceptions.ConflictException, drs.api.exceptions.ValidationException

    def refused(expected: type[Exception], **options: Any) -> dict[str, Any]:
        with pytest.raises(expected) as error:
            start(drs, plan, **options)
        return error.value.response  # type: ignore[attr-defined]

    assert refused(invalid)["message"] == (
        f"Recovery plan {plan_id} has no steps. Add at least one step to the plan before starting an execution."
    )
    drs.api.create_recovery_plan_step(recoveryPlanArn=plan, stepName="Wait", configuration=wait_step(1))
    assert refused(conflict)["message"] == (
        f"Recovery plan {plan_id} is in status INVALID and cannot be executed. Only ACTIVE plans can be executed."
    )
    first, second = "s-paydb100000000001", "s-paydb200000000001"
    drs.api.create_recovery_plan_step(
        recoveryPlanArn=plan, stepName="Databases", configuration=servers_step(first, second)
    )
    pins = [
        {"sourceServerID": item, "recoverySnapshotID": "pit-00000000000000000"} for item in (first, "s-" + 17 * "0")
    ]
    unknown = refused(invalid, sourceServers=pins)
    assert unknown["message"] == "Source server IDs not found in plan"
    assert [item["message"] for item in unknown["fieldList"]] == ["s-" + 17 * "0"]
    missing = refused(invalid, sourceServers=pins[:1])
    assert missing["message"] == "Missing recoverySnapshotID for servers"
    assert [item["message"] for item in missing["fieldList"]] == [second]

    arn = start(drs, plan)
    assert refused(conflict)["message"] == f"Another execution is already active for plan {plan_id}"
    with pytest.raises(conflict, match="has an active execution and cannot be deleted"):
        drs.api.delete_recovery_plan(recoveryPlanArn=plan)
    drs.api.cancel_recovery_plan_execution(recoveryPlanExecutionArn=arn)
    assert drs.api.delete_recovery_plan(recoveryPlanArn=plan)["recoveryPlanArn"] == plan
    assert refused(conflict)["message"] == f"Cannot start execution: recovery plan {plan_id} is being deleted."
    drs.advance(2)
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        start(drs, plan)
    drs.api.delete_recovery_plan_execution(recoveryPlanExecutionArn=arn)
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        execution(drs, arn)


def test_pinned_snapshots_are_what_the_servers_are_recovered_from(drs: Drs) -> None:
    """`sourceServers` names the recovery snapshot of each server [facts 1.1, 5.8]."""
    server = "s-paydb100000000001"
    drs.launch_into(server, RECOVERY_APP)
    points = drs.api.describe_recovery_snapshots(sourceServerID=server, order="ASC")["items"]
    pin = {"sourceServerID": server, "recoverySnapshotID": points[-1]["snapshotID"]}
    arn = start(drs, new_plan(drs, servers_step(server)), sourceServers=[pin])
    drs.advance(REACTION + LAUNCH)
    assert statuses(drs, arn) == ["COMPLETED", "COMPLETED"]
    job_id = jobs_of(step_of(drs, arn, 1))[server]
    assert job_id
    assert "SNAPSHOT_START" not in drs.events(job_id)
    assert drs.recovery_instance_of(server)["pointInTimeSnapshotDateTime"] == points[-1]["timestamp"]


def test_a_client_token_makes_one_thing_only(drs: Drs) -> None:
    """clientToken is on CreateRecoveryPlan, CreateRecoveryPlanStep and StartRecoveryPlanExecution [facts 1.0]."""
    api = drs.api
    plan = api.create_recovery_plan(name="Once", clientToken="t-1")["recoveryPlan"]
    assert api.create_recovery_plan(name="Once", clientToken="t-1")["recoveryPlan"] == plan
    with pytest.raises(api.exceptions.ConflictException, match="t-1 was used with different parameters"):
        api.create_recovery_plan(name="Twice", clientToken="t-1")
    arn = plan["recoveryPlanArn"]
    request = {"recoveryPlanArn": arn, "stepName": "Web", "configuration": servers_step("s-crmweb10000000001")}
    step = api.create_recovery_plan_step(**request, clientToken="t-1")["recoveryPlanStep"]
    assert api.create_recovery_plan_step(**request, clientToken="t-1")["recoveryPlanStep"] == step
    assert len(api.list_recovery_plan_steps(recoveryPlanArn=arn)["recoveryPlanSteps"]) == 1
    execution_arn = start(drs, arn, clientToken="t-1")
    assert start(drs, arn, clientToken="t-1") == execution_arn
    api.cancel_recovery_plan_execution(recoveryPlanExecutionArn=execution_arn)
    assert start(drs, arn, clientToken="t-1") == execution_arn
    api.delete_recovery_plan_execution(recoveryPlanExecutionArn=execution_arn)
    other = start(drs, arn, clientToken="t-1")
    assert other != execution_arn
    api.cancel_recovery_plan_execution(recoveryPlanExecutionArn=other)


# -- plans and steps ---------------------------------------------------------------------------------------------------


def test_steps_keep_their_order(drs: Drs) -> None:
    """stepOrder 1..20, reorder takes all, a step keeps its type, INVALID without servers [facts 1.1, 5.8]."""
    api = drs.api
    plan = new_plan(drs, servers_step("s-payapp10000000001"), wait_step(1))
    created = api.create_recovery_plan_step(
        recoveryPlanArn=plan, stepName="Between", stepOrder=2, configuration=wait_step(7)
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["recoveryPlanStep"]["stepOrder"] == 2

    def names() -> list[str]:
        steps = api.list_recovery_plan_steps(recoveryPlanArn=plan)["recoveryPlanSteps"]
        assert [step["stepOrder"] for step in steps] == list(range(1, len(steps) + 1))
        return [step["stepName"] for step in steps]

    assert names() == ["Step 1", "Between", "Step 2"]
    arns = [
        step["recoveryPlanStepArn"] for step in api.list_recovery_plan_steps(recoveryPlanArn=plan)["recoveryPlanSteps"]
    ]
    answer = api.reorder_recovery_plan_steps(recoveryPlanArn=plan, orderedStepArns=arns[::-1])
    assert [step["stepName"] for step in answer["recoveryPlanSteps"]] == names() == ["Step 2", "Between", "Step 1"]
    for wrong in (arns[:2], [*arns, arns[0]]):
        with pytest.raises(api.exceptions.ValidationException, match="each of the 3 steps"):
            api.reorder_recovery_plan_steps(recoveryPlanArn=plan, orderedStepArns=wrong)
    with pytest.raises(api.exceptions.ValidationException, match="leaves a gap: the next free one is 4"):
        api.create_recovery_plan_step(recoveryPlanArn=plan, stepName="Far", stepOrder=9, configuration=wait_step(1))
    with pytest.raises(api.exceptions.ValidationException, match="type of a recovery plan step cannot be changed"):
        api.update_recovery_plan_step(recoveryPlanStepArn=arns[0], configuration=wait_step(1))
    renamed = api.update_recovery_plan_step(recoveryPlanStepArn=arns[0], stepName="Apps")["recoveryPlanStep"]
    assert renamed["configuration"]["serverStepConfiguration"]["servers"] == [
        {"serverArn": arn_of("s-payapp10000000001"), "impactLevel": "CRITICAL"}
    ]
    assert api.get_recovery_plan(recoveryPlanArn=plan)["recoveryPlan"]["status"] == "ACTIVE"
    assert api.delete_recovery_plan_step(recoveryPlanStepArn=arns[0])["recoveryPlanStepArn"] == arns[0]
    assert names() == ["Step 2", "Between"]
    assert api.get_recovery_plan(recoveryPlanArn=plan)["recoveryPlan"]["status"] == "INVALID"


def test_a_plan_has_a_name_a_description_and_tags(drs: Drs) -> None:
    """RecoveryPlan's members, dates like 2026-08-18T09:00:12Z, tags by ARN [facts 1.0, 1.1, 1.3]."""
    api = drs.api
    plan = api.create_recovery_plan(name="CRM", description="first", tags={"Owner": "dr"})["recoveryPlan"]
    arn = plan["recoveryPlanArn"]
    assert arn.startswith(f"arn:aws:drs:us-west-2:{TARGET}:recovery-plan/")
    assert moment(plan["createdAt"]) == moment(plan["updatedAt"])
    drs.advance(60)
    updated = api.update_recovery_plan(recoveryPlanArn=arn, name="CRM 2")["recoveryPlan"]
    assert (updated["name"], updated["description"]) == ("CRM 2", "first")
    assert moment(updated["updatedAt"]) - moment(updated["createdAt"]) == timedelta(seconds=60)
    api.tag_resource(resourceArn=arn, tags={"Tier": "one"})
    api.untag_resource(resourceArn=arn, tagKeys=["Owner"])
    assert api.list_tags_for_resource(resourceArn=arn)["tags"] == {"Tier": "one"}
    assert api.get_recovery_plan(recoveryPlanArn=arn)["recoveryPlan"]["tags"] == {"Tier": "one"}
    with pytest.raises(api.exceptions.ResourceNotFoundException) as error:
        api.get_recovery_plan(recoveryPlanArn=arn[:-1] + "x")
    assert error.value.response["resourceType"] == "AWS::DRS::RecoveryPlan"


def test_servers_of_a_plan_are_of_this_account_and_region_and_there_once(drs: Drs) -> None:
    """One account and Region [facts, ten 10]; 20 steps [facts 2.1]; exactly one member of the union [M]."""
    api = drs.api
    plan = new_plan(drs, servers_step("s-payapp10000000001"))

    def add(configuration: dict[str, Any]) -> Any:
        return api.create_recovery_plan_step(recoveryPlanArn=plan, stepName="More", configuration=configuration)

    elsewhere = {"serverArn": arn_of("s-payapp20000000001").replace("us-west-2", "us-east-1")}
    with pytest.raises(api.exceptions.ValidationException, match="is not of account"):
        add({"serverStepConfiguration": {"servers": [elsewhere]}})
    with pytest.raises(api.exceptions.ResourceNotFoundException, match="s-00000000000000000 not found"):
        add(servers_step("s-00000000000000000"))
    with pytest.raises(api.exceptions.ValidationException, match="in the recovery plan more than once"):
        add(servers_step("s-payapp10000000001"))
    both = {**wait_step(1), **servers_step("s-payapp20000000001")}
    for configuration in (both, {}):
        body = {"recoveryPlanArn": plan, "stepName": "Both", "configuration": configuration}
        status, _, answer = post(drs, "/CreateRecoveryPlanStep", body)
        assert (status, answer["fieldList"][0]["name"]) == (400, "configuration")
    for minutes in (0, 121):
        body = {"recoveryPlanArn": plan, "stepName": "Wait", "configuration": wait_step(minutes)}
        assert post(drs, "/CreateRecoveryPlanStep", body)[0] == 400
    for _ in range(19):
        add(wait_step(120))
    with pytest.raises(api.exceptions.ServiceQuotaExceededException, match="at most 20 steps"):
        add(wait_step(1))


def test_the_lists_come_in_pages(drs: Drs) -> None:
    """The four paginators of recovery plans and their result keys; filters by plan and status [facts 1.0, 1.1]."""
    plans = [new_plan(drs) for _ in range(3)]
    pages = drs.api.get_paginator("list_recovery_plans").paginate(PaginationConfig={"PageSize": 2})
    listed = [item["recoveryPlanArn"] for page in pages for item in page["recoveryPlans"]]
    assert listed[-3:] == plans
    assert len(listed) == len(set(listed))

    plan = new_plan(drs, wait_step(1), servers_step("s-payapp10000000001"), wait_step(2))
    small = {"PageSize": 2}
    steps = list(
        drs.api.get_paginator("list_recovery_plan_steps").paginate(recoveryPlanArn=plan, PaginationConfig=small)
    )
    assert [len(page["recoveryPlanSteps"]) for page in steps] == [2, 1]

    arns = []
    for _ in range(3):
        arns.append(start(drs, plan))
        drs.api.cancel_recovery_plan_execution(recoveryPlanExecutionArn=arns[-1])
    paginator = drs.api.get_paginator("list_recovery_plan_executions")
    pages = paginator.paginate(recoveryPlanArn=plan, status="CANCELLED", PaginationConfig=small)
    found = [item["recoveryPlanExecutionArn"] for page in pages for item in page["recoveryPlanExecutions"]]
    assert found == arns[::-1]
    assert drs.api.list_recovery_plan_executions(recoveryPlanArn=plan, status="FAILED")["recoveryPlanExecutions"] == []
    assert [step["stepIndex"] for step in steps_of(drs, arns[0], PaginationConfig=small)] == [1, 2, 3]
    assert steps_of(drs, arns[0], filter={"status": "COMPLETED"}) == []
    tags = drs.api.list_tags_for_resource(resourceArn=arns[0])["tags"]
    assert tags == {}
