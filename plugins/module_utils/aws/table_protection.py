# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps the data of a DynamoDB table: point-in-time recovery, encryption with a KMS key, deletion protection.

Source: DynamoDB API Reference, UpdateTable, UpdateContinuousBackups. The table is UPDATING after a change, and takes no
other one until it is ACTIVE again.
This module util is private to the collection.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from .dynamodb import Sleep, call
from .errors import AwsError, NotFoundError, TransientError

POLL_INTERVAL = 2.0  # seconds
CHANGING = frozenset({"CREATING", "UPDATING"})
ENCRYPTION_CHANGING = frozenset({"ENABLING", "DISABLING", "UPDATING"})
BACKUPS_NOT_YET_THERE = "ContinuousBackupsUnavailableException"


@dataclass(frozen=True, slots=True)
class Protection:
    """How a table is protected.

    Attributes:
        encryption: Whether with a KMS key of the account, or of AWS in the account; else with a key that AWS owns.
        kms_key_arn: The KMS key, None where any will do or there is none.
    """

    point_in_time_recovery: bool
    deletion_protection: bool
    encryption: bool
    kms_key_arn: str | None = None


UNPROTECTED = Protection(point_in_time_recovery=False, deletion_protection=False, encryption=False)
"""How a new table is."""


class ProtectedTable:
    """A table through one boto3 DynamoDB client.

    Args:
        client: boto3 DynamoDB client.
        name: Name of the table.
        wait_timeout: Seconds until a change must be in effect.
        sleep: Waits seconds between looks; only tests give another.
    """

    def __init__(self, client: Any, name: str, *, wait_timeout: float = 600, sleep: Sleep = time.sleep) -> None:
        self.client = client
        self.name = name
        self._looks = max(1, int(wait_timeout / POLL_INTERVAL))
        self._wait_timeout = wait_timeout
        self._sleep = sleep

    def read(self) -> Protection:
        """Return how the table is protected, once no change is under way.

        Raises:
            NotFoundError: The table does not exist.
            TransientError: A change was under way for too long.
            AwsError: The table is in a state that it does not leave by itself.
        """
        table = self._settled()
        encryption = table.get("SSEDescription", {})
        what = f"read the backups of table {self.name}"
        backups = call(self.client.describe_continuous_backups, what, TableName=self.name)[
            "ContinuousBackupsDescription"
        ]
        recovery = backups.get("PointInTimeRecoveryDescription", {})
        return Protection(
            point_in_time_recovery=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
            deletion_protection=table.get("DeletionProtectionEnabled", False),
            encryption=encryption.get("Status") == "ENABLED",
            kms_key_arn=encryption.get("KMSMasterKeyArn"),
        )

    def change(self, before: Protection, after: Protection) -> None:
        """Write what differs, deletion protection first, and wait until all of it is in effect.

        Raises:
            TransientError: It was not in effect in time.
        """
        what = f"protect table {self.name}"
        if after.deletion_protection != before.deletion_protection:
            self._update(what, DeletionProtectionEnabled=after.deletion_protection)
        if after.point_in_time_recovery != before.point_in_time_recovery:
            self._set_point_in_time_recovery(after.point_in_time_recovery)
        if (after.encryption, after.kms_key_arn) != (before.encryption, before.kms_key_arn):
            specification: dict[str, Any] = {"Enabled": after.encryption}
            if after.encryption:
                specification["SSEType"] = "KMS"
            if after.kms_key_arn is not None:
                specification["KMSMasterKeyId"] = after.kms_key_arn
            self._update(what, SSESpecification=specification)

    def _update(self, what: str, **arguments: Any) -> None:
        call(self.client.update_table, what, TableName=self.name, **arguments)
        self._settled()

    def _set_point_in_time_recovery(self, enabled: bool) -> None:
        what = f"set point-in-time recovery of table {self.name}"
        specification = {"PointInTimeRecoveryEnabled": enabled}
        for _look in range(self._looks):
            try:
                call(
                    self.client.update_continuous_backups,
                    what,
                    TableName=self.name,
                    PointInTimeRecoverySpecification=specification,
                )
            except AwsError as error:
                if error.code != BACKUPS_NOT_YET_THERE:
                    raise
                self._sleep(POLL_INTERVAL)
            else:
                self._settled()
                return
        raise TransientError(f"{what}: its backups are still not there after {self._wait_timeout:.0f} seconds")

    def _settled(self) -> dict[str, Any]:
        what = f"read table {self.name}"
        status = encryption = ""
        for _look in range(self._looks):
            try:
                table: dict[str, Any] = call(self.client.describe_table, what, TableName=self.name)["Table"]
            except NotFoundError as error:
                raise NotFoundError(
                    f"Table {self.name} does not exist in this account and Region: create it, or correct its name",
                    code=error.code,
                    operation=error.operation,
                ) from error
            status = table["TableStatus"]
            encryption = table.get("SSEDescription", {}).get("Status", "")
            if status == "ACTIVE" and encryption not in ENCRYPTION_CHANGING:
                return table
            if status not in CHANGING and status != "ACTIVE":
                raise AwsError(f"{what}: it is {status}: see to that first")
            self._sleep(POLL_INTERVAL)
        raise TransientError(
            f"{what}: after {self._wait_timeout:.0f} seconds it is still {status}"
            + (f", its encryption {encryption}" if encryption else "")
        )
