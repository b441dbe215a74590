# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of one server in one run, as the runs table holds it (architecture, section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .canonical import plain
from .failback_words import Kind
from .places import Place
from .runs import ServerStatus


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """A server of a run. Times are texts as L(timestamps.format_time) writes them.

    Attributes:
        attempts: Launches started so far.
        attempts_allowed: Launches that may be started, the first one included.
        job_id: The latest job that launches it.
        launched_at: When its latest launch succeeded; None before.
        recovery_point_at: The point in time that its data are from.
        accepted: It failed, and the wave's tolerance or an operator has accepted that.
        reason: Why it is in this status, for a person.
        attached: Volumes and network interfaces of its drill instance, as they were before its termination.
        expected: What validation looks for, see L(validation.expected_of): interfaces, names of probes, and what the
            launch template's version says.
        probes: What each probe saw, by its name; see L(probe_results).
        launch_template: The template version (C(lt-…:7)) that was made the default one for its launch; None before.
        restored: The default version is that from before the drill again.
        instance_type: The type of that version, and of the instance once that was seen; None where neither says one.
        types_without_capacity: Types with which a launch failed for want of capacity, in order.
        account_id: Account in which it is launched; None for that of the orchestrator.
        region: Region in which it is launched; None for that of the orchestrator.
        way_home: Where a failback has come to with it (architecture, section 10); empty in other modes.
    """

    server_key: str
    wave: int
    source_server_id: str
    critical: bool
    is_windows: bool = False
    status: str = ServerStatus.PENDING
    attempts: int = 0
    attempts_allowed: int = 1
    job_id: str | None = None
    instance_id: str | None = None
    launched_at: str | None = None
    validated_at: str | None = None
    recovery_point_at: str | None = None
    accepted: bool = False
    reason: str = ""
    attached: Sequence[str] = field(default_factory=list)
    expected: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)
    launch_template: str | None = None
    restored: bool = False
    instance_type: str | None = None
    types_without_capacity: Sequence[str] = field(default_factory=list)
    account_id: str | None = None
    region: str | None = None
    way_home: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> Place | None:
        """Where it is launched; None for the place of the orchestrator."""
        return Place(self.account_id or "", self.region or "") if self.account_id or self.region else None

    @property
    def own_instance_id(self) -> str | None:
        """Its instance if a job of this run launched it; what was there before is not the run's to terminate."""
        return self.instance_id if self.job_id else None

    @property
    def template_id(self) -> str | None:
        """Id of the launch template, None as long as this run has not looked at it."""
        return self.launch_template.split(":")[0] if self.launch_template else None

    @property
    def prepared(self) -> bool:
        """Whether its template was set to the profile of the run's mode, and not back yet."""
        return self.launch_template is not None and not self.restored

    @property
    def was_home(self) -> bool:
        """Whether a failback has left it out because it is at home, so that there was nothing to do."""
        return self.status == ServerStatus.SKIPPED and self.way_home.get("stage") == "protected"

    @property
    def by_failback_client(self) -> bool:
        """Whether a failback client launches it, on the machine on premises where it is at home."""
        return self.way_home.get("kind") == Kind.ON_PREMISES

    @property
    def recovered(self) -> bool:
        """Whether it was launched and validated, also when it was cleaned up after a drill."""
        return self.validated_at is not None and self.status in {ServerStatus.VALIDATED, ServerStatus.CLEANED_UP}


def record_to_item(record: ServerRecord) -> dict[str, Any]:
    """Return the record as a plain dict (no DynamoDB types), without the table's keys C(pk) and C(sk)."""
    item = {member.name: plain(getattr(record, member.name)) for member in fields(record)}
    return {**item, "status": str(record.status)}


def record_from_item(item: Mapping[str, Any]) -> ServerRecord:
    """Build a record from a stored item; numbers may be C(Decimal), unknown attributes are ignored."""
    known = {member.name for member in fields(ServerRecord)}
    return ServerRecord(**{name: plain(value) for name, value in item.items() if name in known})
