"""Whatever is sent, DRS answers within its model: a success, a modelled error, or 'not emulated'; never a 500."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.drs.operations import OPERATIONS
from tests.emulator.drs.support import TARGET, Drs
from tests.emulator.drs.test_protocol import MODEL, post

KNOWN = {
    "SourceServerID": ["s-paydb100000000001", "s-00000000000000000"],
    "RecoverySnapshotID": ["pit-00000000000000000"],
    "JobID": ["drsjob-00000000000000000"],
    "RecoveryInstanceID": ["i-00000000000000000"],
    "SourceServerARN": ["arn:aws:drs:us-west-2:111111111111:source-server/s-whdb1000000000001"],
    "ARN": [f"arn:aws:drs:us-west-2:{TARGET}:source-server/s-paydb100000000001", "arn:aws:iam::1:role/a-role-name"],
    "StrictDRSARN": ["arn:aws:drs:us-west-2:222222222222:recovery-plan/rp-00000000000000000"],
    "RecoveryPlanName": ["Payments"],
    "RecoveryPlanStepName": ["Databases"],
    "AccountID": ["111111111111", "333333333333", TARGET],
    "ISO8601DatetimeString": ["2026-01-01T00:00:00Z", "2026-02-31T00:00:00Z", "9999999-12-31T23:59:59Z"],
}
ANSWERS = {400, 402, 403, 404, 409, 501}
JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({}), st.just([1]))


def values(shape: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of values of a shape: mostly of its type, sometimes anything."""
    return st.one_of(of_type(shape), of_type(shape), of_type(shape), JUNK)


def of_type(shape: Any) -> st.SearchStrategy[Any]:
    if shape.type_name == "structure":
        required = {name: values(shape.members[name]) for name in shape.required_members}
        optional = {name: values(member) for name, member in shape.members.items() if name not in required}
        return st.fixed_dictionaries(required, optional=optional)
    if shape.type_name == "list":
        return st.lists(values(shape.member), max_size=3)
    if shape.type_name == "map":
        return st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2)
    if shape.type_name in ("integer", "long"):
        return st.integers(min_value=-1, max_value=2000)
    if shape.type_name == "boolean":
        return st.booleans()
    known = KNOWN.get(shape.name, []) + list(shape.metadata.get("enum", []))
    return st.sampled_from(known) if known else st.text(max_size=30)


@pytest.fixture(scope="module", autouse=True)
def plan_arns(drs: Drs) -> None:
    """Make a recovery plan with steps and an execution, and let the requests know their ARNs."""
    plan = drs.api.create_recovery_plan(name="Payments")["recoveryPlan"]["recoveryPlanArn"]
    servers = {"servers": [{"serverArn": KNOWN["ARN"][0]}]}
    contents = [{"serverStepConfiguration": servers}, {"waitStepConfiguration": {"waitDurationMinutes": 1}}]
    steps = [
        drs.api.create_recovery_plan_step(recoveryPlanArn=plan, stepName="Step", configuration=item)
        for item in contents
    ]
    execution = drs.api.start_recovery_plan_execution(recoveryPlanArn=plan, mode="DRILL")["recoveryPlanExecution"]
    arn = execution["recoveryPlanExecutionArn"]
    of_execution = drs.api.list_recovery_plan_execution_steps(recoveryPlanExecutionArn=arn)[
        "recoveryPlanExecutionSteps"
    ]
    KNOWN["StrictDRSARN"] += [plan, arn, *(step["recoveryPlanStep"]["recoveryPlanStepArn"] for step in steps)]
    KNOWN["StrictDRSARN"] += [step["recoveryPlanExecutionStepArn"] for step in of_execution]
    KNOWN["ARN"] += [plan, arn]
    KNOWN["SourceServerARN"].append(KNOWN["ARN"][0])


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_no_request_breaks_the_service(drs: Drs, name: str) -> None:
    operation = MODEL.operation_model(name)
    shape = operation.input_shape
    in_path = "resourceArn" in operation.http["requestUri"]

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(body=of_type(shape), arn=st.sampled_from(KNOWN["ARN"]))
    def send(body: dict[str, Any], arn: str) -> None:
        path = operation.http["requestUri"].replace("{resourceArn}", quote(arn, safe=""))
        if in_path:
            body = {key: value for key, value in body.items() if key != "resourceArn"}
        status, headers, answer = post(drs, path, body, operation.http["method"])
        assert status == operation.http["responseCode"] or status in ANSWERS, (status, body, answer)
        if status in ANSWERS:
            assert headers["x-amzn-errortype"] == answer["code"]

    send()
