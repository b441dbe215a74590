"""A batch of DynamoDB of which only a part is done, as when a table's throughput is used up in its midst.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html and …/API_BatchWriteItem.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from emulator.apicall import ApiCall

Answer = tuple[int, dict[str, str], bytes]

_LEFT = {"BatchGetItem": "UnprocessedKeys", "BatchWriteItem": "UnprocessedItems"}


def is_batch(service: str, operation: str) -> bool:
    """Tell whether this operation may leave something unprocessed."""
    return service == "dynamodb" and operation in _LEFT


def answer(call: ApiCall, processed: int, ask: Callable[[bytes], Answer]) -> Answer:
    """Let the backend do the first requests of a batch, and answer the others as unprocessed.

    Args:
        call: The batch.
        processed: How many are done.
        ask: Lets the backend do what a body asks for.
    """
    body = json.loads(call.body)
    done, left = _split(body["RequestItems"], processed)
    status, headers, answered = ask(json.dumps({**body, "RequestItems": done}).encode())
    document = json.loads(answered)
    if status == 200:
        document[_LEFT[call.operation]] = left
    return status, headers, json.dumps(document).encode()


def _split(tables: dict[str, Any], processed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split requests by table: lists of writes, or descriptions of reads with a list of keys."""
    done, left = {}, {}
    for name, asked in tables.items():
        requests = asked["Keys"] if isinstance(asked, dict) else asked
        first, others = requests[:processed], requests[processed:]
        processed -= len(first)
        if first:
            done[name] = {**asked, "Keys": first} if isinstance(asked, dict) else first
        if others:
            left[name] = {**asked, "Keys": others} if isinstance(asked, dict) else others
    return done, left
