# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps of a wave as a plan declares them: what happens before its first launch, and after its validation.

Schema: architecture, section 3 (C(before) and C(after) of a wave).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .canonical import canonical, plain
from .errors import Problem, Problems
from .fields import Fields, members_of
from .runs import MODES

BEFORE = "before"
AFTER = "after"
PHASES = (BEFORE, AFTER)

LAMBDA = "lambda"
AUTOMATION = "automation"
APPROVAL = "approval"
KINDS = (LAMBDA, AUTOMATION, APPROVAL)

ASK = "ask"
CONTINUE = "continue"

APPROVAL_MODES = ("failover", "failback")
"""When a plan asks for an approval that does not say when: not in a drill, which is to run by itself."""

MOST_STEPS = 20
LONGEST_FUNCTION = 900
"""Seconds. Source: Lambda Developer Guide, Lambda quotas."""
LONGEST_AUTOMATION = 86400
LARGEST_PAYLOAD = 3072
"""Bytes of a declared payload: with what the run adds, a state of the state machine stays below 8 KiB."""
RUN_KEY = "dr"
"""Key of a payload under which the run tells who calls."""

FUNCTION_PATTERN = (
    r"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:)?[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?"
)
"""Name or ARN, with or without a version or an alias. Source: Lambda API Reference, Invoke."""
DOCUMENT_PATTERN = r"[a-zA-Z0-9_\-.:/]{3,128}"
VERSION_PATTERN = r"[$](LATEST|DEFAULT)|[1-9][0-9]*"
"""Source: SSM API Reference, StartAutomationExecution."""

