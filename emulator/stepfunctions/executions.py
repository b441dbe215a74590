"""The life of an execution: its name, its start, its end, whoever ends it.

Restores: names that are unique in a state machine and idempotent while the same request runs, ends by StopExecution and
by TimeoutSeconds that reach threads which wait, one last event in the history, and virtual dates.
"""

from __future__ import annotations

import copy
import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.event.logging import CloudWatchLoggingConfiguration, CloudWatchLoggingSession
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from emulator.clock import CLOCK
from emulator.completion import replace
from emulator.stepfunctions.errors import api_error
from emulator.stepfunctions.moments import iso
from emulator.stepfunctions.threads import Thread

_LOCK = threading.RLock()


class EmulatedExecution(Execution):
    """moto's execution with one end, whoever makes it."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        self.listeners: list[Callable[[], object]] = []

    def get_start_execution_details(self) -> Any:
        """Return what the context object shows, with the start time as AWS writes it."""
        details: Any = super().get_start_execution_details()
        details.start_time = iso(self.start_date)
        return details

    def start(self) -> None:
        """Start the execution."""
        worker: Any = self._get_start_execution_worker()
        worker.env = worker._get_evaluation_environment()
        worker.env.states.context_object.context_object_data["Execution"]["RedriveCount"] = 0
        self.exec_worker = worker
        self.exec_status = ExecutionStatus.RUNNING
        worker.start()

    def end(
        self, status: ExecutionStatus, *, output: Any = None, error: str | None = None, cause: str | None = None
    ) -> bool:
        """End the execution; the first end counts. Returns whether this was it."""
        with _LOCK:
            if self.exec_status != ExecutionStatus.RUNNING:
                return False
            self.stop_date = CLOCK.now()
            self.output, self.error, self.cause = output, error, cause
            self.exec_status = status  # last: whoever sees the end sees all of it
            listeners, self.listeners = self.listeners, []
        for listener in listeners:
            listener()
        return True


def when_ended(execution: EmulatedExecution, listener: Callable[[], object]) -> None:
    """Call `listener` when the execution ends, at once if it has ended."""
    with _LOCK:
        if execution.exec_status == ExecutionStatus.RUNNING:
            execution.listeners.append(listener)
            return
    listener()


def stop(execution: Any, *, error: str | None, cause: str | None) -> None:
    """End a running execution as StopExecution does; an ended one stays as it is."""
    details = {"error": error, "cause": cause}
    event = {"executionAbortedEventDetails": {key: value for key, value in details.items() if value is not None}}
    if execution.end(ExecutionStatus.ABORTED, error=error, cause=cause):
        _end_early(execution.exec_worker.env, "ExecutionAborted", event)


def _time_out(env: Environment) -> None:
    _end_early(env, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})


def _end_early(env: Any, event_type: str, event: dict[str, Any]) -> None:
    """Write the last event, stop every frame, and wake whoever waits, so that all threads end."""
    env.event_history_context.source_event_id = 0
    env.event_manager.add_event(context=env.event_history_context, event_type=event_type, event_details=event)
    env.event_manager.closed = True
    if event_type == "ExecutionTimedOut":
        env.set_timed_out()
    else:
        if env.program_state() is None:
            env.next_state_name = ""
        env.set_stop(stop_date=CLOCK.now(), error=None, cause=None)
    for endpoint in list(env.callback_pool_manager._pool.values()):
        endpoint.interrupt_all()


def _add_event(original: Callable[..., int]) -> Callable[..., int]:
    """Write nothing behind the last event: threads of an ended execution may still be on their way out."""

    def add(self: EventManager, *args: Any, **kwargs: Any) -> int:
        if getattr(self, "closed", False):
            return 0
        return original(self, *args, **kwargs)

    return add


def _environment(original: Callable[..., Environment]) -> Callable[..., Environment]:
    """Make the environment once, before the thread starts: whoever stops an execution at once needs it."""

    def environment(self: ExecutionWorker) -> Environment:
        return original(self) if self.env is None else self.env

    return environment


def _eval_program(self: Program, env: Environment) -> None:
    if env.program_state() is not None and not env.is_running():
        return
    env.next_state_name = self.start_at.start_at_name
    thread = Thread(target=EvalComponent.eval, args=(self, env))
    thread.start()
    thread.join(timeout=self.timeout_seconds.timeout_seconds if self.timeout_seconds else None)
    if thread.is_alive():
        _time_out(env)
        thread.join()


def _terminated(self: BaseExecutionWorkerCommunication) -> None:
    execution: Any = self.execution
    env = execution.exec_worker.env
    state = env.program_state()
    kind = type(state).__name__
    if kind == "ProgramEnded":
        execution.end(ExecutionStatus.SUCCEEDED, output=env.states.get_input())
    elif kind == "ProgramTimedOut":
        execution.end(ExecutionStatus.TIMED_OUT)
    elif kind == "ProgramError":
        failure = state.error or {}
        execution.end(ExecutionStatus.FAILED, error=failure.get("error"), cause=failure.get("cause"))


def _start_execution(
    self: StepFunctionsParserBackend,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> EmulatedExecution:
    machine: Any = self.describe_state_machine(state_machine_arn)
    text = "{}" if execution_input is None else execution_input
    try:
        json.loads(text)
    except ValueError as error:
        raise api_error("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
    name = name or str(uuid.uuid4())
    self._validate_name(name)
    with _LOCK:
        known = _by_name(machine, name)
        if known is not None:
            if known.status == "RUNNING" and known.execution_input == text:
                return known
            raise api_error("ExecutionAlreadyExists", f"Execution Already Exists: '{known.exec_arn}'")
        execution = _new_execution(self, machine, name, text, trace_header)
        machine.executions.append(execution)
        _index(machine)[name] = execution
    execution.start()
    return execution


def _new_execution(
    backend: StepFunctionsParserBackend, machine: Any, name: str, text: str, trace_header: str | None
) -> EmulatedExecution:
    """Return a new execution of the machine as it is now; later updates do not change it."""
    snapshot = copy.copy(machine)
    snapshot.executions = []
    arn = f"arn:{backend.partition}:states:{backend.region_name}:{backend.account_id}:execution:{machine.name}:{name}"
    return EmulatedExecution(
        name=name,
        sm_type=snapshot.sm_type,
        role_arn=snapshot.roleArn,
        exec_arn=arn,
        account_id=backend.account_id,
        region_name=backend.region_name,
        state_machine=snapshot,
        start_date=CLOCK.now(),
        cloud_watch_logging_session=_logging_session(arn, snapshot),
        input_data=text,
        trace_header=trace_header,
        activity_store={},
    )


def _index(machine: Any) -> dict[str, EmulatedExecution]:
    index: dict[str, EmulatedExecution] = machine.__dict__.setdefault("executions_by_name", {})
    return index


def _by_name(machine: Any, name: str) -> EmulatedExecution | None:
    return _index(machine).get(name)


def _logging_session(arn: str, machine: Any) -> CloudWatchLoggingSession | None:
    wanted = machine.loggingConfiguration or {}
    settings: Any = {"includeExecutionData": False, **wanted}
    configuration = CloudWatchLoggingConfiguration.from_logging_configuration(machine.arn, settings)
    return CloudWatchLoggingSession(arn, configuration) if configuration else None


def install() -> None:
    """Give executions one name, one start and one end."""
    replace(StepFunctionsParserBackend, start_execution=_start_execution)
    replace(BaseExecutionWorkerCommunication, terminated=_terminated)
    replace(EventManager, add_event=_add_event(EventManager.add_event))
    replace(
        ExecutionWorker,
        _get_evaluation_environment=_environment(ExecutionWorker._get_evaluation_environment),
    )
    replace(Program, eval=_eval_program)
