"""What the checks of launched servers mean for a wave."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.validation import CheckResult
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.wave_validation import ValidationStep, step

from tests.unit.core.builders import START, at, record

OK = CheckResult("ok", ())
PENDING = CheckResult("pending", ("the instance status check is initializing",))
FAILED = CheckResult("failed", ("the instance is terminated, not running",))


def launched(number: int, **members: bool) -> ServerRecord:
    return record(number, status="launched", attempts=1, launched_at=format_time(START), **members)


def look(
    records: list[ServerRecord], results: dict[int, CheckResult], *, seconds: float = 60, max_failures: int = 0
) -> ValidationStep:
    return step(
        records,
        {f"server-{number}": result for number, result in results.items()},
        max_failures=max_failures,
        timeout=900,
        started_at=START,
        now=at(seconds),
    )


def test_servers_that_pass_are_validated_at_this_moment() -> None:
    result = look([launched(1), launched(2)], {1: OK, 2: OK})
    assert [(one.status, one.validated_at) for one in result.updates] == [("validated", format_time(at(60)))] * 2
    assert (result.outcome, result.seconds, result.reason) == ("done", 0, "2 of 2 servers are valid")


def test_a_server_that_was_validated_before_keeps_its_time() -> None:
    before = replace(launched(1), status="validated", validated_at=format_time(at(5)))
    assert look([before], {1: OK}).updates == ()


def test_what_is_pending_is_waited_for_by_name_and_never_past_the_timeout() -> None:
    result = look([launched(1), launched(2)], {1: OK, 2: PENDING}, seconds=895)
    assert (result.outcome, result.seconds) == ("wait", 5)
    assert "server-2 (the instance status check is initializing)" in result.reason
    assert [one.server_key for one in result.updates] == ["server-1"]


def test_nobody_is_asked_before_every_server_has_its_result() -> None:
    assert look([launched(1), launched(2)], {1: FAILED, 2: PENDING}).outcome == "wait"


@pytest.mark.parametrize(
    ("result", "seconds", "reason"),
    [
        (FAILED, 60, "validation failed: the instance is terminated, not running"),
        (PENDING, 900, "validation did not pass within 15m 00s: the instance status check is initializing"),
    ],
)
def test_a_critical_server_that_does_not_pass_is_asked_about(result: CheckResult, seconds: int, reason: str) -> None:
    found = look([launched(1)], {1: result}, seconds=seconds)
    assert found.outcome == "ask"
    assert f"server-1 ({reason})" in found.reason
    assert [(one.status, one.accepted, one.reason) for one in found.updates] == [("failed", False, reason)]


def test_tolerated_failures_are_accepted() -> None:
    found = look([launched(1), launched(2), launched(3, critical=False)], {1: OK, 2: FAILED, 3: FAILED}, max_failures=1)
    assert (found.outcome, found.reason) == ("done", "1 of 3 servers are valid")
    assert [one.accepted for one in found.updates] == [False, True, True]


def test_a_failure_that_was_accepted_before_is_not_asked_about_again() -> None:
    accepted = record(1, status="failed", accepted=True)
    assert look([accepted, launched(2)], {2: OK}).outcome == "done"
