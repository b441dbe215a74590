"""KMS: a key policy must be JSON and name principals that exist; moto keeps any text.

Whoever writes the policy of a key before the role that it names learns it here, not on AWS.
https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.iam.models import iam_backends
from moto.kms.models import Key, KmsBackend

from emulator.auth import PARTITION
from emulator.completion import replace
from emulator.iam.identities import find_role
from emulator.iam.policies import PolicyError, parse

_ROOT = re.compile(r"([0-9]{12})|arn:aws:iam::([0-9]{12}):root")


def _check(policy: str) -> None:
    """Raise MalformedPolicyDocumentException unless a key policy can be read and its principals exist."""
    try:
        statements = parse(policy)
    except PolicyError as error:
        raise JsonRESTError("MalformedPolicyDocumentException", str(error)) from error
    names = {name for statement in statements for name in (statement.principals or {}).get("AWS", ())}
    if not all(_exists(name) for name in names):
        raise JsonRESTError(
            "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."
        )


def _exists(name: str) -> bool:
    if name == "*" or _ROOT.fullmatch(name) or find_role(name) is not None:
        return True
    account = name.split(":")[4] if name.count(":") == 5 else ""
    users = iam_backends[account][PARTITION].users.values() if account in iam_backends else ()
    return any(user.arn == name for user in users)


def _checked_put(put: Callable[..., None]) -> Callable[..., None]:
    def put_key_policy(self: KmsBackend, key_id: str, policy: str) -> None:
        _check(policy)
        put(self, key_id, policy)

    return put_key_policy


def _checked_create(create: Callable[..., Key]) -> Callable[..., Key]:
    def create_key(self: KmsBackend, policy: str | None, *arguments: Any, **options: Any) -> Key:
        if policy:
            _check(policy)
        return create(self, policy, *arguments, **options)

    return create_key


def install() -> None:
    """Check key policies."""
    replace(
        KmsBackend,
        put_key_policy=_checked_put(KmsBackend.put_key_policy),
        create_key=_checked_create(KmsBackend.create_key),
    )
