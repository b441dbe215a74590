"""Reading a fault rule: which kinds there are, which fields each has, and what the fields may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import botocore.session

from emulator.faults.rules import FaultError, Rule
from emulator.faults.unprocessed import is_batch

PHASES = ("CLEANUP", "SNAPSHOT", "CONVERSION", "LAUNCH", "LAUNCH_ACTION")

Check = Callable[[str, Any], Any]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise FaultError(f"{name} is {value!r}: give a text")
    return value


def _number(lowest: float, highest: float = float("inf")) -> Check:
    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            limits = f"{lowest:g} or more" if highest == float("inf") else f"{lowest:g} to {highest:g}"
            raise FaultError(f"{name} is {value!r}: give a number, {limits}")
        return value

    return check


def _whole(lowest: int, highest: int | None = None) -> Check:
    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest or value > (highest or value):
            limits = f"{lowest} or more" if highest is None else f"{lowest} to {highest}"
            raise FaultError(f"{name} is {value!r}: give a whole number, {limits}")
        return value

    return check


def _one_of(allowed: Callable[[], tuple[str, ...]]) -> Check:
    def check(name: str, value: Any) -> str:
        if value not in allowed():
            raise FaultError(f"{name} is {value!r}: give one of {', '.join(allowed())}")
        return str(value)

    return check


def _members(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise FaultError(f"{name} is {value!r}: give an object of the error's members")
    return value


@cache
def _service_model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@cache
def _services() -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_available_services())


@cache
def _replication_states() -> tuple[str, ...]:
    return tuple(_service_model("drs").shape_for("DataReplicationState").metadata["enum"])


_ERROR_STATUS = _whole(400, 599)
_WORDS: Mapping[str, Check] = {"message": _text, "retry_after": _whole(0)}


@dataclass(frozen=True)
class Kind:
    """What a kind of fault happens to, which traits its conditions may name, and its own fields.

    A state holds from one moment to another; what is no state happens so many times.
    """

    subject: str
    conditions: frozenset[str]
    required: frozenset[str] = frozenset()
    parameters: Mapping[str, Check] = field(default_factory=dict)
    times: int | None = 1
    is_state: bool = False


_WHERE = frozenset({"account", "region"})
_CALL = _WHERE | {"service", "operation", "principal", "server"}
_CALLED = frozenset({"service", "operation"})

KINDS: Mapping[str, Kind] = {
    "error": Kind(
        "call",
        _CALL,
        _CALLED | {"error"},
        {"error": _text, "status": _ERROR_STATUS, "members": _members, **_WORDS},
    ),
    "throttle": Kind("call", _CALL, _CALLED, _WORDS),
    "server_error": Kind("call", _CALL, _CALLED, {"error": _text, "status": _whole(500, 599), **_WORDS}),
    "denied": Kind("call", _CALL, _CALLED, {"message": _text}),
    "timeout_before": Kind("call", _CALL, _CALLED),
    "timeout_after": Kind("call", _CALL, _CALLED),
    "slow": Kind(
        "call", _CALL, _CALLED | {"seconds"}, {"seconds": _number(0), "real_seconds": _number(0, 60)}, times=None
    ),
    "unprocessed": Kind("call", _CALL, _CALLED, {"processed": _whole(1)}),
    "launch_failure": Kind("launch", _WHERE | {"server", "phase"}, frozenset({"phase"}), {"raw_error": _text}),
    "replication": Kind(
        "replication",
        _WHERE | {"server"},
        parameters={"state": _one_of(_replication_states), "lag": _number(0)},
        is_state=True,
    ),
    "no_capacity": Kind("capacity", _WHERE | {"instance_type", "zone"}, is_state=True),
    "automation_failure": Kind("automation", _WHERE | {"document", "step"}, parameters={"message": _text}),
    "lost_event": Kind("event", _WHERE | {"source", "detail_type", "resource"}),
}
_CONDITIONS: Mapping[str, Check] = {"phase": _one_of(lambda: PHASES)}
_COUNTED: Mapping[str, Check] = {"probability": _number(0, 1), "seed": _text, "skip": _whole(0), "times": _whole(1)}
_EVERY: frozenset[str] = frozenset({"id", "kind", "from", "to"})


def read_rule(document: dict[str, Any], default_id: str, now: datetime) -> Rule:
    """Read a rule.

    Args:
        document: The rule as the control API or an estate gives it.
        default_id: Its id when it does not name one.
        now: The virtual moment from which `from` and `to` count.

    Raises:
        FaultError: a field is missing, unknown or of the wrong type.
    """
    name = document.get("kind", "error")
    if name not in KINDS:
        raise FaultError(f"there is no kind of fault {name!r}; there are {', '.join(sorted(KINDS))}")
    kind = KINDS[name]
    counted: Mapping[str, Check] = {} if kind.is_state else _COUNTED
    _check_fields(document, name, kind, frozenset(counted))
    checks: dict[str, Check] = {key: _CONDITIONS.get(key, _text) for key in sorted(kind.conditions)}
    conditions = {key: check(key, document[key]) for key, check in checks.items() if document.get(key) is not None}
    if kind.subject == "call":
        _check_operation(conditions["service"], conditions["operation"])
    if name == "unprocessed" and not is_batch(conditions["service"], conditions["operation"]):
        raise FaultError("only BatchGetItem and BatchWriteItem of dynamodb leave something unprocessed")
    parameters = {
        key: check(key, document[key]) for key, check in kind.parameters.items() if document.get(key) is not None
    }
    if name == "replication" and not parameters:
        raise FaultError("a fault of kind replication needs state, lag or both")
    counts = {key: check(key, document[key]) for key, check in counted.items() if document.get(key) is not None}
    rule_id = _text("id", document.get("id", default_id))
    begin, end = _moment("from", document, now), _moment("to", document, now)
    if begin and end and end <= begin:
        raise FaultError(f"to is {document['to']!r}: it comes before from")
    return Rule(
        rule_id=rule_id,
        kind=name,
        subject=kind.subject,
        conditions=conditions,
        parameters=parameters,
        begin=begin,
        end=end,
        probability=counts.get("probability", 1.0),
        seed=counts.get("seed", rule_id),
        skip=counts.get("skip", 0),
        times=None if _is_unlimited(document, kind) else counts.get("times", kind.times),
        is_state=kind.is_state,
    )


def _is_unlimited(document: dict[str, Any], kind: Kind) -> bool:
    return kind.is_state or ("times" in document and document["times"] is None)


def _check_fields(document: dict[str, Any], name: str, kind: Kind, counted: frozenset[str]) -> None:
    known = kind.conditions | set(kind.parameters) | counted | _EVERY
    unknown = sorted(set(document) - known)
    if unknown:
        has = ", ".join(sorted(known))
        raise FaultError(f"a fault of kind {name} has no field {', '.join(unknown)}; it has {has}")
    missing = sorted(field for field in kind.required if document.get(field) is None)
    if missing:
        raise FaultError(f"a fault of kind {name} needs {', '.join(missing)}")


def _check_operation(service: str, pattern: str) -> None:
    if service not in _services():
        raise FaultError(f"botocore has no service {service}")
    if not any(fnmatchcase(operation, pattern) for operation in _service_model(service).operation_names):
        raise FaultError(f"{service} has no operation {pattern}; write it as in the API: StartRecovery, Describe*")


def _moment(name: str, document: dict[str, Any], now: datetime) -> datetime | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, datetime):  # YAML reads dates
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise FaultError(f"{name} is {value!r}: give a date, or virtual seconds from now") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return now + timedelta(seconds=float(_number(0)(name, value)))
