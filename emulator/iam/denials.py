"""The answers to calls that are not allowed, in the code, status and words of each service."""

from __future__ import annotations

import json
from dataclasses import dataclass

from emulator import apicall
from emulator.iam.request import Need

Answer = tuple[int, dict[str, str], bytes]

_CODES = {"query": "AccessDenied", "rest-xml": "AccessDenied", "ec2": "UnauthorizedOperation"}
_CODES_OF_SERVICES = {"sns": "AuthorizationError"}
_STATUS = {"json": 400, "smithy-rpc-v2-cbor": 400}
_FORBIDDEN = 403


@dataclass(frozen=True)
class Denial:
    """Why a call is refused: who lacks which permission, and the text about it."""

    need: Need
    principal: str
    explicit: bool
    trust: bool = False

    @property
    def message(self) -> str:
        """The text as most services write it."""
        service, _, name = self.need.action.partition(":")
        action = f"SNS:{name}" if service == "sns" else self.need.action
        resource = f'"{self.need.resource}"' if service == "s3" else self.need.resource
        where = "" if service == "ec2" and self.need.resource in (None, "*") else f" on resource: {resource or '*'}"
        text = f"User: {self.principal} is not authorized to perform: {action}{where}"
        if self.trust:
            return text
        if self.explicit:
            return f"{text} with an explicit deny in an identity-based policy"
        return f"{text} because no identity-based policy allows the {action} action"

    @property
    def ec2_message(self) -> str:
        """The text as EC2 writes it, without the encoded message that follows on AWS."""
        return f"You are not authorized to perform this operation. {self.message}"

    def answer(self, service: str, protocol: str) -> Answer:
        """Return the answer of a service."""
        code = _CODES_OF_SERVICES.get(service, _CODES.get(protocol, "AccessDeniedException"))
        message = self.ec2_message if protocol == "ec2" else self.message
        status, headers, body = apicall.error_response(protocol, code, message, _STATUS.get(protocol, _FORBIDDEN))
        if service == "drs":
            body = json.dumps({"message": message, "code": code}).encode()
        elif service == "lambda":
            body = json.dumps({"Message": message}).encode()
        return status, headers, body
