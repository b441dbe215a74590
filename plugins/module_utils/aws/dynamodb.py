# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every table needs of DynamoDB: items as plain dicts, batches sent until all is done, conditions told apart.

This module util is private to the collection.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

try:
    from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
except ImportError:
    pass  # AnsibleAWSModule says that boto3 is missing

from .errors import AwsError, TransientError, translate
from .pacing import Pacers, for_each

Item = dict[str, Any]
Sleep = Callable[[float], None]

BATCH_WRITE_SIZE = 25  # BatchWriteItem: requests in one call
BATCH_GET_SIZE = 100  # BatchGetItem: keys in one call
TRANSACTION_SIZE = 100  # TransactWriteItems: actions in one call
RETRY_DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)  # seconds, each drawn with full jitter


def _storable(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {str(key): _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def to_value(value: Any) -> dict[str, Any]:
    """Return one attribute value in DynamoDB's form (C({"S": ...})); floats and tuples are allowed."""
    return dict(TypeSerializer().serialize(_storable(value)))


def from_value(value: Mapping[str, Any]) -> Any:
    """Return one attribute value as plain Python: whole numbers as int, others as float, never Decimal."""
    return _plain(TypeDeserializer().deserialize(cast("Any", dict(value))))


def to_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's form."""
    return {name: to_value(value) for name, value in item.items()}


def from_item(item: Mapping[str, Any]) -> Item:
    """Return an item of DynamoDB as a plain dict."""
    return {name: from_value(value) for name, value in item.items()}


def round_trip(value: Any) -> Any:
    """Return C(value) as it will read after it was stored, for hashes that must still match then."""
    return from_value(to_value(value))


def chunks(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield C(values) in pieces of at most C(size)."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def call(method: Callable[..., dict[str, Any]], what: str, **arguments: Any) -> dict[str, Any]:
    """Call an operation of a boto3 client and raise the errors of C(errors.py); C(what) says what was being done."""
    try:
        return method(**arguments)
    except AwsError:
        raise
    except Exception as error:
        raise translate(error, what) from error


def back_off(attempt: int, sleep: Sleep = time.sleep) -> None:
    """Wait before try number C(attempt) + 1 (0 is the first) with full jitter, at most 5 seconds."""
    delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)]
    sleep(random.uniform(delay / 10, delay))  # noqa: S311  jitter, not a secret


def query(client: Any, *, what: str, limit: int | None = None, **arguments: Any) -> Iterator[Item]:
    """Yield the plain items of a Query, page after page, consistently read; at most C(limit) when given."""
    found = 0
    request = {"ConsistentRead": True, **arguments}
    if limit is not None:
        request["Limit"] = limit
    while True:
        page = call(client.query, what, **request)
        for item in page["Items"]:
            yield from_item(item)
            found += 1
            if limit is not None and found >= limit:
                return
        if not page.get("LastEvaluatedKey"):
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def batch_write(client: Any, table: str, requests: Iterable[dict[str, Any]], *, what: str, sleep: Sleep) -> None:
    """Send put and delete requests in calls of 25 and resend what DynamoDB left unprocessed, with backoff.

    Args:
        requests: C({"PutRequest": ...}) or C({"DeleteRequest": ...}), no key twice.

    Raises:
        TransientError: DynamoDB left something unprocessed time after time.
    """
    for piece in chunks(list(requests), BATCH_WRITE_SIZE):
        left = list(piece)
        for attempt in range(len(RETRY_DELAYS) + 1):
            answer = call(client.batch_write_item, what, RequestItems={table: left})
            left = answer.get("UnprocessedItems", {}).get(table, [])
            if not left:
                break
            back_off(attempt, sleep)
        else:
            raise TransientError(f"{what}: DynamoDB left {len(left)} items of {table} unprocessed again and again")


def batch_get(
    client: Any, table: str, keys: Sequence[Item], *, what: str, sleep: Sleep, pacers: Pacers | None = None
) -> list[Item]:
    """Read the items of C(keys), consistently, in calls of 100, some at once; missing items are missing in the answer.

    Args:
        keys: Keys, none twice.
        pacers: Those of the account and Region; without them, calls wait for nothing.

    Raises:
        TransientError: DynamoDB left keys unprocessed time after time.
    """

    def read(_number: int, piece: Sequence[Item]) -> list[Item]:
        items: list[Item] = []
        left = {table: {"Keys": [to_item(key) for key in piece], "ConsistentRead": True}}
        for attempt in range(len(RETRY_DELAYS) + 1):
            if pacers:
                pacers.take("BatchGetItem")
            answer = call(client.batch_get_item, what, RequestItems=left)
            items += [from_item(item) for item in answer["Responses"].get(table, [])]
            left = answer.get("UnprocessedKeys", {})
            if not left:
                return items
            back_off(attempt, sleep)
        raise TransientError(f"{what}: DynamoDB left keys of {table} unprocessed again and again")

    outcomes = for_each(dict(enumerate(chunks(keys, BATCH_GET_SIZE))), read)
    for error in outcomes.errors.values():
        raise error
    return [item for items in outcomes.results.values() for item in items]


def cancellation_codes(error: AwsError) -> list[str]:
    """Return the reason codes of a cancelled transaction, one for each action (C(None) where it was fine)."""
    reasons = error.response.get("CancellationReasons") or []
    return [reason.get("Code") or "None" for reason in reasons]


def lost_to_other_writer(error: AwsError) -> bool:
    """Tell whether a transaction failed only because another request had its hands on the items: try again."""
    failures = {code for code in cancellation_codes(error) if code != "None"}
    return bool(failures) and failures <= {
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    }
