"""What goes wrong in an estate: its fault rules, and the limits of requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ..clock import CLOCK
from ..faults.registry import FAULTS
from ..faults.rules import FaultError
from ..faults.schema import read_rule
from ..throttling.limits import THROTTLING
from ..throttling.settings import Setting, ThrottlingError, read_settings
from .reader import EstateError, Section


def parse_faults(top: Section, server_names: Collection[str]) -> list[dict[str, Any]]:
    """Check the list `faults`.

    Args:
        top: The document.
        server_names: What rules may call the servers of this estate.

    Raises:
        EstateError: a rule that cannot be, or that means a server which the estate does not have.
    """
    listed = top.get("faults", [])
    if not isinstance(listed, list):
        raise EstateError(f"{top.at('faults')}: must be a list of rules")
    seen: set[str] = set()
    for number, document in enumerate(listed):
        path = f"{top.at('faults')}.{number}"
        rule = _read(document, path)
        server = rule.conditions.get("server")
        if server is not None and not any(fnmatchcase(name, server) for name in server_names):
            raise EstateError(f"{path}.server: no server {server!r} in this estate")
        if rule.rule_id in seen:
            raise EstateError(f"{path}.id: {rule.rule_id!r} is already that of another fault")
        seen.add(rule.rule_id)
    return listed


def parse_throttling(top: Section) -> dict[str, Setting]:
    """Check `throttling`.

    Raises:
        EstateError: limits that cannot be.
    """
    try:
        return read_settings(top.get("throttling", {}))
    except ThrottlingError as error:
        raise EstateError(str(error)) from error


def make_trouble(faults: list[dict[str, Any]], throttling: Mapping[str, Setting]) -> None:
    """Set rules and limits; `from` and `to` count from now."""
    THROTTLING.set(throttling)
    for document in faults:
        FAULTS.add(document)


def _read(document: Any, path: str) -> Any:
    section = Section(document, path)
    try:
        return read_rule(section.value, path, CLOCK.now())
    except FaultError as error:
        raise EstateError(f"{path}: {error}") from error
