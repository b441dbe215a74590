"""Whose policies count for a call: those of the role of a session, or of the user and the groups the user is in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends

from emulator.auth import PARTITION, Principal
from emulator.iam.context import Tags, Values
from emulator.iam.policies import Policies, PolicyError, parse, policies_of

NOBODY = Policies(())
_DENY_ALL = parse('{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}')


@dataclass(frozen=True)
class Identity:
    """A role or a user: its ARN (of a session: the role's), policies, tags, and the condition keys that it brings."""

    arn: str
    account: str
    policies: Policies
    tags: Tags
    keys: dict[str, Values]
    unreadable: str | None = None


def identity_of(principal: Principal) -> Identity:
    """Return the identity behind a caller as it is now; one that was deleted may do nothing."""
    if principal.role_arn is not None:
        return _role(principal, principal.role_arn)
    return _user(principal)


def find_role(arn: str) -> Any:
    """Return a role by its ARN, None when there is none."""
    parts = arn.split(":")
    if len(parts) < 6 or not parts[5].startswith("role/") or parts[4] not in iam_backends:
        return None
    roles = iam_backends[parts[4]][PARTITION].roles
    known = _ROLE_IDS.get(arn)
    role = roles.get(known) if known else None
    if role is None or role.arn != arn:
        role = next((item for item in list(roles.values()) if item.arn == arn), None)
        if role is not None:
            _ROLE_IDS[arn] = role.id
    return role


_ROLE_IDS: dict[str, str] = {}


def _role(principal: Principal, arn: str) -> Identity:
    role = find_role(arn)
    keys = _keys(principal, arn, "AssumedRole")
    if role is None:
        return Identity(arn, principal.account, NOBODY, {}, keys)
    keys["aws:userid"] = (f"{role.id}:{principal.arn.rsplit('/', 1)[-1]}",)
    policies, unreadable = _policies(tuple(documents_of(role)))
    return Identity(arn, principal.account, policies, _tags(role.tags), keys, unreadable)


def _user(principal: Principal) -> Identity:
    backend = iam_backends[principal.account][PARTITION]
    name = principal.arn.rsplit("/", 1)[-1]
    user = backend.users.get(name)
    keys = {**_keys(principal, principal.arn, "User"), "aws:username": (name,)}
    if user is None:
        return Identity(principal.arn, principal.account, NOBODY, {}, keys)
    keys["aws:userid"] = (user.id,)
    groups = [group for group in list(backend.groups.values()) if user in group.users]
    policies, unreadable = _policies(tuple(text for holder in (user, *groups) for text in documents_of(holder)))
    return Identity(principal.arn, principal.account, policies, _tags(user.tags), keys, unreadable)


def _keys(principal: Principal, arn: str, kind: str) -> dict[str, Values]:
    return {
        "aws:principalarn": (arn,),
        "aws:principalaccount": (principal.account,),
        "aws:principaltype": (kind,),
        "aws:principalisawsservice": ("false",),
    }


def documents_of(holder: Any) -> Iterator[str]:
    """Yield the inline and managed policies of a role, a user or a group."""
    yield from list(holder.policies.values())
    for policy in list(holder.managed_policies.values()):
        current = next(item for item in policy.versions if item.version_id == policy.default_version_id)
        yield current.document


def _policies(documents: tuple[str, ...]) -> tuple[Policies, str | None]:
    """Return what the documents say together; nothing is allowed while one of them cannot be read."""
    try:
        return policies_of(documents), None
    except PolicyError as error:
        return Policies(_DENY_ALL), str(error)


def _tags(value: Any) -> Tags:
    if isinstance(value, dict):
        return {key: item["Value"] if isinstance(item, dict) else item for key, item in value.items()}
    return {item["Key"]: item["Value"] for item in value or []}
