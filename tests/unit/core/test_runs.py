"""Run ids, modes, jobs and records."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import job_from_drs, job_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import (
    record_from_item,
    record_to_item,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import (
    MODES,
    ServerStatus,
    check_run_id,
    default_run_id,
    is_child_execution_of,
    is_drill,
    profile_of,
    resumed_execution_name,
)

from tests.unit.core.builders import START, at, record, server_id


def test_default_run_id_names_plan_mode_and_utc_time() -> None:
    local = START.astimezone(timezone(timedelta(hours=2)))
    assert default_run_id("payments", "test", local) == "payments-test-20261123T100000Z"
    assert len(default_run_id("p" * 32, "failover", START)) <= 60


@pytest.mark.parametrize("run_id", ["", "-a", "a b", "a/b", "a" * 61, "ä", "a\n"])
def test_bad_run_ids_are_refused(run_id: str) -> None:
    with pytest.raises(DeclarationError, match="use 1 to 60 letters"):
        check_run_id(run_id)


def test_execution_names_stay_within_the_limit_of_step_functions() -> None:
    assert resumed_execution_name("run-1", 2) == "run-1-r2"
    assert len(resumed_execution_name("r" * 60, 99) + "-w99-1000") <= 80
    assert len(resumed_execution_name("r" * 60, 99) + "-prepare-1000") <= 80


def test_the_child_executions_of_a_run_are_known_by_name() -> None:
    own = ("run-1-w03-2", "run-1-r2-w10-1", "run-1-prepare-1", "run-1-r1-protect-12")
    assert all(is_child_execution_of("run-1", name) for name in own)
    others = ("run-10-w03-2", "run-1-r2", "run-1", "run-1-w3-2", "run-1-x-w03-2", "run-1-x-prepare-1", "run-1-prepare")
    assert not any(is_child_execution_of("run-1", name) for name in others)


def test_modes() -> None:
    assert [profile_of(mode) for mode in MODES] == ["test", "failover", "failback"]
    with pytest.raises(DeclarationError, match="'drill': unknown mode: use one of test, failover, failback"):
        profile_of("drill")


def test_drills() -> None:
    runs = [{"mode": mode, **drill} for mode in MODES for drill in ({}, {"drill": False}, {"drill": True})]
    assert [run for run in runs if is_drill(run)] == [*runs[:3], runs[-1]]


def test_a_recorded_job() -> None:
    job = job_from_drs(
        {
            "jobID": "drsjob-51d6b65c73391918f",
            "type": "LAUNCH",
            "initiatedBy": "START_DRILL",
            "status": "COMPLETED",
            "creationDateTime": "2022-12-07T19:15:38.846723+00:00",
            "endDateTime": "2022-12-07T19:24:32.100000+00:00",
            "participatingServers": [{"launchStatus": "LAUNCHED", "sourceServerID": server_id(1)}],
            "tags": {},
        }
    )
    assert not job.active
    assert job.ended_at is not None
    assert job.participants[server_id(1)].recovery_instance_id is None
    assert (job.attempt, job.batch) == (0, 0)
    assert not job.belongs_to("", 0)


def test_a_job_is_found_by_its_tags() -> None:
    job = job_from_drs({"jobID": "drsjob-1", "tags": job_tags("run-1", 2, 3, 4)})
    assert (job.attempt, job.batch, job.active) == (3, 4, True)
    assert job.belongs_to("run-1", 2)
    assert not job.belongs_to("run-1", 1)
    assert not job.belongs_to("run-2", 2)
    assert job_from_drs({"jobID": "j", "tags": {"dr:attempt": "many"}}).attempt == 0


@pytest.mark.parametrize(
    "members", [{}, {"status": ServerStatus.FAILED, "attempts": 2, "expected": {"interfaces": []}}]
)
def test_a_record_survives_the_table(members: dict[str, Any]) -> None:
    stored = record(1, launched_at=at(1).isoformat(), **members)
    item = {
        **record_to_item(stored),
        "pk": "RUN#1",
        "sk": "SERVER#01#server-1",
        "wave": Decimal(1),
        "attempts": Decimal(2),
    }
    assert type(item["status"]) is str
    read = record_from_item(item)
    assert read == replace(stored, attempts=2)
    assert type(read.wave) is int


def test_a_recovered_server_was_validated() -> None:
    assert record(1, status="validated", validated_at="x").recovered
    assert record(1, status="cleaned_up", validated_at="x").recovered
    assert not record(1, status="cleaned_up").recovered
    assert not record(1, status="failed", validated_at="x").recovered
    assert not record(1, status="launched").recovered
