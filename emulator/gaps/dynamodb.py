"""DynamoDB: descriptions of tables name the table's id, which moto leaves out and Ansible's module reads; items are
answered as they are stored; a transaction copies the items that it touches, a query looks at the items of its key.

moto sends every answer through its general serialiser, which looks each key of each item up in several spellings. Items
are kept in the form of the wire, so that their answers need no more than JSON; this halves the time of a read. And to
be able to take a transaction back, moto copies the whole table before each of its actions.
"""

from __future__ import annotations

import copy
import inspect
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from emulator.completion import replace

_ANSWERED_AS_STORED = frozenset({"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"})

Key = tuple[DynamoType, DynamoType | None]


def install() -> None:
    """Complete descriptions, and make reads and transactions cheap."""
    replace(DynamoHandler, serialized=_as_stored(DynamoHandler.serialized))
    replace(Table, describe=_with_id(Table.describe))
    replace(Table, query=_among_its_key(Table.query))
    replace(Item, size=_size_of_item)
    replace(DynamoDBBackend, transact_write_items=_on_touched_items(DynamoDBBackend.transact_write_items))


def _as_stored(serialized: Callable[..., Any]) -> Callable[..., Any]:
    def serialized_as_stored(self: DynamoHandler, action_result: ActionResult) -> Any:
        result = action_result.result
        if self._get_action() not in _ANSWERED_AS_STORED or not isinstance(result, dict):
            return serialized(self, action_result)
        headers = {"Content-Type": "application/x-amz-json-1.0", **self.response_headers}
        return 200, headers, json.dumps(result)

    return serialized_as_stored


def _among_its_key(query: Callable[..., Any]) -> Callable[..., Any]:
    index_at = list(inspect.signature(query).parameters).index("index_name") - 2

    def query_among_its_key(self: Table, hash_key: Any, *arguments: Any, **options: Any) -> Any:
        if options.get("index_name") or any(arguments[index_at : index_at + 1]):
            return query(self, hash_key, *arguments, **options)
        excerpt = copy.copy(self)
        excerpt.items = defaultdict(dict)
        if hash_key in self.items:
            excerpt.items[hash_key] = self.items[hash_key]
        return query(excerpt, hash_key, *arguments, **options)

    return query_among_its_key


def _size_of_item(self: Item) -> int:
    return sum(_bytes(name) + _size(value.type, value.value) for name, value in self.attrs.items())


def _size(kind: str, value: Any) -> int:
    """Return the size of a value as DynamoDB counts it, without making moto's objects of its parts."""
    if kind == "M":
        return sum(_bytes(name) + _size_of(part) for name, part in value.items())
    if kind == "L":
        return sum(map(_size_of, value))
    if kind in ("SS", "NS", "BS"):
        return sum(_size(kind[0], part) for part in value)
    if isinstance(value, bool):
        return 1
    return len(str(value)) if kind == "N" else _bytes(value)


def _size_of(part: Any) -> int:
    if isinstance(part, DynamoType):
        return _size(part.type, part.value)
    ((kind, value),) = part.items()
    return _size(kind, value)


def _bytes(text: str | bytes) -> int:
    return len(text) if isinstance(text, bytes) or text.isascii() else len(text.encode("utf-8"))


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
