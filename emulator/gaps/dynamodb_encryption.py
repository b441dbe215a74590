"""DynamoDB: a table's encryption is changed by UpdateTable, and its description names the ARN of the key.

moto encrypts a table only when it is created, and shows a key as the request named it. As other changes of tables,
this one is in effect at once.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSESpecification.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.responses import DynamoHandler
from moto.kms.models import kms_backends

from emulator.completion import replace


def _create_table(original: Callable[..., Any]) -> Callable[..., Any]:
    def create_table(self: DynamoHandler) -> Any:
        if "SSESpecification" in self.body:
            self.body["SSESpecification"] = _with_key_arn(self, self.body["SSESpecification"])
        return original(self)

    return create_table


def _update_table(original: Callable[..., Any]) -> Callable[..., Any]:
    def update_table(self: DynamoHandler) -> Any:
        asked = self.body.get("SSESpecification")
        if asked is not None:
            table = self.dynamodb_backend.get_table(self.body["TableName"])
            specification = _with_key_arn(self, asked)
            if specification.get("Enabled"):
                default = table._get_default_encryption_key(self.current_account, self.region)
                specification.setdefault("KMSMasterKeyId", default)
            table.sse_specification = specification
        return original(self)

    return update_table


def _with_key_arn(handler: DynamoHandler, specification: dict[str, Any]) -> dict[str, Any]:
    key = specification.get("KMSMasterKeyId")
    if key is None:
        return dict(specification)
    keys = kms_backends[handler.current_account][handler.region]
    alias = keys.get_alias_name(key)
    key_id = keys.get_key_id_from_alias(alias) if alias.startswith("alias/") else keys.get_key_id(key)
    if key_id not in keys.keys:
        raise MockValidationException(f"One or more parameter values were invalid: KMS key {key} does not exist")
    return {**specification, "KMSMasterKeyId": keys.keys[key_id].arn}


def install() -> None:
    """Let tables be encrypted later."""
    replace(
        DynamoHandler,
        create_table=_create_table(DynamoHandler.create_table),
        update_table=_update_table(DynamoHandler.update_table),
    )
