# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of a failback: how servers enter a run, by where AWS shows them (architecture, section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from .failback_facts import MachineFacts, Remembered
from .failback_words import HOME_AGAIN, Kind, Position, Stage
from .records import ServerRecord
from .runs import ServerStatus
from .timestamps import format_time

Way = Mapping[str, Any]
"""C(way_home) of a record: C(kind, protecting_server_id, recovered_instance_id, original_instance_id, stage,
stage_since), C(waiting) (what is waited for, as a text: C({text, since})), C(progress) of the replication that is,
C(in_sync_at), C(doing) (the action that was begun and is not seen to be done), C(refused) (what DRS has against it:
C({reason, since})), C(trouble) (why a person has to look at it), C(settings_at), C(original) (what is done to the
original instance: C({doing, fate}))."""

NOT_RECOVERED = "is not recovered"
LEFT_OUT = frozenset({Stage.PROTECTED.value, Stage.REFUSED.value})
"""Stages in which a server takes no part in a run."""

_OWN_SOURCE_SERVER = frozenset({Kind.CROSS_ZONE, Kind.ON_PREMISES})
"""Kinds that go home by the source server that protects them."""


def new_record(
    record: ServerRecord, facts: MachineFacts, position: Position, *, drill: bool, now: datetime
) -> ServerRecord:
    """Return the record of a server with which a failback begins; of one that takes no part, with the reason.

    Args:
        record: The record as the plan says, or as an earlier look has left it before the run's waves began.
        facts: What AWS shows of its machine.
        position: Where the machine is in the cycle.
        drill: Whether the failback is only rehearsed: what is at home already needs no rehearsal.
        now: The time of this look.
    """
    base = replace(moved(record, facts, position, now), status=ServerStatus.PENDING.value, reason="")
    if position.stage == Stage.PROTECTED:
        return replace(base, status=ServerStatus.SKIPPED.value, reason=NOT_RECOVERED)
    if position.stage == Stage.REFUSED:
        return replace(base, status=ServerStatus.SKIPPED.value, reason=f"cannot go home: {position.refusal}")
    if position.stage not in HOME_AGAIN:
        return base
    if drill:
        return replace(base, status=ServerStatus.SKIPPED.value, reason="runs at home already")
    return at_home(base, facts, position, now)


def at_home(record: ServerRecord, facts: MachineFacts, position: Position, now: datetime) -> ServerRecord:
    """Return the record of a server that another run, or an earlier execution of this one, has launched at home.

    What is not protected again yet is validated; what is had been validated before.
    """
    returned = facts.returned
    home = replace(
        record,
        status=ServerStatus.LAUNCHED.value,
        instance_id=returned.instance_id if returned else facts.protecting.instance_id or None,
        job_id=returned.job_id if returned and returned.job_id else record.job_id,
        recovery_point_at=returned.point_in_time if returned and returned.point_in_time else record.recovery_point_at,
        launched_at=record.launched_at or format_time(now),
    )
    if position.stage == Stage.RETURNED:
        return home
    return replace(home, status=ServerStatus.VALIDATED.value, validated_at=record.validated_at or format_time(now))


def moved(record: ServerRecord, facts: MachineFacts, position: Position, now: datetime) -> ServerRecord:
    """Return the record of a server with where it is now; what was remembered of another source server is forgotten."""
    before = record.way_home
    leads_home = _leads_home(facts, position)
    same = bool(leads_home) and leads_home == record.source_server_id
    stage = position.stage.value
    waiting = {"text": position.waiting, "since": format_time(now)} if position.waiting else None
    if waiting and waiting["text"] == (before.get("waiting") or {}).get("text"):
        waiting = before["waiting"]
    way: Way = {
        **before,
        "kind": position.kind.value,
        "protecting_server_id": facts.protecting.server_id,
        "recovered_instance_id": (
            facts.recovered.instance_id if facts.recovered else before.get("recovered_instance_id")
        ),
        "original_instance_id": facts.original_id or before.get("original_instance_id"),
        "stage": stage,
        "stage_since": before["stage_since"] if before.get("stage") == stage else format_time(now),
        "waiting": waiting,
        "in_sync_at": before.get("in_sync_at") if same else None,
        "doing": before.get("doing"),
        "refused": before.get("refused"),
        "progress": before.get("progress") or {} if same else {},
        "settings_at": before.get("settings_at") if same else None,
    }
    elsewhere = facts.origin != facts.home and position.kind not in _OWN_SOURCE_SERVER
    return replace(
        record,
        source_server_id=leads_home,
        account_id=facts.origin.account_id if elsewhere else None,
        region=facts.origin.region if elsewhere else None,
        way_home=way,
    )


def remembered(records: Iterable[ServerRecord]) -> dict[str, Remembered]:
    """Return what records know of machines that AWS does not show any more, by C(protecting)."""
    return {
        record.way_home["protecting_server_id"]: Remembered(
            returning_id=record.source_server_id,
            original_id=record.way_home.get("original_instance_id") or "",
        )
        for record in records
        if record.way_home
    }


def may_enter_anew(record: ServerRecord) -> bool:
    """Tell whether a look before the waves may change how a server takes part; never what a person has decided."""
    if record.status == ServerStatus.SKIPPED:
        return record.way_home.get("stage") in LEFT_OUT
    return record.status == ServerStatus.PENDING and not record.attempts


def _leads_home(facts: MachineFacts, position: Position) -> str:
    """Return the source server that is launched at home, empty as long as there is none."""
    if position.kind in _OWN_SOURCE_SERVER:
        return facts.protecting.server_id
    returning = facts.returning
    return returning.server_id if returning and not (returning.ended and position.stage == Stage.RECOVERED) else ""
