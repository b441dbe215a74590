"""What one account and Region of DRS remembers. Plain data; what a moment shows of it is computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..auth import Principal
from ..machines.software import Agent, Service

ACTIVE_STATES = frozenset({"CONTINUOUS", "BACKLOG", "RESCAN", "CREATING_SNAPSHOT", "STALLED", "PAUSED"})
"""Replication states of a server whose initial sync has ended, so that it has recovery snapshots."""

HALTED_STATES = frozenset({"STALLED", "PAUSED"})
"""Replication states in which no new data arrive: the lag grows with time."""


@dataclass
class Interface:
    """A network interface of a source server."""

    mac_address: str
    addresses: list[str]
    primary: bool


@dataclass
class Disk:
    """A replicated disk of a source server."""

    device_name: str
    size: int


@dataclass
class Machine:
    """What the agent reports of the machine that replicates; a machine on premises has no origin in AWS."""

    hostname: str
    fqdn: str
    os: str
    instance_type: str
    cpu_cores: int
    ram_bytes: int
    interfaces: list[Interface]
    disks: list[Disk]
    origin_account: str | None
    origin_region: str | None
    origin_zone: str | None
    instance_id: str | None
    boot_mode: str = "legacy-bios"
    services: tuple[Service, ...] = ()
    agent: Agent | None = None

    @property
    def in_aws(self) -> bool:
        """Tell whether the machine is an EC2 instance."""
        return self.instance_id is not None

    @property
    def is_windows(self) -> bool:
        """Tell whether the machine runs Windows."""
        return "windows" in self.os.lower()

    @property
    def primary_address(self) -> str | None:
        """Return the first address of the primary interface, None when there is none."""
        addresses = [item.addresses[0] for item in self.interfaces if item.primary and item.addresses]
        return addresses[0] if addresses else None


@dataclass(frozen=True)
class Phase:
    """A replication state that lasts so many seconds, with what is wrong meanwhile."""

    state: str
    seconds: float
    error: str | None = None


@dataclass
class Replication:
    """Where replication stands. `replication.py` moves it, `progress.py` shows it.

    A state that time alone does not end has no `until`; else the phases of `ahead` follow it, then CONTINUOUS.
    """

    state: str
    lag: float
    """Seconds behind the machine at `since`."""
    since: datetime
    """The moment of the last change."""
    started: datetime
    """When the initiation began."""
    first_byte: datetime | None = None
    """When the first data arrived."""
    protected_since: datetime | None = None
    """The first consistent point in time; None while there is none to recover from."""
    until: datetime | None = None
    ahead: tuple[Phase, ...] = ()
    error: str | None = None
    """Of the enumeration DataReplicationErrorString, while STALLED."""
    staging_zone: str | None = None
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    """Spans of time without consistent points: the machine went on, the data came later."""


@dataclass
class ReplicationTemplate:
    """The replication configuration that new source servers of an account and Region get."""

    template_id: str
    arn: str
    configuration: dict[str, Any]
    tags: dict[str, str]


@dataclass
class LaunchFault:
    """A launch that shall fail: the phase, how many more times, and what the job log says about it."""

    phase: str
    times: int
    raw_error: str | None


@dataclass
class SourceServer:
    """A source server, or the view of one that replicates in a staging account (`extends`: its ARN).

    `launched_instance_id` outlives the record of the recovery instance: the next launch terminates it all the same,
    unless the server was launched into an existing instance.
    `reversed_arn` is the source server of the other direction as DRS shows it, `counterpart_arn` the one that a
    FAILBACK server was made for. `templates_lost` counts the launch templates that somebody has deleted.
    `initiation_error` makes the next initiations fail. `extension_error` is what was seen of a broken extension.
    """

    server_id: str
    arn: str
    machine: Machine
    replication: Replication
    added: datetime
    tags: dict[str, str]
    launch_configuration: dict[str, Any]
    replication_configuration: dict[str, Any]
    extends: str | None = None
    extension_error: str | None = None
    last_launch_result: str = "NOT_STARTED"
    last_launch: dict[str, Any] = field(default_factory=lambda: {"initiated": {}})
    recovery_instance_id: str | None = None
    launched_instance_id: str | None = None
    launched_into_existing: bool = False
    launches: int = 0
    templates_lost: int = 0
    slow: float = 1.0
    faults: list[LaunchFault] = field(default_factory=list)
    launch_actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    direction: str = "FAILOVER"
    reversed_arn: str | None = None
    counterpart_arn: str | None = None
    initiation_error: str | None = None

    @property
    def template_id(self) -> str:
        """Return the id of the server's EC2 launch template."""
        return str(self.launch_configuration["ec2LaunchTemplateID"])


