"""The Step Functions API: answers that moto leaves incomplete, and clear refusals of what is not emulated."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from emulator.completion import add, replace
from emulator.stepfunctions import executions
from emulator.stepfunctions.definitions import find_mistakes
from emulator.stepfunctions.errors import api_error

_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_DEFAULT_PAGE = 100
_LARGEST_PAGE = 1000
_REFUSED = (
    "create_state_machine_alias",
    "get_activity_task",
    "publish_state_machine_version",
    "redrive_execution",
    "start_sync_execution",
    "test_state",
)


def _summary(execution: Any) -> dict[str, Any]:
    document = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        "redriveCount": 0,
    }
    if execution.status in _ENDED:
        document["stopDate"] = execution.stop_date
    return document


def _execution(response: StepFunctionResponse) -> Any:
    return response.stepfunction_backend.describe_execution(response._get_param("executionArn"))


def _describe_execution(self: StepFunctionResponse) -> ActionResult:
    execution = _execution(self)
    document = {
        **_summary(execution),
        "input": execution.execution_input,
        "inputDetails": {"included": True},
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "The embedded AWS does not redrive executions",
    }
    if execution.status == "SUCCEEDED":
        document["output"] = to_json_str(execution.output, separators=(",", ":"))
        document["outputDetails"] = {"included": True}
    for name in ("error", "cause"):
        if getattr(execution, name) is not None:
            document[name] = getattr(execution, name)
    return ActionResult(document)


def _list_executions(self: StepFunctionResponse) -> ActionResult:
    machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    wanted = self._get_param("statusFilter")
    newest_first = [item for item in reversed(machine.executions) if wanted in (None, item.status)]
    page, token = _page(self, newest_first)
    return ActionResult({"executions": [_summary(item) for item in page], **token})


def _get_execution_history(self: StepFunctionResponse) -> ActionResult:
    execution = _execution(self)
    events: list[dict[str, Any]] = list(execution.to_history_output()["events"])
    if self._get_param("includeExecutionData") is False:
        events = [_without_data(event) for event in events]
    if self._get_param("reverseOrder"):
        events.reverse()
    page, token = _page(self, events)
    return ActionResult({"events": page, **token})


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    hidden = ("input", "output", "parameters")
    return {
        name: {key: item for key, item in value.items() if key not in hidden} if isinstance(value, dict) else value
        for name, value in event.items()
    }


def _page(response: StepFunctionResponse, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
    size = int(response._get_param("maxResults") or 0) or _DEFAULT_PAGE
    text = response._get_param("nextToken") or "0"
    if not text.isdigit() or int(text) > len(items):
        raise api_error("InvalidToken", "Invalid Token: 'Invalid token'")
    start, end = int(text), int(text) + min(size, _LARGEST_PAGE)
    return items[start:end], {"nextToken": str(end)} if end < len(items) else {}


def _stop_execution(self: StepFunctionResponse) -> ActionResult:
    execution = _execution(self)
    executions.stop(execution, error=self._get_param("error"), cause=self._get_param("cause"))
    return ActionResult({"stopDate": execution.stop_date})


def _send_task_failure(self: StepFunctionResponse) -> ActionResult:
    token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
    backend: Any = self.stepfunction_backend
    backend.send_task_failure(token, error=error, cause=cause)
    return EmptyResult()


def _validate_state_machine_definition(self: StepFunctionResponse) -> ActionResult:
    mistakes = find_mistakes(self._get_param("definition"))
    diagnostics = [
        {"severity": "ERROR", "code": code, "message": message, "location": where} for code, message, where in mistakes
    ]
    result = "FAIL" if diagnostics else "OK"
    return ActionResult({"result": result, "diagnostics": diagnostics, "truncated": False})


def _refusal(action: str) -> Any:
    def refuse(_self: StepFunctionResponse) -> ActionResult:
        raise NotImplementedError(f"{action} is not part of this version")

    return refuse


def status() -> list[dict[str, Any]]:
    """Return a line for each execution."""
    return [
        {
            "account": account,
            "region": region,
            "state_machine": machine.name,
            "execution": execution.name,
            "status": execution.status,
            "started": execution.start_date.isoformat(),
            "stopped": execution.stop_date.isoformat() if execution.stop_date else None,
        }
        for account, regions in sorted(stepfunctions_parser_backends.items())
        for region, backend in sorted(regions.items())
        for machine in backend.state_machines
        for execution in machine.executions
    ]


def install() -> None:
    """Complete the API."""
    replace(
        StepFunctionResponse,
        describe_execution=_describe_execution,
        list_executions=_list_executions,
        get_execution_history=_get_execution_history,
        stop_execution=_stop_execution,
        send_task_failure=_send_task_failure,
    )
    add(StepFunctionResponse, validate_state_machine_definition=_validate_state_machine_definition)
    for action in _REFUSED:
        setattr(StepFunctionResponse, action, _refusal(action))
