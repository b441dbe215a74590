# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run's events as lines for a person who watches: one line for what happened together, with counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from .canonical import canonical
from .decisions import effect
from .events import EventKind
from .failback_lines import followed, originals_settled, settings_written, steps_taken
from .wave_counts import WaveCounts, count_line

NAMED = 4
"""Servers that one line names; the others are counted."""

Data = Mapping[str, Any]


class Progress:
    """Turns events into lines; remembers how many servers have come how far."""

    def __init__(self) -> None:
        self._counts = WaveCounts()
        self._discovered: set[str] = set()
        self._reached: dict[str, set[str]] = {}
        self._texts: Mapping[str, Callable[[Sequence[Data]], str]] = {
            EventKind.RUN_OPENED: _run_opened,
            EventKind.SERVERS_CORRELATED: _correlated,
            EventKind.SERVERS_DISCOVERED: self._servers_discovered,
            EventKind.GATE_PASSED: lambda data: f"gate passed: {_findings(data[0])}",
            EventKind.GATE_FAILED: lambda data: f"gate failed: {_findings(data[0])}",
            EventKind.WAVE_STARTED: lambda data: f"{data[0]['name']}: started, {_servers(data[0]['servers'])}",
            EventKind.WAVE_ENDED: lambda data: f"{data[0]['name']}: {data[0]['status']}",
            EventKind.ISOLATION_CHECKED: _isolation,
            EventKind.STEP_STARTED: _step_started,
            EventKind.STEP_ENDED: _step_ended,
            EventKind.FAILBACK_STEP_BEGUN: lambda data: steps_taken("begun", data),
            EventKind.FAILBACK_STEP_DONE: lambda data: steps_taken("done", data),
            EventKind.SETTINGS_WRITTEN: settings_written,
            EventKind.ORIGINAL_SETTLED: originals_settled,
            EventKind.REPLICATION_FOLLOWED: lambda data: followed(data[-1]),
            EventKind.TEMPLATES_PREPARED: lambda data: f"launch templates set to profile {data[0]['profile']}",
            EventKind.QUOTAS_READ: _quotas,
            EventKind.JOB_STARTED: _jobs("started"),
            EventKind.JOB_ENDED: _jobs("ended"),
            EventKind.INSTANCE_TYPE_CHANGED: _types,
            EventKind.SERVER_LAUNCHED: lambda data: self._counted(EventKind.SERVER_LAUNCHED, "launched", data),
            EventKind.SERVER_VALIDATED: lambda data: self._counted(EventKind.SERVER_VALIDATED, "validated", data),
            EventKind.SERVER_FAILED: lambda data: _with_reasons("FAILED", data),
            EventKind.SERVER_SKIPPED: lambda data: f"skipped {_names(data)}",
            EventKind.SERVER_CLEANED_UP: lambda data: self._counted(EventKind.SERVER_CLEANED_UP, "cleaned up", data),
            EventKind.RUN_PAUSED: lambda data: f"PAUSED at {data[0]['step']}: {data[0]['reason']}",
            EventKind.DECISION_MADE: _decision,
            EventKind.ABORT_REQUESTED: lambda data: f"ABORT requested by {data[0]['by']}{_because(data[0]['reason'])}",
            EventKind.RUN_RESUMED: lambda data: f"resumed by {data[0]['by']}{_because(data[0]['reason'])}",
            EventKind.CLEAN_UP_REQUESTED: lambda data: (
                f"clean-up requested by {data[0]['by']}{_because(data[0]['reason'])}"
            ),
            EventKind.CLEAN_UP_STARTED: lambda data: f"clean-up started, {len(data[0]['instances'])} drill instances",
            EventKind.CLEAN_UP_ENDED: _clean_up_ended,
            EventKind.RUN_CLOSED: lambda data: f"run closed: {data[0]['status']}{_because(data[0].get('error'))}",
        }

    def lines(self, events: Iterable[Mapping[str, Any]], run: Mapping[str, Any] | None = None) -> list[str]:
        """Return the lines of further events, in order; events of one kind, moment and wave share a line.

        Args:
            events: Events that follow those of the last call.
            run: The run's record. With it, a line with counts follows for every wave whose counts changed in a moment.
        """
        lines = []
        for at, moment in groupby(events, key=lambda event: event["at"]):
            together = list(moment)
            for (_at, kind, wave), group in groupby(together, key=_place):
                part = f"wave {wave}" if wave else "run"
                lines.append(f"{at[11:19]}  {part:<8} {self._text(kind, [event['data'] for event in group])}")
            for count in self._counts.add(together):
                if run:
                    waves = len(run["plan"]["waves"])
                    lines.append(f"{at[11:19]}  {count_line(count, waves, run['requested_at'], at)}")
        return lines

    def _text(self, kind: str, data: Sequence[Data]) -> str:
        try:
            return self._texts[kind](data)
        except (AttributeError, KeyError, TypeError, ValueError):  # written by another version: shown as it is
            return f"{kind}: {canonical(list(data))}"

    def _servers_discovered(self, data: Sequence[Data]) -> str:
        self._discovered.update(*(item["servers"] for item in data))
        return f"discovered {_servers(len(self._discovered))}, launching in network profile {data[-1]['profile']}"

    def _counted(self, kind: str, word: str, data: Sequence[Data]) -> str:
        reached = self._reached.setdefault(kind, set())
        reached.update(item["server_key"] for item in data)
        return f"{word} {_names(data)} ({len(reached)} of {len(self._discovered)})"


