"""The IP map as a CSV file: what spreadsheets do to it, and what they must not be made to do."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_csv import (
    COLUMNS,
    FORMULA_STARTS,
    PlanRow,
    parse_plan,
    render_plan,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import source_server, subnet_map

HEADER = "server_key,interface,profile,address,version\n"
GOOD = HEADER + "a,0,failover,10.20.1.11,3\n"


def entries() -> list[MapEntry]:
    planned = plan_entries([source_server(n, addresses=[f"10.10.1.{n + 10}"]) for n in (1, 2)], subnet_map())
    return [replace(entry, version=3) for entry in planned]


def read(content: bytes | str) -> list[PlanRow]:
    problems = Problems()
    rows = parse_plan(content if isinstance(content, bytes) else content.encode(), "plan.csv", problems)
    problems.raise_if_any()
    return rows


def problems_of(content: bytes | str) -> list[tuple[str, str]]:
    problems = Problems()
    parse_plan(content if isinstance(content, bytes) else content.encode(), "plan.csv", problems)
    return [(problem.where, problem.remedy) for problem in problems]


def test_a_plan_has_a_line_for_every_interface_and_profile() -> None:
    lines = render_plan(entries()).decode().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1] == (
        "server-1,server-1,0,failover,10.20.1.11,keep_host_part,subnet-f0,10.20.1.0/24,10.10.1.11,10.10.1.0/24,3"
    )
    assert len(lines) == 5


@pytest.mark.parametrize(
    "written",
    [
        GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.encode("utf-8-sig"),
        GOOD.replace(",", ";").encode("utf-8-sig"),
        GOOD.replace(",", "\t").encode("utf-16"),
        b"sep=;\r\n" + GOOD.replace(",", ";").encode(),
        (GOOD.strip() + ",,,\n,,,,\n\n").encode(),
        b'Version , ADDRESS,note,profile,interface,server_key\n3, 10.20.1.11 ,"two\nlines",failover,0,A\n',
    ],
)
def test_what_spreadsheets_write_reads_the_same(written: bytes) -> None:
    (row,) = read(written)
    assert (row.server_key, row.interface, row.profile, row.address, row.version) == (
        "a",
        0,
        "failover",
        "10.20.1.11",
        3,
    )


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1).filter(
            lambda text: text == text.strip() and text == text.lower()
        ),
        min_size=1,
        max_size=5,
        unique=True,
    ),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
def test_no_cell_is_a_formula_and_every_name_comes_back(names: list[str], delimiter: str, mark: bool) -> None:
    given_names = [sign + name for sign in ("", "'", *FORMULA_STARTS[:4]) for name in names]
    (template, *_) = entries()
    written = render_plan(
        [replace(template, server_key=name) for name in given_names], delimiter=delimiter, byte_order_mark=mark
    )
    cells = csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    assert not [cell for row in cells for cell in row if cell.startswith(FORMULA_STARTS)]
    assert [row.cells["server_key"] for row in read(written)] == [name for name in given_names for _profile in range(2)]


def test_the_line_of_a_row_is_where_it_begins() -> None:
    content = HEADER.strip() + ',note\na,0,failover,,1,"one\ntwo"\n\nb,0,failover,,1,\n'
    assert [(row.server_key, row.line) for row in read(content)] == [("a", 2), ("b", 5)]


def test_every_mistake_is_named_with_line_and_column() -> None:
    assert problems_of(HEADER + "a,x,failover,,-1\n,0,,,1\nb,0,failover,,1,more\n") == [
        ("plan.csv, line 2, column interface", "must be a whole number, as it was exported"),
        ("plan.csv, line 2, column version", "must be a whole number, as it was exported"),
        ("plan.csv, line 3, column server_key", "is empty: leave it as it was exported, or delete the line"),
        ("plan.csv, line 3, column profile", "is empty: leave it as it was exported, or delete the line"),
        ("plan.csv, line 4", "has more cells than the header: put a cell that holds the delimiter in quotes"),
    ]


@pytest.mark.parametrize(
    ("content", "where", "words"),
    [
        (b"", "plan.csv, line 1", "is no header of an address plan"),
        (b"a,b\n1,2\n", "plan.csv, line 1", "must name the columns server_key, interface"),
        (b"server_key,interface,profile,address\n", "plan.csv, line 1", "this column is missing"),
        ((HEADER.strip() + ",address\n").encode(), "plan.csv, line 1", "this column is there twice"),
        (HEADER.encode() + b"a,0,failover,\xe4,1\n", "plan.csv, line 2", "is no UTF-8"),
        (HEADER.encode() + b'a,0,failover,"' + b"x" * 200_000, "plan.csv, line 2", "cannot be read"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(content: bytes, where: str, words: str) -> None:
    ((found_where, remedy),) = problems_of(content)
    assert found_where == where
    assert words in remedy
