"""Dates and durations as DRS writes and reads them: strings, ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .errors import ValidationError


def date_string(moment: datetime) -> str:
    """Write a date as DRS answers it: microseconds and `+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def parse_date(text: str) -> datetime:
    """Read a date of a request filter (the model's pattern wants a `Z` at its end).

    Raises:
        ValidationError: it has the form of a date, and is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationError(f"{text} is not a date", "fieldValidationFailed") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def duration_string(duration: timedelta) -> str:
    """Write a duration as DRS answers it: `P0D` for none, else like `P2DT1H32M12.136909S`."""
    if duration <= timedelta(0):
        return "P0D"
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{duration.microseconds:06d}".rstrip("0") if duration.microseconds else ""
    day_part = f"{duration.days}D" if duration.days else ""
    time_part = "".join(
        f"{number}{unit}"
        for number, unit in ((hours, "H"), (minutes, "M"), (f"{seconds}{fraction}", "S"))
        if number not in (0, "0")
    )
    return f"P{day_part}" + (f"T{time_part}" if time_part else "")
