"""DynamoDB: descriptions of tables name the table's id, which moto leaves out and Ansible's module reads; items are
answered as they are stored.

moto sends every answer through its general serialiser, which looks each key of each item up in several spellings. Items
are kept in the form of the wire, so that their answers need no more than JSON; this halves the time of a read.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from emulator.completion import replace

_ANSWERED_AS_STORED = frozenset({"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"})


def install() -> None:
    """Add `TableId` to every description of a table, and answer items as they are stored."""
    serialized = DynamoHandler.serialized

    def serialized_as_stored(self: DynamoHandler, action_result: ActionResult) -> Any:
        result = action_result.result
        if self._get_action() not in _ANSWERED_AS_STORED or not isinstance(result, dict):
            return serialized(self, action_result)
        headers = {"Content-Type": "application/x-amz-json-1.0", **self.response_headers}
        return 200, headers, json.dumps(result)

    replace(DynamoHandler, serialized=serialized_as_stored)
    describe = Table.describe

    def describe_with_id(self: Table, base_key: str = "TableDescription") -> dict[str, Any]:
        description: dict[str, Any] = describe(self, base_key)
        table_id = self.__dict__.setdefault("emulated_table_id", str(uuid.uuid4()))
        description.get(base_key, description).setdefault("TableId", table_id)
        return description

    replace(Table, describe=describe_with_id)
