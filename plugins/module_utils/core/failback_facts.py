# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS shows of one machine in the failback cycle (the words: architecture, section 10).

Source: DRS API Reference, SourceServer, RecoveryInstance, Job. Enumerations are open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .failback_words import Kind
from .machines import ENDED
from .places import Place
from .replication_progress import Replication
from .replication_progress import from_drs as replication_from_drs
from .source_servers import from_drs
from .timestamps import format_time, parse_time

Item = Mapping[str, Any]

GONE = "gone"
"""State of an instance that EC2 does not know any more, or that is terminated."""

RUNNING = "running"

NOT_REVERSED = frozenset({"", "NOT_STARTED"})
"""Replication states of a recovery instance whose replication nobody has reversed."""

FAILING_BACK = frozenset({"FAILBACK_IN_PROGRESS", "FAILBACK_READY_FOR_LAUNCH"})
"""Failback states in which DRS refuses to terminate a recovery instance."""

ON_PREMISES = "ON_PREMISES"
EXTENSION_ERROR = "EXTENSION_ERROR"


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A source server: C(protecting), C(returning), or one of a staging account that C(protecting) extends.

    Attributes:
        place: Account and Region that it replicates to.
        origin: Account and Region of the machine that it replicates; empty texts where DRS names none.
        instance_id: Instance that it replicates, empty when that is none of EC2.
        replication: How far its replication has come.
        rescanned: Every disk was compared with what DRS has of it since the machine was last connected.
        extends: The source server of a staging account that it extends, by ARN; empty for others.
        extension_error: Why DRS cannot use that one; empty when it can.
        started_at: When its replication was initiated last; empty where DRS does not say.
        first_byte_at: When its first copy began, None when DRS does not say.
        zone: Availability zone of the machine that it replicates, empty where DRS names none.
        seen_at: When DRS last heard of the agent, None when it does not say.
    """

    server_id: str
    arn: str
    key: str
    place: Place
    origin: Place
    direction: str
    instance_id: str
    replication: Replication
    rescanned: bool
    first_byte_at: str | None
    recovery_instance_id: str
    last_launch_result: str
    reversed_arn: str
    extends: str = ""
    extension_error: str = ""
    started_at: str = ""
    zone: str = ""
    seen_at: str | None = None

    @property
    def is_extended(self) -> bool:
        """Whether it extends a source server of a staging account."""
        return bool(self.extends)

    @property
    def state(self) -> str:
        """State of its replication."""
        return self.replication.state

    @property
    def ended(self) -> bool:
        """Whether it replicates no more, and DRS has no data of it."""
        return self.state in ENDED

    @property
    def in_sync(self) -> bool:
        """Whether what DRS has is what the machine has."""
        return self.state == "CONTINUOUS" and self.replication.lag == 0

    @property
    def protects(self) -> bool:
        """Whether it protects its machine again: also every disk was rescanned since it was pointed to that."""
        return self.in_sync and self.rescanned


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """A recovery instance: C(recovered) or C(returned).

    Attributes:
        instance_id: The EC2 instance; DRS uses its id for the recovery instance, too.
        server_id: Source server that it was launched from.
        point_in_time: The moment that its data are from, empty when DRS does not say.
        job_id: The job that launched it.
        failback_launch: C(failbackLaunchType) of its failback: C(RECOVERY), C(DRILL), or empty as long as none was.
        replication: Of the instance itself, after it was reversed, or as a failback client copies it.
        to_original: Whether its failback client runs on the original machine; None where there is no client.
        failback_since: When its failback began, None when DRS does not say.
        origin_zone: Availability zone of the machine that it was launched from, empty where DRS names none.
    """

    instance_id: str
    server_id: str
    is_drill: bool
    origin_environment: str
    point_in_time: str
    job_id: str
    failback_state: str
    failback_launch: str
    replication: Replication
    to_original: bool | None = None
    failback_since: str | None = None
    origin_zone: str = ""

    @property
    def is_reversed(self) -> bool:
        """Whether its replication was reversed, and nobody has stopped the failback since."""
        return self.replication.state not in NOT_REVERSED

    @property
    def is_failing_back(self) -> bool:
        """Whether DRS calls its failback unfinished, and refuses to terminate it."""
        return self.failback_state in FAILING_BACK


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What AWS shows of one machine.

    Attributes:
        recovered: None when there is no recovery instance but those of drills.
        returning: None when it is not there (any more).
        returned: None when there is none that is younger than C(recovered).
        original_id: Instance that was the source at the time of the failover; empty when nothing tells (any more).
        original_protected_by: Another source server that replicates it, empty when there is none.
        staging: The source server that C(protecting) extends; None where it extends none, or that is not there.
        instance_states: EC2 states of all these instances by id; one that EC2 does not know is not in it.
        recovery_job_id: Active job that launches C(protecting).
        launch_job_id: Active job that launches C(returning).
        termination_job_id: Active job that terminates C(recovered).
        zones: Where it is at home, and where it is recovered; of kind C(cross_zone) only, None where nobody tells.
        contradiction: What makes it uncertain which is which, for a person; empty when nothing does.
        unread: What could not be read, and why; empty when everything was.
    """

    protecting: ServerFacts
    recovered: InstanceFacts | None = None
    returning: ServerFacts | None = None
    returned: InstanceFacts | None = None
    original_id: str = ""
    original_protected_by: str = ""
    staging: ServerFacts | None = None
    instance_states: Mapping[str, str] = field(default_factory=dict)
    recovery_job_id: str = ""
    launch_job_id: str = ""
    termination_job_id: str = ""
    zones: Zones | None = None
    contradiction: str = ""
    unread: str = ""

    @property
    def home(self) -> Place:
        """Account and Region that recovers."""
        return self.protecting.place

    @property
    def origin(self) -> Place:
        """Account and Region where the machine is at home."""
        return self.returning.place if self.returning else self.protecting.origin

    @property
    def kind(self) -> Kind:
        """How the machine gets home."""
        if self.protecting.is_extended:
            return Kind.EXTENDED
        environment = self.recovered.origin_environment if self.recovered else ""
        if environment == ON_PREMISES or not self.protecting.origin.region:
            return Kind.ON_PREMISES
        return Kind.CROSS_ZONE if self.protecting.origin == self.home else Kind.CROSS_REGION

    @property
    def protected_again(self) -> bool:
        """Whether C(protecting) replicates C(returned): somebody has reversed that, and it has its instance.

        What a server of a staging account replicates is never reversed: its replication was started after the launch.
        """
        if self.returned is None or self.protecting.instance_id != self.returned.instance_id:
            return False
        if self.kind != Kind.EXTENDED:
            return self.returned.is_reversed
        return (
            self.staging is not None
            and self.staging.instance_id == self.returned.instance_id
            and self.staging.started_at > self.returned.point_in_time
        )

    @property
    def superseded(self) -> bool:
        """Whether C(returning) and C(returned) are of an earlier cycle: the machine was protected again from there, and
        C(protecting) has been pointed elsewhere since."""
        return (
            self.recovered is None
            and self.returned is not None
            and self.returned.is_reversed
            and self.protecting.instance_id != self.returned.instance_id
        )

    def state_of(self, instance_id: str) -> str:
        """Return the EC2 state of one of the instances; L(GONE) where EC2 has it no more."""
        state = self.instance_states.get(instance_id, GONE)
        return GONE if state == "terminated" else state

    def instance_ids(self) -> dict[Place, set[str]]:
        """Return the instances whose EC2 states matter, by where they are."""
        at_home = {self.recovered.instance_id} if self.recovered else set()
        at_origin = {self.protecting.instance_id, self.original_id, self.returned.instance_id if self.returned else ""}
        ids: dict[Place, set[str]] = {self.home: at_home}
        ids.setdefault(self.origin, set()).update(at_origin - {""} - at_home)
        return {place: found for place, found in ids.items() if found}


