"""What an automation document says: its parameters, and the steps that this emulator runs.

https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.ssm.models import ssm_backends

from .errors import refusal

SLEEP = "aws:sleep"
PAUSE = "aws:pause"
_PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z0-9_]+) *\}\}")
_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


@dataclass(frozen=True)
class DocumentStep:
    """A step: how long it takes, in seconds; None for one that only a signal or a stop ends."""

    name: str
    action: str
    seconds: float | None


def parameters_of(content: Mapping[str, Any], given: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the values of all parameters, the defaults of those that are not given included.

    Raises:
        SSMException: one is not in the document, or one without a default is not given.
    """
    declared = content.get("parameters") or {}
    unknown = sorted(set(given) - set(declared))
    missing = sorted(name for name in declared if name not in given and "default" not in declared[name])
    if unknown or missing:
        what = [f"unknown: {', '.join(unknown)}"] * bool(unknown) + [f"missing: {', '.join(missing)}"] * bool(missing)
        raise refusal("InvalidAutomationExecutionParametersException", f"Parameters {'; '.join(what)}")
    defaults = {name: _listed(declared[name]["default"]) for name in declared if name not in given}
    return {**defaults, **given}


def assumed_role(content: Mapping[str, Any], parameters: Mapping[str, list[str]]) -> str:
    """Return the ARN of the role that an automation assumes, empty when it acts as its caller."""
    return _filled(str(content.get("assumeRole") or ""), parameters)


def steps_of(content: Mapping[str, Any], parameters: Mapping[str, list[str]]) -> tuple[DocumentStep, ...]:
    """Return the steps of a document.

    Raises:
        NotImplementedError: an action, or something about it, is not emulated.
    """
    return tuple(_step(step, parameters) for step in content.get("mainSteps") or [])


def create_sleeping(account_id: str, region: str, name: str, seconds: int) -> None:
    """Make a document that does nothing for so many seconds and takes any role, for an estate."""
    content = {
        "schemaVersion": "0.3",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {"AutomationAssumeRole": {"type": "String", "default": ""}},
        "mainSteps": [{"name": "work", "action": SLEEP, "inputs": {"Duration": f"PT{seconds}S"}}],
    }
    ssm_backends[account_id][region].create_document(
        content=json.dumps(content),
        requires=[],
        attachments=[],
        name=name,
        version_name="",
        document_type="Automation",
        document_format="JSON",
        target_type="",
        tags=[],
    )


def _step(step: Mapping[str, Any], parameters: Mapping[str, list[str]]) -> DocumentStep:
    name, action = str(step.get("name")), str(step.get("action"))
    more = sorted(set(step) - {"name", "action", "inputs", "description", "isEnd"})
    if more:
        raise NotImplementedError(f"step {name} of an automation has {', '.join(more)}")
    if action == PAUSE:
        return DocumentStep(name, action, None)
    if action != SLEEP:
        raise NotImplementedError(f"action {action} of an automation; there are {SLEEP} and {PAUSE}")
    duration = _filled(str((step.get("inputs") or {}).get("Duration", "")), parameters)
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise NotImplementedError(f"{SLEEP} without a Duration like PT1H30M20S ({duration!r})")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return DocumentStep(name, action, hours * 3600 + minutes * 60 + seconds)


def _filled(text: str, parameters: Mapping[str, list[str]]) -> str:
    return _PLACEHOLDER.sub(lambda found: ",".join(parameters.get(found[1], [found[0]])), text)


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
