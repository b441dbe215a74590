"""The status as a table for a person."""

from __future__ import annotations

from typing import Any


def render(running: dict[str, Any], document: dict[str, Any]) -> str:
    """Render `GET /_embedded/status`: one block a section, one line an entry."""
    lines = [f"embedded AWS at {running['endpoint']} (pid {running['pid']}, log {running['log']})"]
    for name, section in document.items():
        lines.append("")
        if isinstance(section, list):
            lines += [f"{name} ({len(section)})", *table(section)]
        elif isinstance(section, dict):
            lines += [name, *(f"  {key}: {_text(value)}" for key, value in section.items())]
        else:
            lines.append(f"{name}: {_text(section)}")
    return "\n".join(lines)


def table(rows: list[Any]) -> list[str]:
    """Render rows: a line with the names of the columns, then one a row."""
    if not rows or not all(isinstance(row, dict) for row in rows):
        return [f"  {_text(row)}" for row in rows]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [columns] + [[_text(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    ]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(item)}" for key, item in value.items()) or "-"
    return str(value)
