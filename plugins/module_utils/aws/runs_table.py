# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runs table: plans, runs, waves, steps, servers, pauses, events and locks (architecture, section 5).

Every read is consistent and nothing scans. Every write may be repeated: a function that was retried writes the same
again. Moments come in as aware datetimes, are stored as L(timestamps.format_time) writes them, and come out as stored.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ..core.events import FIRST_HASH
from ..core.timestamps import format_time
from .dynamodb import Item, round_trip
from .errors import ConflictError
from .runs_events import EventItems
from .runs_locks import LockItems
from .runs_pauses import PauseItems
from .runs_plans import PlanItems
from .runs_steps import StepItems


class RunsTable(PlanItems, EventItems, PauseItems, LockItems, StepItems):
    """The runs table through one boto3 DynamoDB client.

    Args:
        client: boto3 DynamoDB client.
        name: Name of the table (C(disaster-recovery-runs)).
        sleep: Waits C(seconds) between retries; only tests give another.

    Every method raises the errors of C(errors.py): L(TransientError) after throttles or races that did not end,
    L(NotFoundError) when the table or the named item does not exist.
    """

    def open_run(
        self,
        *,
        run_id: str,
        plan: Mapping[str, Any],
        mode: str,
        requested_at: datetime,
        requested_by: str,
        execution_arn: str,
        incident_at: datetime | None = None,
        hold: int = 0,
        drill: bool = False,
    ) -> tuple[Item, bool]:
        """Create the run, status C(running), with no event; or find it again when the same request comes again.

        Args:
            plan: The plan document as of now; the run keeps it.
            hold: Seconds that a drill's instances stay for testers.
            drill: Whether a run of mode failback is a drill.

        Returns:
            The run, and whether it was created by this call.

        Raises:
            ConflictError: The run id belongs to another request (plan, mode or execution differ).
        """
        item = {
            "run_id": run_id,
            "plan_name": plan["name"],
            "plan": dict(plan),
            "mode": mode,
            "status": "running",
            "open_pauses": [],
            "requested_at": format_time(requested_at),
            "requested_by": requested_by,
            "incident_at": format_time(incident_at) if incident_at else None,
            "execution_arn": execution_arn,
            "hold": hold,
            "drill": drill,
            "event_count": 0,
            "last_hash": FIRST_HASH,
            "closed_at": None,
            "evidence": None,
        }
        by_plan = {
            "pk": f"PLAN#{plan['name']}",
            "sk": f"RUN#{format_time(requested_at)}#{run_id}",
            "run_id": run_id,
            "mode": mode,
        }
        writes = [
            self._put({"pk": f"RUN#{run_id}", "sk": "META", **item}, ConditionExpression="attribute_not_exists(pk)"),
            self._put(by_plan),
        ]
        try:
            self._transact(writes, f"open run {run_id}")
            return round_trip(item), True
        except ConflictError:
            existing = self.get_run(run_id)
            if existing is None:
                raise
        for name, wanted in (("plan_name", plan["name"]), ("mode", mode), ("execution_arn", execution_arn)):
            if existing[name] != wanted:
                raise ConflictError(
                    f"Run id {run_id} is taken by another run: its {name} is {existing[name]!r}, not {wanted!r}. "
                    "Choose another run id."
                )
        return existing, False

    def get_run(self, run_id: str) -> Item | None:
        """Return the run, or None."""
        return self._get(f"RUN#{run_id}", "META", f"read run {run_id}")

    def list_runs(self, plan_name: str, *, limit: int | None = None) -> list[Item]:
        """Return C({run_id, mode, requested_at}) of the runs of a plan, newest first."""
        what = f"list runs of plan {plan_name}"
        found = self._query_with_keys(f"PLAN#{plan_name}", "RUN#", what=what, limit=limit, newest_first=True)
        return [
            {"run_id": item["run_id"], "mode": item["mode"], "requested_at": item["sk"].split("#")[1]} for item in found
        ]

    def update_run(self, run_id: str, changes: Mapping[str, Any], *, require: Mapping[str, Any] | None = None) -> Item:
        """Set attributes of the run and return it whole; see L(_update) for C(require)."""
        return self._update(f"RUN#{run_id}", "META", changes, require, f"update run {run_id}")

    def put_waves(self, run_id: str, waves: Iterable[Mapping[str, Any]]) -> None:
        """Write the waves of a run; each has its number in C(wave), from 1. What was there is replaced."""
        self._put_all(
            [{"pk": f"RUN#{run_id}", "sk": f"WAVE#{wave['wave']:02d}", **wave} for wave in waves],
            f"write waves of run {run_id}",
        )

    def get_waves(self, run_id: str) -> list[Item]:
        """Return the waves of a run in order, without the tokens of those that wait for their turn."""
        return [{name: value for name, value in wave.items() if name != "turn_token"} for wave in self._waves(run_id)]

    def turn_tokens(self, run_id: str) -> dict[int, str]:
        """Return the task tokens of the waves that wait for their turn, by number.

        They are secrets: hand them to Step Functions and nowhere else.
        """
        return {wave["wave"]: wave["turn_token"] for wave in self._waves(run_id) if wave.get("turn_token")}

    def _waves(self, run_id: str) -> list[Item]:
        return self._query(f"RUN#{run_id}", "WAVE#", what=f"read waves of run {run_id}")

    def update_wave(
        self, run_id: str, wave: int, changes: Mapping[str, Any], *, require: Mapping[str, Any] | None = None
    ) -> None:
        """Set attributes of a wave; see L(_update) for C(require)."""
        self._update(f"RUN#{run_id}", f"WAVE#{wave:02d}", changes, require, f"update wave {wave} of run {run_id}")

    # Servers

    def put_servers(self, run_id: str, servers: Iterable[Mapping[str, Any]]) -> None:
        """Write servers of a run, each with C(server_key) and C(wave). What was there is replaced whole."""
        self._put_all(
            [
                {"pk": f"RUN#{run_id}", "sk": f"SERVER#{server['wave']:02d}#{server['server_key']}", **server}
                for server in servers
            ],
            f"write servers of run {run_id}",
        )

    def get_servers(self, run_id: str, wave: int | None = None) -> list[Item]:
        """Return the servers of one wave, or of the whole run, by wave and key."""
        prefix = "SERVER#" if wave is None else f"SERVER#{wave:02d}#"
        return self._query(f"RUN#{run_id}", prefix, what=f"read servers of run {run_id}")

    def update_server(
        self,
        run_id: str,
        wave: int,
        server_key: str,
        changes: Mapping[str, Any],
        *,
        require: Mapping[str, Any] | None = None,
    ) -> Item:
        """Set attributes of a server and return it whole; see L(_update) for C(require)."""
        return self._update(
            f"RUN#{run_id}",
            f"SERVER#{wave:02d}#{server_key}",
            changes,
            require,
            f"update server {server_key} of run {run_id}",
        )
