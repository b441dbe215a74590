"""Definitions: what AWS refuses at creation and moto lets pass, and the answer of ValidateStateMachineDefinition.

Found here: states that do not exist, that nothing leads to, that lead nowhere, that have the name of another, and
JSONata that does not compile; fields and their values are in `fields.py`, resources in `integrations.py`. Whole numbers
are accepted where moto's grammar wants fractions, and text means what JSON says (moto keeps the backslashes of some
strings).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Iterator
from typing import Any

from moto.stepfunctions.parser.asl.parse import preprocessor
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from emulator.completion import replace
from emulator.stepfunctions import integrations
from emulator.stepfunctions.errors import api_error
from emulator.stepfunctions.fields import machine_mistakes, state_mistakes
from emulator.stepfunctions.integrations import Mistake
from emulator.stepfunctions.jsonata import compile_error

_TERMINAL = ("Choice", "Succeed", "Fail")
_FRACTIONS = ("BackoffRate", "ToleratedFailurePercentage")
_HEARTBEATS = {"HeartbeatSeconds", "HeartbeatSecondsPath"}
_TIMEOUTS = {"TimeoutSeconds", "TimeoutSecondsPath"}
_NO_TIMEOUT = 99999999  # AWS's default; moto takes 60 s when there is a heartbeat
_LANGUAGES = ("JSONPath", "JSONata")
_TYPES = ("Task", "Pass", "Wait", "Choice", "Succeed", "Fail", "Parallel", "Map")

_parse: Callable[[str], Any] = AmazonStateLanguageParser.parse


def find_mistakes(definition: str) -> list[Mistake]:
    """Return the mistakes of a definition as `(code, message, location)`."""
    try:
        document = json.loads(definition)
    except ValueError as error:
        return [("INVALID_JSON_DESCRIPTION", f"The definition is no JSON: {error}", "/")]
    if not isinstance(document, dict):
        return [("SCHEMA_VALIDATION_FAILED", "The definition is no JSON object", "/")]
    mistakes = list(_machine(document, "", "JSONPath"))
    if not mistakes:
        mistakes = list(_repeated(_names(document, "")))
    if not mistakes:
        mistakes = _grammar(definition)
    return mistakes


def _grammar(definition: str) -> list[Mistake]:
    try:
        parse(definition)
    except ASLParserException as error:
        return [("SCHEMA_VALIDATION_FAILED", repr(error), "/")]
    except Exception as error:  # noqa: BLE001 - the interpreter raises whatever its constructors raise
        return [("SCHEMA_VALIDATION_FAILED", f"{type(error).__name__}: {error}", "/")]
    return []


def _machine(machine: dict[str, Any], path: str, outer_language: str) -> Iterator[Mistake]:
    language = machine.get("QueryLanguage", outer_language)
    if language not in _LANGUAGES:
        yield ("SCHEMA_VALIDATION_FAILED", f"QueryLanguage is {language!r}", f"{path}/QueryLanguage")
        return
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield ("SCHEMA_VALIDATION_FAILED", "The field 'States' is required and names at least one state", path or "/")
        return
    if not _is_one_of(machine.get("StartAt"), states):
        yield _missing_target("StartAt", machine.get("StartAt"), f"{path}/StartAt")
    reached = {str(machine.get("StartAt"))}
    for name, state in states.items():
        where = f"{path}/States/{name}"
        if not isinstance(state, dict):
            yield ("SCHEMA_VALIDATION_FAILED", "A state is a JSON object", where)
            continue
        reached |= {str(target) for _, target in _targets(state) if target != name}
        yield from _state(state, where, set(states), language)
    for name in states:
        if name not in reached:
            yield ("MISSING_TRANSITION_TARGET", f'State "{name}" is not reachable.', f"{path}/States/{name}")
    yield from machine_mistakes(machine, path)


def _state(state: dict[str, Any], where: str, names: set[str], machine_language: str) -> Iterator[Mistake]:
    kind, language = state.get("Type"), state.get("QueryLanguage", machine_language)
    if kind not in _TYPES:
        yield ("SCHEMA_VALIDATION_FAILED", f"Type is {kind!r}; it is one of {', '.join(_TYPES)}", f"{where}/Type")
        return
    if language not in _LANGUAGES or (machine_language, language) == ("JSONata", "JSONPath"):
        text = f"QueryLanguage is {language!r}; a state of a {machine_language} machine cannot use it"
        yield ("SCHEMA_VALIDATION_FAILED", text, f"{where}/QueryLanguage")
        return
    if kind not in _TERMINAL and ("Next" in state) == bool(state.get("End")):
        yield ("SCHEMA_VALIDATION_FAILED", "A state has either Next or End: true", where)
    for field, target in _targets(state):
        if not _is_one_of(target, names):
            yield _missing_target(field.split("/")[-1], target, f"{where}/{field}")
    yield from state_mistakes(state, language, where)
    if kind == "Task":
        yield from integrations.mistakes(state, where)
    if language == "JSONata":
        yield from _expressions({k: v for k, v in state.items() if k not in _NESTED}, where)
    for field, inner in _inner_machines(state):
        yield from _machine(inner, f"{where}/{field}", language)


def _inner_machines(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for field in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(field), dict):
            yield field, state[field]
    for index, branch in enumerate(_entries(state, "Branches")):
        if isinstance(branch, dict):
            yield f"Branches[{index}]", branch


def _names(machine: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, state in machine["States"].items():
        yield name, f"{path}/States/{name}"
        for field, inner in _inner_machines(state):
            yield from _names(inner, f"{path}/States/{name}/{field}")


def _repeated(names: Iterator[tuple[str, str]]) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for name, where in names:
        if name in seen:
            yield ("DUPLICATE_STATE_NAME", f"The name of this state is that of {seen[name]} too", where)
        seen.setdefault(name, where)


_NESTED = ("ItemProcessor", "Iterator", "Branches")


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Catch", "Choices"):
        for index, entry in enumerate(_entries(state, field)):
            if isinstance(entry, dict) and "Next" in entry:
                yield f"{field}[{index}]/Next", entry["Next"]


def _expressions(value: Any, where: str) -> Iterator[Mistake]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _expressions(item, f"{where}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _expressions(item, f"{where}[{index}]")
    elif isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        reason = compile_error(value[2:-2])
        if reason:
            yield ("INVALID_JSONATA", f"The JSONata expression cannot be compiled: {reason}", where)


def _entries(state: dict[str, Any], field: str) -> list[Any]:
    entries = state.get(field)
    return entries if isinstance(entries, list) else []


def _is_one_of(target: Any, names: Collection[str]) -> bool:
    return isinstance(target, str) and target in names


def _missing_target(field: str, target: Any, where: str) -> Mistake:
    return ("MISSING_TRANSITION_TARGET", f"Missing '{field}' target: {target}", where)


def parse(definition: str) -> Any:
    """Parse a definition as moto's interpreter does, said in words that it understands as AWS does.

    The tree of a text is kept, since reading it is what takes long; what runs is built from it anew each time.
    """
    tree = _tree(definition)
    builder: Any = preprocessor.Preprocessor()
    return builder.visit(tree), tree


@functools.lru_cache(maxsize=64)
def _tree(definition: str) -> Any:
    _, tree = _parse(json.dumps(_for_moto(json.loads(definition))))
    return tree


def _for_moto(value: Any) -> Any:
    if isinstance(value, list):
        return [_for_moto(item) for item in value]
    if not isinstance(value, dict):
        return value
    said = {key: _fraction(item) if key in _FRACTIONS else _for_moto(item) for key, item in value.items()}
    if value.get("Type") == "Task" and _HEARTBEATS & value.keys() and not _TIMEOUTS & value.keys():
        said["TimeoutSeconds"] = _NO_TIMEOUT
    return said


def _fraction(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text_of(parser_rule_context: Any) -> str | None:
    text = parser_rule_context.getText()
    if text == "null":
        return None
    if text.startswith('"') and text.endswith('"'):
        return str(json.loads(text))
    return str(text)


def _validate(definition: str) -> None:
    mistakes = find_mistakes(definition)
    if mistakes:
        text = ", ".join(f"{code}: {message} at {where}" for code, message, where in mistakes)
        raise api_error("InvalidDefinition", f"Invalid State Machine Definition: '{text}'")


def install() -> None:
    """Check definitions when a state machine is created or updated."""
    replace(AmazonStateLanguageParser, parse=staticmethod(parse))
    replace(preprocessor, from_string_literal=_text_of)
    replace(preprocessor.Preprocessor, _inner_string_of=staticmethod(_text_of))
    replace(StepFunctionsParserBackend, _validate_definition=staticmethod(_validate))
