# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many servers of every wave are launched and how many have failed, counted from a run's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .events import EventKind
from .timestamps import parse_time

Data = Mapping[str, Any]


@dataclass(slots=True)
class WaveCount:
    """A wave that has started (C(wave) counts from 1).

    Attributes:
        servers: How many it has.
        launched: Keys of those that are launched now.
        failed: Keys of those that have failed and are not being launched again.
        ended: Whether the wave has ended.
    """

    wave: int
    name: str
    servers: int
    launched: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    ended: bool = False

    def to_document(self) -> dict[str, Any]:
        """Return the counts as a plain dict."""
        return {
            "wave": self.wave,
            "name": self.name,
            "servers": self.servers,
            "launched": len(self.launched),
            "failed": len(self.failed),
            "ended": self.ended,
        }


class WaveCounts:
    """Counts as events come; an event of a form that this version does not know changes nothing."""

    def __init__(self) -> None:
        self._waves: dict[int, WaveCount] = {}
        self._keys: dict[str, str] = {}
        self._changes: Mapping[str, Callable[[Data], None]] = {
            EventKind.SERVERS_DISCOVERED: self._discovered,
            EventKind.WAVE_STARTED: self._started,
            EventKind.WAVE_ENDED: self._ended,
            EventKind.JOB_STARTED: self._launching,
            EventKind.SERVER_LAUNCHED: self._launched,
            EventKind.SERVER_VALIDATED: self._launched,
            EventKind.SERVER_FAILED: self._failed,
            EventKind.SERVER_SKIPPED: self._skipped,
        }

    def add(self, events: Iterable[Mapping[str, Any]]) -> list[WaveCount]:
        """Count further events, in order, and return the waves that started or whose counts changed, by number."""
        before = {number: _counts(wave) for number, wave in self._waves.items()}
        for event in events:
            try:
                self._changes.get(event["kind"], _nothing)(event["data"])
            except (AttributeError, KeyError, TypeError, ValueError):  # written by another version
                continue
        return [wave for wave in self.waves if before.get(wave.wave) != _counts(wave)]

    @property
    def waves(self) -> list[WaveCount]:
        """The waves that have started, by number."""
        return [self._waves[number] for number in sorted(self._waves)]

    def _discovered(self, data: Data) -> None:
        self._keys |= {server_id: key for key, server_id in data["servers"].items()}

    def _started(self, data: Data) -> None:
        number = int(data["wave"])
        self._waves.setdefault(number, WaveCount(number, str(data["name"]), int(data["servers"])))

    def _ended(self, data: Data) -> None:
        self._waves[data["wave"]].ended = True

    def _launching(self, data: Data) -> None:
        wave = self._waves[data["wave"]]
        again = {self._keys.get(server_id, server_id) for server_id in data["servers"]}
        wave.launched -= again
        wave.failed -= again

    def _launched(self, data: Data) -> None:
        wave = self._waves[data["wave"]]
        wave.launched.add(data["server_key"])
        wave.failed.discard(data["server_key"])

    def _failed(self, data: Data) -> None:
        wave = self._waves[data["wave"]]
        wave.failed.add(data["server_key"])
        wave.launched.discard(data["server_key"])

    def _skipped(self, data: Data) -> None:
        wave = self._waves[data["wave"]]
        wave.failed.discard(data["server_key"])
        wave.launched.discard(data["server_key"])


def count_line(wave: WaveCount, waves: int, requested_at: str, at: str) -> str:
    """Return the counts of a wave for a person: C(wave 2/3 · 41 of 60 launched · 2 failed · 06:12).

    Args:
        wave: The wave.
        waves: How many the plan has.
        requested_at: When the run was requested.
        at: The moment of the counts.
    """
    seconds = max(0, round((parse_time(at) - parse_time(requested_at)).total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"
    launched = f"{len(wave.launched)} of {wave.servers} launched"
    return f"wave {wave.wave}/{waves} · {launched} · {len(wave.failed)} failed · {clock}"


def _counts(wave: WaveCount) -> tuple[int, int]:
    return (len(wave.launched), len(wave.failed))


def _nothing(_data: Data) -> None:
    pass
