"""The store of one account and Region, and the agenda that moves its jobs through virtual time.

moto finds the stores by this module's name and by `drs_backends`.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from moto.core.base_backend import BackendDict, BaseBackend

from ..clock import CLOCK
from .errors import ServiceQuotaExceededError, UninitializedAccountError
from .quotas import DEFAULTS, SERVICE_CODE, Quota
from .recovery_plans.state import RecoveryPlans
from .state import Job, LaunchConfigurationTemplate, RecoveryInstance, ReplicationTemplate, SourceServer

LOCK = threading.RLock()
"""One lock for all accounts: an extended server touches the stores of two."""


class Due(NamedTuple):
    """An entry of the agenda: at `when`, in the order of `sequence`, the step `step` of a job (for one server).

    `owner` is the id of the job, or that of an execution of a recovery plan, or that of the source server (or recovery
    instance) of which a phase of replication ends.
    """

    when: datetime
    sequence: int
    owner: str
    step: str
    server_id: str


PERFORMERS: dict[str, Callable[[DRSBackend, Due], None]] = {}
"""Who does which step of the agenda; in the agenda, `#` and a number may follow the name."""


class DRSBackend(BaseBackend):
    """DRS in one account and Region."""

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.initialized = False
        self.servers: dict[str, SourceServer] = {}
        self.jobs: dict[str, Job] = {}
        self.instances: dict[str, RecoveryInstance] = {}
        self.replication_templates: dict[str, ReplicationTemplate] = {}
        self.quotas = dict(DEFAULTS)
        self.jobs_made = 0
        self.replication_templates_made = 0
        self.recovery_plans = RecoveryPlans()
        self.jobs_with: Counter[tuple[str, ...]] = Counter()
        self.extensions_made: Counter[str] = Counter()
        self.launch_configuration_templates: dict[str, LaunchConfigurationTemplate] = {}
        self._agenda: list[Due] = []
        self._sequence = itertools.count()

    def require_initialized(self) -> None:
        """Raise UninitializedAccountError unless InitializeService was called here."""
        if not self.initialized:
            raise UninitializedAccountError

    def arn(self, kind: str, identifier: str) -> str:
        """Return the ARN of a DRS resource of this account and Region."""
        return f"arn:{self.partition}:drs:{self.region_name}:{self.account_id}:{kind}/{identifier}"

    def resource(self, kind: str, identifier: str) -> Any:
        """Return what an ARN of this store calls `kind/identifier`, None when there is no such thing or kind."""
        stores: dict[str, dict[str, Any]] = {
            "source-server": self.servers,
            "job": self.jobs,
            "recovery-instance": self.instances,
            "recovery-plan": self.recovery_plans.plans,
            "recovery-plan-execution": self.recovery_plans.executions,
            "replication-configuration-template": self.replication_templates,
            "launch-configuration-template": self.launch_configuration_templates,
        }
        return stores.get(kind, {}).get(identifier)

    def quota(self, quota: Quota) -> int:
        """Return the value of a quota here."""
        return self.quotas[quota.code]

    def check_quota(self, quota: Quota, wanted: int, **resource: str) -> None:
        """Raise ServiceQuotaExceededError unless a quota allows so many.

        Args:
            quota: the quota.
            wanted: how many there would be.
            resource: the error's members `resourceType` and `resourceId`, where DRS names them.
        """
        if wanted > self.quota(quota):
            raise ServiceQuotaExceededError(
                f"Service quota exceeded: {quota.name} ({self.quota(quota)})",
                **resource,
                serviceCode=SERVICE_CODE,
                quotaCode=quota.code,
            )

    def active_jobs(self) -> list[Job]:
        """Return the jobs that still run."""
        return [job for job in self.jobs.values() if job.active]

    def ec2(self) -> Any:
        """Return the EC2 of this account and Region."""
        from moto.ec2.models import ec2_backends

        return ec2_backends[self.account_id][self.region_name]

    def schedule(
        self, when: datetime, owner: str, step: str, server_id: str = "", *, is_deadline: bool = False
    ) -> None:
        """Have a step happen at the virtual moment `when`; the clock never jumps to a deadline for its own sake."""
        heapq.heappush(self._agenda, Due(when, next(self._sequence), owner, step, server_id))
        (CLOCK.deadline_at if is_deadline else CLOCK.call_at)(when, self.catch_up)

    def catch_up(self) -> None:
        """Do every step that is due. Requests do this first, so they never see less than the clock shows."""
        with LOCK:
            now = CLOCK.now()
            while self._agenda and self._agenda[0].when <= now:
                due = heapq.heappop(self._agenda)
                PERFORMERS[due.step.partition("#")[0]](self, due)


drs_backends = BackendDict(DRSBackend, "drs")


def backend_of(arn: str) -> DRSBackend:
    """Return the store that an ARN points to."""
    parts = arn.split(":")
    return drs_backends[parts[4]][parts[3]]
