# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Close: give the run its final status, store the report, tell people, release the locks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from _drill import held
from _jobs import job_facts, read_jobs
from _launch import launches_both_ways, set_back
from _notices import error_text, publish
from _records import end_wave, read_plan, read_records, store
from _runtime import Call, Result, client, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import call as aws_call
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_locks import plan_lock
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import report, waves
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import Decision, pause_from_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind, event_from_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_report import leaves_way
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import TAG_RUN
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import by_place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import (
    FAILBACK,
    RunStatus,
    WaveStatus,
    is_drill,
)

Item = dict[str, Any]

SUMMARY_LENGTH = 2000


def _tell_of_ended_jobs(call: Call, run: Mapping[str, Any], records: Sequence[ServerRecord]) -> None:
    """Tell how the run's jobs ended: a job goes on for a while after its last server was launched."""
    told = [
        (EventKind.JOB_ENDED.value, job_facts(job))
        for job in read_jobs(run, by_place(records))
        if job.tags.get(TAG_RUN) == call.run_id and not job.active
    ]
    if told:
        runs().append_events(call.run_id, told, call.now)


def _end_waves(call: Call, run: Mapping[str, Any], aborted: bool) -> None:
    plan = read_plan(run)
    for wave in runs().get_waves(call.run_id):
        if not wave["ended_at"] and (aborted or wave["status"] != WaveStatus.PENDING):
            end_wave(call, plan, wave["wave"], aborted=aborted)


def _set_back(call: Call, records: Sequence[ServerRecord]) -> tuple[int, str]:
    """Let the templates launch as between runs again, also after a drill that could not clean up.

    Returns:
        Seconds to wait before more can be set back, and why some could not be, empty when all could. That keeps no run
        from its end: a run that launches sets its templates first, and its locks must not outlive this one.

    Raises:
        TransientError: It may work later.
    """
    try:
        return set_back(call, held(call, records)), ""
    except TransientError:
        raise
    except AwsError as error:
        call.log("templates not restored", error=error.message)
        return 0, error.message


def _leaves_something(call: Call, run: Mapping[str, Any], records: Sequence[ServerRecord]) -> bool:
    """Tell whether a drill leaves anything in EC2: what its clean-up found, or instances that it did not clean up.

    Of a failback, whether it leaves something of the way home, or a plan that a person knows cannot fail over again.
    """
    clean_up = run.get("clean_up") or {}
    if clean_up.get("ended_at"):
        return bool(clean_up.get("left_behind"))
    if is_drill(run):
        return any(record.own_instance_id for record in records)
    if run["mode"] != FAILBACK:
        return False
    asked = [pause for pause in runs().pauses(call.run_id) if pause["step"] == "forward-gate"]
    return any(map(leaves_way, records)) or (bool(asked) and asked[-1].get("decision") == Decision.CONTINUE)


def _void_pauses(call: Call) -> None:
    """End the pauses that nobody can answer any more."""
    for pause in runs().open_pauses(call.run_id):
        runs().void_pause(call.run_id, pause["pause_id"], by="close-run", at=call.now)


def _report(call: Call, run: Mapping[str, Any]) -> Item:
    events = [event_from_item(item) for item in runs().events(call.run_id)]
    findings: list[Item] = next(
        (event.data["findings"] for event in reversed(events) if event.kind in {"gate_passed", "gate_failed"}), []
    )
    return report.build_report(
        run,
        runs().get_waves(call.run_id),
        read_records(call),
        events,
        [pause_from_item(item) for item in runs().pauses(call.run_id)],
        now=call.now,
        findings=findings,
        steps=runs().get_steps(call.run_id),
    )


def _store_evidence(call: Call, document: Item) -> None:
    aws_call(
        client("s3").put_object,
        "store the report",
        Bucket=os.environ["EVIDENCE_BUCKET"],
        Key=_evidence_key(call),
        Body=json.dumps(document, indent=2, sort_keys=True).encode(),
        ContentType="application/json",
    )


def _evidence_key(call: Call) -> str:
    return f"runs/{call.run_id}/report.json"


@function("close-run")
def handler(call: Call) -> Result:
    """Return C({outcome, status, summary}), or C({outcome, seconds}) as long as there are templates to set back.

    A run that is closed keeps its status; what a crash left undone is done.
    """
    caught = call.event.get("error")
    error = error_text(caught) if caught else ""
    run = runs().get_run(call.run_id)
    if run is None:
        summary = f"Run {call.run_id} was not opened: {error}"
        return {"outcome": "done", "status": RunStatus.FAILED.value, "summary": summary}
    aborted = bool(call.event.get("aborted") or run.get("aborting"))
    if aborted and not run["closed_at"]:
        before = read_records(call)
        store(call, before, waves.apply_decision(before, Decision.ABORT))
    records = read_records(call)
    shared = records if is_drill(run) else [record for record in records if launches_both_ways(record)]
    seconds, templates_left = _set_back(call, shared) if shared else (0, "")
    if seconds:
        return {"outcome": "wait", "seconds": seconds}
    leaves = bool(templates_left) or _leaves_something(call, run, records)
    status = run["status"]
    if not run["closed_at"]:
        steps = runs().get_steps(call.run_id)
        status = str(report.final_status(records, aborted=aborted, error=error, leaves_something=leaves, steps=steps))
        _void_pauses(call)
        _end_waves(call, run, aborted)
        _tell_of_ended_jobs(call, run, records)
        told = {"status": status, "aborted": aborted, "error": error}
        runs().append_event(call.run_id, EventKind.RUN_CLOSED.value, told, call.now)
    evidence = f"s3://{os.environ['EVIDENCE_BUCKET']}/{_evidence_key(call)}"
    closed_at = run["closed_at"] or call.at
    changes = {
        "status": status,
        "closed_at": closed_at,
        "evidence": evidence,
        "error": error or run.get("error"),
        "templates_left": templates_left,
    }
    closed = {**run, **changes}
    document = _report(call, closed)
    lines = report.summary_lines(document)
    _store_evidence(call, document)
    runs().update_run(call.run_id, changes)
    locks = [plan_lock(run["plan_name"]), *(record.server_key for record in records)]
    runs().release_locks(locks, call.run_id)
    publish(call, "run_closed", f"Run {status}: {call.run_id}", "\n".join(lines))
    return {"outcome": "done", "status": status, "summary": "\n".join(lines)[:SUMMARY_LENGTH]}
