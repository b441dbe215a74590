"""Requests are checked against the service's own model, as AWS does on its side: lengths, ranges, enumerations."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import ServiceModel
from moto.stepfunctions.responses import StepFunctionResponse

from emulator.stepfunctions.errors import api_error
from emulator.stepfunctions.limits import LARGEST_PAYLOAD, size_of
from emulator.validation import in_words, problems, summary

_NOT_KNOWN = "Member is not known"  # services ignore members that they do not know
_PAYLOADS = ("input", "output")


def check(model: ServiceModel, operation: str, parameters: dict[str, Any]) -> None:
    """Raise a ValidationException that names everything that is wrong with a request."""
    shape = model.operation_model(operation).input_shape
    found = [problem for problem in problems(shape, parameters) if problem.message != _NOT_KNOWN] if shape else []
    texts = [in_words(problem) for problem in found]
    for name in _PAYLOADS:
        if not texts and size_of(parameters.get(name) or "") > LARGEST_PAYLOAD:
            texts.append(f"Value at '{name}' failed to satisfy constraint: at most {LARGEST_PAYLOAD} bytes of UTF-8")
    if texts:
        raise api_error("ValidationException", summary(texts))


def _checked(answer: Callable[..., Any], model: ServiceModel, operation: str) -> Callable[..., Any]:
    @functools.wraps(answer)
    def checked(self: StepFunctionResponse) -> Any:
        check(model, operation, json.loads(self.body or "{}"))
        return answer(self)

    return checked


def install() -> None:
    """Check the requests of all operations."""
    model = botocore.session.get_session().get_service_model("stepfunctions")
    for operation in model.operation_names:
        answer = getattr(StepFunctionResponse, xform_name(operation), None)
        if answer is not None:
            setattr(StepFunctionResponse, xform_name(operation), _checked(answer, model, operation))
