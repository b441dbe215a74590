"""The status page, `GET /_embedded/`: what goes on in the embedded AWS, for a person with a browser.

One HTML document without scripts and without anything from elsewhere; it asks for itself every two seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any

SECONDS = 2
NEWEST = 20
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff; }
h1 { font-size: 1.3em; margin: 0; } h2 { font-size: 1em; margin: 1.5em 0 .3em; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15em .9em .15em 0; vertical-align: top; }
th { font-weight: normal; color: #777; border-bottom: 1px solid #ddd; } td { border-bottom: 1px solid #f0f0f0; }
.bad { color: #b00020; } .good { color: #1b6e3a; } .quiet { color: #777; } summary { cursor: pointer; }
"""
_BAD = {
    "FAILED",
    "ABORTED",
    "TIMED_OUT",
    "STALLED",
    "DISCONNECTED",
    "LAUNCH_FAILED",
    "CONVERSION_FAIL",
    "SNAPSHOT_FAIL",
}
_GOOD = {"SUCCEEDED", "COMPLETED", "LAUNCHED", "TERMINATED", "CONTINUOUS"}


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


def render(view: dict[str, Any]) -> str:
    """Render the page.

    Args:
        view: `clock` as its status, and rows of `jobs`, `servers`, `executions`, `functions`, `faults` and `errors`.
            Each row of `jobs` has `participants`: rows of single servers.
    """
    clock = view["clock"]
    pace = "as fast as the work allows" if clock["pace"] is None else f"{clock['pace']:g} virtual seconds a second"
    work = "at rest" if clock["busy"] <= 1 else f"{clock['busy'] - 1} at work"
    coming = clock["timers"][0] if clock["timers"] else "nothing"
    body = [
        f"<h1>Embedded AWS · {_text(_moment(clock['now']))}</h1>",
        f"<p class=quiet>{_text(pace)} · {_text(work)} · next moment: {_text(_moment(coming))}</p>",
        _section("Recovery jobs", [_job(job) for job in _newest(view["jobs"])], len(view["jobs"])),
        _section("Executions", _newest(view["executions"]), len(view["executions"])),
        _section("Source servers", _counted(view["servers"]), len(view["servers"])),
        _section("Functions", view["functions"], len(view["functions"])),
        _section("Faults", view["faults"], len(view["faults"])),
        _section("Recent errors", _newest(view["errors"]), len(view["errors"])),
    ]
    head = f'<meta charset="utf-8"><meta http-equiv="refresh" content="{SECONDS}"><title>Embedded AWS</title>'
    return (
        f'<!DOCTYPE html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(body)}</body></html>'
    )


def _newest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[: -NEWEST - 1 : -1]


def _job(job: dict[str, Any]) -> dict[str, Any]:
    participants = job["participants"]
    phases = Counter(part["phase"] or part["status"] for part in participants)
    summary = ", ".join(f"{count} {phase}" for phase, count in phases.items())
    table = Markup(f"<details><summary>{_text(summary)}</summary>{_table(participants)}</details>")
    return {**job, "participants": table}


def _counted(servers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each account, Region and replication state."""
    keys = ("account", "region", "replication", "last_launch")
    counts = Counter(tuple(server[key] for key in keys) for server in servers)
    return [{**dict(zip(keys, key, strict=True)), "servers": count} for key, count in sorted(counts.items())]


def _section(title: str, rows: list[dict[str, Any]], count: int) -> str:
    return f"<h2>{_text(title)} <span class=quiet>{count}</span></h2>{_table(rows)}"


def _table(rows: Iterable[dict[str, Any]]) -> str:
    rows = list(rows)
    if not rows:
        return "<p class=quiet>none</p>"
    columns = list(dict.fromkeys(column for row in rows for column in row))
    head = "".join(f"<th>{_text(column.replace('_', ' '))}</th>" for column in columns)
    lines = "".join(f"<tr>{''.join(_cell(row.get(column)) for column in columns)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, Markup):
        return f"<td>{value}</td>"
    name = value if isinstance(value, str) else ""
    mark = " class=bad" if name in _BAD else " class=good" if name in _GOOD else ""
    return f"<td{mark}>{_text(_moment(value) if name else value)}</td>"


def _text(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return escape(", ".join(f"{key}={item}" for key, item in value.items() if item is not None))
    if isinstance(value, list | tuple):
        return escape(", ".join(map(str, value)))
    return escape(str(value))


def _moment(text: str) -> str:
    """Write a moment of ISO 8601 to the second; everything else as it is."""
    if len(text) >= 19 and text[10] == "T" and text[4] == text[7] == "-":
        return f"{text[:10]} {text[11:19]}"
    return text
