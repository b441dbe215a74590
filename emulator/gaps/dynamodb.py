"""DynamoDB: descriptions of tables name the table's id, which moto leaves out and Ansible's module reads; items are
answered as they are stored; a transaction copies the items that it touches.

moto sends every answer through its general serialiser, which looks each key of each item up in several spellings. Items
are kept in the form of the wire, so that their answers need no more than JSON; this halves the time of a read. And to
be able to take a transaction back, moto copies the whole table before each of its actions.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from emulator.completion import replace

_ANSWERED_AS_STORED = frozenset({"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"})

Key = tuple[DynamoType, DynamoType | None]


def install() -> None:
    """Complete descriptions, and make reads and transactions cheap."""
    replace(DynamoHandler, serialized=_as_stored(DynamoHandler.serialized))
    replace(Table, describe=_with_id(Table.describe))
    replace(DynamoDBBackend, transact_write_items=_on_touched_items(DynamoDBBackend.transact_write_items))


def _as_stored(serialized: Callable[..., Any]) -> Callable[..., Any]:
    def serialized_as_stored(self: DynamoHandler, action_result: ActionResult) -> Any:
        result = action_result.result
        if self._get_action() not in _ANSWERED_AS_STORED or not isinstance(result, dict):
            return serialized(self, action_result)
        headers = {"Content-Type": "application/x-amz-json-1.0", **self.response_headers}
        return 200, headers, json.dumps(result)

    return serialized_as_stored


def _with_id(describe: Callable[..., Any]) -> Callable[..., Any]:
    def describe_with_id(self: Table, base_key: str = "TableDescription") -> dict[str, Any]:
        description: dict[str, Any] = describe(self, base_key)
        table_id = self.__dict__.setdefault("emulated_table_id", str(uuid.uuid4()))
        description.get(base_key, description).setdefault("TableId", table_id)
        return description

    return describe_with_id


def _on_touched_items(transact: Callable[..., None]) -> Callable[..., None]:
    """Run a transaction on excerpts of its tables, and take over what it did to them when it succeeds.

    Requests to DynamoDB are answered one at a time, so nobody sees the excerpts.
    """

    def transact_on_excerpts(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        touched = _touched_keys(self.tables, transact_items)
        tables = self.tables
        self.tables = {**tables, **{name: _excerpt(tables[name], keys) for name, keys in touched.items()}}
        try:
            transact(self, transact_items)
            excerpts = self.tables
        finally:
            self.tables = tables
        for name, keys in touched.items():
            for key in keys:
                _take_over(tables[name], excerpts[name], key)

    return transact_on_excerpts


def _touched_keys(tables: dict[str, Table], transact_items: list[dict[str, Any]]) -> dict[str, set[Key]]:
    touched: dict[str, set[Key]] = defaultdict(set)
    for action in transact_items:
        for operation in action.values():
            table = tables.get(operation.get("TableName"))
            attributes = operation.get("Key") or operation.get("Item") or {}
            if table is not None and all(name in attributes for name in table.table_key_attrs):
                values = [DynamoType(attributes[name]) for name in table.table_key_attrs]
                touched[table.name].add((values[0], values[1] if table.has_range_key else None))
    return touched


def _excerpt(table: Table, keys: set[Key]) -> Table:
    excerpt = copy.copy(table)
    excerpt.stream_shard = None
    excerpt.items = defaultdict(dict)
    for key in keys:
        item = table.get_item(*key)
        if item is not None:
            _store(excerpt, key, copy.deepcopy(item))
    return excerpt


def _take_over(table: Table, excerpt: Table, key: Key) -> None:
    before, after = table.get_item(*key), excerpt.get_item(*key)
    if after is None:
        table.delete_item(*key)
        return
    _store(table, key, after)
    if table.stream_shard is not None:
        table.stream_shard.add(before, after)


def _store(table: Table, key: Key, item: Any) -> None:
    hash_key, range_key = key
    if range_key is None:
        table.items[hash_key] = item
    else:
        table.items[hash_key][range_key] = item
