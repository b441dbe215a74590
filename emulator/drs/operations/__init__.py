"""The operations of the DRS API that are emulated: name → function(store, request, now) → output.

Each module holds the operations of one subject in its dict `OPERATIONS`. What is in none of them is answered with
NotEmulatedException.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..models import DRSBackend
from . import (
    failback,
    jobs,
    launch_actions,
    launch_configuration_templates,
    launch_configurations,
    recovery_instances,
    recovery_plan_execution_steps,
    recovery_plan_executions,
    recovery_plan_steps,
    recovery_plans,
    replication,
    replication_templates,
    reversal,
    servers,
    service,
    snapshots,
    staging_accounts,
    tags,
)

Operation = Callable[[DRSBackend, dict[str, Any], datetime], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {}
for _module in (
    service,
    servers,
    replication,
    replication_templates,
    launch_actions,
    launch_configurations,
    launch_configuration_templates,
    snapshots,
    jobs,
    recovery_instances,
    reversal,
    failback,
    staging_accounts,
    recovery_plans,
    recovery_plan_steps,
    recovery_plan_executions,
    recovery_plan_execution_steps,
    tags,
):
    OPERATIONS.update(_module.OPERATIONS)

WITHOUT_INITIALISATION = frozenset({"InitializeService", "TagResource", "UntagResource", "ListTagsForResource"})
"""The operations that do not list UninitializedAccountException in the model."""
