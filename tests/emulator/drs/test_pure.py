"""The pure parts of the emulated DRS: validation against a shape, durations, pages."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from botocore.model import DenormalizedStructureBuilder
from hypothesis import given
from hypothesis import strategies as st

from emulator.drs.errors import ValidationError
from emulator.drs.moments import duration_string
from emulator.drs.paging import page
from emulator.validation import Leniency, problems

SHAPE = (
    DenormalizedStructureBuilder()
    .with_members(
        {
            "name": {"type": "string", "min": 2, "max": 4, "pattern": "[a-z]*"},
            "size": {"type": "integer", "min": 1, "max": 9},
            "on": {"type": "boolean"},
            "colours": {"type": "list", "max": 2, "member": {"type": "string", "enum": ["red", "blue"]}},
            "tags": {"type": "map", "key": {"type": "string", "max": 3}, "value": {"type": "string", "max": 3}},
        }
    )
    .build_model()
)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"name": "a"}, "name"),
        ({"name": "abcde"}, "name"),
        ({"name": "AB"}, "name"),
        ({"name": 3}, "name"),
        ({"size": 0}, "size"),
        ({"size": 10}, "size"),
        ({"size": True}, "size"),
        ({"size": 1.5}, "size"),
        ({"on": 1}, "on"),
        ({"colours": ["red", "red", "red"]}, "colours"),
        ({"colours": ["red", "green"]}, "colours.2.member"),
        ({"tags": {"abcd": "x"}}, "tags.abcd.key"),
        ({"tags": {"a": "wxyz"}}, "tags.a.value"),
        ({"other": 1}, "other"),
        ([], ""),
    ],
)
def test_every_constraint_is_checked(value: Any, path: str) -> None:
    assert [item.path for item in problems(SHAPE, value)] == [path]


def test_what_fits_has_no_problems() -> None:
    fitting = {"name": "ab", "size": 9, "on": False, "colours": ["red"], "tags": {"a": "b"}}
    assert problems(SHAPE, fitting) == []


def test_leniency_is_for_the_named_shapes_only() -> None:
    colour = SHAPE.members["colours"].member.name
    lenient = Leniency(patterns={}, extra_values={colour: frozenset({"green"})})
    assert problems(SHAPE, {"colours": ["green"]}, lenient) == []
    assert problems(SHAPE, {"colours": ["black"]}, lenient)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)))
def test_a_duration_can_be_read_back(duration: timedelta) -> None:
    pattern = r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
    found = re.fullmatch(pattern, duration_string(duration))
    assert found
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    read = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert abs(read - duration) < timedelta(microseconds=2)


def test_durations_look_like_the_recorded_ones() -> None:
    recorded = timedelta(days=2, hours=1, minutes=32, seconds=12, microseconds=136909)
    assert duration_string(recorded) == "P2DT1H32M12.136909S"
    assert duration_string(timedelta(0)) == "P0D"


@given(st.sets(st.integers(0, 300)), st.integers(1, 50))
def test_pages_hold_every_item_once_in_order(items: set[int], size: int) -> None:
    seen: list[int] = []
    token = None
    while True:
        chosen, token = page(items, lambda item: [item], {"maxResults": size, "nextToken": token})
        seen += chosen
        assert len(chosen) <= size
        if token is None:
            break
    assert seen == sorted(items)


@pytest.mark.parametrize("token", ["x", "e30=", "W10", "WyJhIl0="])
def test_a_token_that_nobody_gave_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="Invalid nextToken"):
        page([1, 2], lambda item: [item], {"nextToken": token})
