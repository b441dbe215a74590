"""The operations: to start, look at, list and stop automation executions.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAutomationExecution.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore import xform_name
from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.models import ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from emulator.clock import CLOCK
from emulator.completion import add
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.modes import NONE
from emulator.iam.request import pass_role
from emulator.iam.trust import trusts_service
from emulator.validation import in_words, problems, summary

from . import executions
from .documents import assumed_role, parameters_of, steps_of
from .errors import refusal
from .executions import Execution

_UNDERSTOOD = frozenset({"DocumentName", "DocumentVersion", "Parameters", "ClientToken", "Mode", "Tags"})
_SERVICE = "ssm.amazonaws.com"


def install() -> None:
    """Add the operations."""
    model = botocore.session.get_session().get_service_model("ssm")
    operations = {
        "StartAutomationExecution": _start,
        "GetAutomationExecution": _get,
        "StopAutomationExecution": _stop,
        "DescribeAutomationExecutions": _describe,
    }
    for name, answer in operations.items():
        shape = model.operation_model(name).input_shape
        add(SimpleSystemManagerResponse, **{xform_name(name): _checked(answer, shape)})


def _checked(answer: Callable[..., Any], shape: Any) -> Callable[..., Any]:
    @functools.wraps(answer)
    def checked(self: SimpleSystemManagerResponse) -> Any:
        request = json.loads(self.body or "{}")
        texts = [in_words(problem) for problem in problems(shape, request)]
        if texts:
            raise refusal("ValidationException", summary(texts))
        return answer((self.current_account, self.region), request)

    return checked


def _start(place: tuple[str, str], request: dict[str, Any]) -> ActionResult:
    more = sorted(set(request) - _UNDERSTOOD)
    if more or request.get("Mode", "Auto") != "Auto":
        raise NotImplementedError(", ".join(more) or "Mode Interactive")
    token = request.get("ClientToken")
    asked = {name: value for name, value in request.items() if name != "ClientToken"}
    execution = executions.known(place, token, asked)
    if execution is None:
        document = _document(place, request["DocumentName"], request.get("DocumentVersion", "$DEFAULT"))
        parameters = parameters_of(document.content_json, request.get("Parameters") or {})
        _check_role(assumed_role(document.content_json, parameters), place)
        execution = Execution(
            execution_id=executions.new_id(place),
            place=place,
            document=document.name,
            version=document.document_version,
            parameters=parameters,
            steps=steps_of(document.content_json, parameters),
            executed_by=ENFORCEMENT.principal.arn if ENFORCEMENT.principal else "",
            started=CLOCK.now(),
            request=asked,
        )
        executions.start(execution, token)
    return ActionResult({"AutomationExecutionId": execution.execution_id})


def _document(place: tuple[str, str], name: str, version: str) -> Any:
    account, region = place
    documents = ssm_backends[account][region]._documents.get(name.rsplit("/", 1)[-1])
    if documents is None or documents.get_default_version().document_type != "Automation":
        raise refusal("AutomationDefinitionNotFoundException", f"Automation document {name} does not exist.")
    if version == "$DEFAULT":
        return documents.get_default_version()
    found = documents.get_latest_version() if version == "$LATEST" else documents.find_by_version(version)
    if found is None:
        text = f"Automation document {name} has no version {version}."
        raise refusal("AutomationDefinitionVersionNotFoundException", text)
    return found


def _check_role(role: str, place: tuple[str, str]) -> None:
    """Refuse a role that the caller may not hand over, or that does not trust SSM."""
    if not role or ENFORCEMENT.mode == NONE:
        return
    if ENFORCEMENT.principal:
        denial = ENFORCEMENT.require(pass_role(role, _SERVICE), ENFORCEMENT.principal, place[1])
        if denial is not None:
            raise refusal("AccessDeniedException", denial.message_of("ssm"))
    if not trusts_service(role, _SERVICE, place[0]):
        text = "The defined assume role is unable to be assumed."
        raise refusal("InvalidAutomationExecutionParametersException", text)


def _get(place: tuple[str, str], request: dict[str, Any]) -> ActionResult:
    execution = executions.find(place, request["AutomationExecutionId"])
    runs = [
        {
            "StepName": run["name"],
            "Action": run["action"],
            "StepStatus": run["status"],
            "ExecutionStartTime": run["started"],
            "ExecutionEndTime": run.get("ended"),
        }
        for run in execution.runs
    ]
    document = {**_facts(execution), "StepExecutions": runs, "StepExecutionsTruncated": False}
    return ActionResult({"AutomationExecution": {**document, "Parameters": execution.parameters}})


def _facts(execution: Execution) -> dict[str, Any]:
    facts = {
        "AutomationExecutionId": execution.execution_id,
        "DocumentName": execution.document,
        "DocumentVersion": execution.version,
        "AutomationExecutionStatus": execution.status,
        "ExecutionStartTime": execution.started,
        "ExecutionEndTime": execution.ended,
        "FailureMessage": execution.failure,
        "ExecutedBy": execution.executed_by,
        "Mode": "Auto",
    }
    return {name: value for name, value in facts.items() if value is not None}


def _stop(place: tuple[str, str], request: dict[str, Any]) -> EmptyResult:
    if request.get("Type", "Cancel") != "Cancel":
        raise NotImplementedError("Type Complete")
    executions.cancel(executions.find(place, request["AutomationExecutionId"]))
    return EmptyResult()


def _describe(place: tuple[str, str], request: dict[str, Any]) -> ActionResult:
    if request:
        raise NotImplementedError(", ".join(sorted(request)))
    found = executions.listed(place)
    return ActionResult({"AutomationExecutionMetadataList": [_facts(execution) for execution in found]})
