"""The decision of a wave: every rule of it by example."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.batches import Batch
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import Job, job_from_drs, job_tags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import (
    WavePolicy,
    WaveStep,
    apply_decision,
    reconcile,
    started,
    wave_status,
)

from tests.unit.core.builders import START, at, record, server_id


def job(
    results: dict[int, str],
    *,
    status: str = "COMPLETED",
    attempt: int = 1,
    batch: int = 1,
    run_id: str = "run-1",
    job_id: str = "drsjob-1",
    **members: Any,
) -> Job:
    return job_from_drs(
        {
            "jobID": job_id,
            "type": "LAUNCH",
            "status": status,
            "participatingServers": [
                {"sourceServerID": server_id(number), "launchStatus": result, "recoveryInstanceID": f"i-{number}"}
                for number, result in results.items()
            ],
            "tags": job_tags(run_id, 1, attempt, batch),
            **members,
        }
    )


def step(
    servers: list[ServerRecord],
    jobs: list[Job],
    *,
    seconds: float = 60,
    policy: WavePolicy | None = None,
    quotas: Quotas | None = None,
    aborting: bool = False,
) -> WaveStep:
    return reconcile(
        servers,
        jobs,
        {None: quotas or Quotas()},
        policy or WavePolicy(),
        run_id="run-1",
        wave=1,
        now=at(seconds),
        wave_started_at=START,
        aborting=aborting,
    )


def launching(number: int = 1, **members: Any) -> ServerRecord:
    return record(number, status="launching", attempts=1, job_id="drsjob-1", **members)


def test_servers_that_wait_are_started_in_one_job() -> None:
    result = step([record(1), record(2)], [])
    assert result.starts == (Batch(1, 1, (server_id(1), server_id(2))),)
    assert (result.outcome, result.seconds, result.reason) == ("wait", 30, "2 servers starting")
    assert result.updates == ()


def test_a_started_server_is_recorded_with_its_job_and_forgets_its_old_launch() -> None:
    old = record(1, status="pending", attempts=1, launched_at="2026-11-23T09:00:00.000Z", instance_id="i-old")
    (new,) = started([old, record(2)], Batch(2, 3, (server_id(1),)), "drsjob-3")
    assert new == record(1, status="launching", attempts=2, job_id="drsjob-3")


def test_trap_job_completed_is_not_launched() -> None:
    """A server is launched only when its participant says so, whatever became of the job."""
    ended = job({1: "LAUNCHED", 2: "FAILED", 3: "IN_PROGRESS"}, endDateTime="2026-11-23T10:05:00.123456+00:00")
    result = step([launching(1), launching(2), launching(3)], [ended])
    launched, failed, unfinished = result.updates
    assert (launched.status, launched.instance_id) == ("launched", "i-1")
    assert launched.launched_at == "2026-11-23T10:05:00.123Z"
    assert (failed.status, failed.reason) == ("failed", "DRS could not launch it in job drsjob-1")
    assert unfinished.status == "failed"
    assert "completed and left this server with launch status IN_PROGRESS" in unfinished.reason


def test_a_participant_that_is_missing_from_a_completed_job_has_failed() -> None:
    (update,) = step([launching()], [job({})]).updates
    assert (update.status, update.reason) == ("failed", "job drsjob-1 completed without a result for this server")


@pytest.mark.parametrize("status", ["PENDING", "STARTED", "SOMETHING_NEW"])
def test_trap_unknown_enum_value(status: str) -> None:
    """A job or launch status that this version does not know is neither an end nor an error: it is waited for."""
    result = step([launching()], [job({1: "WARMING_UP"}, status=status)])
    assert (result.outcome, result.updates, result.starts) == ("wait", (), ())
    assert result.reason == "1 server launching"


def test_an_unknown_launch_status_of_a_completed_job_is_a_failure_that_names_it() -> None:
    (update,) = step([launching()], [job({1: "WARMING_UP"})]).updates
    assert update.status == "failed"
    assert "WARMING_UP" in update.reason


def test_a_server_launched_while_its_job_still_runs_counts() -> None:
    result = step([launching()], [job({1: "LAUNCHED"}, status="STARTED")])
    assert result.updates[0].launched_at == format_time(at(60))
    assert result.outcome == "done"


def test_a_job_found_by_its_tags_wins_over_records_that_a_crash_left_behind() -> None:
    result = step([record(1), record(2)], [job({1: "IN_PROGRESS", 2: "LAUNCHED"}, status="STARTED")])
    assert result.starts == ()
    assert [(update.status, update.attempts, update.job_id) for update in result.updates] == [
        ("launching", 1, "drsjob-1"),
        ("launched", 1, "drsjob-1"),
    ]


def test_nothing_starts_while_an_own_job_runs_whose_servers_nobody_knows() -> None:
    result = step([record(1)], [job({}, status="STARTED")])
    assert (result.starts, result.outcome) == ((), "wait")


def test_jobs_of_others_hold_their_servers_and_say_nothing_about_ours() -> None:
    foreign = job({1: "LAUNCHED"}, status="STARTED", run_id="another-run", job_id="drsjob-9")
    result = step([record(1), record(2)], [foreign])
    assert result.updates == ()
    assert result.starts == (Batch(1, 1, (server_id(2),)),)
    assert result.reason == "1 server starting, 1 server waiting for other jobs or quotas"


def test_only_failed_servers_are_retried_with_the_next_attempt_and_batch() -> None:
    servers = [launching(1, attempts_allowed=2), launching(2, attempts_allowed=2)]
    result = step(servers, [job({1: "LAUNCHED", 2: "FAILED"})])
    assert result.starts == (Batch(2, 2, (server_id(2),)),)
    assert result.outcome == "wait"


def test_a_failed_server_is_not_retried_before_its_job_has_ended() -> None:
    result = step([launching(1, attempts_allowed=2)], [job({1: "FAILED"}, status="STARTED")])
    assert (result.starts, result.outcome) == ((), "wait")


def test_servers_of_different_attempts_never_share_a_job() -> None:
    failed = record(1, status="failed", attempts=1, attempts_allowed=2, job_id="drsjob-1")
    result = step([record(2), failed], [job({1: "FAILED"})])
    assert result.starts == (Batch(1, 2, (server_id(2),)), Batch(2, 3, (server_id(1),)))


def test_servers_that_failback_clients_launch_have_jobs_of_their_own_and_no_instance() -> None:
    way = {"kind": "on_premises", "recovered_instance_id": "i-1"}
    at_home, launched = record(1, way_home=way), record(2)
    (others, clients) = step([at_home, launched], []).starts
    assert (others.source_server_ids, clients.source_server_ids) == ((server_id(2),), (server_id(1),))
    (after,) = step([started([at_home], clients, "drsjob-1")[0]], [job({1: "LAUNCHED"}, batch=2)]).updates
    assert (after.status, after.instance_id) == ("launched", None)


def test_too_many_failed_critical_servers_are_asked_about_by_name() -> None:
    result = step([launching(1), launching(2)], [job({1: "LAUNCHED", 2: "FAILED"})])
    assert (result.outcome, result.seconds) == ("ask", 0)
    assert result.reason == (
        "1 critical server failed, the wave tolerates 0: server-2 (DRS could not launch it in job drsjob-1)"
    )


def test_many_failures_are_counted_after_the_first_few() -> None:
    servers = [launching(number) for number in range(1, 9)]
    result = step(servers, [job(dict.fromkeys(range(1, 9), "FAILED"))])
    assert result.reason.startswith("8 critical servers failed")
    assert result.reason.endswith("and 3 more")


@pytest.mark.parametrize("members", [{"critical": False}, {"critical": True}])
def test_tolerated_failures_are_accepted(members: dict[str, Any]) -> None:
    policy = WavePolicy(max_failures=1)
    result = step([launching(1), launching(2, **members)], [job({1: "LAUNCHED", 2: "FAILED"})], policy=policy)
    assert (result.outcome, result.reason) == ("done", "1 of 2 servers launched")
    assert result.updates[1].status == "failed"
    assert result.updates[1].accepted


def test_a_job_that_runs_past_the_timeout_is_asked_about_and_its_server_stays_launching() -> None:
    result = step([launching()], [job({1: "IN_PROGRESS"}, status="STARTED")], seconds=3600)
    assert (result.outcome, result.updates) == ("ask", ())
    assert result.reason == (
        "1 critical server failed or did not finish within 1h 00m 00s, the wave tolerates 0: server-1 (launching)"
    )


def test_an_optional_server_that_is_late_is_given_up() -> None:
    result = step([launching(critical=False)], [job({1: "IN_PROGRESS"}, status="STARTED")], seconds=3600)
    assert result.outcome == "done"
    assert (result.updates[0].status, result.updates[0].reason) == ("failed", "not launched within 1h 00m 00s")


def test_nothing_starts_after_the_timeout() -> None:
    result = step([record(1)], [], seconds=3600)
    assert (result.outcome, result.starts) == ("ask", ())


def test_a_wait_never_passes_the_timeout() -> None:
    assert step([launching()], [job({1: "PENDING"}, status="PENDING")], seconds=3590).seconds == 10


def test_a_job_that_nobody_lists_any_more_is_waited_for() -> None:
    result = step([launching()], [])
    assert (result.outcome, result.starts) == ("wait", ())


def test_finished_servers_are_left_alone() -> None:
    servers = [
        record(1, status="validated", attempts=1, launched_at="x", validated_at="x"),
        record(2, status="skipped", attempts=1),
        record(3, status="launched", attempts=1, launched_at="x"),
    ]
    result = step(servers, [job({1: "FAILED", 2: "FAILED", 3: "FAILED"})])
    assert (result.outcome, result.updates, result.starts) == ("done", (), ())


def test_a_wave_without_servers_is_done() -> None:
    assert step([], []).outcome == "done"


def test_retry_launches_failed_servers_once_more() -> None:
    failed = record(1, status="failed", attempts=2, attempts_allowed=2, job_id="drsjob-1", reason="no capacity")
    fine = record(2, status="launched", attempts=1)
    (update,) = apply_decision([failed, fine], "retry")
    assert (update.status, update.attempts_allowed, update.reason) == ("pending", 3, "")
    result = step([update, fine], [job({1: "FAILED"}, attempt=2)])
    assert result.starts == (Batch(3, 2, (server_id(1),)),)


def test_retry_of_a_failed_validation_launches_again_although_the_launch_was_good() -> None:
    failed = record(1, status="failed", attempts=1, job_id="drsjob-1", launched_at="x", instance_id="i-1")
    (update,) = apply_decision([failed], "retry")
    assert step([update], [job({1: "LAUNCHED"})]).starts == (Batch(2, 2, (server_id(1),)),)


def test_a_launch_that_succeeds_after_all_is_not_repeated() -> None:
    late = record(1, status="pending", attempts=1, attempts_allowed=2, job_id="drsjob-1")
    running = step([late], [job({1: "IN_PROGRESS"}, status="STARTED")])
    assert (running.starts, running.outcome) == ((), "wait")
    ended = step([late], [job({1: "LAUNCHED"})])
    assert (ended.starts, ended.updates[0].status, ended.outcome) == ((), "launched", "done")


def test_a_failed_validation_is_not_launched_again_without_asking() -> None:
    failed = record(1, status="failed", attempts=1, attempts_allowed=2, launched_at="x", job_id="drsjob-1")
    result = step([failed], [job({1: "LAUNCHED"})])
    assert (result.outcome, result.starts) == ("ask", ())


def test_skip_leaves_out_what_is_not_launched_and_says_why() -> None:
    servers = [record(1), launching(2), record(3, status="failed", reason="no capacity"), record(4, status="launched")]
    updates = apply_decision(servers, "skip")
    assert [update.server_key for update in updates] == ["server-1", "server-2", "server-3"]
    assert {update.status for update in updates} == {"skipped"}
    assert updates[2].reason == "skipped by an operator while failed: no capacity"
    assert len(apply_decision(servers, "skip", validating=True)) == 4


def test_continue_accepts_failures_so_that_nobody_is_asked_again() -> None:
    servers = [launching(1), record(2, status="failed", attempts=1, reason="no capacity"), record(3, status="launched")]
    updates = apply_decision(servers, "continue")
    assert [(update.status, update.accepted) for update in updates] == [("failed", True), ("failed", True)]
    assert updates[1].reason == "no capacity"
    assert step([*updates, servers[2]], [job({1: "IN_PROGRESS"}, status="STARTED")]).outcome == "done"


def test_abort_gives_up_what_is_not_launched() -> None:
    updates = apply_decision([record(1), launching(2), record(3, status="launched")], "abort")
    assert [(update.server_key, update.status) for update in updates] == [
        ("server-1", "skipped"),
        ("server-2", "failed"),
    ]
    assert all("aborted" in update.reason for update in updates)


@pytest.mark.parametrize("decision", ["continue", "skip", "abort", "retry"])
def test_applying_a_decision_twice_changes_nothing_more(decision: str) -> None:
    servers = [record(1), launching(2), record(3, status="failed", attempts=1), record(4, status="validated")]
    changed = {update.server_key: update for update in apply_decision(servers, decision)}
    assert apply_decision([changed.get(server.server_key, server) for server in servers], decision) == []


def test_an_unknown_decision_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown decision 'perhaps': use continue, retry, skip or abort"):
        apply_decision([record(1)], "perhaps")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["pending", "pending"], "pending"),
        (["pending", "launching"], "running"),
        (["launched", "validated"], "running"),
        (["validated", "validated"], "succeeded"),
        (["validated", "failed"], "failed"),
        (["validated", "skipped"], "succeeded_with_failures"),
        ([], "succeeded"),
    ],
)
def test_wave_status(statuses: list[str], expected: str) -> None:
    records = [record(number, status=status, validated_at="x") for number, status in enumerate(statuses)]
    assert wave_status(records) == expected
    assert wave_status(records, aborted=True) == "aborted"


def test_a_wave_with_tolerated_failures_succeeded_with_failures() -> None:
    validated, failed = record(1, status="validated", validated_at="x"), record(2, status="failed")
    assert wave_status([validated, failed], max_failures=1) == "succeeded_with_failures"
    assert wave_status([validated, replace(failed, accepted=True)]) == "succeeded_with_failures"
    assert wave_status([validated, replace(failed, critical=False)]) == "succeeded_with_failures"


def test_a_windows_server_may_take_longer() -> None:
    policy = WavePolicy(timeout=1000, windows_timeout=3000)
    linux, windows = launching(1), launching(2, is_windows=True)
    jobs = [job({1: "LAUNCHED", 2: "PENDING"}, status="STARTED")]
    assert step([linux, windows], jobs, seconds=2000, policy=policy).outcome == "wait"
    assert step([linux, windows], jobs, seconds=3000, policy=policy).outcome == "ask"
    assert step([linux], [job({1: "PENDING"}, status="STARTED")], seconds=1000, policy=policy).outcome == "ask"


def test_an_aborted_wave_starts_nothing_and_waits_for_what_cannot_be_cancelled() -> None:
    servers = [launching(1), record(2)]
    running = step(servers, [job({1: "PENDING"}, status="STARTED")], aborting=True)
    assert (running.outcome, running.starts) == ("wait", ())
    assert "drsjob-1" in running.reason
    over = step(servers, [job({1: "LAUNCHED"})], aborting=True)
    assert (over.outcome, over.starts) == ("abort", ())
    assert {changed.status for changed in over.updates} == {"launched", "skipped"}
    late = step(servers, [job({1: "PENDING"}, status="STARTED")], seconds=4000, aborting=True)
    assert (late.outcome, {changed.status for changed in late.updates}) == ("abort", {"failed", "skipped"})
