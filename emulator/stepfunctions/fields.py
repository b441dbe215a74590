"""The fields of states: which there are in which query language, and which values they may have.

https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html and the pages of the state types;
ranges of Retry: …/concepts-error-handling.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.stepfunctions.integrations import NOT_EMULATED, Mistake

_SCHEMA = "SCHEMA_VALIDATION_FAILED"
_LARGEST = 99_999_999
_LONGEST_DELAY = 31_622_400  # seconds
_LONGEST_NAME = 80

_ALWAYS = {"Type", "Comment", "QueryLanguage"}
_ON = {"Next", "End", "Assign"}
_ERRORS = {"Retry", "Catch"}
_TIMES = {"TimeoutSeconds", "HeartbeatSeconds"}
_MAP = {"ItemSelector", "ItemProcessor", "MaxConcurrency"} | _ON | _ERRORS
_PATHS = {"InputPath", "OutputPath"}
_RESULTS = {"Parameters", "ResultSelector", "ResultPath"}
_TASK = {"Resource", "Credentials"} | _ON | _ERRORS | _TIMES
_FIELDS: dict[str, dict[str, set[str]]] = {
    "JSONata": {
        "Task": _TASK | {"Arguments", "Output"},
        "Pass": _ON | {"Output"},
        "Wait": _ON | {"Output", "Seconds", "Timestamp"},
        "Choice": {"Choices", "Default", "Assign", "Output"},
        "Succeed": {"Output"},
        "Fail": {"Error", "Cause"},
        "Parallel": _ON | _ERRORS | {"Branches", "Arguments", "Output"},
        "Map": _MAP | {"Items", "Output"},
    },
    "JSONPath": {
        "Task": _TASK | _PATHS | _RESULTS | {f"{name}Path" for name in _TIMES},
        "Pass": _ON | _PATHS | {"Result", "Parameters", "ResultPath"},
        "Wait": _ON | _PATHS | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
        "Choice": _PATHS | {"Choices", "Default", "Assign"},
        "Succeed": _PATHS,
        "Fail": {"Error", "ErrorPath", "Cause", "CausePath"},
        "Parallel": _ON | _ERRORS | _PATHS | _RESULTS | {"Branches"},
        "Map": _MAP | _PATHS | _RESULTS | {"ItemsPath", "Iterator", "MaxConcurrencyPath"},
    },
}
_DISTRIBUTED = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
_TOLERATED = ("ToleratedFailureCount", "ToleratedFailurePercentage")
_RETRIER = {
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
}
_CATCHER = {"JSONata": {"ErrorEquals", "Next", "Assign", "Output", "Comment"}}
_CATCHER["JSONPath"] = _CATCHER["JSONata"] - {"Output"} | {"ResultPath"}
_RULE = {"Condition", "Next", "Assign", "Output", "Comment"}
_MACHINE = {"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"}
_INNER_MACHINE = {"Comment", "QueryLanguage", "StartAt", "States", "ProcessorConfig"}


def machine_mistakes(machine: dict[str, Any], where: str) -> Iterator[Mistake]:
    """Yield what is wrong with the fields of a machine, a branch or an item processor."""
    yield from _unknown(machine, _INNER_MACHINE if where else _MACHINE, where)
    if not where and "TimeoutSeconds" in machine:
        yield from _whole(machine, "TimeoutSeconds", 1, _LARGEST, where)
    config = machine.get("ProcessorConfig", {})
    if not isinstance(config, dict):
        yield (_SCHEMA, "An object is needed here", f"{where}/ProcessorConfig")
        return
    mode = config.get("Mode", "INLINE")
    if mode != "INLINE":
        yield (NOT_EMULATED, f"A Map in mode {mode} is not emulated; use INLINE", f"{where}/ProcessorConfig/Mode")


def state_mistakes(state: dict[str, Any], language: str, where: str) -> Iterator[Mistake]:
    """Yield what is wrong with the fields of a state; its type is known."""
    kind = state["Type"]
    known = _FIELDS[language][kind] | _ALWAYS
    for name in state:
        if name in known:
            continue
        if kind == "Map" and name in _DISTRIBUTED + _TOLERATED:
            yield (NOT_EMULATED, f"{name} belongs to a Distributed Map, which is not emulated", f"{where}/{name}")
        else:
            yield (_SCHEMA, f"A {kind} state has no field {name} in {language}", f"{where}/{name}")
    if len(where.rpartition("/States/")[2]) > _LONGEST_NAME:
        yield (_SCHEMA, f"The name of a state has at most {_LONGEST_NAME} characters", where)
    if kind == "Wait" and len(state.keys() & {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}) != 1:
        yield (_SCHEMA, "A Wait state has one of Seconds, SecondsPath, Timestamp, TimestampPath", where)
    yield from _collections(state, language, where)
    yield from _durations(state, where)


def _collections(state: dict[str, Any], language: str, where: str) -> Iterator[Mistake]:
    for field, needed in (("Choices", state["Type"] == "Choice"), ("Branches", state["Type"] == "Parallel")):
        if needed and not (isinstance(state.get(field), list) and state[field]):
            yield (_SCHEMA, f"{field} is a list with at least one entry", f"{where}/{field}")
    if state["Type"] == "Choice" and language == "JSONata":
        rules = state.get("Choices")
        for index, rule in enumerate(rules if isinstance(rules, list) else []):
            yield from _entry(rule, _RULE, {"Condition", "Next"}, f"{where}/Choices[{index}]")
    for field, known, needed_names in (
        ("Retry", _RETRIER, {"ErrorEquals"}),
        ("Catch", _CATCHER[language], {"ErrorEquals", "Next"}),
    ):
        entries = state.get(field, [])
        if not isinstance(entries, list):
            yield (_SCHEMA, f"{field} is a list", f"{where}/{field}")
            continue
        for index, entry in enumerate(entries):
            at = f"{where}/{field}[{index}]"
            yield from _entry(entry, known, needed_names, at)
            yield from _error_names(entry, at, is_last=index == len(entries) - 1)
            if field == "Retry":
                yield from _retrier(entry, at)


def _entry(entry: Any, known: set[str], needed: set[str], where: str) -> Iterator[Mistake]:
    if not isinstance(entry, dict):
        yield (_SCHEMA, "An object is needed here", where)
        return
    yield from _unknown(entry, known, where)
    for name in sorted(needed - entry.keys()):
        yield (_SCHEMA, f"The field {name} is required", f"{where}/{name}")


def _unknown(entry: dict[str, Any], known: set[str], where: str) -> Iterator[Mistake]:
    for name in entry:
        if name not in known:
            yield (_SCHEMA, f"There is no field {name} here; there are {', '.join(sorted(known))}", f"{where}/{name}")


def _error_names(entry: Any, where: str, *, is_last: bool) -> Iterator[Mistake]:
    names = entry.get("ErrorEquals") if isinstance(entry, dict) else None
    if names is None:
        return
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        yield (_SCHEMA, "ErrorEquals is a list of names, at least one", f"{where}/ErrorEquals")
    elif "States.ALL" in names and (len(names) > 1 or not is_last):
        yield (_SCHEMA, "States.ALL stands alone, and in the last entry", f"{where}/ErrorEquals")


def _retrier(entry: Any, where: str) -> Iterator[Mistake]:
    if not isinstance(entry, dict):
        return
    yield from _whole(entry, "IntervalSeconds", 1, _LARGEST, where)
    yield from _whole(entry, "MaxAttempts", 0, _LARGEST, where)
    yield from _whole(entry, "MaxDelaySeconds", 1, _LONGEST_DELAY, where)
    rate = entry.get("BackoffRate", 2)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate < 1:
        yield (_SCHEMA, f"BackoffRate is {rate!r}; it is a number, 1.0 or more", f"{where}/BackoffRate")
    if entry.get("JitterStrategy", "NONE") not in ("FULL", "NONE"):
        yield (_SCHEMA, "JitterStrategy is FULL or NONE", f"{where}/JitterStrategy")
    interval, longest = entry.get("IntervalSeconds", 1), entry.get("MaxDelaySeconds")
    if isinstance(interval, int) and isinstance(longest, int) and longest <= interval:
        yield (_SCHEMA, "MaxDelaySeconds is larger than IntervalSeconds", f"{where}/MaxDelaySeconds")


def _durations(state: dict[str, Any], where: str) -> Iterator[Mistake]:
    for name in sorted(_TIMES):
        if not _is_expression(state.get(name)):
            yield from _whole(state, name, 1, _LARGEST, where)
        if name in state and f"{name}Path" in state:
            yield (_SCHEMA, f"A state has {name} or {name}Path", f"{where}/{name}Path")
    if not _is_expression(state.get("MaxConcurrency")):
        yield from _whole(state, "MaxConcurrency", 0, _LARGEST, where)
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield (_SCHEMA, "HeartbeatSeconds is smaller than TimeoutSeconds", f"{where}/HeartbeatSeconds")


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def _whole(entry: dict[str, Any], name: str, least: int, most: int, where: str) -> Iterator[Mistake]:
    value = entry.get(name, least)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        yield (_SCHEMA, f"{name} is {value!r}; it is a whole number from {least} to {most}", f"{where}/{name}")