def pause_lines(pause: Mapping[str, Any], command: str) -> list[str]:
    """Return what a person must know to decide.

    Args:
        pause: The pause as it is stored, without its token.
        command: The command that decides; the decision and the reason are appended.
    """
    options = [f"  {option:<9} {effect(pause['step'], option)}" for option in pause["options"]]
    place = f"wave {pause['wave']}, {pause['step']}" if pause["wave"] else pause["step"]
    return [
        "",
        f"The run waits for a decision (pause {pause['pause_id']}, {place}).",
        f"Why: {pause['reason']}",
        *(f"  {line}" for line in (pause.get("details") or {}).get("instances", [])),
        *options,
        f"To decide:  {command} -e dr_decision={'|'.join(pause['options'])} -e \"dr_reason='...'\"",
        f"Without an answer until {pause['deadline']} it is: {pause['default']}",
        *([f"Four eyes: {pause['not_by']}, who requested the run, can only abort"] if pause.get("not_by") else []),
        "",
    ]


def _place(event: Mapping[str, Any]) -> tuple[str, str, Any]:
    return (event["at"], event["kind"], event["data"].get("wave"))


def _servers(count: int) -> str:
    return f"{count} server{'' if count == 1 else 's'}"


def _names(data: Sequence[Data]) -> str:
    names = [item["server_key"] for item in data]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{_servers(len(names))}: {', '.join(names[:NAMED])}{more}"


def _with_reasons(word: str, data: Sequence[Data]) -> str:
    shown = "; ".join(f"{item['server_key']}{_because(item.get('reason'))}" for item in data[:NAMED])
    more = f"; and {len(data) - NAMED} more" if len(data) > NAMED else ""
    return f"{word} {_servers(len(data))}: {shown}{more}"


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _run_opened(data: Sequence[Data]) -> str:
    incident_at = data[0].get("incident_at")
    since = f", incident at {incident_at}" if incident_at else ""
    drill = " (a drill)" if data[0]["mode"] == "failback" and data[0].get("drill") else ""
    return f"opened: plan {data[0]['plan']}, mode {data[0]['mode']}{drill}, by {data[0]['requested_by']}{since}"


def _findings(data: Data) -> str:
    findings = data.get("findings") or []
    hidden = data.get("findings_not_shown") or 0
    checked = _servers(data["servers"])
    if not findings:
        return f"{checked} ready"
    shown = "; ".join(f"{finding['server_key']}: {finding['what']}" for finding in findings[:NAMED])
    more = len(findings) - NAMED + hidden
    return f"{checked} checked, findings: {shown}{f'; and {more} more' if more > 0 else ''}"


def _isolation(data: Sequence[Data]) -> str:
    findings = data[-1]["findings"]
    if not findings:
        return "the drill's network is isolated"
    return f"the drill's network is NOT isolated any more: {'; '.join(item['what'] for item in findings[:NAMED])}"


def _clean_up_ended(data: Sequence[Data]) -> str:
    ended = data[-1]
    left = len(ended.get("left_behind", [])) + ended.get("left_behind_not_shown", 0)
    found = f", LEFT BEHIND: {left} volumes, interfaces or instances (see the summary)" if left else ""
    return f"clean-up ended, {ended['instances']} drill instances are gone{found}"


def _correlated(data: Sequence[Data]) -> str:
    found = data[-1]
    uncertain = [f"{found[kind]} {kind}" for kind in ("ambiguous", "unmatched", "unread") if found[kind]]
    return f"correlated {found['machines']} machines{': ' if uncertain else ''}{', '.join(uncertain)}"


def _quotas(data: Sequence[Data]) -> str:
    return "; ".join(dict.fromkeys(map(_quotas_of, data)))


def _quotas_of(quotas: Data) -> str:
    where = f" in {quotas['region']}" if "region" in quotas else ""
    return (
        f"quotas{where} ({quotas['source']}): {quotas['servers_per_job']} servers in a job, "
        f"{quotas['concurrent_jobs']} jobs, {quotas['servers_in_all_jobs']} servers in all jobs"
    )


def _types(data: Sequence[Data]) -> str:
    shown = ", ".join(f"{item['server_key']} ({item['instance_type']})" for item in data[:NAMED])
    more = f" and {len(data) - NAMED} more" if len(data) > NAMED else ""
    return f"no capacity, next launch with another instance type: {shown}{more}"


def _step_started(data: Sequence[Data]) -> str:
    begun = [
        f"{step['phase']} {step['name']}: {step['what']} started"
        f"{f', attempt {number}' if (number := step['attempt']) > 1 else ''}"
        for step in data
    ]
    return "; ".join(begun)


def _step_ended(data: Sequence[Data]) -> str:
    return "; ".join(
        f"{step['phase']} {step['name']}: "
        f"{'FAILED' if step['status'] == 'failed' else step['status']}{_because(step['result'])}"
        for step in data
    )


def _jobs(word: str) -> Callable[[Sequence[Data]], str]:
    def text(data: Sequence[Data]) -> str:
        shown = ", ".join(f"{item['job_id']} ({_servers(_count(item))})" for item in data)
        return f"DRS job{'' if len(data) == 1 else 's'} {word}: {shown}"

    return text


def _count(job: Data) -> int:
    servers = job.get("servers", 0)
    return servers if isinstance(servers, int) else len(servers)


def _decision(data: Sequence[Data]) -> str:
    made = data[0]
    return f"decided: {made['decision']} by {made['decided_by']} ({made['decision_reason']})"
