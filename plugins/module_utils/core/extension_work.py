# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to extended source servers, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from .extensions import EXTENSION_ERROR, Plan, tags_of_new
from .source_servers import SourceServer

EXTENDED = "EXTENDED"
ABSENT = "absent"


@dataclass
class Work:
    """What is to be done. Keys are ARNs of staging source servers.

    Attributes:
        extend: Tags of the extended servers to make.
        delete: Extended servers to delete; those of C(repair) are made again.
        repair: Broken extensions that are deleted and made again.
        refused: Why something that was asked for is not done.
    """

    extend: dict[str, dict[str, str]] = field(default_factory=dict)
    delete: dict[str, SourceServer] = field(default_factory=dict)
    repair: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)


def work_of(plan: Plan, more_tags: Mapping[str, str], *, purge: bool) -> Work:
    """Return the work that brings this account to a plan; broken extensions are left to L(add_repairs).

    Args:
        plan: What there is to do.
        more_tags: Tags that new servers get beside those of their staging servers.
        purge: Whether extensions that are not declared are deleted.
    """
    work = removal_of(plan.undeclared if purge else {})
    work.extend = {arn: tags_of_new(item, more_tags) for arn, item in plan.to_extend.items()}
    return work


def removal_of(servers: Mapping[str, SourceServer]) -> Work:
    """Return the work that deletes extended servers, except those that are still needed."""
    work = Work()
    for arn, server in servers.items():
        reason = removal_refusal(server)
        if reason:
            work.refused[arn] = reason
        else:
            work.delete[arn] = server
    return work


def add_repairs(
    work: Work,
    broken: Mapping[str, SourceServer],
    staging: Mapping[str, Mapping[str, object]],
    unreadable: Mapping[str, str],
    more_tags: Mapping[str, str],
) -> None:
    """Add to C(work) what repairs broken extensions: each is made again, or deleted where its staging server is gone.

    Args:
        work: Is added to.
        broken: Extended servers in C(EXTENSION_ERROR).
        staging: Source servers of the staging accounts, by account and ARN.
        unreadable: Why the servers of an account are not in C(staging).
        more_tags: Tags that new servers get beside those of the ones that they replace.
    """
    for arn, server in broken.items():
        account_id = arn.split(":")[4]
        reason = removal_refusal(server)
        if account_id not in staging:
            reason = f"it cannot be repaired without a look into its staging account: {unreadable[account_id]}"
        if reason:
            work.refused[arn] = reason
            continue
        work.delete[arn] = server
        if arn in staging[account_id]:
            work.repair.add(arn)
            work.extend[arn] = tags_of_new({"tags": server.tags}, more_tags)


def removal_refusal(server: SourceServer) -> str | None:
    """Return why an extended server must not be deleted, None when nothing speaks against it."""
    if server.recovery_instance_id is None:
        return None
    return (
        f"its recovery instance {server.recovery_instance_id} exists, and could not be failed back any more: terminate "
        "the instance, or delete its record (DeleteRecoveryInstance), first"
    )


def results_of(
    work: Work,
    present: Mapping[str, SourceServer],
    made: Mapping[str, SourceServer],
    extended: Set[str],
    deleted: Set[str],
    errors: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return what became of every server, ordered by ARN.

    Args:
        work: What was to be done.
        present: Extended servers that were there and are of interest.
        made: Those that were made; in check mode none is.
        extended: Which were extended, or would be.
        deleted: Which were deleted, or would be.
        errors: What went wrong.
    """
    results = []
    for arn in sorted({*present, *work.extend}):
        server, status, action = present.get(arn), ABSENT, "none"
        if arn in extended:
            server, status, action = made.get(arn), EXTENDED, "repaired" if arn in work.repair else "extended"
        elif arn in deleted:
            action = "deleted"
        elif server is not None:
            status = server.extension_status
        result = {
            "staging_arn": arn,
            "staging_account_id": arn.split(":")[4],
            "source_server_id": server.source_server_id if server else None,
            "server_key": server.key if server else None,
            "status": status,
            "action": action,
            "changed": action != "none",
        }
        if status == EXTENSION_ERROR and server is not None:
            result["extension_error"] = server.extension_error
        results.append({**result, "error": errors[arn]} if arn in errors else result)
    return results
