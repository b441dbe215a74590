"""The Step Functions API: answers that moto leaves incomplete, and clear refusals of what is not emulated."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from emulator.completion import add, replace
from emulator.stepfunctions import executions
from emulator.stepfunctions.definitions import find_mistakes
from emulator.stepfunctions.errors import api_error
from emulator.stepfunctions.redrive import why_not

_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_DEFAULT_PAGE = 100
_LARGEST_PAGE = 1000
_REFUSED = (
    "create_activity",
    "create_state_machine_alias",
    "delete_activity",
    "delete_state_machine_alias",
    "delete_state_machine_version",
    "describe_activity",
    "describe_map_run",
    "describe_state_machine_alias",
    "get_activity_task",
    "list_activities",
    "list_map_runs",
    "list_state_machine_aliases",
    "list_state_machine_versions",
    "publish_state_machine_version",
    "start_sync_execution",
    "test_state",
    "update_map_run",
    "update_state_machine_alias",
)


def _summary(execution: Any) -> dict[str, Any]:
    document = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        "redriveCount": execution.redrive_count,
    }
    if execution.status in _ENDED:
        document["stopDate"] = execution.stop_date
    if execution.redrive_date is not None:
        document["redriveDate"] = execution.redrive_date
    return document


def _execution(response: StepFunctionResponse) -> Any:
    return response.stepfunction_backend.describe_execution(response._get_param("executionArn"))


def _describe(self: StepFunctionsParserBackend, execution_arn: str) -> Any:
    """Find an execution by the index of its machine; one that ended more than 90 days ago is forgotten."""
    self._validate_execution_arn(execution_arn)
    machine_name, _, name = execution_arn.split(":", 6)[6].partition(":")
    machine = next((machine for machine in self.state_machines if machine.name == machine_name), None)
    found = executions.by_name(machine, name) if machine is not None else None
    if found is None or found.exec_arn != execution_arn:
        raise api_error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution_arn}'")
    return found


def _describe_execution(self: StepFunctionResponse) -> ActionResult:
    execution = _execution(self)
    document = {
        **_summary(execution),
        "input": execution.execution_input,
        "inputDetails": {"included": True},
        "redriveStatus": "REDRIVABLE",
    }
    reason = why_not(execution)
    if reason is not None:
        document |= {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    if self._get_param("includedData") == "METADATA_ONLY":
        document = {name: value for name, value in document.items() if name not in ("input", "inputDetails")}
    if execution.status == "SUCCEEDED" and self._get_param("includedData") != "METADATA_ONLY":
        document["output"] = to_json_str(execution.output, separators=(",", ":"))
        document["outputDetails"] = {"included": True}
    for name in ("error", "cause"):
        if getattr(execution, name) is not None:
            document[name] = getattr(execution, name)
    return ActionResult(document)


def _describe_state_machine_for_execution(self: StepFunctionResponse) -> ActionResult:
    """Answer the machine as it was when the execution started."""
    execution = _execution(self)
    machine = execution.state_machine
    return ActionResult(
        {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "definition": machine.definition,
            "roleArn": execution.role_arn,
            "updateDate": machine.update_date,
            "loggingConfiguration": machine.loggingConfiguration,
            "tracingConfiguration": machine.tracingConfiguration,
            "encryptionConfiguration": machine.encryptionConfiguration,
        }
    )


def _moment(execution: Any) -> datetime:
    """Return what lists are sorted by."""
    moment: datetime = execution.stop_date or execution.redrive_date or execution.start_date
    return moment


def _list_executions(self: StepFunctionResponse) -> ActionResult:
    if self._get_param("mapRunArn") or not self._get_param("stateMachineArn"):
        raise api_error("ValidationException", "Give stateMachineArn; Map Runs are not emulated")
    if self._get_param("redriveFilter"):
        raise api_error("ValidationException", "redriveFilter goes with mapRunArn, not with stateMachineArn")
    machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    executions.forget_old(machine)
    wanted = self._get_param("statusFilter")
    found = [item for item in reversed(machine.executions) if wanted in (None, item.status)]
    found.sort(key=_moment, reverse=True)
    page, token = _page(self, found)
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
    hidden = ("input", "output", "parameters", "assignedVariables")
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
        describe_state_machine_for_execution=_describe_state_machine_for_execution,
        list_executions=_list_executions,
        get_execution_history=_get_execution_history,
        stop_execution=_stop_execution,
        send_task_failure=_send_task_failure,
    )
    replace(StepFunctionsParserBackend, describe_execution=_describe)
    add(StepFunctionResponse, validate_state_machine_definition=_validate_state_machine_definition)
    for action in _REFUSED:
        setattr(StepFunctionResponse, action, _refusal(action))
