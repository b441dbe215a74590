"""What a step of a recovery plan may hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..errors import ServiceQuotaExceededError, ValidationError, not_found
from ..models import DRSBackend
from ..quotas import SERVICE_CODE
from .state import Contents, PlanServer

MOST_PLANS, MOST_STEPS, MOST_SERVERS = 1000, 20, 100
"""Plans of an account and Region, steps of a plan, servers of a plan."""


def read_contents(backend: DRSBackend, configuration: dict[str, Any]) -> Contents:
    """Read a `RecoveryPlanStepConfiguration` of a request."""
    wait = configuration.get("waitStepConfiguration")
    if wait is not None:
        return Contents(wait_minutes=wait["waitDurationMinutes"])
    return Contents(servers=read_servers(backend, configuration["serverStepConfiguration"]["servers"]))


def read_servers(backend: DRSBackend, entries: list[dict[str, Any]]) -> list[PlanServer]:
    """Read a list of `RecoveryPlanServer`; a server is CRITICAL unless the request says otherwise."""
    servers = [PlanServer(entry["serverArn"], entry.get("impactLevel") or "CRITICAL") for entry in entries]
    for server in servers:
        if server.arn != backend.arn("source-server", server.server_id):
            raise ValidationError(
                f"Source Server {server.arn} is not of account {backend.account_id}, Region {backend.region_name}"
            )
        if server.server_id not in backend.servers:
            raise not_found("Source Server", server.server_id)
    return servers


def check_servers(server_ids: list[str]) -> None:
    """Raise unless these may be all the servers of one plan.

    Raises:
        ValidationError: a server is in it twice.
        ServiceQuotaExceededError: there are more than a plan takes.
    """
    repeated = [server_id for server_id, times in Counter(server_ids).items() if times > 1]
    if repeated:
        raise ValidationError(f"Source Server {repeated[0]} is in the recovery plan more than once")
    if len(server_ids) > MOST_SERVERS:
        raise exceeded(f"A recovery plan can have at most {MOST_SERVERS} source servers")


def exceeded(message: str) -> ServiceQuotaExceededError:
    """Return the error of a limit of recovery plans; AWS publishes no quota codes for them."""
    return ServiceQuotaExceededError(message, resourceType="AWS::DRS::RecoveryPlan", serviceCode=SERVICE_CODE)
