"""What check results mean for a wave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.validation import CheckResult
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.wave_validation import ValidationStep, step
from hypothesis import given
from hypothesis import strategies as st

STARTED = datetime(2026, 11, 23, tzinfo=UTC)
OK, PENDING, FAILED = (CheckResult(outcome, ("why",)) for outcome in ("ok", "pending", "failed"))


def record(key: str, status: str = "launched", *, critical: bool = True, accepted: bool = False) -> ServerRecord:
    return ServerRecord(key, 1, f"s-{key}", critical, status=status, accepted=accepted)


def decide(
    records: list[ServerRecord], results: dict[str, CheckResult], *, seconds: float = 60, max_failures: int = 0
) -> ValidationStep:
    now = STARTED + timedelta(seconds=seconds)
    return step(records, results, max_failures=max_failures, timeout=600, started_at=STARTED, now=now)


def test_all_passed_is_done_and_recorded() -> None:
    answer = decide([record("a"), record("b")], {"a": OK, "b": OK})
    assert (answer.outcome, answer.reason) == ("done", "2 of 2 servers are valid")
    assert {(item.status, item.validated_at) for item in answer.updates} == {("validated", "2026-11-23T00:01:00.000Z")}


def test_a_pending_server_is_waited_for_and_named() -> None:
    answer = decide([record("a"), record("b")], {"a": OK, "b": PENDING})
    assert (answer.outcome, answer.seconds) == ("wait", 15)
    assert "b (why)" in answer.reason
    assert [item.server_key for item in answer.updates] == ["a"]


def test_waiting_never_passes_the_deadline() -> None:
    assert decide([record("a")], {"a": PENDING}, seconds=595).seconds == 5


def test_a_pending_server_has_failed_when_time_is_over() -> None:
    answer = decide([record("a")], {"a": PENDING}, seconds=600)
    assert answer.outcome == "ask"
    assert answer.updates[0].reason == "validation did not pass within 10m 00s: why"


def test_a_failed_critical_server_is_asked_about() -> None:
    answer = decide([record("a"), record("b")], {"a": OK, "b": FAILED})
    assert (answer.outcome, answer.reason) == (
        "ask",
        "1 critical servers failed, 0 are tolerated: b (validation failed: why)",
    )
    assert not any(item.accepted for item in answer.updates)


def test_tolerated_and_optional_failures_are_accepted() -> None:
    records = [record("a"), record("b"), record("c", critical=False)]
    answer = decide(records, {"a": OK, "b": FAILED, "c": FAILED}, max_failures=1)
    assert answer.outcome == "done"
    assert {item.server_key: item.accepted for item in answer.updates} == {"a": False, "b": True, "c": True}


def test_a_failure_that_was_asked_about_is_asked_about_until_it_is_decided() -> None:
    failed = decide([record("a")], {"a": FAILED}).updates[0]
    assert decide([failed], {}).outcome == "ask"
    assert decide([record("a", "failed", accepted=True)], {}).outcome == "done"


def test_a_validated_server_keeps_its_time_when_it_is_checked_once_more() -> None:
    validated = decide([record("a")], {"a": OK}).updates[0]
    assert decide([validated], {"a": OK}, seconds=300).updates == ()


@given(
    results=st.lists(st.tuples(st.sampled_from([OK, PENDING, FAILED]), st.booleans()), min_size=1, max_size=8),
    seconds=st.integers(0, 700),
    max_failures=st.integers(0, 3),
)
def test_it_waits_only_for_pending_servers_and_asks_only_for_critical_failures(
    results: list[tuple[CheckResult, bool]], seconds: int, max_failures: int
) -> None:
    records = [record(str(number), critical=critical) for number, (_result, critical) in enumerate(results)]
    checked = {str(number): result for number, (result, _critical) in enumerate(results)}
    answer = decide(records, checked, seconds=seconds, max_failures=max_failures)
    late = seconds >= 600
    failed = sum(critical and (result is FAILED or (late and result is PENDING)) for result, critical in results)
    pending = not late and any(result is PENDING for result, _critical in results)
    assert answer.outcome == ("wait" if pending else "ask" if failed > max_failures else "done")
    assert (answer.seconds > 0) is pending


def test_a_server_that_was_valid_stays_so_while_it_is_looked_at_again() -> None:
    answer = decide([record("a", "validated")], {"a": PENDING})
    assert (answer.outcome, answer.updates) == ("wait", ())
    answer = decide([record("a", "validated")], {"a": PENDING}, seconds=600)
    assert [item.status for item in answer.updates] == ["failed"]
