"""Small completions of moto, one file a service; each says which behaviour of AWS it restores."""

from __future__ import annotations

from emulator.gaps import dynamodb, dynamodb_encryption, dynamodb_requests, kms, managed_policies, sqs, sts


def install() -> None:
    """Complete all of them."""
    for service in (dynamodb, dynamodb_encryption, dynamodb_requests, kms, managed_policies, sqs, sts):
        service.install()
