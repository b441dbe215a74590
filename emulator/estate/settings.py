"""Settings of the emulated DRS in an estate file: `drs_settings`, one key for each field of `emulator.drs.settings`."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..drs.settings import SETTINGS, Settings
from .reader import EstateError, Section


def parse_settings(document: Section) -> dict[str, Any]:
    """Return the settings that a document changes.

    Raises:
        EstateError: an unknown setting, or a value that it cannot have.
    """
    types = get_type_hints(Settings)
    section = document.section("drs_settings", types)
    return {name: _value(section, name, types[name]) for name in section.value}


def apply_settings(changes: dict[str, Any]) -> None:
    """Give the running emulator these settings."""
    for name, value in changes.items():
        setattr(SETTINGS, name, value)


def _value(section: Section, name: str, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        return section.choice(name, get_args(kind))
    if kind is bool:
        return section.flag(name)
    if kind is str:
        return section.text(name)
    value = section.number(name, lowest=1 if kind is int else 0)
    if kind is int and not isinstance(value, int):
        raise EstateError(f"{section.at(name)}: must be a whole number, not {value!r}")
    if name == "jitter" and value >= 1:
        raise EstateError(f"{section.at(name)}: must be less than 1, not {value!r}: nothing takes less than no time")
    return value
