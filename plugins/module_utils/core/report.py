# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run: what happened, how long it took, and where the evidence is.

Its schema (seconds are numbers, times are texts, what is not known is null):

    run_id, plan, mode, status, requested_by, requested_at, incident_at, closed_at, execution_arn, evidence
    direction                 failover, or failback
    drill                     whether its instances were launched to be terminated
    error                     what ended the run, when no person and no result did
    drill_instances_left      instances of a closed drill that were not cleaned up
    left_behind               what the clean-up of a drill found to be left: [{kind, id, server_key, state}]
    templates_left            why launch templates of a drill could not be set back, null otherwise
    seconds                   from the request to the end
    targets                   {rto, rpo}
    achieved                  {rto, rpo, rto_met, rpo_met} of the whole run
    servers                   {total, recovered, failed, skipped, unfinished, list: [server]}
    way_home                  of a failback what L(failback_report) says, null otherwise
    waves                     [{wave, name, status, started_at, ended_at, seconds, servers, recovered, rto}]
    steps                     [{wave, phase, name, what, status, attempts, started_at, ended_at, seconds, result}]
    decisions                 [{pause_id, step, wave, reason, status,
                                decision, decided_by, decided_at, decision_reason}]
    findings                  what the gate found: [{severity, server_key, what, remedy}]
    events                    {count, last_hash, intact}

    server: {server_key, wave, source_server_id, critical, status, attempts, instance_type, types_without_capacity,
             job_id, instance_id, launched_at, validated_at, rto, rpo, reason,
             probes: [{name, target, outcome, saw, at, attempts, milliseconds}]}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .canonical import plain
from .decisions import Pause
from .events import FIRST_HASH, Event, EventKind, verify
from .failback_report import way_home, way_home_lines
from .leftovers import leftover_text
from .objectives import overall_objectives, server_objectives
from .plans import Targets
from .probe_results import evidence
from .records import ServerRecord
from .runs import FAILBACK, RunStatus, ServerStatus, is_drill
from .step_records import StepRecord, StepStatus
from .tables import table_lines
from .timestamps import format_seconds, parse_time

FAILOVER = "failover"

OUTCOMES = ("recovered", "failed", "skipped", "unfinished")
"""What a server of a run comes to."""

LEFTOVERS_SHOWN = 20
"""Things left behind that the summary names."""

RESULT_SHOWN = 80
"""Characters of a step's result that the summary shows; the report has all that is kept."""

FAILURES_SHOWN = 20
"""Servers whose failure the summary names; the report has all."""


