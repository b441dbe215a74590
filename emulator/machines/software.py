"""What a machine is declared to run: services that listen, and the agent of Systems Manager with what commands do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LARGEST_BODY = 65536
_SERVICE_KEYS = frozenset({"port", "after", "tls", "http"})
_HTTP_KEYS = frozenset({"status", "body"})
_AGENT_KEYS = frozenset({"after", "commands"})
_COMMAND_KEYS = frozenset({"contains", "exit", "output", "seconds"})
_AGENT_SECONDS = 180


class SoftwareError(ValueError):
    """A declaration that cannot be used; the text names the key."""


@dataclass(frozen=True)
class Service:
    """Something that listens on a TCP port, so many seconds after the instance was started, not before it has booted.

    `status` is None for a service that says nothing.
    """

    port: int
    after: float = 0
    tls: bool = False
    status: int | None = None
    body: str = ""


@dataclass(frozen=True)
class Result:
    """What a command ends with whose lines contain a text: exit status and output, so many seconds after its start."""

    contains: str
    exit: int = 0
    output: str = ""
    seconds: float = 5


@dataclass(frozen=True)
class Agent:
    """The agent of Systems Manager: when it registers (seconds after the start), and what commands come to."""

    after: float = _AGENT_SECONDS
    results: tuple[Result, ...] = ()

    def result_of(self, lines: list[str]) -> Result:
        """Return what a command with these lines comes to; it succeeds unless something else is declared."""
        text = "\n".join(lines)
        return next((item for item in self.results if item.contains in text), Result(""))


def parse_services(value: Any, where: str) -> tuple[Service, ...]:
    """Read `listens`: a list of {port, after, tls, http: {status, body}}; null is none.

    Raises:
        SoftwareError: it is not.
    """
    return tuple(_service(item, f"{where}[{number}]") for number, item in enumerate(_list(value, where)))


def parse_agent(value: Any, where: str) -> Agent | None:
    """Read `ssm_agent`: true for a plain agent, null or false for none, {after, commands} for one as declared.

    Raises:
        SoftwareError: it is not.
    """
    if value is None or value is False:
        return None
    given = _mapping({} if value is True else value, _AGENT_KEYS, where)
    commands = _list(given.get("commands"), f"{where}.commands")
    results = tuple(_result(item, f"{where}.commands[{number}]") for number, item in enumerate(commands))
    return Agent(_number(given, "after", _AGENT_SECONDS, where), results)


def _service(value: Any, where: str) -> Service:
    given = _mapping(value, _SERVICE_KEYS, where)
    port, http = given.get("port"), given.get("http")
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535:
        raise SoftwareError(f"{where}.port: {port!r} must be a number from 1 to 65535")
    tls = given.get("tls", False)
    if not isinstance(tls, bool):
        raise SoftwareError(f"{where}.tls: {tls!r} must be true or false")
    after = _number(given, "after", 0, where)
    if http is None:
        return Service(port, after, tls)
    answer = _mapping(http, _HTTP_KEYS, f"{where}.http")
    body = answer.get("body", "")
    if not isinstance(body, str) or len(body) > LARGEST_BODY:
        raise SoftwareError(f"{where}.http.body: must be a text of at most {LARGEST_BODY} characters")
    return Service(port, after, tls, int(_number(answer, "status", 200, f"{where}.http")), body)


def _result(value: Any, where: str) -> Result:
    given = _mapping(value, _COMMAND_KEYS, where)
    texts = [given.get("contains"), given.get("output", "")]
    if not all(isinstance(text, str) for text in texts) or not texts[0]:
        raise SoftwareError(f"{where}: contains and output must be texts, contains is required")
    status, seconds = int(_number(given, "exit", 0, where)), _number(given, "seconds", Result.seconds, where)
    return Result(str(texts[0]), status, str(texts[1]), seconds)


def _list(value: Any, where: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise SoftwareError(f"{where}: {value!r} must be a list")
    return value or []


def _mapping(value: Any, known: frozenset[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SoftwareError(f"{where}: {value!r} must be a mapping")
    unknown = sorted(set(value) - known)
    if unknown:
        raise SoftwareError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    return value


def _number(given: dict[str, Any], key: str, default: float, where: str) -> float:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise SoftwareError(f"{where}.{key}: {value!r} must be a number of at least 0")
    return value
