"""DynamoDB: DescribeTable and CreateTable name the table's id, which moto leaves out and Ansible's module reads."""

from __future__ import annotations

import uuid
from typing import Any

from moto.dynamodb.models.table import Table

from emulator.completion import replace


def install() -> None:
    """Add `TableId` to every description of a table."""
    describe = Table.describe

    def describe_with_id(self: Table, base_key: str = "TableDescription") -> dict[str, Any]:
        description: dict[str, Any] = describe(self, base_key)
        table_id = self.__dict__.setdefault("emulated_table_id", str(uuid.uuid4()))
        description.get(base_key, description).setdefault("TableId", table_id)
        return description

    replace(Table, describe=describe_with_id)
