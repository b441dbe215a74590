# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pauses of a run in the runs table: what is asked, the task token, and the one answer.

A run waits as long as a pause of it is open. Its record lists the open ones (C(open_pauses)), and a pause that begins
or ends changes item, list and status in one transaction: so the status is right whoever pauses at the same time.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..core.decisions import DecisionError, PauseStatus, check_decision, pause_from_item
from ..core.runs import RUN_FINAL, RunStatus
from ..core.timestamps import format_time
from .dynamodb import Item, back_off, cancellation_codes, round_trip
from .errors import ConflictError, NotFoundError, TransientError
from .table import Table

LOST_RACES = (
    60  # times in a row that others may pause the same run, or end pauses of it, before one is told to come back
)


def _without_token(pause: Mapping[str, Any]) -> Item:
    return {name: value for name, value in pause.items() if name != "task_token"}


def is_same_answer(pause: Mapping[str, Any], *, decision: str, by: str, reason: str) -> bool:
    """Tell whether a pause has been answered with this decision by this caller for this reason."""
    given = (pause.get("decision"), pause.get("decided_by"), pause.get("decision_reason"))
    return pause["status"] == PauseStatus.ANSWERED and given == (decision, by, reason)


def _is_asked_again(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    same = ("step", "wave", "asked_at")
    return "asked_at" in old and all(old.get(name) == new.get(name) for name in same)


class PauseItems(Table):
    """Pause items of the runs table."""

    def create_pause(self, run_id: str, pause: Mapping[str, Any]) -> Item:
        """Store a pause under the run's next pause number, status C(open); the same C(task_token) is the same pause.

        Asked again for the same step at the same time with another token, as a retried state does, it is the same pause
        as well, and the new token is the one that counts.

        Args:
            pause: C(step, wave, asked_at, reason, details, options, default, deadline, task_token).

        Returns:
            The pause without its token, with C(pause_id) (C(001), C(002), …).
        """
        what = f"pause run {run_id}"
        for attempt in range(LOST_RACES):
            known = self._query(f"RUN#{run_id}", "PAUSE#", what=what)
            for other in known:
                if other["task_token"] == pause["task_token"]:
                    return _without_token(other)
                if other["status"] == PauseStatus.OPEN and _is_asked_again(other, pause):
                    return self._renew_token(run_id, other["pause_id"], pause["task_token"])
            pause_id = f"{len(known) + 1:03d}"
            item = {**pause, "pause_id": pause_id, "status": str(PauseStatus.OPEN)}
            key = {"pk": f"RUN#{run_id}", "sk": f"PAUSE#{pause_id}"}
            writes = [
                self._put({**key, **item}, ConditionExpression="attribute_not_exists(pk)"),
                self._moving_run(run_id, began=pause_id),
            ]
            try:
                self._transact(writes, what)
            except ConflictError:
                back_off(min(attempt, 3), self._sleep)
                continue
            return _without_token(round_trip(item))
        raise TransientError(f"{what}: lost {LOST_RACES} races in a row against other writers")

    def _moving_run(self, run_id: str, *, began: str = "", ended: str = "") -> Item:
        """Return the write that gives the run the status that its open pauses amount to; a closed run keeps its own.

        Args:
            began: Id of the pause that begins.
            ended: Id of the pause that ends.
        """
        run = self._get(f"RUN#{run_id}", "META", f"read run {run_id}")
        if run is None:
            raise NotFoundError(f"There is no run {run_id} in table {self.name}")
        listed = run.get("open_pauses")
        # A run that an earlier version opened has no list yet.
        before = [pause["pause_id"] for pause in self.open_pauses(run_id)] if listed is None else listed
        after = sorted({*before, began} - {ended, ""})
        waits = RunStatus.WAITING if after else RunStatus.RUNNING
        changes = {"open_pauses": after, "status": run["status"] if run["status"] in RUN_FINAL else str(waits)}
        return self._updating(
            f"RUN#{run_id}", "META", changes, {"status": run["status"]}, require_or_missing={"open_pauses": listed}
        )

    def _end_pause(
        self, run_id: str, pause_id: str, changes: Mapping[str, Any], what: str, *, later_than: str | None = None
    ) -> Item:
        """End an open pause and return it without its token.

        Args:
            later_than: The pause's deadline must not have passed then.

        Raises:
            ConflictError: It is not open, or its deadline has passed.
        """
        pk, sk = f"RUN#{run_id}", f"PAUSE#{pause_id}"
        for attempt in range(LOST_RACES):
            ending = self._updating(
                pk,
                sk,
                changes,
                {"status": str(PauseStatus.OPEN)},
                later_than={"deadline": later_than} if later_than else None,
            )
            try:
                self._transact([ending, self._moving_run(run_id, ended=pause_id)], what)
            except ConflictError as error:
                if cancellation_codes(error)[:1] != ["None"]:
                    raise
                back_off(min(attempt, 3), self._sleep)
                continue
            return self._pause(run_id, pause_id)
        raise TransientError(f"{what}: lost {LOST_RACES} races in a row against other writers")

    def _renew_token(self, run_id: str, pause_id: str, token: str) -> Item:
        what = f"renew pause {pause_id} of run {run_id}"
        pause = self._update(
            f"RUN#{run_id}", f"PAUSE#{pause_id}", {"task_token": token}, {"status": str(PauseStatus.OPEN)}, what
        )
        return _without_token(pause)

    def get_pause(self, run_id: str, pause_id: str) -> Item | None:
        """Return a pause without its token, or None."""
        pause = self._get(f"RUN#{run_id}", f"PAUSE#{pause_id}", f"read pause {pause_id} of run {run_id}")
        return _without_token(pause) if pause else None

    def pauses(self, run_id: str) -> list[Item]:
        """Return all pauses of a run in order, without their tokens."""
        return [
            _without_token(item) for item in self._query(f"RUN#{run_id}", "PAUSE#", what=f"read pauses of {run_id}")
        ]

    def open_pauses(self, run_id: str) -> list[Item]:
        """Return the pauses that wait for an answer, in order, without their tokens."""
        return [pause for pause in self.pauses(run_id) if pause["status"] == PauseStatus.OPEN]

    def task_token(self, run_id: str, pause_id: str) -> str:
        """Return the task token of a pause. It is a secret: hand it to Step Functions and nowhere else."""
        pause = self._get(f"RUN#{run_id}", f"PAUSE#{pause_id}", f"read pause {pause_id} of run {run_id}")
        if pause is None:
            raise NotFoundError(f"Run {run_id} has no pause {pause_id}")
        return str(pause["task_token"])

    def answer_pause(
        self, run_id: str, pause_id: str, *, decision: str, by: str, at: datetime, reason: str
    ) -> tuple[Item, bool]:
        """Record an operator's decision, under the condition that the pause is open and its deadline not passed.

        Args:
            decision: One of the pause's C(options).
            by: ARN of the caller.
            at: Moment of the decision.
            reason: Why, in the operator's words.

        Returns:
            The pause without its token, and whether this call recorded the answer: the same answer by the same caller
            again finds the first one.

        Raises:
            ConflictError: It was answered, it expired, it does not offer the decision; the message says which.
            NotFoundError: There is no such pause.
        """
        answer = {"decision": decision, "by": by, "reason": reason}
        if not self.check_answer(run_id, self._pause(run_id, pause_id), at=at, **answer):
            return self._pause(run_id, pause_id), False
        changes = {
            "status": str(PauseStatus.ANSWERED),
            "decision": decision,
            "decided_by": by,
            "decided_at": format_time(at),
            "decision_reason": reason,
        }
        try:
            what = f"answer pause {pause_id} of run {run_id}"
            return self._end_pause(run_id, pause_id, changes, what, later_than=format_time(at)), True
        except ConflictError:
            now_there = self._pause(run_id, pause_id)
            if self.check_answer(run_id, now_there, at=at, **answer):
                raise
            return now_there, False

    def check_answer(
        self, run_id: str, pause: Mapping[str, Any], *, decision: str, by: str, at: datetime, reason: str
    ) -> bool:
        """Return whether the answer would be recorded (False: it is the one that is recorded), or refuse it.

        Raises:
            ConflictError: As L(answer_pause) does.
        """
        if is_same_answer(pause, decision=decision, by=by, reason=reason):
            return False
        try:
            check_decision(pause_from_item(pause), decision, by=by, now=at)
        except DecisionError as error:
            raise ConflictError(f"Run {run_id}: {error}") from error
        return True

    def expire_pause(self, run_id: str, pause_id: str, *, at: datetime) -> Item:
        """Close an open pause with its own default as the decision; an answered one stays as it is.

        Returns:
            The pause without its token: C(decision) is what now counts.
        """
        pause = self._pause(run_id, pause_id)
        try:
            return self._end_pause(
                run_id,
                pause_id,
                {
                    "status": str(PauseStatus.EXPIRED),
                    "decision": pause["default"],
                    "decided_by": "deadline",
                    "decided_at": format_time(at),
                    "decision_reason": "nobody answered in time",
                },
                f"expire pause {pause_id} of run {run_id}",
            )
        except ConflictError:
            return self._pause(run_id, pause_id)

    def void_pause(self, run_id: str, pause_id: str, *, by: str, at: datetime) -> None:
        """Close an open pause whose execution has ended, without a decision.

        Raises:
            ConflictError: It is not open.
        """
        changes = {"status": str(PauseStatus.VOID), "decided_by": by, "decided_at": format_time(at)}
        self._end_pause(run_id, pause_id, changes, f"void pause {pause_id} of run {run_id}")

    def _pause(self, run_id: str, pause_id: str) -> Item:
        pause = self.get_pause(run_id, pause_id)
        if pause is None:
            raise NotFoundError(f"Run {run_id} has no pause {pause_id}")
        return pause
