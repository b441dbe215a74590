"""The chain of events shows every change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.canonical import canonical
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import (
    FIRST_HASH,
    Event,
    EventKind,
    chain,
    event_from_item,
    event_to_item,
    verify,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import at

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
contents = st.dictionaries(st.text(max_size=5), json_values, max_size=3)


def events_of(data: list[dict[str, Any]]) -> list[Event]:
    events: list[Event] = []
    for number, content in enumerate(data, start=1):
        previous = events[-1].hash if events else FIRST_HASH
        events.append(chain(previous, number, at(number), "something_happened", content))
    return events


def test_the_hash_of_an_event_is_as_documented() -> None:
    event = chain(FIRST_HASH, 1, at(0), EventKind.RUN_OPENED, {"plan": "p", "n": 1})
    assert event.at == "2026-11-23T10:00:00.000Z"
    content = '{"at":"2026-11-23T10:00:00.000Z","data":{"n":1,"plan":"p"},"kind":"run_opened","sequence":1}'
    assert event.hash == sha256(content.encode()).hexdigest()
    following = chain(event.hash, 2, at(1), EventKind.RUN_CLOSED, {})
    assert following.previous_hash == event.hash
    assert verify([event, following]) is None


@given(st.lists(contents, max_size=6))
def test_a_chain_verifies_also_after_it_was_stored(data: list[dict[str, Any]]) -> None:
    events = events_of(data)
    assert verify(events) is None
    stored = [event_from_item({**event_to_item(event), "sequence": Decimal(event.sequence)}) for event in events]
    assert stored == events
    assert verify(stored) is None


def alterations(event: Event) -> list[Event]:
    return [
        replace(event, sequence=event.sequence + 1),
        replace(event, at="2026-11-23T10:00:00.999Z"),
        replace(event, kind="nothing_happened"),
        replace(event, data={**event.data, "added": 1}),
        replace(event, previous_hash="0" * 64),
        replace(event, hash="0" * 64),
    ]


@given(data=st.lists(contents, min_size=1, max_size=5), choice=st.data())
def test_any_change_shows_where_it_was_made(data: list[dict[str, Any]], choice: st.DataObject) -> None:
    events = events_of(data)
    index = choice.draw(st.integers(0, len(events) - 1))
    events[index] = choice.draw(st.sampled_from(alterations(events[index])))
    assert verify(events) == index + 1


@given(data=st.lists(contents, min_size=2, max_size=5), choice=st.data())
def test_a_missing_event_shows(data: list[dict[str, Any]], choice: st.DataObject) -> None:
    events = events_of(data)
    index = choice.draw(st.integers(0, len(events) - 2))
    del events[index]
    assert verify(events) == index + 1


def test_a_changed_event_with_a_new_hash_breaks_the_next_one() -> None:
    events = events_of([{"a": 1}, {"b": 2}])
    events[0] = chain(FIRST_HASH, 1, at(1), "something_happened", {"a": 2})
    assert verify(events) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        ({"n": Decimal("3")}, {"n": 3}),
        ({"n": Decimal("3.5")}, {"n": 3.5}),
        ({"n": 3.0}, {"n": 3}),
        ({"l": (1, 2)}, {"l": [1, 2]}),
    ],
)
def test_equal_values_have_one_canonical_text(one: Any, other: Any) -> None:
    assert canonical(one) == canonical(other)


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError):
        canonical({"at": datetime})
    with pytest.raises((ValueError, OverflowError)):
        canonical({"n": float("inf")})
