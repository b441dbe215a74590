"""HTTP of the DRS API: rest-json in, rest-json out, both checked against botocore's model."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.model import OperationModel, ServiceModel
from moto.core.responses import BaseResponse

from ..clock import CLOCK
from ..validation import MOST_SHOWN, Leniency, Problem, in_words, problems, summary
from .errors import DrsError, InternalServerError, NotEmulatedError, ValidationError
from .models import LOCK, drs_backends
from .operations import OPERATIONS, WITHOUT_INITIALISATION

LOG = logging.getLogger(__name__)

AS_AWS_ANSWERS = Leniency(
    # The model wants dates to end in Z; recorded answers have microseconds and +00:00.
    patterns={"ISO8601DatetimeString": r"[1-9]\d*-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"},
    extra_values={
        # The only success mark of a launch in a recorded job log, and not in the model.
        "JobLogEvent": frozenset({"LAUNCH_END"}),
        # In the documentation of recovery plans, and not in the model; see the setting `plan_time_out_status`.
        "RecoveryPlanExecutionStatus": frozenset({"TIMED_OUT"}),
    },
)

AS_AWS_ACCEPTS = Leniency(
    # The model allows the length 0, its pattern does not; an empty id ends launching into an instance (a setting).
    patterns={"EC2InstanceID": r"(i-[0-9a-fA-F]{8,})?"},
    extra_values={},
)


@lru_cache(maxsize=1)
def service_model() -> ServiceModel:
    """Return botocore's model of DRS."""
    return botocore.session.get_session().get_service_model("drs")


class DRSResponse(BaseResponse):
    """Answers one request of the DRS API."""

    def __init__(self) -> None:
        super().__init__(service_name="drs")

    def call_action(self) -> tuple[int, dict[str, str], str]:
        """Answer the request that `setup_class` has read."""
        try:
            return self._answer()
        except DrsError as error:
            return self._refuse(error)

    def _answer(self) -> tuple[int, dict[str, str], str]:
        name = self._get_action()
        if not name:
            raise ValidationError(f"There is no operation {self.method} {self.path}", "unknownOperation")
        operation = service_model().operation_model(name)
        if name not in OPERATIONS:
            raise NotEmulatedError(f"DRS operation {name} is not emulated yet")
        request = self._request(operation)
        if self.region not in drs_backends[self.current_account]:
            raise NotEmulatedError(f"AWS has no Elastic Disaster Recovery in Region {self.region}")
        backend = drs_backends[self.current_account][self.region]
        with LOCK:
            backend.catch_up()
            if name not in WITHOUT_INITIALISATION:
                backend.require_initialized()
            output = OPERATIONS[name](backend, request, CLOCK.now())
            body = self._body(operation, output)
        return operation.http.get("responseCode", 200), self._headers(), body

    def _request(self, operation: OperationModel) -> dict[str, Any]:
        shape = operation.input_shape
        request = self._parsed_body()
        for name, member in shape.members.items() if shape else ():
            location = member.serialization.get("location")
            wire_name = member.serialization.get("name", name)
            if location == "uri":
                request[name] = unquote(self.uri_match[wire_name])
            elif location == "querystring":
                values = parse_qs(self.parsed_url.query, keep_blank_values=True).get(wire_name)
                if values is not None:
                    request[name] = _from_query(member.type_name, values, name)
        if shape is not None:
            _refuse_problems(problems(shape, request, AS_AWS_ACCEPTS))
        return request

    def _parsed_body(self) -> dict[str, Any]:
        if not self.body:
            return {}
        try:
            parsed = json.loads(self.body)
        except ValueError as error:
            raise ValidationError("Invalid request body", "cannotParse") from error
        if not isinstance(parsed, dict):
            raise ValidationError("Invalid request body", "cannotParse")
        return {name: value for name, value in parsed.items() if value is not None}

    def _body(self, operation: OperationModel, output: dict[str, Any]) -> str:
        shape = operation.output_shape
        if shape is None:
            return ""
        wrong = problems(shape, output, AS_AWS_ANSWERS)
        if wrong:
            LOG.error("the answer of %s does not fit the model: %s", operation.name, wrong)
            raise InternalServerError(
                f"The emulator's answer does not fit the model: {wrong[0].path}: {wrong[0].message}"
            )
        return json.dumps(output)

    def _refuse(self, error: DrsError) -> tuple[int, dict[str, str], str]:
        headers = {**self._headers(), "x-amzn-ErrorType": error.name}
        return error.status, headers, json.dumps(error.body())

    def _headers(self) -> dict[str, str]:
        return {**self.response_headers, "Content-Type": "application/json"}


def _from_query(kind: str, values: list[str], name: str) -> Any:
    if kind == "list":
        return values
    if kind == "integer":
        try:
            return int(values[0])
        except ValueError as error:
            raise ValidationError(f"'{name}' must be an integer", "cannotParse") from error
    return values[0]


def _refuse_problems(found: list[Problem]) -> None:
    if not found:
        return
    fields = [{"name": item.path, "message": item.message} for item in found[:MOST_SHOWN]]
    raise ValidationError(summary([in_words(item) for item in found]), "fieldValidationFailed", fields)
