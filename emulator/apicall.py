"""What an HTTP request asks for: service, Region, operation, access key; and errors in the protocol of the service."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import NotFound

# Signing names that are not botocore's service names.
_SERVICE_OF_SIGNING_NAME = {
    "elasticloadbalancing": "elbv2",
    "email": "sesv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}


@dataclass(frozen=True)
class Credential:
    """What a signature says about its maker: the scope of SigV4."""

    access_key_id: str
    region: str
    service: str
    signed_headers: tuple[str, ...] = ()
    signature: str = ""


@dataclass(frozen=True)
class ApiCall:
    """One AWS API call."""

    service: str
    region: str
    operation: str
    protocol: str
    credential: Credential | None
    body: bytes = field(repr=False)
    path: str = ""


def read_body(environ: dict[str, Any]) -> bytes:
    """Read the request's body and put it back for the next reader."""
    body: bytes
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = environ["wsgi.input"].read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def with_body(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return a WSGI request with this body instead of its own."""
    return {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


def identify(environ: dict[str, Any]) -> ApiCall:
    """Say which API call a WSGI request is. A request without a signature has no credential and no service."""
    body = read_body(environ)
    credential = _credential(environ)
    if credential is None:
        return ApiCall("", "", "", "rest-json", None, body)
    service = _SERVICE_OF_SIGNING_NAME.get(credential.service, credential.service)
    protocol = _protocol(service, environ)
    operation = _operation(service, environ, body)
    return ApiCall(service, credential.region, operation, protocol, credential, body, str(environ["PATH_INFO"]))


def _credential(environ: Mapping[str, Any]) -> Credential | None:
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header.startswith("AWS4-HMAC-SHA256"):
        parts = dict(part.strip().split("=", 1) for part in header.split(" ", 1)[1].split(",") if "=" in part)
        scope = parts.get("Credential", "").split("/")
        if len(scope) == 5:
            signed = tuple(parts.get("SignedHeaders", "").split(";"))
            return Credential(scope[0], scope[2], scope[3].lower(), signed, parts.get("Signature", ""))
    scope = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0].split("/")
    if len(scope) == 5:
        return Credential(scope[0], scope[2], scope[3].lower())
    return None


def _protocol(service: str, environ: Mapping[str, Any]) -> str:
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    if environ.get("CONTENT_TYPE", "").startswith("application/x-amz-json"):
        return "json"
    try:
        return str(get_service_model(service).protocol)
    except UnknownServiceError:
        return "rest-json"


def _operation(service: str, environ: dict[str, Any], body: bytes) -> str:
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return target.rsplit(".", 1)[-1]
    if environ.get("HTTP_SMITHY_PROTOCOL"):
        return str(environ["PATH_INFO"]).rsplit("/", 1)[-1]
    query = str(environ.get("QUERY_STRING", ""))
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        query = body.decode("utf-8", "replace")
    action = parse_qs(query).get("Action")
    if action:
        return action[0]
    try:
        operation: Any
        operation, _ = get_service_router(service).match(BackendRequest(dict(environ)))
    except (NotFound, NotImplementedError, UnknownServiceError):  # the backend answers that
        return ""
    return str(operation.name)


def error_response(
    protocol: str,
    code: str,
    message: str,
    status: int,
    members: Mapping[str, Any] | None = None,
    more_headers: Mapping[str, str] | None = None,
    message_name: str = "message",
) -> tuple[int, dict[str, str], bytes]:
    """Render an error as AWS does in this protocol: status, headers, body.

    `members` are what the error holds besides its message, `message_name` is what the service calls that; only the JSON
    protocols have a place for both.
    """
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id, **(more_headers or {})}
    if protocol == "rest-json":
        headers |= {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
        return status, headers, json.dumps({message_name: message, **(members or {})}).encode()
    if protocol == "json":
        headers["Content-Type"] = "application/x-amz-json-1.1"
        return status, headers, json.dumps({"__type": code, message_name: message, **(members or {})}).encode()
    if protocol == "smithy-rpc-v2-cbor":
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return status, headers, _cbor_map({"__type": code, "message": message})
    headers["Content-Type"] = "text/xml"
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    elif protocol == "rest-xml":
        text = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    else:
        kind = "Sender" if status < 500 else "Receiver"
        error = f"<Error><Type>{kind}</Type>{error}</Error>"
        text = f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return status, headers, b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()


def _cbor_map(pairs: dict[str, str]) -> bytes:
    def text(value: str) -> bytes:
        data = value.encode()
        return b"\x79" + len(data).to_bytes(2, "big") + data

    return bytes([0xA0 + len(pairs)]) + b"".join(text(key) + text(value) for key, value in pairs.items())