@dataclass
class Participant:
    """One server in a job: its status, when each step is due (seconds from the job's creation), what came of it.

    A target instance becomes a recovery instance at the end of its launch; then the launch actions run.
    `launch_into` is an instance that existed before.
    """

    server_id: str
    status: str = "PENDING"
    offsets: dict[str, float] = field(default_factory=dict)
    snapshot_id: str | None = None
    point_in_time: datetime | None = None
    conversion_server_id: str | None = None
    target_instance_id: str | None = None
    recovery_instance_id: str | None = None
    launch_into: str | None = None
    finished: bool = False
    actions: list[dict[str, Any]] = field(default_factory=list)
    action_runs: list[dict[str, Any]] = field(default_factory=list)
    ssm_agent_found: str | None = None


@dataclass
class Job:
    """A job.

    `staging` tells for each extended server who prepares its snapshot: the staging account, the job there and the
    server there. `execution_id` is the execution of a recovery plan that started the job. `caller` is whose permissions
    DRS uses in EC2 for the job, None when it uses its own.
    """

    job_id: str
    arn: str
    number: int
    kind: str
    initiated_by: str
    created: datetime
    participants: list[Participant]
    tags: dict[str, str]
    is_drill: bool = False
    status: str = "PENDING"
    ended: datetime | None = None
    log: list[dict[str, Any]] = field(default_factory=list)
    staging: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    execution_id: str | None = None
    caller: Principal | None = None

    @property
    def active(self) -> bool:
        """Tell whether the job still runs."""
        return self.status != "COMPLETED"

    @property
    def recovers(self) -> bool:
        """Tell whether the job launches recovery instances (the launch of a failback client does not)."""
        return self.kind == "LAUNCH" and self.initiated_by != "FAILBACK"

    def participant(self, server_id: str) -> Participant:
        """Return the part of one server."""
        return next(item for item in self.participants if item.server_id == server_id)


@dataclass
class Failback:
    """What a recovery instance's failback has come to.

    `replicates_to` is the source server that ReverseReplication made or pointed here; `client_id` and `replication` are
    those of an on-premises failback client.
    """

    state: str = "FAILBACK_NOT_STARTED"
    initiated: datetime | None = None
    replicates_to: str | None = None
    job_id: str | None = None
    launch_type: str | None = None
    client_id: str | None = None
    original_server: bool = False
    replication: Replication | None = None


@dataclass
class RecoveryInstance:
    """An instance that DRS launched, kept until it is terminated through DRS or deleted from it."""

    instance_id: str
    arn: str
    server_id: str
    job_id: str
    is_drill: bool
    machine: Machine
    point_in_time: datetime
    launched: datetime
    tags: dict[str, str] = field(default_factory=dict)
    disconnected: bool = False
    terminating: bool = False
    failback: Failback = field(default_factory=Failback)
    failback_configuration: dict[str, Any] = field(default_factory=dict)


@dataclass
class LaunchConfigurationTemplate:
    """What new source servers of an account and Region get as their launch configuration."""

    template_id: str
    arn: str
    settings: dict[str, Any]
    tags: dict[str, str]
    launch_actions: dict[str, dict[str, Any]] = field(default_factory=dict)
