"""What one account and Region remembers of recovery plans and their executions. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...auth import Principal

ACTIVE = frozenset({"CREATED", "IN_PROGRESS", "CANCELLING"})
"""Statuses of an execution that has not ended."""


@dataclass
class PlanServer:
    """A source server of a step; `impact_level` is CRITICAL or OPTIONAL."""

    arn: str
    impact_level: str

    @property
    def server_id(self) -> str:
        """Return the id of the source server."""
        return self.arn.rsplit("/", 1)[1]


@dataclass
class Contents:
    """What a step does: recover servers, or wait so many minutes (then it has no servers)."""

    servers: list[PlanServer] = field(default_factory=list)
    wait_minutes: int | None = None

    @property
    def is_wait(self) -> bool:
        """Tell whether the step waits."""
        return self.wait_minutes is not None


@dataclass
class PlanStep:
    """A step of a plan; its order is its place in the plan's list."""

    arn: str
    name: str
    contents: Contents
    created: datetime
    updated: datetime


@dataclass
class Plan:
    """A recovery plan."""

    plan_id: str
    arn: str
    number: int
    name: str
    description: str | None
    created: datetime
    updated: datetime
    tags: dict[str, str]
    steps: list[PlanStep] = field(default_factory=list)
    deleting: bool = False

    @property
    def status(self) -> str:
        """Return ACTIVE, or INVALID while there is no step that recovers servers."""
        return "ACTIVE" if any(not step.contents.is_wait for step in self.steps) else "INVALID"


@dataclass
class ExecutionServer:
    """A server in an execution: its latest job, and how that job ended for it (LAUNCHED, FAILED, None: not yet)."""

    arn: str
    impact_level: str
    job_id: str | None = None
    result: str | None = None

    @property
    def server_id(self) -> str:
        """Return the id of the source server."""
        return self.arn.rsplit("/", 1)[1]


@dataclass
class Failure:
    """Why a step or an execution failed."""

    code: str
    message: str


@dataclass
class ExecutionStep:
    """A step of an execution: a copy of the plan's step with its own fate."""

    arn: str
    index: int
    name: str
    servers: list[ExecutionServer]
    wait_minutes: int | None
    created: datetime
    updated: datetime
    status: str = "NOT_STARTED"
    attempt: int = 1
    failure: Failure | None = None

    @property
    def is_wait(self) -> bool:
        """Tell whether the step waits."""
        return self.wait_minutes is not None

    @property
    def running(self) -> bool:
        """Tell whether the step is at work."""
        return self.status in ("EXECUTING", "WAITING")


@dataclass
class Execution:
    """An execution of a plan. `pinned` maps server ids to recovery snapshots; at `expires` it times out.

    `caller` is whose permissions its jobs use in EC2.
    """

    execution_id: str
    arn: str
    number: int
    plan_arn: str
    mode: str
    started: datetime
    pinned: dict[str, str]
    tags: dict[str, str]
    steps: list[ExecutionStep]
    expires: datetime
    caller: Principal | None
    status: str = "CREATED"
    completed: datetime | None = None
    failure: Failure | None = None

    @property
    def active(self) -> bool:
        """Tell whether the execution has not ended."""
        return self.status in ACTIVE

    @property
    def stopped(self) -> bool:
        """Tell whether the execution ended early and may go on: by a retry, or by skipping what stopped it."""
        return self.status in ("FAILED", "TIMED_OUT")

    @property
    def running_step(self) -> ExecutionStep | None:
        """Return the step at work; there is never more than one."""
        return next((step for step in self.steps if step.running), None)


@dataclass
class Token:
    """A client token that was used: the request that had it, and the ARN of what that made."""

    request: dict[str, Any]
    arn: str


@dataclass
class RecoveryPlans:
    """All plans and executions of one account and Region; `made` numbers whatever is made."""

    plans: dict[str, Plan] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    made: int = 0

    def next_number(self) -> int:
        """Return a number that nothing had before."""
        self.made += 1
        return self.made

    def active_execution(self, plan_arn: str) -> Execution | None:
        """Return the execution of a plan that has not ended."""
        return next((item for item in self.executions.values() if item.plan_arn == plan_arn and item.active), None)
