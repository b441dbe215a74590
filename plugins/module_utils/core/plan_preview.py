# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run would do: the resolved plan as data, and as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .admission import Quotas
from .canonical import canonical
from .ip_map import MapEntry
from .plans import parse_plan
from .probes import names_for
from .resolved_plans import PlannedServer, ResolvedPlan
from .runs import profile_of
from .tables import table_lines
from .timeline import EstimatedWave, Timeline
from .timestamps import format_seconds
from .validation import expected_of

SHOWN_APART = frozenset({"name", "description", "groups", "waves", "optional_servers", "targets", "depends_on"})
"""Fields of plans and waves that have a place of their own; all others, whatever they are, are settings."""

DEFAULTS: Mapping[str, Any] = parse_plan(
    {"name": "plan", "groups": {"group": {"servers": ["server"]}}, "waves": [{"name": "wave", "groups": ["group"]}]}
).to_document()
"""A plan that says nothing beside what it must: what is as there is not shown to a person."""

AS_BY_DEFAULT = "as by default"
DURATIONS = frozenset({"timeout", "windows_timeout", "soak", "stall"})
BEFORE_AND_AFTER = "; replicating the servers home comes before that, protecting them again after it"


def preview(
    resolved: ResolvedPlan,
    entries: Mapping[str, Sequence[MapEntry]],
    timeline: Timeline,
    *,
    mode: str,
    quotas: Quotas,
    quotas_source: str,
    drill: bool = False,
) -> dict[str, Any]:
    """Return the resolved plan as a plain, JSON-able dict, the waves in the order in which they start.

    Args:
        resolved: The plan and the servers that it means today.
        entries: IP map entries of every server, with the profile of the mode.
        timeline: The estimate for the same plan and quotas.
        mode: What would run.
        quotas: Quotas of DRS.
        quotas_source: Where they are from.
        drill: Whether it is a drill of a failback, in which AWS chooses the addresses.
    """
    document = resolved.plan.to_document()
    return {
        "plan": resolved.plan.name,
        "description": resolved.plan.description,
        "mode": mode,
        "profile": profile_of(mode),
        "drill": drill,
        "servers": len(resolved.servers),
        "targets": document["targets"],
        "quotas": {**asdict(quotas), "source": quotas_source},
        "estimate": {"seconds": timeline.seconds, "source": timeline.source},
        "settings": _settings(document),
        "waves": [
            _wave(estimated, document["waves"][estimated.wave - 1], resolved, entries, mode, drill)
            for estimated in timeline.waves
        ],
    }


def preview_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what L(preview) returned as lines."""
    quotas, target = found["quotas"], found["targets"]["rto"]
    mode = f"{found['mode']}{' (a drill)' if found['drill'] else ''}"
    lines = [
        f"Plan {found['plan']}, mode {mode}: {_count(found['servers'], 'server')} in "
        f"{_count(len(found['waves']), 'wave')}, launching in network profile {found['profile']}",
        f"Estimate: {format_seconds(found['estimate']['seconds'])} ({found['estimate']['source']})"
        + (f", target {format_seconds(target)}" if target else "")
        + (BEFORE_AND_AFTER if found["mode"] == "failback" else ""),
        f"Quotas ({quotas['source']}): {quotas['servers_per_job']} servers in a job, {quotas['concurrent_jobs']} jobs, "
        f"{quotas['servers_in_all_jobs']} servers in all jobs",
        f"Settings: {_text(_beside(found['settings'], DEFAULTS)) or AS_BY_DEFAULT}",
    ]
    for wave in found["waves"]:
        lines += ["", *_wave_lines(wave)]
    return lines


def _wave(
    estimated: EstimatedWave,
    declared: Mapping[str, Any],
    resolved: ResolvedPlan,
    entries: Mapping[str, Sequence[MapEntry]],
    mode: str,
    drill: bool,
) -> dict[str, Any]:
    profile = profile_of(mode)
    job_of = {key: number for number, job in enumerate(estimated.jobs, start=1) for key in job.server_keys}
    return {
        "wave": estimated.wave,
        "name": estimated.name,
        "depends_on": declared["depends_on"],
        "starts_after": estimated.starts_after,
        "ends_after": estimated.ends_after,
        "jobs": [
            {
                "servers": len(job.server_keys),
                "starts_after": job.starts_after,
                "ends_after": job.ends_after,
            }
            for job in estimated.jobs
        ],
        "settings": _settings(declared),
        "servers": [
            {
                **_server(planned, entries[planned.server.key], profile, drill),
                "job": job_of[planned.server.key],
                "probes": names_for(resolved.plan.probes, planned.server, resolved.plan.groups, mode),
            }
            for planned in resolved.wave_servers(estimated.wave)
        ],
    }


def _server(planned: PlannedServer, entries: Sequence[MapEntry], profile: str, drill: bool) -> dict[str, Any]:
    interfaces = expected_of(entries, profile)["interfaces"]
    return {
        "server_key": planned.server.key,
        "source_server_id": planned.server.source_server_id,
        "critical": planned.critical,
        "is_windows": planned.server.is_windows,
        "addresses": [{**interface, "address": None} for interface in interfaces] if drill else interfaces,
    }


def _settings(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in SHOWN_APART}


def _wave_lines(wave: Mapping[str, Any]) -> list[str]:
    jobs = ", ".join(
        f"{_count(job['servers'], 'server')} after {format_seconds(job['starts_after'])}" for job in wave["jobs"]
    )
    after = f"after {', '.join(wave['depends_on'])}" if wave["depends_on"] else "at once"
    rows = [
        (
            server["server_key"],
            "critical" if server["critical"] else "optional",
            server["source_server_id"],
            str(server["job"]),
            ", ".join(f"{one['address'] or 'dynamic'} in {one['subnet_id']}" for one in server["addresses"]),
        )
        for server in wave["servers"]
    ]
    return [
        f"Wave {wave['wave']} {wave['name']} ({after}): {_count(len(wave['servers']), 'server')}, estimated from "
        f"{format_seconds(wave['starts_after'])} to {format_seconds(wave['ends_after'])}",
        f"{_count(len(wave['jobs']), 'DRS job')}: {jobs}",
        f"Settings: {_text(_beside(wave['settings'], DEFAULTS['waves'][0])) or AS_BY_DEFAULT}",
        *table_lines(("Server", "Kind", "Source server", "Job", "Addresses"), rows),
    ]


def _beside(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are not as by default."""
    return {
        name: _beside(value, defaults[name]) if isinstance(value, Mapping) and name in defaults else value
        for name, value in settings.items()
        if name not in defaults or value != defaults[name]
    }


def _text(settings: Mapping[str, Any]) -> str:
    """Return settings on one line; what is empty is left out, steps and probes are told by their names."""
    shown = []
    for name, value in settings.items():
        if value in (None, "", [], {}):
            continue
        if name in DURATIONS and isinstance(value, int):
            shown.append(f"{name} {format_seconds(value)}")
        elif isinstance(value, Mapping):
            inner = _text(value)
            shown.extend([f"{name} ({inner})"] if inner else [])
        elif isinstance(value, list):
            shown.append(f"{name} {', '.join(_name(member) for member in value)}")
        else:
            shown.append(f"{name} {str(value).lower() if isinstance(value, bool) else value}")
    return ", ".join(shown)


def _name(member: Any) -> str:
    if not isinstance(member, Mapping):
        return str(member)
    return next((str(member[name]) for name in ("name", "key") if member.get(name)), canonical(member))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
