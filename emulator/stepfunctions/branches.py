"""Parallel and inline Map: 40 iterations at once at most, and when one fails the others are really aborted.

moto lets the others run on: a sibling that waits for a task token would wait for ever, and one that ends later writes
into the history of the states behind. After a redrive, branches and iterations that had succeeded are not run again.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import (
    InlineIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import Job, JobPool
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import BranchWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branches_decl import (
    BranchesDecl,
    BranchWorkerPool,
)

from emulator.clock import CLOCK
from emulator.completion import replace

MOST_ITERATIONS_AT_ONCE = 40


def abort(env: Any) -> None:
    """Stop all frames inside of a frame: they write no more history, and whoever waits in them wakes up."""
    for frame in list(env._frames):
        frame.event_history_context.aborted = True
        frame.set_stop(stop_date=CLOCK.now(), cause=None, error=None)
        endpoint = frame.__dict__.get("waits_for")
        if endpoint is not None:
            endpoint.interrupt_all()
        abort(frame)


def _run_branches(self: BranchesDecl, env: Any) -> None:
    state_input = env.stack.pop()
    env.progress.start_children()
    branches = [(program, env.progress.child(index)) for index, program in enumerate(self.programs)]
    todo = [(program, progress) for program, progress in branches if not progress.ended]
    pool: Any = BranchWorkerPool(workers_num=len(todo))
    frames = []
    for program, progress in todo:
        frame = env.open_inner_frame()
        frame.progress = progress
        frame.states.reset(input_value=state_input)
        frames.append(frame)
        worker: Any = BranchWorker(branch_worker_comm=pool, program=program, env=frame)
        worker.start()
    pool.wait()
    failure: Any = pool.get_exit_event_details()
    if failure is not None:
        abort(env)
    for frame in frames:
        env.close_frame(frame)
    if failure is not None:
        details: Any = {"executionFailedEventDetails": failure}
        name = ErrorName(error_name=failure.get("error"))
        raise FailureEventException(
            FailureEvent(env=env, error_name=name, event_type=HistoryEventType.ExecutionFailed, event_details=details)
        )
    env.stack.append([progress.output for _, progress in branches])


def _run_iterations(self: InlineIterationComponent, env: Any) -> None:
    settings = env.stack.pop()
    env.progress.start_children()
    wanted = settings.max_concurrency or MOST_ITERATIONS_AT_ONCE
    pool = JobPool(job_program=self._get_iteration_program(), job_inputs=settings.input_items)
    for _ in range(min(wanted, MOST_ITERATIONS_AT_ONCE, len(settings.input_items))):
        self._launch_worker(env=env, eval_input=settings, job_pool=pool)
    pool.await_jobs()
    failure = pool.get_worker_exception()
    if failure is not None:
        abort(env)
        raise failure
    env.stack.append([job.job_output for job in pool.get_closed_jobs()])


def _iterate(original: Callable[..., None]) -> Callable[..., None]:
    def iterate(self: Any, env: Any, job: Job) -> None:
        env.progress = self._env.progress.child(job.job_index)
        if env.progress.ended:
            job.job_output = env.progress.output
        else:
            original(self, env=env, job=job)

    return iterate


def _serve(self: Any, job: Job | None, worker_frame: Any) -> None:
    """Run one job after the other (moto calls itself for each, which ends at Python's limit of a thousand)."""
    while job is not None:
        frame = worker_frame.open_inner_frame()
        self._eval_job(env=frame, job=job)
        worker_frame.close_frame(frame)
        failed = isinstance(job.job_output, Exception)
        following = None if failed else self._job_pool.next_job()
        if following is None:
            if not failed:
                last = frame.event_history_context.last_published_event_id
                worker_frame.event_history_context.source_event_id = last
            self._env.close_frame(worker_frame)  # first: the state goes on as soon as its last job is closed
        self._job_pool.close_job(job)
        job = following
    self._env.close_frame(worker_frame)


def install() -> None:
    """Run branches and iterations as AWS does."""
    replace(BranchesDecl, _eval_body=_run_branches)
    replace(InlineIterationComponent, _eval_body=_run_iterations)
    replace(IterationWorker, _eval_job=_iterate(IterationWorker._eval_job), _eval_pool=_serve)