STEP_FIELDS = ("name", *KINDS, "modes", "on_failure")


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A Lambda function that is called and waited for.

    Attributes:
        function: Name or ARN.
        payload: What it is handed; the run adds C(dr).
        timeout: Seconds that it may take.
        repeatable: Whether it may be called again, unasked, when it is not known whether it ran to its end.
    """

    function: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    timeout: int = 300
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Automation:
    """An SSM Automation that is started and waited for.

    Attributes:
        document: Name or ARN of the document.
        version: Version of it, C($DEFAULT) for its default one.
        parameters: Values by name, as SSM takes them: lists of texts.
        timeout: Seconds that it may take.
    """

    document: str
    version: str = "$DEFAULT"
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    timeout: int = 3600


@dataclass(frozen=True, slots=True)
class Approval:
    """A person who has to agree; C(message) says to what."""

    message: str


Action: TypeAlias = "FunctionCall | Automation | Approval"


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        modes: Modes of a run in which it takes place.
        on_failure: C(ask) an operator, or C(continue) with what follows.
    """

    name: str
    action: Action
    modes: tuple[str, ...]
    on_failure: str = ASK

    @property
    def kind(self) -> str:
        """C(lambda), C(automation) or C(approval)."""
        if isinstance(self.action, FunctionCall):
            return LAMBDA
        return AUTOMATION if isinstance(self.action, Automation) else APPROVAL

    @property
    def what(self) -> str:
        """What takes place, for a person."""
        if isinstance(self.action, FunctionCall):
            return f"function {self.action.function}"
        return f"automation {self.action.document}" if isinstance(self.action, Automation) else APPROVAL

    def to_document(self) -> dict[str, Any]:
        """Return the step as a plain dict that L(parse_steps) reads, every default written out."""
        document: dict[str, Any] = {"name": self.name, "modes": list(self.modes)}
        if isinstance(self.action, FunctionCall):
            document[LAMBDA] = {
                "function": self.action.function,
                "payload": plain(self.action.payload),
                "timeout": self.action.timeout,
                "repeatable": self.action.repeatable,
            }
        elif isinstance(self.action, Automation):
            document[AUTOMATION] = {
                "document": self.action.document,
                "version": self.action.version,
                "parameters": plain(self.action.parameters),
                "timeout": self.action.timeout,
            }
        else:
            return {**document, APPROVAL: {"message": self.action.message}}
        return {**document, "on_failure": self.on_failure}


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a wave, in order."""

    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()

    def of(self, phase: str) -> tuple[Step, ...]:
        """Return the steps of a phase."""
        return self.before if phase == BEFORE else self.after

    def phases(self, mode: str) -> list[str]:
        """Return the phases that have steps in a mode."""
        return [phase for phase in PHASES if any(mode in step.modes for step in self.of(phase))]

    def to_document(self) -> dict[str, Any]:
        """Return both lists as plain dicts."""
        return {phase: [step.to_document() for step in self.of(phase)] for phase in PHASES}


NO_STEPS = Steps()


def parse_steps(wave: Fields, problems: Problems) -> Steps:
    """Read C(before) and C(after) of a wave; a name that two steps have is a problem.

    Args:
        wave: Fields of the wave.
        problems: Collects what is wrong.
    """
    names: set[str] = set()
    phases: dict[str, tuple[Step, ...]] = {}
    for phase in PHASES:
        members = members_of(wave.value(phase), wave.at(phase), problems)
        if len(members) > MOST_STEPS:
            wave.reject(phase, f"must be a list of at most {MOST_STEPS} steps")
        steps = []
        for place, member in members:
            fields = Fields(member, place, problems, STEP_FIELDS)
            step = _read_step(fields, problems)
            if step.name in names:
                fields.reject("name", "is the name of two steps of the wave: rename one of them")
            names.add(step.name)
            steps.append(step)
        phases[phase] = tuple(steps)
    return Steps(phases[BEFORE], phases[AFTER])


def not_permitted(steps: Steps, functions: Collection[str], documents: Collection[str], where: str) -> list[Problem]:
    """Return a problem for every step that calls what the orchestrator may not call.

    Args:
        steps: The steps of a wave.
        functions: Names or ARNs that C(dr_step_functions) lists.
        documents: Names or ARNs that C(dr_step_documents) lists.
        where: Where the wave came from, for messages.
    """
    problems = Problems()
    for step in (*steps.before, *steps.after):
        place, action = f"{where}, step {step.name}", step.action
        if isinstance(action, FunctionCall) and action.function not in functions:
            problems.add(action.function, place, _permit("function", "dr_step_functions"))
        if isinstance(action, Automation) and action.document not in documents:
            problems.add(action.document, place, _permit("document", "dr_step_documents"))
    return list(problems)


def _permit(what: str, variable: str) -> str:
    return f"the orchestrator may not use this {what}: list it in {variable}, in the same words, and deploy again"


def _read_step(fields: Fields, problems: Problems) -> Step:
    name = fields.given_name()
    given = [kind for kind in KINDS if kind in fields]
    if len(given) != 1:
        problems.add(given, fields.where, f"must have one of {', '.join(KINDS)}, and only one")
    kind = given[0] if given else APPROVAL
    if kind == APPROVAL:
        if "on_failure" in fields:
            fields.reject("on_failure", "an approval does not fail: take it out")
        modes = fields.texts("modes", APPROVAL_MODES)
    else:
        # What must not happen in a drill, a switch of DNS say, must not happen in one because nobody thought of it.
        modes = fields.texts("modes")
    if not set(modes) <= set(MODES):
        fields.reject("modes", f"must be a list of {', '.join(MODES)}")
    action: Action = _READERS[kind](fields, problems) if given else Approval("")
    return Step(name, action, modes, fields.choice("on_failure", (ASK, CONTINUE), ASK))


def _read_function(step: Fields, problems: Problems) -> FunctionCall:
    fields = Fields(step.value(LAMBDA), step.at(LAMBDA), problems, ("function", "payload", "timeout", "repeatable"))
    return FunctionCall(
        function=fields.text(
            "function", pattern=FUNCTION_PATTERN, remedy="must be the name or the ARN of a Lambda function"
        ),
        payload=_payload(fields),
        timeout=fields.integer("timeout", 300, minimum=1, maximum=LONGEST_FUNCTION),
        repeatable=fields.boolean("repeatable", False),
    )


def _payload(fields: Fields) -> dict[str, Any]:
    payload = fields.value("payload") or {}
    if not isinstance(payload, Mapping):
        fields.reject("payload", "must be a mapping")
        return {}
    if RUN_KEY in payload:
        fields.reject("payload", f"has the key {RUN_KEY}, under which the run tells who calls: rename it")
    try:
        size = len(canonical(payload).encode())
    except (TypeError, ValueError, OverflowError):
        fields.reject("payload", "holds something that JSON has no form for: use texts, numbers, lists and mappings")
        return {}
    if size > LARGEST_PAYLOAD:
        fields.reject("payload", f"has {size} bytes as JSON, and may have {LARGEST_PAYLOAD}: hand over where to look")
    return {str(name): plain(value) for name, value in payload.items()}


def _read_automation(step: Fields, problems: Problems) -> Automation:
    known = ("document", "version", "parameters", "timeout")
    fields = Fields(step.value(AUTOMATION), step.at(AUTOMATION), problems, known)
    return Automation(
        document=fields.text(
            "document", pattern=DOCUMENT_PATTERN, remedy="must be the name or the ARN of an SSM Automation document"
        ),
        version=fields.text(
            "version",
            "$DEFAULT",
            pattern=VERSION_PATTERN,
            remedy="must be the number of a version in quotes, $LATEST or $DEFAULT",
        ),
        parameters=_parameters(fields, problems),
        timeout=fields.integer("timeout", 3600, minimum=60, maximum=LONGEST_AUTOMATION),
    )


def _parameters(fields: Fields, problems: Problems) -> dict[str, list[str]]:
    raw = fields.value("parameters") or {}
    if not isinstance(raw, Mapping):
        fields.reject("parameters", "must be a mapping of names to lists of texts")
        return {}
    parameters: dict[str, list[str]] = {}
    for name, value in raw.items():
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, (list, tuple)) or not all(isinstance(member, str) and member for member in values):
            problems.add(value, f"{fields.at('parameters')}.{name}", "must be a text or a list of texts, none empty")
            continue
        parameters[str(name)] = list(values)
    return parameters


def _read_approval(step: Fields, problems: Problems) -> Approval:
    fields = Fields(step.value(APPROVAL), step.at(APPROVAL), problems, ("message",))
    remedy = "must be a text of 1 to 500 characters that says what is approved"
    return Approval(fields.text("message", pattern=r"(?s).{1,500}", remedy=remedy))


_READERS: Mapping[str, Callable[[Fields, Problems], Action]] = {
    LAMBDA: _read_function,
    AUTOMATION: _read_automation,
    APPROVAL: _read_approval,
}
