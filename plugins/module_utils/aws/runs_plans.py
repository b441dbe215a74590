# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published plans in the runs table: versioned, a version for every change and for nothing else.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..core.timestamps import format_time
from .dynamodb import RETRY_DELAYS, Item, back_off, round_trip, to_value
from .errors import ConflictError, TransientError
from .table import Table, without_keys


class PlanItems(Table):
    """Plan items of the runs table."""

    def put_plan(self, plan: Mapping[str, Any], *, digest: str, by: str, at: datetime) -> Item:
        """Publish a plan as its next version, unless the current version has the same digest.

        Args:
            plan: The plan document, with its C(name).
            digest: Digest of the document; equal digests are equal plans.
            by: ARN of the caller.
            at: Moment of publication.

        Returns:
            The current plan as L(get_plan) gives it, and C(changed).
        """
        name = str(plan["name"])
        for attempt in range(len(RETRY_DELAYS)):
            current = self.get_plan(name)
            if current and current["digest"] == digest:
                return {**current, "changed": False}
            version = 1 + (current["version"] if current else self._last_version(name))
            item = {
                "plan": dict(plan),
                "version": version,
                "digest": digest,
                "published_at": format_time(at),
                "published_by": by,
            }
            unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
            if current:
                unchanged = {
                    "ConditionExpression": "version = :version",
                    "ExpressionAttributeValues": {":version": to_value(current["version"])},
                }
            writes = [
                self._put({"pk": f"PLAN#{name}", "sk": "CURRENT", **item}, **unchanged),
                self._put(
                    {"pk": f"PLAN#{name}", "sk": f"V#{version:06d}", **item},
                    ConditionExpression="attribute_not_exists(pk)",
                ),
                self._put({"pk": "PLANS", "sk": name, "version": version}),
            ]
            try:
                self._transact(writes, f"publish plan {name}")
            except ConflictError:
                back_off(attempt, self._sleep)
                continue
            return {**round_trip(item), "changed": True}
        raise TransientError(f"Plan {name}: somebody else publishes it again and again; nothing was written")

    def get_plan(self, name: str) -> Item | None:
        """Return C({plan, version, digest, published_at, published_by}) of the current version, or None."""
        return self._get(f"PLAN#{name}", "CURRENT", f"read plan {name}")

    def get_plan_version(self, name: str, version: int) -> Item | None:
        """Return one version of a plan as L(get_plan) gives the current one, also of a withdrawn plan, or None."""
        return self._get(f"PLAN#{name}", f"V#{version:06d}", f"read version {version} of plan {name}")

    def plan_versions(self, name: str) -> list[Item]:
        """Return all versions of a plan as L(get_plan) gives the current one, the newest first."""
        found = self._query_with_keys(f"PLAN#{name}", "V#", what=f"read versions of plan {name}", newest_first=True)
        return [without_keys(item) for item in found]

    def list_plans(self) -> list[Item]:
        """Return C({name, version}) of every known plan, by name."""
        found = self._query_with_keys("PLANS", what="list plans")
        return [{"name": item["sk"], "version": item["version"]} for item in found]

    def delete_plan(self, name: str) -> bool:
        """Withdraw a plan; its old versions and its runs stay. Returns whether there was one."""
        existed = self.get_plan(name) is not None
        self._transact(
            [self._delete(f"PLAN#{name}", "CURRENT"), self._delete("PLANS", name)],
            f"withdraw plan {name}",
        )
        return existed

    def _last_version(self, name: str) -> int:
        what = f"read versions of plan {name}"
        newest = self._query_with_keys(f"PLAN#{name}", "V#", what=what, limit=1, newest_first=True)
        return max((int(item["version"]) for item in newest), default=0)
