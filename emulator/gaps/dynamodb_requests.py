"""DynamoDB: limits of batches and transactions, and transactions that are sent twice with one token.

moto takes batches of any length, writes a part of one whose later items are too large, sees a key twice only where the
whole items are equal (and across tables), knows no limit of a transaction's size, and does a transaction again that
carries the token of one that was done.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html and …/API_TransactWriteItems.html
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException, MockValidationException
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.responses import DynamoHandler

from emulator.clock import CLOCK
from emulator.completion import replace
from emulator.kept import keep_table

LARGEST_BATCH = 25  # requests
LARGEST_ITEM = 400_000  # bytes
LARGEST_TRANSACTION = 4 * 1024 * 1024  # bytes
TOKEN_LIFE = timedelta(minutes=10)

_DONE: dict[tuple[str, str, str], tuple[bytes, datetime, Any]] = {}
keep_table("transactions that are done", _DONE)


class IdempotentParameterMismatch(DynamodbException):
    """A transaction has the token of another one."""

    def __init__(self) -> None:
        super().__init__(
            ERROR_TYPE_PREFIX + "IdempotentParameterMismatchException",
            message="The request uses the same client token as a previous, but non-identical request.",
        )


def check_batch(requests: dict[str, list[dict[str, Any]]], keys_of: Callable[[str], list[str]]) -> None:
    """Check the requests of a BatchWriteItem.

    Args:
        requests: The requests of each table.
        keys_of: Returns the names of a table's key attributes.

    Raises:
        MockValidationException: they are too many, or one key comes twice.
    """
    if sum(map(len, requests.values())) > LARGEST_BATCH:
        raise MockValidationException(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must satisfy "
            f"constraint: [Member must have length less than or equal to {LARGEST_BATCH}, Member must have length "
            "greater than or equal to 1]"
        )
    keys = list(_keys(requests, keys_of))
    if len(set(keys)) < len(keys):
        raise MockValidationException("Provided list of item keys contains duplicates")


def _keys(requests: dict[str, list[dict[str, Any]]], keys_of: Callable[[str], list[str]]) -> Iterator[str]:
    for table, entries in requests.items():
        names = keys_of(table)
        for entry in entries:
            attributes = entry["PutRequest"]["Item"] if "PutRequest" in entry else entry["DeleteRequest"]["Key"]
            yield json.dumps([table, [attributes.get(name) for name in names]], sort_keys=True)


def _batch_write(original: Callable[..., Any]) -> Callable[..., Any]:
    def batch_write(self: Any) -> Any:
        def keys_of(table: str) -> list[str]:
            names: list[str] = self.dynamodb_backend.get_table(table).table_key_attrs
            return names

        check_batch(self.body["RequestItems"], keys_of)
        for entry in itertools.chain(*self.body["RequestItems"].values()):
            _check_size(entry)
        self._contains_duplicates = lambda _keys: False  # what moto would compare is not the key
        return original(self)

    return batch_write


def _check_size(entry: dict[str, Any]) -> None:
    """Raise what moto raises for an item that is too large, before anything of the batch is written."""
    item = entry.get("PutRequest", {}).get("Item", {})
    if len(json.dumps(item)) <= LARGEST_ITEM:  # an item is never larger than its JSON
        return
    attributes = LimitedSizeDict()
    for name, value in item.items():
        attributes[name] = DynamoType(value)


def _transact(original: Callable[..., Any]) -> Callable[..., Any]:
    def transact(self: Any) -> Any:
        text = json.dumps(self.body["TransactItems"], sort_keys=True, ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )
        if len(text) > LARGEST_TRANSACTION:
            raise MockValidationException("Collection size of the transaction request exceeds the 4 MB limit")
        token = self.body.get("ClientRequestToken")
        if token is None:
            return original(self)
        _forget_old()
        key = (self.current_account, self.region, token)
        digest = hashlib.sha256(text).digest()
        if key in _DONE:
            before, _, answer = _DONE[key]
            if before != digest:
                raise IdempotentParameterMismatch
            return answer
        answer = original(self)
        _DONE[key] = (digest, CLOCK.now(), answer)
        return answer

    return transact


def _forget_old() -> None:
    oldest = CLOCK.now() - TOKEN_LIFE
    while _DONE and (first := next(iter(_DONE))) and _DONE[first][1] < oldest:
        del _DONE[first]


def install() -> None:
    """Check requests as AWS does."""
    replace(
        DynamoHandler,
        batch_write_item=_batch_write(DynamoHandler.batch_write_item),
        transact_write_items=_transact(DynamoHandler.transact_write_items),
    )
