"""Times and durations as AWS really writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import (
    format_seconds,
    format_time,
    parse_duration,
    parse_time,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("P0D", 0),
        ("PT0S", 0),
        ("PT15M", 900),
        ("PT1H", 3600),
        ("P2DT1H32M12.136909S", 178332.136909),
        ("P1W", 604800),
        ("PT0.5S", 0.5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1Y", "P1M", "1D", "P1DT", "PT5", "-PT5S", "15 minutes", "PT5M "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text",
    ["2022-12-07T19:15:38.846723+00:00", "2022-12-07T19:15:38.846723Z", "2022-12-07T20:15:38.846723+01:00"],
)
def test_times_in_every_spelling(text: str) -> None:
    assert parse_time(text) == datetime(2022, 12, 7, 19, 15, 38, 846723, tzinfo=UTC)
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "reason"), [("yesterday", "not a date"), ("2022-12-07T19:15:38", "has no offset"), ("", "not a date")]
)
def test_what_is_no_moment_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_time(text)


def test_format_is_of_fixed_width_and_ends_in_z() -> None:
    moment = datetime(2026, 11, 23, 11, 0, 0, 5999, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(moment) == "2026-11-23T10:00:00.005Z"


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_formatted_time_is_read_back_to_the_millisecond(moment: datetime) -> None:
    assert timedelta(0) <= moment - parse_time(format_time(moment)) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (48.4, "48s"), (59.6, "1m 00s"), (725, "12m 05s"), (7231, "2h 00m 31s")]
)
def test_seconds_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
