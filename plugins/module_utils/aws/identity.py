# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who calls, and what time AWS has.

This module util is private to the collection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .dynamodb import call


@dataclass(frozen=True)
class Caller:
    """The identity behind a set of credentials.

    Attributes:
        arn: ARN of the user or the assumed role's session.
        account: Account id.
        partition: C(aws), C(aws-cn), C(aws-us-gov), …
        now: The moment of AWS's answer, by AWS's clock; a laptop's clock may be wrong.
    """

    arn: str
    account: str
    partition: str
    now: datetime


def caller(sts: Any) -> Caller:
    """Ask STS (GetCallerIdentity, needs no permission) who calls.

    Args:
        sts: boto3 STS client.

    Raises:
        AwsError: The credentials are wrong or AWS cannot be reached.
    """
    answer = call(sts.get_caller_identity, "find out who calls")
    return Caller(
        arn=answer["Arn"],
        account=answer["Account"],
        partition=answer["Arn"].split(":")[1],
        now=_moment(answer["ResponseMetadata"]["HTTPHeaders"].get("date")),
    )


def _moment(header: str | None) -> datetime:
    if header is None:
        return datetime.now(UTC)
    return parsedate_to_datetime(header).astimezone(UTC)
