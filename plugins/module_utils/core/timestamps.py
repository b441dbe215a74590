# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times and durations as AWS writes them.

DRS answers dates with microseconds and C(+00:00), newer examples end in C(Z), and its input filters accept C(Z) only.
Durations are ISO 8601 (C(P0D), C(P2DT1H32M12.136909S)).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SECONDS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def parse_duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    Raises:
        ValueError: When C(text) is no such duration (years and months have no fixed length).
    """
    match = _DURATION.fullmatch(text)
    parts = {name: value for name, value in match.groupdict().items() if value} if match else {}
    if not parts:
        raise ValueError(f"{text!r} is not an ISO 8601 duration such as PT15M or P2DT1H32M12.5S")
    return sum(float(value) * _SECONDS[name] for name, value in parts.items())


def parse_time(text: str) -> datetime:
    """Return the UTC time that an ISO 8601 text means.

    Raises:
        ValueError: When C(text) is no date and time, or has no offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date and time such as 2026-11-23T10:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset: end it in Z or +00:00")
    return moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """Return C(moment) as C(2026-11-23T10:00:00.000Z): of fixed width, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_seconds(seconds: float) -> str:
    """Return a length of time for people: C(48s), C(12m 05s), C(2h 00m 31s)."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m {rest:02d}s"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
