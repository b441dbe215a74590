# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One DynamoDB table with the key C(pk), C(sk): the few calls that the collection's tables are made of.

This module util is private to the collection.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .dynamodb import (
    RETRY_DELAYS,
    Item,
    Sleep,
    back_off,
    batch_get,
    batch_write,
    call,
    from_item,
    lost_to_other_writer,
    query,
    to_item,
    to_value,
)
from .errors import ConflictError, NotFoundError, TransientError
from .pacing import Pacers


def without_keys(item: Mapping[str, Any]) -> Item:
    """Return an item without C(pk) and C(sk)."""
    return {name: value for name, value in item.items() if name not in ("pk", "sk")}


class Table:
    """A table with string keys C(pk) and C(sk) through one boto3 DynamoDB client; reads are consistent.

    Args:
        client: boto3 DynamoDB client.
        name: Name of the table.
        sleep: Waits seconds between retries; only tests give another.
    """

    def __init__(self, client: Any, name: str, *, sleep: Sleep = time.sleep) -> None:
        self.client = client
        self.name = name
        self._sleep = sleep
        self._pacers = Pacers()

    def _put(self, item: Mapping[str, Any], **condition: Any) -> Item:
        return {"Put": {"TableName": self.name, "Item": to_item(item), **condition}}

    def _delete(self, pk: str, sk: str) -> Item:
        return {"Delete": {"TableName": self.name, "Key": to_item({"pk": pk, "sk": sk})}}

    def _transact(self, writes: Sequence[Item], what: str) -> None:
        """Write all or nothing; wait and try again while other requests merely hold the items.

        All tries have one token: where an answer was lost after the write, DynamoDB does not write again and says so.

        Raises:
            ConflictError: A condition failed.
            TransientError: Other requests held the items every time.
        """
        token = str(uuid.uuid4())
        for attempt in range(len(RETRY_DELAYS)):
            self._pacers.take("TransactWriteItems")
            try:
                call(self.client.transact_write_items, what, TransactItems=list(writes), ClientRequestToken=token)
                return
            except ConflictError as error:
                if not lost_to_other_writer(error):
                    raise
                back_off(attempt, self._sleep)
        raise TransientError(f"{what}: other requests hold the items of {self.name} again and again")

    def _get(self, pk: str, sk: str, what: str) -> Item | None:
        answer = call(
            self.client.get_item,
            what,
            TableName=self.name,
            Key=to_item({"pk": pk, "sk": sk}),
            ConsistentRead=True,
        )
        return without_keys(from_item(answer["Item"])) if answer.get("Item") else None

    def _query_with_keys(
        self,
        pk: str,
        sk: str | tuple[str, str] = "",
        *,
        what: str,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Item]:
        """Yield the items of one C(pk), those whose C(sk) begins with a prefix or lies in a range."""
        condition, values = "pk = :pk", {":pk": pk}
        if isinstance(sk, tuple):
            condition, values = f"{condition} AND sk BETWEEN :low AND :high", {**values, ":low": sk[0], ":high": sk[1]}
        elif sk:
            condition, values = f"{condition} AND begins_with(sk, :sk)", {**values, ":sk": sk}
        return query(
            self.client,
            what=what,
            limit=limit,
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
            ScanIndexForward=not newest_first,
        )

    def _query(self, pk: str, sk: str | tuple[str, str], *, what: str, limit: int | None = None) -> list[Item]:
        return [without_keys(item) for item in self._query_with_keys(pk, sk, what=what, limit=limit)]

    def _update(
        self,
        pk: str,
        sk: str,
        changes: Mapping[str, Any],
        require: Mapping[str, Any] | None,
        what: str,
        *,
        later_than: Mapping[str, str] | None = None,
    ) -> Item:
        """Set attributes of an item that exists and return it whole.

        Args:
            changes: New values; None is stored as null.
            require: Values that the item must have now.
            later_than: Attributes that must be null or above the given moment.

        Raises:
            NotFoundError: The item does not exist.
            ConflictError: The item is not as required.
        """
        update = self._updating(pk, sk, changes, require, later_than=later_than)["Update"]
        try:
            answer = call(
                self.client.update_item,
                what,
                **update,
                ReturnValues="ALL_NEW",
            )
        except ConflictError as error:
            if self._get(pk, sk, what) is None:
                raise NotFoundError(f"{what}: table {self.name} has no item {pk} {sk}") from error
            raise
        return without_keys(from_item(answer["Attributes"]))

    def _updating(
        self,
        pk: str,
        sk: str,
        changes: Mapping[str, Any],
        require: Mapping[str, Any] | None = None,
        *,
        later_than: Mapping[str, str] | None = None,
        require_or_missing: Mapping[str, Any] | None = None,
    ) -> Item:
        """Return the write of a transaction that sets attributes of an item that exists; arguments as L(_update).

        Args:
            require_or_missing: Values that the item must have now; None: it must not have the attribute.
        """
        names: dict[str, str] = {}
        values: dict[str, Any] = {}

        def name(attribute: str) -> str:
            return names.setdefault(attribute, f"#n{len(names)}")

        def value(content: Any) -> str:
            values[f":v{len(values)}"] = content
            return f":v{len(values) - 1}"

        settings = ", ".join(f"{name(key)} = {value(new)}" for key, new in changes.items())
        conditions = ["attribute_exists(pk)"]
        conditions += [f"{name(key)} = {value(wanted)}" for key, wanted in (require or {}).items()]
        conditions += [
            f"attribute_not_exists({name(key)})" if wanted is None else f"{name(key)} = {value(wanted)}"
            for key, wanted in (require_or_missing or {}).items()
        ]
        conditions += [
            f"({name(key)} = {value(None)} OR {name(key)} > {value(moment)})"
            for key, moment in (later_than or {}).items()
        ]
        return {
            "Update": {
                "TableName": self.name,
                "Key": to_item({"pk": pk, "sk": sk}),
                "UpdateExpression": f"SET {settings}",
                "ConditionExpression": " AND ".join(conditions),
                "ExpressionAttributeNames": {alias: attribute for attribute, alias in names.items()},
                "ExpressionAttributeValues": {alias: to_value(content) for alias, content in values.items()},
            }
        }

    def _put_all(self, items: Iterable[Mapping[str, Any]], what: str) -> None:
        requests = [{"PutRequest": {"Item": to_item(item)}} for item in items]
        batch_write(self.client, self.name, requests, what=what, sleep=self._sleep)

    def _delete_all(self, keys: Iterable[tuple[str, str]], what: str) -> None:
        requests = [{"DeleteRequest": {"Key": to_item({"pk": pk, "sk": sk})}} for pk, sk in keys]
        batch_write(self.client, self.name, requests, what=what, sleep=self._sleep)

    def _get_all(self, keys: Iterable[tuple[str, str]], what: str) -> list[Item]:
        wanted = [{"pk": pk, "sk": sk} for pk, sk in keys]
        return batch_get(self.client, self.name, wanted, what=what, sleep=self._sleep, pacers=self._pacers)
