#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Protect DynamoDB tables."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynamodb_table_protection
short_description: Protect the data of DynamoDB tables
version_added: 0.1.0
description:
  - Sets what C(community.aws.dynamodb_table) cannot set, that is point-in-time recovery, encryption with a KMS key, and
    deletion protection. All of it is on unless told otherwise.
  - Waits until every change is in effect.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
attributes:
  check_mode:
    support: full
    details: A table that does not exist counts as a new one, which a task before would have created.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  tables:
    description: Names of the tables.
    type: list
    elements: str
    required: true
  point_in_time_recovery:
    description: Whether the table can be restored to any second of the last 35 days.
    type: bool
    default: true
  encryption:
    description:
      - Whether the table is encrypted with a KMS key of the account, whose use is logged there.
      - Tables without are encrypted too, with a key that AWS owns.
      - AWS allows four changes in 24 hours, then one in six hours.
    type: bool
    default: true
  kms_key_arn:
    description:
      - ARN of the KMS key to encrypt with. Whoever uses the table must be allowed to use the key through DynamoDB.
      - Without it, the key that the table has stays, and a table that has none gets the key that AWS manages in the
        account (C(aws/dynamodb)).
    type: str
  deletion_protection:
    description: Whether the table cannot be deleted. Set it to V(false) before a table is deleted.
    type: bool
    default: true
  wait_timeout:
    description: Seconds until a change must be in effect.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Protect the IP map
  disaster_recovery.aws.dynamodb_table_protection:
    region: us-west-2
    tables: [disaster-recovery-ip-map]

- name: Make it possible to delete the tables
  disaster_recovery.aws.dynamodb_table_protection:
    region: us-west-2
    tables: [disaster-recovery-ip-map, disaster-recovery-runs]
    deletion_protection: false
"""

RETURN = r"""
tables:
  description: How every table is protected afterwards, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the table.
      returned: always
      type: str
    changed:
      description: Whether something was changed.
      returned: always
      type: bool
    point_in_time_recovery:
      description: Whether it is on.
      returned: always
      type: bool
    encryption:
      description: Whether with a KMS key.
      returned: always
      type: bool
    kms_key_arn:
      description: The KMS key.
      returned: when O(kms_key_arn) is given
      type: str
    deletion_protection:
      description: Whether it is on.
      returned: always
      type: bool
"""

from dataclasses import replace
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import NotFoundError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import for_each
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.table_protection import (
    UNPROTECTED,
    ProtectedTable,
    Protection,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Bring every table to the protection that is wanted."""
    _check(params)
    client = clients("dynamodb")
    tables = {
        name: ProtectedTable(client, name, wait_timeout=params["wait_timeout"])
        for name in dict.fromkeys(params["tables"])
    }
    before = for_each(tables, lambda _name, table: _read(table, check_mode)).raise_if_any("read the tables")
    after = {name: _wanted(params, now) for name, now in before.items()}
    changing = {name: table for name, table in tables.items() if before[name] != after[name]}
    if not check_mode:
        outcomes = for_each(changing, lambda name, table: table.change(before[name], after[name]))
        outcomes.raise_if_any("protect the tables")
    shown = {name: _shown(params, state) for name, state in after.items()}
    return {
        "changed": bool(changing),
        "tables": [{"name": name, "changed": name in changing, **state} for name, state in shown.items()],
        "diff": {
            "before": {name: _shown(params, before[name]) for name in changing},
            "after": {name: shown[name] for name in changing},
        },
    }


def _check(params: dict[str, Any]) -> None:
    problems = Problems()
    arn = params["kms_key_arn"]
    if arn is not None and not params["encryption"]:
        problems.add(arn, "kms_key_arn", "is of no use without encryption: give encryption: true, or leave the key out")
    elif arn is not None and not (arn.startswith("arn:") and ":kms:" in arn and ":key/" in arn):
        problems.add(arn, "kms_key_arn", "is no ARN of a key: write it like arn:aws:kms:us-west-2:123456789012:key/…")
    problems.raise_if_any()


def _read(table: ProtectedTable, check_mode: bool) -> Protection:
    try:
        return table.read()
    except NotFoundError:
        if check_mode:
            return UNPROTECTED
        raise


def _wanted(params: dict[str, Any], before: Protection) -> Protection:
    given = {name: params[name] for name in ("point_in_time_recovery", "deletion_protection", "encryption")}
    key = params["kms_key_arn"] or before.kms_key_arn
    return replace(before, **given, kms_key_arn=key if params["encryption"] else None)


def _shown(params: dict[str, Any], state: Protection) -> dict[str, Any]:
    """Return what is the same in check mode: AWS's own key is known only once a table has it."""
    shown: dict[str, Any] = {
        "point_in_time_recovery": state.point_in_time_recovery,
        "encryption": state.encryption,
        "deletion_protection": state.deletion_protection,
    }
    if params["kms_key_arn"] is not None:
        shown["kms_key_arn"] = state.kms_key_arn
    return shown


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "tables": {"type": "list", "elements": "str", "required": True},
            "point_in_time_recovery": {"type": "bool", "default": True},
            "encryption": {"type": "bool", "default": True},
            "kms_key_arn": {"type": "str", "no_log": False},
            "deletion_protection": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 600},
        },
        run,
    )


if __name__ == "__main__":
    main()