@dataclass(frozen=True, slots=True)
class Zones:
    """Where a machine that never leaves its Region is at home and where it is recovered, by the IP map.

    Attributes:
        home: Availability zone of profile C(failback).
        recovery: Availability zone of profile C(failover).
        staging_home: Subnet that it replicates to as long as it is recovered; empty where nobody declared it.
        staging_recovery: The same, as long as it is at home.
    """

    home: str
    recovery: str
    staging_home: str
    staging_recovery: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a run's record knows of a machine that AWS does not show any more; empty where it does not know.

    Attributes:
        returning_id: The source server by which it came home.
        original_id: The instance that was the source at the time of the failover.
    """

    returning_id: str = ""
    original_id: str = ""


def server_facts(item: Item, place: Place) -> ServerFacts:
    """Build the facts of a source server from an item of DescribeSourceServers of C(place)."""
    server = from_drs(item, account_id=place.account_id, region=place.region)
    replication = item.get("dataReplicationInfo", {})
    disks = replication.get("replicatedDisks", [])
    return ServerFacts(
        server_id=server.source_server_id,
        arn=server.arn,
        key=server.key,
        place=place,
        origin=Place(
            server.origin_account_id or (place.account_id if server.origin_region else ""), server.origin_region
        ),
        direction=server.replication_direction,
        instance_id=server.aws_instance_id or "",
        replication=replication_from_drs(replication),
        rescanned=bool(disks)
        and all(disk.get("rescannedStorageBytes", 0) >= disk.get("totalStorageBytes", 0) for disk in disks),
        first_byte_at=_moment(item.get("lifeCycle", {}).get("firstByteDateTime")),
        recovery_instance_id=server.recovery_instance_id or "",
        last_launch_result=server.last_launch_result,
        reversed_arn=item.get("reversedDirectionSourceServerArn", ""),
        extends=server.staging_arn or "",
        extension_error=server.extension_error if server.extension_status == EXTENSION_ERROR else "",
        started_at=_moment(replication.get("dataReplicationInitiation", {}).get("startDateTime")) or "",
        zone=item.get("sourceCloudProperties", {}).get("originAvailabilityZone", ""),
        seen_at=_moment(server.agent_seen_at),
    )


def instance_facts(item: Item) -> InstanceFacts:
    """Build the facts of a recovery instance from an item of DescribeRecoveryInstances."""
    failback = item.get("failback", {})
    return InstanceFacts(
        instance_id=item.get("ec2InstanceID") or item["recoveryInstanceID"],
        server_id=item.get("sourceServerID", ""),
        is_drill=item.get("isDrill") is True,
        origin_environment=item.get("originEnvironment", ""),
        point_in_time=_moment(item.get("pointInTimeSnapshotDateTime")) or "",
        job_id=item.get("jobID", ""),
        failback_state=failback.get("state", ""),
        failback_launch=failback.get("failbackLaunchType", ""),
        replication=replication_from_drs(item.get("dataReplicationInfo", {})),
        to_original=failback.get("failbackToOriginalServer"),
        failback_since=_moment(failback.get("failbackInitiationTime")),
        origin_zone=item.get("originAvailabilityZone", ""),
    )


def place_of(arn: str) -> Place:
    """Return the account and Region of a source server's ARN."""
    return Place(arn.split(":")[4], arn.split(":")[3])


def with_states(facts: MachineFacts, states: Mapping[str, str]) -> MachineFacts:
    """Return the facts with the EC2 states of their instances, of which C(states) may have many more."""
    ids = {instance_id for found in facts.instance_ids().values() for instance_id in found}
    return replace(facts, instance_states={name: states[name] for name in ids if name in states})


def _moment(text: str | None) -> str | None:
    return format_time(parse_time(text)) if text else None
