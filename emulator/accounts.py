"""The estate's `accounts`, checked before anything is made."""

from __future__ import annotations

from typing import Any

_KEY_FIELDS = frozenset({"access_key_id", "secret_access_key", "user"})


class AccountsError(ValueError):
    """The estate's `accounts` are wrong; the message says where and why."""


def check_accounts(accounts: dict[str, Any]) -> None:
    """Check account ids and access keys.

    Args:
        accounts: `{account_id: {access_keys: [{access_key_id, secret_access_key, user, policies}]}}`; `policies` are
            ARNs of managed policies, and may be left out.

    Raises:
        AccountsError: an id or a key that AWS would not have, or a key that two users share.
    """
    seen: dict[str, str] = {}
    for account_id, account in accounts.items():
        if not (isinstance(account_id, str) and account_id.isdigit() and len(account_id) == 12):
            raise AccountsError(f"accounts: {account_id!r} is no account id: quote its 12 digits")
        for key in (account or {}).get("access_keys") or []:
            where = f"accounts.{account_id}.access_keys"
            _check_key(key, where)
            if key["access_key_id"] in seen:
                raise AccountsError(f"{where}: {key['access_key_id']} is a key of account {seen[key['access_key_id']]}")
            seen[key["access_key_id"]] = account_id


def _check_key(key: Any, where: str) -> None:
    if not isinstance(key, dict) or set(key) - {"policies"} != _KEY_FIELDS:
        raise AccountsError(f"{where}: {key!r}: give {', '.join(sorted(_KEY_FIELDS))}, and policies if you like")
    for arn in key.get("policies") or []:
        if not isinstance(arn, str) or not arn.startswith("arn:aws:iam::aws:policy/"):
            raise AccountsError(f"{where}: policies: {arn!r} is no ARN of a policy that AWS manages")
    for name in sorted(_KEY_FIELDS):
        value = key[name]
        if not isinstance(value, str) or not value:
            raise AccountsError(f"{where}: {name} is {value!r}: give a text")
    key_id = key["access_key_id"]
    if not (len(key_id) == 20 and key_id.isascii() and key_id.isalnum() and key_id.upper() == key_id):
        raise AccountsError(f"{where}: {key_id!r} is no access key id: 20 capital letters and digits")
