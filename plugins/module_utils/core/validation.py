# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validation: is a launched instance what the plan expects?

Source: EC2 API Reference, Instance and InstanceStatus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .ip_map import MapEntry
from .records import ServerRecord

OK = "ok"
PENDING = "pending"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """C(ok), C(pending) (look again later) or C(failed), and why."""

    outcome: str
    reasons: tuple[str, ...]


def expected_of(entries: Mapping[int, MapEntry] | list[MapEntry], profile: str) -> dict[str, Any]:
    """Return what a server with these IP map entries must have after a launch in C(profile).

    The result goes into L(records.ServerRecord.expected).
    """
    raise NotImplementedError


def check_server(
    record: ServerRecord,
    instance: Mapping[str, Any] | None,
    instance_status: Mapping[str, Any] | None,
    expected: Mapping[str, Any],
) -> CheckResult:
    """Check one launched server.

    Args:
        record: The server's record.
        instance: Its item of DescribeInstances, None when EC2 does not know it (yet).
        instance_status: Its item of DescribeInstanceStatus, None when there is none (yet).
        expected: L(expected_of) its IP map entries.
    """
    raise NotImplementedError
