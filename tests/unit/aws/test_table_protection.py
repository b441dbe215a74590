"""Protection of tables: waiting for changes that take their time."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.table_protection import (
    UNPROTECTED,
    ProtectedTable,
    Protection,
)
from botocore.exceptions import ClientError

ALL = Protection(point_in_time_recovery=True, deletion_protection=True, encryption=True)


class SlowDynamoDb:
    """A table of which every change takes some looks to be in effect, and whose backups are not there at first."""

    def __init__(self, looks: int, *, stuck: str = "ACTIVE") -> None:
        self._looks, self._left, self._settled = looks, looks, stuck
        self._backups_after = looks
        self._table: dict[str, Any] = {"DeletionProtectionEnabled": False}
        self._recovery = "DISABLED"
        self.changes: list[str] = []

    def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        self._left -= 1
        table = {**self._table, "TableName": TableName, "TableStatus": "UPDATING" if self._left > 0 else self._settled}
        if "SSEDescription" in table:
            table["SSEDescription"] = {"Status": "UPDATING" if self._left > -2 else "ENABLED", "SSEType": "KMS"}
        return {"Table": table}

    def update_table(self, TableName: str, **change: Any) -> None:  # noqa: ARG002, N803
        assert self._left <= 0, "the table is not active"
        self.changes += change
        self._left = self._looks
        if "SSESpecification" in change:
            self._table["SSEDescription"] = {}
        self._table |= {name: value for name, value in change.items() if name == "DeletionProtectionEnabled"}

    def describe_continuous_backups(self, TableName: str) -> dict[str, Any]:  # noqa: ARG002, N803
        recovery = {"PointInTimeRecoveryStatus": self._recovery}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": recovery}}

    def update_continuous_backups(self, TableName: str, **_specification: Any) -> None:  # noqa: ARG002, N803
        self._backups_after -= 1
        if self._backups_after >= 0:
            error = {"Code": "ContinuousBackupsUnavailableException", "Message": "Backups are being enabled"}
            raise ClientError({"Error": error}, "UpdateContinuousBackups")
        self.changes.append("PointInTimeRecovery")
        self._recovery = "ENABLED"


def protected(client: SlowDynamoDb, wait_timeout: float = 60) -> ProtectedTable:
    return ProtectedTable(client, "runs", wait_timeout=wait_timeout, sleep=lambda _seconds: None)


def test_every_change_is_waited_for_before_the_next_one() -> None:
    client = SlowDynamoDb(looks=4)
    table = protected(client)
    before = table.read()
    assert before == UNPROTECTED
    table.change(before, ALL)
    assert client.changes == ["DeletionProtectionEnabled", "PointInTimeRecovery", "SSESpecification"]
    assert table.read() == ALL
    table.change(ALL, ALL)
    assert len(client.changes) == 3


@pytest.mark.parametrize("change", [{"deletion_protection": True}, {"point_in_time_recovery": True}])
def test_what_takes_too_long_is_an_error_that_says_what_is_under_way(change: dict[str, bool]) -> None:
    client = SlowDynamoDb(looks=1)
    before = protected(client).read()
    client._looks = client._backups_after = 100
    after = Protection(**{"point_in_time_recovery": False, "deletion_protection": False, "encryption": False, **change})
    with pytest.raises(TransientError, match=r"after 10 seconds"):
        protected(client, wait_timeout=10).change(before, after)


def test_a_state_that_does_not_pass_is_not_waited_for() -> None:
    with pytest.raises(AwsError, match="INACCESSIBLE_ENCRYPTION_CREDENTIALS: see to that first"):
        protected(SlowDynamoDb(looks=1, stuck="INACCESSIBLE_ENCRYPTION_CREDENTIALS"), wait_timeout=1e6).read()
