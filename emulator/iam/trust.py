"""Trust policies: who may assume a role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType

from emulator.auth import Principal
from emulator.iam.context import Context, NotUnderstoodError, Values
from emulator.iam.identities import Identity, find_role
from emulator.iam.policies import PolicyError, Statement, parse


class Trust(Enum):
    """What a trust policy says about a caller.

    DIRECT names the caller itself, ACCOUNT only its account, which leaves the decision to the caller's own policies.
    """

    NONE = 0
    ACCOUNT = 1
    DIRECT = 2


def trust_in_caller(role_arn: str, actions: list[str], caller: Identity, session: Principal, context: Context) -> Trust:
    """Return how far a role trusts a caller with all these actions (`sts:AssumeRole`, `sts:TagSession` …)."""

    def names(statement: Statement) -> Trust:
        wanted = (statement.principals or {}).get("AWS", ())
        if "*" in wanted or caller.arn in wanted or session.arn in wanted:
            return Trust.DIRECT
        account = caller.account
        return Trust.ACCOUNT if account in wanted or f"arn:aws:iam::{account}:root" in wanted else Trust.NONE

    return min((_trust(role_arn, action, names, context) for action in actions), key=lambda trust: trust.value)


def trusts_service(
    role_arn: str,
    service: str,
    source_account: str,
    actions: Iterable[str] = ("sts:AssumeRole",),
    keys: Mapping[str, Values] = MappingProxyType({}),
) -> bool:
    """Tell whether a service (`lambda.amazonaws.com`) may assume a role on behalf of an account's resource.

    Args:
        role_arn: the role.
        service: the service principal.
        source_account: account of the resource that the service acts for.
        actions: what the service does to the role, all of which must be allowed.
        keys: condition keys that the service brings besides, in lower case.
    """
    own = {"aws:sourceaccount": (source_account,), "aws:principalisawsservice": ("true",)}

    def names(statement: Statement) -> Trust:
        principals = statement.principals or {}
        trusted = service in principals.get("Service", ()) or "*" in principals.get("AWS", ())
        return Trust.DIRECT if trusted else Trust.NONE

    context = Context({**own, **keys})
    return all(_trust(role_arn, action, names, context) is Trust.DIRECT for action in actions)


def _trust(role_arn: str, action: str, names: Callable[[Statement], Trust], context: Context) -> Trust:
    role = find_role(role_arn)
    if role is None:
        return Trust.NONE
    try:
        statements = parse(role.assume_role_policy_document)
    except PolicyError:
        return Trust.NONE
    found = Trust.NONE
    for statement in statements:
        trust = names(statement)
        if trust is Trust.NONE or not statement.covers_action(action):
            continue
        try:
            holds = statement.holds(context)
        except NotUnderstoodError:
            holds = not statement.allows
        if holds and not statement.allows:
            return Trust.NONE
        if holds and trust.value > found.value:
            found = trust
    return found
