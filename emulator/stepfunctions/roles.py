"""Roles of state machines: what AWS checks when a machine gets one.

The role must exist and trust Step Functions, and a machine that waits for other executions must be allowed to have the
rule made through which it hears of their end. A task with `Credentials` calls as another role, which the machine's role
must be allowed to assume.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import Credentials
from moto.stepfunctions.parser.asl.eval.environment import Environment

from emulator.auth import Principal
from emulator.completion import replace
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.identities import find_role
from emulator.iam.modes import NONE
from emulator.iam.request import Need
from emulator.iam.trust import trusts_service
from emulator.stepfunctions.errors import api_error

_WAITS_FOR_EXECUTIONS = "states:startExecution.sync"
SESSION = "StepFunctions"
_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"


def check_role(role_arn: str, definition: str, account: str, region: str) -> None:
    """Check the role of a state machine with a definition (JSON).

    Raises:
        AWSError: AWS refuses it.
    """
    missing = find_role(role_arn) is None
    if missing or (ENFORCEMENT.mode != NONE and not trusts_service(role_arn, "states.amazonaws.com", account)):
        why = f": {role_arn} does not exist" if missing else f": {role_arn}"
        raise api_error(
            "AccessDeniedException",
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume "
            f"the provided role{why}",
        )
    if _WAITS_FOR_EXECUTIONS in definition:
        rule = f"arn:aws:events:{region}:{account}:rule/{_RULE}"
        needs = [Need(f"events:{name}", rule) for name in ("PutTargets", "PutRule", "DescribeRule")]
        if ENFORCEMENT.require(needs, Principal.of_role(role_arn, SESSION), region):
            raise api_error("AccessDeniedException", f"'{role_arn}' is not authorized to create managed-rule.")


def _assumed(evaluate: Callable[..., None]) -> Callable[..., None]:
    """Assume the role of a task's `Credentials` as the machine's role; AWS's text, the error's name is not settled."""

    def assume(self: Credentials, env: Environment) -> None:
        evaluate(self, env)
        wanted, own = env.stack[-1].role_arn, env.aws_execution_details.role_arn
        if ENFORCEMENT.assume(wanted, Principal.of_role(own, SESSION), env.aws_execution_details.region):
            cause = f"The role {own} is not authorized to assume the task state's role, {wanted}."
            failed = {"error": "States.TaskFailed", "cause": cause, "resource": "credentials", "resourceType": "iam"}
            details: Any = {"taskFailedEventDetails": failed}
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed),
                    event_type=HistoryEventType.TaskFailed,
                    event_details=details,
                )
            )

    return assume


def install() -> None:
    """Check the roles of tasks."""
    replace(Credentials, _eval_body=_assumed(Credentials._eval_body))
