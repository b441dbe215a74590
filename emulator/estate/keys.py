"""The customer managed keys of an estate's replication."""

from __future__ import annotations

import json
from collections.abc import Sequence

from moto.kms.models import kms_backends

from ..drs.staging import staging_role_arn

ALIAS = "alias/aws-embedded-drs"


def ensure_key(account: str, region: str) -> str:
    """Return the ARN of the key (its alias) that encrypts replicated volumes; make it when it is missing."""
    backend = kms_backends[account][region]
    if backend.get_key_id_from_alias(ALIAS) is None:
        key = backend.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "Elastic Disaster Recovery", None)
        backend.create_alias(key.id, ALIAS)
    return f"arn:aws:kms:{region}:{account}:{ALIAS}"


def share_key(account: str, region: str, targets: Sequence[str]) -> None:
    """Let target accounts and the account's roles for them use its key through EC2, as the user guide has it."""
    backend = kms_backends[account][region]
    key_id = backend.get_key_id_from_alias(ALIAS)
    if key_id is None:
        return
    policy = json.loads(backend.get_key_policy(key_id))
    for target in targets:
        callers = ((staging_role_arn(account, target), account), (f"arn:aws:iam::{target}:root", target))
        for principal, caller in callers:
            condition = {"kms:CallerAccount": caller, "kms:ViaService": f"ec2.{region}.amazonaws.com"}
            policy["Statement"].append(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": principal},
                    "Action": "kms:ReEncrypt*",
                    "Resource": "*",
                    "Condition": {"StringEquals": condition},
                }
            )
    backend.put_key_policy(key_id, json.dumps(policy))
