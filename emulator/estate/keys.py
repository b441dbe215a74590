"""The customer managed keys of an estate's replication."""

from __future__ import annotations

from moto.kms.models import kms_backends

ALIAS = "alias/aws-embedded-drs"


def ensure_key(account: str, region: str) -> str:
    """Return the ARN of the key (its alias) that encrypts replicated volumes; make it when it is missing."""
    backend = kms_backends[account][region]
    if backend.get_key_id_from_alias(ALIAS) is None:
        key = backend.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "Elastic Disaster Recovery", None)
        backend.create_alias(key.id, ALIAS)
    return f"arn:aws:kms:{region}:{account}:{ALIAS}"
