"""One embedded AWS with the small estate for each test file; every test has a run of its own and closes it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.support.embedded import EmbeddedAws
from tests.support.orchestrator import ESTATE, Orchestrator, request

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    aws = EmbeddedAws(ESTATE)
    try:
        yield Orchestrator(aws, tmp_path_factory.mktemp("archive"))
    finally:
        aws.stop()


@pytest.fixture
def new_run(orchestrator: Orchestrator) -> Iterator[Callable[[], str]]:
    """Hand out run ids; afterwards no fault, job, lock or drill instance of them is left."""
    given: list[str] = []

    def new() -> str:
        given.append(f"run-{next(_numbers)}")
        return given[-1]

    yield new
    orchestrator.aws.control("faults", method="DELETE")
    orchestrator.aws.control("clock", {"advance": 7200})
    for name in ("db-1", "app-1", "app-2", "rep-1"):
        orchestrator.change_source_server(name, fail_launch=None, lag=0, replication_state="CONTINUOUS")
    instances = orchestrator.client("drs").describe_recovery_instances(filters={})["items"]
    if instances:
        ids = [item["recoveryInstanceID"] for item in instances]
        orchestrator.client("drs").terminate_recovery_instances(recoveryInstanceIDs=ids)
        orchestrator.aws.control("clock", {"advance": 3600})
    for run_id in given:
        if orchestrator.runs.get_run(run_id) is not None:
            orchestrator.invoke("close-run", run_id, aborted=True)


@pytest.fixture
def slowly(orchestrator: Orchestrator) -> Iterator[None]:
    """Let virtual time pass only when a test advances it."""
    orchestrator.aws.control("clock", {"pace": 0.01})
    yield
    orchestrator.aws.control("clock", {"pace": None})


@pytest.fixture
def open_run(orchestrator: Orchestrator, new_run: Callable[[], str]) -> Callable[..., str]:
    """Open a drill, discover its servers, and return its id."""

    def open_(mode: str = "test", plan: str = "small") -> str:
        run_id = new_run()
        orchestrator.invoke("open-run", run_id, **request(run_id, mode, plan, orchestrator.now()))
        orchestrator.invoke("discover", run_id)
        return run_id

    return open_
