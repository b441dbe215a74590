# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IP map as a CSV file, which people review in a spreadsheet.

A spreadsheet takes a cell that begins with one of a few signs for a formula and runs it. Such a cell is written with an
apostrophe before it, which is taken away when the file is read (OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .errors import Problems
from .ip_map import MapEntry

COLUMNS = (
    "server_key",
    "hostname",
    "interface",
    "profile",
    "address",
    "rule",
    "subnet_id",
    "cidr",
    "source_address",
    "source_subnet",
    "version",
)
REQUIRED_COLUMNS = ("server_key", "interface", "profile", "address", "version")
DELIMITERS = (",", ";", "\t")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
APOSTROPHE = "'"
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One line of an address plan: the address of an interface in a profile.

    Attributes:
        file: Name of the file.
        line: Line of the file, counted from 1.
        cells: Text of every column, without white space around it; columns that nobody knows are kept.
        interface: Number of the interface.
        version: Version of the entry when the plan was exported.
    """

    file: str
    line: int
    cells: Mapping[str, str]
    interface: int
    version: int

    @property
    def server_key(self) -> str:
        """Key of the server."""
        return self.cells["server_key"].lower()

    @property
    def profile(self) -> str:
        """Network profile."""
        return self.cells["profile"]

    @property
    def address(self) -> str:
        """What the column C(address) says."""
        return self.cells["address"]

    def at(self, column: str) -> str:
        """Return where a cell is, for messages."""
        return cell_place(self.file, self.line, column)


def cell_place(file: str, line: int, column: str) -> str:
    """Return where a cell is, for messages."""
    return f"{file}, line {line}, column {column}"


def render_plan(entries: Iterable[MapEntry], *, delimiter: str = ",", byte_order_mark: bool = False) -> bytes:
    """Return a CSV file in UTF-8 with a line for every interface and profile.

    Args:
        entries: Entries, in the order of the file.
        delimiter: One of L(DELIMITERS).
        byte_order_mark: Whether the file begins with the mark by which Excel knows UTF-8.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        for profile, target in entry.profiles.items():
            cells = (
                entry.server_key,
                entry.source.hostname,
                entry.interface,
                profile,
                target.address or "",
                target.rule,
                target.subnet_id,
                target.cidr,
                entry.source.address,
                entry.source.subnet_cidr,
                entry.version,
            )
            writer.writerow([_harmless(str(cell)) for cell in cells])
    return ((BYTE_ORDER_MARK if byte_order_mark else "") + text.getvalue()).encode()


def parse_plan(content: bytes, file: str, problems: Problems) -> list[PlanRow]:
    """Read a CSV file as spreadsheets write it: with or without byte order mark, with comma, semicolon or tab.

    Args:
        content: The file.
        file: Its name, for messages.
        problems: Collects everything that is wrong with it, each with line and column.

    Returns:
        The rows that can be read; empty lines are left out.
    """
    text = _decode(content, file, problems)
    if text is None:
        return []
    lines = text.splitlines()
    skipped = 1 if lines and lines[0].strip(' "').lower().startswith("sep=") else 0
    header = lines[skipped] if len(lines) > skipped else ""
    delimiter = next((sign for sign in DELIMITERS if "server_key" in _names(header, sign)), None)
    if delimiter is None:
        remedy = f"is no header of an address plan: the first line must name the columns {', '.join(REQUIRED_COLUMNS)}"
        problems.add(header, f"{file}, line {skipped + 1}", remedy)
        return []
    names = _names(header, delimiter)
    if not _check_header(names, file, skipped + 1, problems):
        return []
    rows = []
    for line, cells in _records(text, delimiter, skipped, file, problems):
        row = _row(names, cells, file, line, problems)
        if row is not None:
            rows.append(row)
    return rows


def _harmless(cell: str) -> str:
    return APOSTROPHE + cell if cell.startswith((*FORMULA_STARTS, APOSTROPHE)) else cell


def _meant(cell: str) -> str:
    is_marked = cell.startswith(APOSTROPHE) and cell[1:].startswith((*FORMULA_STARTS, APOSTROPHE))
    return cell[1:] if is_marked else cell.strip()


def _decode(content: bytes, file: str, problems: Problems) -> str | None:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problems.add(
            content[error.start : error.start + 1], f"{file}, line {line}", "is no UTF-8: save the file as CSV UTF-8"
        )
        return None


def _names(header: str, delimiter: str) -> list[str]:
    return [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]


def _check_header(names: Sequence[str], file: str, line: int, problems: Problems) -> bool:
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    for name in missing:
        problems.add(name, f"{file}, line {line}", "this column is missing: export the plan again")
    for name in doubled:
        problems.add(name, f"{file}, line {line}", "this column is there twice: keep one of the two")
    return not missing and not doubled


def _records(text: str, delimiter: str, skipped: int, file: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield the records below the header that are not empty, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begun = 1
    try:
        for number, cells in enumerate(reader):
            if number > skipped and any(cell.strip() for cell in cells):
                yield begun, cells
            begun = reader.line_num + 1
    except csv.Error as error:
        problems.add(str(error), f"{file}, line {begun}", "cannot be read: save the file as CSV UTF-8")


def _row(names: Sequence[str], cells: Sequence[str], file: str, line: int, problems: Problems) -> PlanRow | None:
    if any(cell.strip() for cell in cells[len(names) :]):
        remedy = "has more cells than the header: put a cell that holds the delimiter in quotes"
        problems.add(cells[len(names)], f"{file}, line {line}", remedy)
        return None
    filled = [*cells, *[""] * (len(names) - len(cells))]
    found = {name: _meant(cell) for name, cell in zip(names, filled, strict=False)}
    numbers = {}
    for name in ("interface", "version"):
        if found[name].isascii() and found[name].isdigit():
            numbers[name] = int(found[name])
        else:
            problems.add(found[name], cell_place(file, line, name), "must be a whole number, as it was exported")
    for name in ("server_key", "profile"):
        if not found[name]:
            problems.add("", cell_place(file, line, name), "is empty: leave it as it was exported, or delete the line")
    if len(numbers) < 2 or not found["server_key"] or not found["profile"]:
        return None
    return PlanRow(file, line, found, numbers["interface"], numbers["version"])
