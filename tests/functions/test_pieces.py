"""Waves whose templates are switched piece by piece, as those of hundreds of servers are: the real machine over."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator

import pytest

from tests.support.embedded import EmbeddedAws
from tests.support.orchestrator import ESTATE, KEYS, PREFIX, Orchestrator

NewRun = Callable[[], str]
AS_DEPLOYED = 'SWITCHED, SWITCHES_A_SECOND = BUCKETS["ModifyLaunchTemplate"]'


def with_small_pieces(archive: bytes) -> bytes:
    """Return the functions' archive with functions that switch one template a call."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "_launch.py":
                assert AS_DEPLOYED in content.decode()
                content = content.replace(AS_DEPLOYED.encode(), b"SWITCHED, SWITCHES_A_SECOND = 1, 5.0")
            target.writestr(name, content)
    return made.getvalue()


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    aws = EmbeddedAws(ESTATE)
    try:
        deployed = Orchestrator(aws, tmp_path_factory.mktemp("archive"))
        code = with_small_pieces(deployed.archive.read_bytes())
        for name in ("prepare-wave", "clean-up", "close-run"):
            deployed.client("lambda").update_function_code(FunctionName=f"{PREFIX}-{name}", ZipFile=code)
        yield deployed
    finally:
        aws.stop()


def default_profiles(orchestrator: Orchestrator) -> set[str]:
    """Return the profiles that the servers would launch in."""
    pages = (
        orchestrator.client("ec2").get_paginator("describe_launch_template_versions").paginate(Versions=["$Default"])
    )
    versions = [version for page in pages for version in page["LaunchTemplateVersions"]]
    return {version["VersionDescription"].split(" ")[1] for version in versions}


def test_a_drill_prepares_and_sets_back_its_servers_piece_by_piece(orchestrator: Orchestrator, new_run: NewRun) -> None:
    run_id = new_run()
    execution = orchestrator.follow(orchestrator.start("test", run_id), until_paused=True)
    assert json.loads(execution["output"])["status"] == "succeeded"
    prepared = [event["data"] for event in orchestrator.runs.events(run_id) if event["kind"] == "templates_prepared"]
    assert [(data["wave"], len(data["versions"])) for data in prepared] == [(1, 1), (2, 1), (2, 1), (2, 1)]
    assert orchestrator.kinds(run_id).count("wave_started") == 2
    assert orchestrator.kinds(run_id).count("clean_up_ended") == 1
    assert default_profiles(orchestrator) == {"profile=failover"}
    assert all(server["restored"] for server in orchestrator.runs.get_servers(run_id))


def test_a_run_that_is_closed_without_clean_up_sets_back_its_servers_piece_by_piece(
    orchestrator: Orchestrator, open_run: Callable[[], str]
) -> None:
    run_id = open_run()
    answers = [orchestrator.invoke("prepare-wave", run_id, wave=2) for _ in range(3)]
    assert [answer["outcome"] for answer in answers] == ["wait", "wait", "done"]
    assert all(answer["seconds"] >= 1 for answer in answers[:2])
    assert "profile=test" in default_profiles(orchestrator)
    answers = [orchestrator.invoke("close-run", run_id, aborted=True) for _ in range(3)]
    assert [answer["outcome"] for answer in answers] == ["wait", "wait", "done"]
    assert default_profiles(orchestrator) == {"profile=failover"}
    assert orchestrator.runs.get_run(run_id)["status"] == "aborted"
    assert orchestrator.runs.lock_owners(KEYS.values()) == {}
