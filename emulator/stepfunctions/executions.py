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
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.event.logging import CloudWatchLoggingConfiguration, CloudWatchLoggingSession
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from emulator.clock import CLOCK
from emulator.completion import replace
from emulator.stepfunctions.errors import api_error
from emulator.stepfunctions.events import status_changed
from emulator.stepfunctions.limits import HISTORY_IS_FULL, LARGEST_HISTORY
from emulator.stepfunctions.moments import iso
from emulator.stepfunctions.progress import Progress
from emulator.stepfunctions.threads import Thread
from emulator.stepfunctions.variables import restore

_LOCK = threading.RLock()
_KEPT = timedelta(days=90)  # after their end
_LAST_EVENTS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")


class EmulatedExecution(Execution):
    """moto's execution with one end, whoever makes it."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        self.listeners: list[Callable[[], object]] = []
        self.redrive_count = 0
        self.redrive_date: datetime | None = None

    def get_start_execution_details(self) -> Any:
        """Return what the context object shows, with the start time as AWS writes it."""
        details: Any = super().get_start_execution_details()
        details.start_time = iso(self.start_date)
        return details

    def start(self) -> None:
        """Start the execution."""
        worker = self.new_worker(Progress())
        self.exec_worker = worker
        self.exec_status = ExecutionStatus.RUNNING
        status_changed(self)
        worker.start()

    def new_worker(self, progress: Progress) -> Any:
        """Return what runs the execution, from its beginning or from where it has come to."""
        worker: Any = self._get_start_execution_worker()
        worker.env = worker._get_evaluation_environment()
        worker.env.progress = progress
        worker.env.when_late = partial(self._time_out, worker)
        worker.env.event_manager.when_full = partial(self._fail_for_its_history, worker)
        worker.env.states.context_object.context_object_data["Execution"]["RedriveCount"] = self.redrive_count
        return worker

    def _is_run_by(self, worker: Any) -> bool:
        return self.exec_worker is worker

    def _time_out(self, worker: Any) -> None:
        if self._is_run_by(worker) and self.end(ExecutionStatus.TIMED_OUT):
            _end_early(worker.env, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})

    def _fail_for_its_history(self, worker: Any) -> None:
        details = {"error": "States.Runtime", "cause": HISTORY_IS_FULL}
        if self._is_run_by(worker) and self.end(ExecutionStatus.FAILED, **details):
            _end_early(worker.env, "ExecutionFailed", {"executionFailedEventDetails": details})

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
        status_changed(self)
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


def _end_early(env: Any, event_type: str, event: dict[str, Any]) -> None:
    """Write the last event, stop every frame, and wake whoever waits, so that all threads end."""
    env.event_history_context.source_event_id = 0
    env.event_manager.add_event(context=env.event_history_context, event_type=event_type, event_details=event)
    if event_type == "ExecutionTimedOut":
        env.set_timed_out()
    else:
        if env.program_state() is None:
            env.next_state_name = ""
        env.set_stop(stop_date=CLOCK.now(), error=None, cause=None)
    for endpoint in list(env.callback_pool_manager._pool.values()):
        endpoint.interrupt_all()


def writing_one_last_event(original: Callable[..., int]) -> Callable[..., int]:
    """Write one last event, at the latest the one that the limit of a history leaves room for.

    Threads of an ended execution, or of an aborted branch, may still be on their way out: they write nothing more.
    """

    def add(self: Any, context: Any, event_type: str, **details: Any) -> int:
        aborted = getattr(context, "aborted", False) and not event_type.endswith("Aborted")
        with self.__dict__.setdefault("order", threading.RLock()):
            if aborted or getattr(self, "closed", False):
                return 0
            last = event_type in _LAST_EVENTS
            if not last and len(self._history_event_list) >= LARGEST_HISTORY - 1:
                self.when_full()
                return 0
            self.closed = last
            return original(self, context=context, event_type=event_type, **details)

    return add


def _environment(original: Callable[..., Environment]) -> Callable[..., Environment]:
    """Make the environment once, before the thread starts: whoever stops an execution at once needs it."""

    def environment(self: ExecutionWorker) -> Environment:
        return original(self) if self.env is None else self.env

    return environment


def _eval_program(self: Program, env: Any) -> None:
    if env.program_state() is not None and not env.is_running():
        return
    progress: Progress = env.progress
    if progress.resuming:
        env.states.reset(progress.state_input)
        restore(env.variable_store, progress.variables)
    env.next_state_name = str(progress.state) if progress.resuming else self.start_at.start_at_name
    thread = Thread(target=EvalComponent.eval, args=(self, env))
    thread.start()
    thread.join(timeout=self.timeout_seconds.timeout_seconds if self.timeout_seconds else None)
    if thread.is_alive():
        env.when_late()
        thread.join()
    if isinstance(env._program_state, ProgramEnded):
        progress.end(env.states.get_input())


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
        known = by_name(machine, name)
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


def by_name(machine: Any, name: str) -> EmulatedExecution | None:
    """Return the execution that has this name; a name is free again 90 days after its execution has ended."""
    found = _index(machine).get(name)
    return None if found is None or _is_old(found) else found


def forget_old(machine: Any) -> None:
    """Forget the executions that ended more than 90 days ago."""
    machine.executions[:] = [execution for execution in machine.executions if not _is_old(execution)]
    index = _index(machine)
    for name in [name for name, execution in index.items() if _is_old(execution)]:
        del index[name]


def _is_old(execution: EmulatedExecution) -> bool:
    return execution.stop_date is not None and CLOCK.now() - execution.stop_date > _KEPT


def _logging_session(arn: str, machine: Any) -> CloudWatchLoggingSession | None:
    wanted = machine.loggingConfiguration or {}
    settings: Any = {"includeExecutionData": False, **wanted}
    configuration = CloudWatchLoggingConfiguration.from_logging_configuration(machine.arn, settings)
    return CloudWatchLoggingSession(arn, configuration) if configuration else None


def install() -> None:
    """Give executions one name, one start and one end."""
    replace(StepFunctionsParserBackend, start_execution=_start_execution)
    replace(BaseExecutionWorkerCommunication, terminated=_terminated)
    replace(EventManager, add_event=writing_one_last_event(EventManager.add_event))
    replace(
        ExecutionWorker,
        _get_evaluation_environment=_environment(ExecutionWorker._get_evaluation_environment),
    )
    replace(Program, eval=_eval_program)
