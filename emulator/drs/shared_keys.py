"""Whether the key that encrypts a staging account's volumes is shared with a target account that recovers from it.

Two may re-encrypt through EC2, says the user guide: the staging account's role for the target account, and the target
account itself. https://docs.aws.amazon.com/drs/latest/userguide/multi-account.html
"""

from __future__ import annotations

from ..auth import PARTITION, Principal
from ..iam.context import Context, NotUnderstoodError, Values
from ..iam.identities import identity_of
from ..iam.policies import Decision, PolicyError, Statement, parse
from .disks import find_key
from .staging import staging_role_arn
from .state import SourceServer

ACTIONS = ("kms:ReEncryptFrom", "kms:ReEncryptTo")


def key_problem(server: SourceServer, target_account: str) -> str | None:
    """Return why the target account cannot have the data of a server of a staging account, None when it can.

    A key that does not exist is another matter (`disks.py`).
    """
    configuration = server.replication_configuration
    if configuration["ebsEncryption"] != "CUSTOM":
        return None
    arn = configuration["ebsEncryptionKeyArn"]
    region, staging = arn.split(":")[3], server.arn.split(":")[4]
    policy = _policy(arn)
    if policy is None:
        return None
    role, keys = staging_role_arn(staging, target_account), _keys(staging, region)
    root = {f"arn:{PARTITION}:iam::{staging}:root", staging}
    allowed = all(
        _allows(policy, action, {role, "*"}, keys)
        or (_allows(policy, action, root, keys) and _role_may(role, action, arn, keys))
        for action in ACTIONS
    )
    if not allowed:
        return f"The policy of key {arn} does not let {role} re-encrypt with it"
    names = {f"arn:{PARTITION}:iam::{target_account}:root", target_account, "*"}
    if not all(_allows(policy, action, names, _keys(target_account, region)) for action in ACTIONS):
        return f"The policy of key {arn} does not let account {target_account} re-encrypt with it"
    return None


def _policy(arn: str) -> tuple[Statement, ...] | None:
    """Return the statements of a key's policy, None when there is no such key; an unreadable policy allows nothing."""
    key = find_key(arn)
    if key is None:
        return None
    try:
        return parse(key.policy)
    except PolicyError:
        return ()


def _keys(caller: str, region: str) -> dict[str, Values]:
    return {"kms:calleraccount": (caller,), "kms:viaservice": (f"ec2.{region}.amazonaws.com",)}


def _allows(policy: tuple[Statement, ...], action: str, names: set[str], keys: dict[str, Values]) -> bool:
    context, allowed = Context(keys), False
    for statement in policy:
        if not names & set((statement.principals or {}).get("AWS", ())) or not statement.covers_action(action):
            continue
        try:
            holds = statement.holds(context)
        except NotUnderstoodError:
            holds = not statement.allows
        if holds and not statement.allows:
            return False
        allowed = allowed or holds
    return allowed


def _role_may(role: str, action: str, key_arn: str, keys: dict[str, Values]) -> bool:
    policies = identity_of(Principal.of_role(role, "drs")).policies
    return policies.decide(action, key_arn, Context(keys), lambda _text: None) is Decision.ALLOWED
