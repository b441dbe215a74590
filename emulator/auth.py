"""Accounts, users, sessions: who makes a call, and whether AWS would know that caller.

The account of a call follows from its access key, which moto's IAM and STS backends hold per account. A key that nobody
was given, or a signature made with another secret, gets the error that AWS answers in the protocol of the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.iam.models import AccessKey, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from emulator.accounts import AccountsError
from emulator.apicall import ApiCall

PARTITION = "aws"
_POLICIES_OF_USERS = ("arn:aws:iam::aws:policy/AdministratorAccess",)

_NOT_VALID = "The security token included in the request is invalid."
_EC2_NOT_VALID = "AWS was not able to validate the provided access credentials"
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method."
)
_MISSING = "Request is missing Authentication Token"

_UNKNOWN_KEY = {
    "ec2": ("AuthFailure", _EC2_NOT_VALID, 401),
    "json": ("UnrecognizedClientException", _NOT_VALID, 400),
    "query": ("InvalidClientTokenId", _NOT_VALID, 403),
    "rest-xml": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
}
_WRONG_SIGNATURE = {
    "ec2": ("AuthFailure", _EC2_NOT_VALID, 401),
    "json": ("InvalidSignatureException", _MISMATCH, 400),
    "query": ("SignatureDoesNotMatch", _MISMATCH, 403),
    "rest-xml": ("SignatureDoesNotMatch", _MISMATCH, 403),
}


@dataclass(frozen=True)
class Principal:
    """Who makes a call: a user, or a session of a role."""

    account: str
    arn: str
    role_arn: str | None = None

    @classmethod
    def of_role(cls, role_arn: str, session_name: str) -> Principal:
        """Return the session of a role that a service opens."""
        account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
        return cls(account, f"arn:{PARTITION}:sts::{account}:assumed-role/{name}/{session_name}", role_arn)


@dataclass(frozen=True)
class Rejection:
    """Why a call is turned away before it reaches a backend."""

    code: str
    message: str
    status: int


def create_accounts(accounts: dict[str, Any]) -> None:
    """Create the users of checked accounts (`emulator.accounts`) with their access keys; what exists is kept."""
    for account_id, account in accounts.items():
        for entry in (account or {}).get("access_keys") or []:
            _create_access_key(account_id, entry)


def _create_access_key(account_id: str, entry: dict[str, Any]) -> None:
    backend = iam_backends[account_id][PARTITION]
    if entry["access_key_id"] in backend.access_keys:
        return
    if entry["user"] not in backend.users:
        backend.create_user(region_name="us-east-1", user_name=entry["user"])
    declared = entry.get("policies")
    for policy in _POLICIES_OF_USERS if declared is None else declared:
        if policy not in backend.managed_policies:
            raise AccountsError(f"accounts.{account_id}.access_keys: AWS has no managed policy {policy}")
        backend.attach_user_policy(policy, entry["user"])
    key = backend.create_access_key(user_name=entry["user"])
    del backend.access_keys[key.access_key_id]
    key.access_key_id = entry["access_key_id"]
    key.secret_access_key = entry["secret_access_key"]
    backend.access_keys[key.access_key_id] = key


def open_session(role_arn: str, session_name: str, region: str) -> AssumedRole:
    """Assume a role on behalf of a service (Lambda, Step Functions) and return the session with its credentials."""
    account = role_arn.split(":")[4]
    return sts_backends[account][PARTITION].assume_role(
        region_name=region,
        role_session_name=session_name,
        role_arn=role_arn,
        policy="",
        duration=12 * 3600,
        external_id="",
    )


def authenticate(call: ApiCall, environ: dict[str, Any]) -> Principal | Rejection:
    """Say who makes this call, or how AWS turns it away."""
    if call.credential is None:
        return Rejection("MissingAuthenticationTokenException", _MISSING, 403)
    found = _find_key(call.credential.access_key_id)
    if found is None:
        return Rejection(*_UNKNOWN_KEY.get(call.protocol, ("UnrecognizedClientException", _NOT_VALID, 403)))
    account, key = found
    session = sts_backends[account][PARTITION].get_assumed_role_from_access_key(key.access_key_id)
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
    if session is not None and call.credential.signature and token != session.session_token:
        return Rejection(*_UNKNOWN_KEY.get(call.protocol, ("UnrecognizedClientException", _NOT_VALID, 403)))
    if call.credential.signature and not _signed_with(key.secret_access_key, call, environ):
        return Rejection(*_WRONG_SIGNATURE.get(call.protocol, ("InvalidSignatureException", _MISMATCH, 403)))
    if session is not None:
        return Principal(account, session.arn, session.role_arn)
    return Principal(account, f"arn:{PARTITION}:iam::{account}:user/{key.user_name}")


def _find_key(access_key_id: str) -> tuple[str, AccessKey] | None:
    for account, partitions in list(iam_backends.items()):
        key = partitions[PARTITION].access_keys.get(access_key_id)
        if key is not None and key.status == "Active":
            return account, key
    return None


def _signed_with(secret: str, call: ApiCall, environ: dict[str, Any]) -> bool:
    credential = call.credential
    if credential is None:
        return False
    headers = {name: _header(environ, name) for name in credential.signed_headers}
    uri = environ["REQUEST_URI"]
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=f"http://{environ['HTTP_HOST']}{uri}",
        headers=headers,
        data=call.body,
    )
    request.context["timestamp"] = environ.get("HTTP_X_AMZ_DATE", "")
    signer_class = S3SigV4Auth if call.service == "s3" else SigV4Auth
    signer = signer_class(Credentials(credential.access_key_id, secret), credential.service, credential.region)
    canonical = signer.canonical_request(request)
    return bool(signer.signature(signer.string_to_sign(request, canonical), request) == credential.signature)


def _header(environ: dict[str, Any], name: str) -> str:
    if name == "content-type":
        return str(environ.get("CONTENT_TYPE", ""))
    if name == "content-length":
        return str(environ.get("CONTENT_LENGTH", ""))
    return str(environ.get("HTTP_" + name.upper().replace("-", "_"), ""))