def build_report(
    run: Mapping[str, Any],
    waves: Sequence[Mapping[str, Any]],
    servers: Sequence[ServerRecord],
    events: Sequence[Event],
    pauses: Sequence[Pause],
    *,
    now: datetime,
    findings: Sequence[Mapping[str, Any]] = (),
    steps: Sequence[StepRecord] = (),
) -> dict[str, Any]:
    """Return the report as a plain, JSON-able dict; its schema is at the top of this file.

    Args:
        run: META item of the run.
        waves: WAVE items.
        servers: All server records.
        events: All events, in order.
        pauses: All pauses.
        now: End of a run or wave that has none yet.
        findings: What the gate found, as dicts.
        steps: The steps of waves, as they took place.
    """
    targets = Targets(**plain(run["plan"].get("targets") or {}))
    since = _since(run, waves)
    in_order = sorted(servers, key=_place)
    by_wave: dict[int, list[ServerRecord]] = {}
    for record in servers:
        by_wave.setdefault(record.wave, []).append(record)
    return {
        "run_id": run["run_id"],
        "plan": run["plan_name"],
        "mode": run["mode"],
        "direction": FAILBACK if run["mode"] == FAILBACK else FAILOVER,
        "drill": is_drill(run),
        "status": str(run["status"]),
        "requested_by": run.get("requested_by"),
        "requested_at": run["requested_at"],
        "incident_at": run.get("incident_at"),
        "closed_at": run.get("closed_at"),
        "execution_arn": run.get("execution_arn"),
        "evidence": run.get("evidence"),
        "error": run.get("error") or None,
        "drill_instances_left": _drill_instances_left(run, servers, events),
        "left_behind": _left_behind(events),
        "templates_left": run.get("templates_left") or None,
        "seconds": _seconds(run["requested_at"], run.get("closed_at"), now),
        "targets": asdict(targets),
        "achieved": asdict(overall_objectives(servers, since=since, targets=targets)),
        "servers": {
            **_totals(servers),
            "list": [_server(record, since, targets) for record in in_order],
        },
        "way_home": way_home(in_order, events, drill=is_drill(run)) if run["mode"] == FAILBACK else None,
        "waves": [_wave(wave, by_wave.get(int(wave["wave"]), []), since, targets, now) for wave in waves],
        "steps": [_step(step, now) for step in steps],
        "decisions": [_decision(pause) for pause in pauses],
        "findings": [plain(finding) for finding in findings],
        "events": {
            "count": len(events),
            "last_hash": events[-1].hash if events else FIRST_HASH,
            "intact": verify(events) is None,
        },
    }


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what a playbook prints at the end: totals, waves, objectives, failures with their reasons, evidence."""
    totals, way = report["servers"], report["way_home"]
    came = "came home" if way and not report["drill"] else "recovered"
    lines = [
        f"Run {report['run_id']}: {report['status']} in {format_seconds(report['seconds'])} "
        f"(plan {report['plan']}, mode {report['mode']}{', drill' if way and report['drill'] else ''})",
        *([f"Ended by an error: {report['error']}"] if report["error"] else []),
        f"Servers: {totals['recovered']} of {totals['total']} {came}, {totals['failed']} failed, "
        f"{totals['skipped']} skipped, {totals['unfinished']} unfinished",
        f"RTO: {_objective(report, 'rto')}   RPO: {_objective(report, 'rpo')}",
        *(way_home_lines(way) if way and not report["drill"] else []),
        "",
        *table_lines(
            ("Wave", "Name", "Status", "Servers", "Recovered", "Time"),
            [
                (
                    str(wave["wave"]),
                    wave["name"],
                    wave["status"],
                    str(wave["servers"]),
                    str(wave["recovered"]),
                    "-" if wave["seconds"] is None else format_seconds(wave["seconds"]),
                )
                for wave in report["waves"]
            ],
        ),
    ]
    if report["steps"]:
        columns = ("Step", "Of wave", "What", "Status", "Attempts", "Time", "Result")
        lines += ["", *table_lines(columns, [_step_row(step) for step in report["steps"]])]
    at_home = {server["server_key"] for server in way["servers"] if server["at_home"]} if way else set()
    missing = [one for one in totals["list"] if not _is_recovered(one) and one["server_key"] not in at_home]
    if missing:
        rows = [
            (server["server_key"], server["status"], server["reason"] or "-") for server in missing[:FAILURES_SHOWN]
        ]
        lines += ["", *table_lines(("Not recovered", "Status", "Reason"), rows)]
        if len(missing) > FAILURES_SHOWN:
            lines.append(f"and {len(missing) - FAILURES_SHOWN} more, all in the report")
    for decision in report["decisions"]:
        lines.append(
            f"Decision at {decision['step']}: {decision['decision'] or 'none yet'} "
            f"by {decision['decided_by'] or '-'}: {decision['decision_reason'] or '-'}"
        )
    if report["drill_instances_left"]:
        lines.append(f"Drill instances that are still there: {', '.join(report['drill_instances_left'])}")
    for leftover in report["left_behind"][:LEFTOVERS_SHOWN]:
        lines.append(f"Left behind by the drill, to be deleted by hand: {leftover_text(leftover)}")
    if len(report["left_behind"]) > LEFTOVERS_SHOWN:
        lines.append(f"and {len(report['left_behind']) - LEFTOVERS_SHOWN} more left behind, in the report")
    if report["templates_left"]:
        lines.append(f"Launch templates that are not set back after the drill: {report['templates_left']}")
    if not report["events"]["intact"]:
        lines.append("The chain of events is BROKEN: somebody has changed them")
    return [*lines, "", f"Evidence: {report['evidence'] or 'none written'}"]


def final_status(
    servers: Iterable[ServerRecord],
    *,
    aborted: bool = False,
    timed_out: bool = False,
    error: str = "",
    leaves_something: bool = False,
    steps: Iterable[StepRecord] = (),
) -> str:
    """Return the final L(runs.RunStatus): honest, an aborted run never reports success.

    C(succeeded): every server was recovered, and no step failed. C(succeeded_with_failures): those that were not are
    optional, skipped or accepted, and at least one server was recovered; or a drill recovered all and left something
    behind, or a failback something of the way home. Everything else has failed. What is at home before a failback does
    not count.

    Args:
        servers: All records of the run; none at all is a failure.
        aborted: An operator (or the default decision) aborted the run.
        timed_out: The run ran out of time.
        error: Text of an error that ended the run.
        leaves_something: A drill could not clean up completely, or a failback not protect everything again and tidy.
        steps: The steps of waves.
    """
    servers = [record for record in servers if not record.was_home]
    if aborted:
        return RunStatus.ABORTED
    if timed_out:
        return RunStatus.TIMED_OUT
    if error or not any(record.recovered for record in servers):
        return RunStatus.FAILED
    failed_steps = any(step.status == StepStatus.FAILED for step in steps)
    if all(record.recovered for record in servers) and not leaves_something and not failed_steps:
        return RunStatus.SUCCEEDED
    if all(record.recovered or _is_tolerated(record) for record in servers):
        return RunStatus.SUCCEEDED_WITH_FAILURES
    return RunStatus.FAILED


def _since(run: Mapping[str, Any], waves: Iterable[Mapping[str, Any]]) -> datetime:
    """Return the moment from which the objectives count.

    Until the first wave of a failback begins, production goes on where it was recovered, for days perhaps.
    """
    begun = [wave["started_at"] for wave in waves if wave.get("started_at")] if run["mode"] == FAILBACK else []
    return parse_time(min(begun, default=None) or run.get("incident_at") or run["requested_at"])


def _drill_instances_left(
    run: Mapping[str, Any], servers: Iterable[ServerRecord], events: Iterable[Event]
) -> list[str]:
    cleaned_up = any(event.kind == EventKind.CLEAN_UP_ENDED for event in events)
    if not is_drill(run) or not run.get("closed_at") or cleaned_up:
        return []
    return sorted(record.own_instance_id for record in servers if record.own_instance_id)


def _left_behind(events: Iterable[Event]) -> list[dict[str, Any]]:
    ended = [event for event in events if event.kind == EventKind.CLEAN_UP_ENDED]
    return [dict(leftover) for leftover in ended[-1].data.get("left_behind", [])] if ended else []


def _is_tolerated(record: ServerRecord) -> bool:
    if record.status == ServerStatus.SKIPPED:
        return True
    return record.status == ServerStatus.FAILED and (record.accepted or not record.critical)


def _place(record: ServerRecord) -> tuple[int, str]:
    return (record.wave, record.server_key)


def _totals(servers: Iterable[ServerRecord]) -> dict[str, int]:
    counts = Counter(_outcome(record) for record in servers)
    return {"total": counts.total(), **{name: counts[name] for name in OUTCOMES}}


def _outcome(record: ServerRecord) -> str:
    if record.recovered:
        return "recovered"
    return record.status if record.status in {ServerStatus.FAILED, ServerStatus.SKIPPED} else "unfinished"


def _server(record: ServerRecord, since: datetime, targets: Targets) -> dict[str, Any]:
    achieved = server_objectives(record, since=since, targets=targets)
    return {
        "server_key": record.server_key,
        "wave": record.wave,
        "source_server_id": record.source_server_id,
        "critical": record.critical,
        "status": str(record.status),
        "attempts": record.attempts,
        "instance_type": record.instance_type,
        "types_without_capacity": list(record.types_without_capacity),
        "job_id": record.job_id,
        "instance_id": record.instance_id,
        "launched_at": record.launched_at,
        "validated_at": record.validated_at,
        "rto": achieved.rto,
        "rpo": achieved.rpo,
        "reason": record.reason,
        "probes": evidence(record),
    }


def _wave(
    wave: Mapping[str, Any], servers: Sequence[ServerRecord], since: datetime, targets: Targets, now: datetime
) -> dict[str, Any]:
    started_at = wave.get("started_at")
    return {
        "wave": int(wave["wave"]),
        "name": wave["name"],
        "status": str(wave["status"]),
        "started_at": started_at,
        "ended_at": wave.get("ended_at"),
        "seconds": _seconds(started_at, wave.get("ended_at"), now) if started_at else None,
        "servers": len(servers),
        "recovered": sum(record.recovered for record in servers),
        "rto": overall_objectives(servers, since=since, targets=targets).rto,
    }


def _step(step: StepRecord, now: datetime) -> dict[str, Any]:
    return {
        "wave": step.wave,
        "phase": step.phase,
        "name": step.name,
        "what": step.what,
        "status": str(step.status),
        "attempts": step.attempt,
        "started_at": step.started_at,
        "ended_at": step.ended_at,
        "seconds": _seconds(step.started_at, step.ended_at, now) if step.started_at else None,
        "result": step.result,
    }


def _step_row(step: Mapping[str, Any]) -> tuple[str, ...]:
    result = " ".join(step["result"].split())
    return (
        step["name"],
        f"{step['phase']} {step['wave']}",
        step["what"],
        step["status"],
        str(step["attempts"]),
        "-" if step["seconds"] is None else format_seconds(step["seconds"]),
        result if len(result) <= RESULT_SHOWN else f"{result[:RESULT_SHOWN]}…",
    )


def _decision(pause: Pause) -> dict[str, Any]:
    return {
        "pause_id": pause.pause_id,
        "step": pause.step,
        "wave": pause.wave,
        "reason": pause.reason,
        "status": str(pause.status),
        "decision": pause.decision,
        "decided_by": pause.decided_by,
        "decided_at": pause.decided_at,
        "decision_reason": pause.decision_reason,
    }


def _seconds(start: str, end: str | None, now: datetime) -> float:
    return ((parse_time(end) if end else now) - parse_time(start)).total_seconds()


def _objective(report: Mapping[str, Any], name: str) -> str:
    seconds, target, met = report["achieved"][name], report["targets"][name], report["achieved"][f"{name}_met"]
    text = "not measured" if seconds is None else format_seconds(seconds)
    if target is None:
        return f"{text} (no target)"
    verdict = {True: "met", False: "MISSED", None: "not judged"}[met]
    return f"{text} (target {format_seconds(target)}: {verdict})"


def _is_recovered(server: Mapping[str, Any]) -> bool:
    return server["validated_at"] is not None and server["status"] in {ServerStatus.VALIDATED, ServerStatus.CLEANED_UP}
