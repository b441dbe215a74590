"""Launch actions at work: after the launch of a server, its active actions run one after the other.

They change nothing on the instance, which runs no software here; each succeeds unless a fault on demand makes it fail.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from .identifiers import digest
from .moments import date_string
from .settings import SETTINGS
from .state import LaunchFault, Participant, SourceServer

STEP = "launch_action"
LONGEST_REASON = 256


def prepare(part: Participant, server: SourceServer) -> None:
    """Have the active actions of a server run at the end of its part of a job; they need a running instance."""
    part.actions = _planned(server)
    if part.actions:
        begin = part.offsets["launch_end"] + SETTINGS.ssm_agent_seconds
        for number in range(len(part.actions) + 1):
            part.offsets[f"{STEP}#{number}"] = begin + number * SETTINGS.launch_action_seconds


def _planned(server: SourceServer) -> list[dict[str, Any]]:
    configuration = server.launch_configuration
    if not configuration["postLaunchEnabled"] or configuration["launchDisposition"] != "STARTED":
        return []
    active = [dict(action) for action in server.launch_actions.values() if action["active"]]
    return sorted(active, key=lambda action: (action["order"], action["actionId"]))


def go_on(part: Participant, job_id: str, fault: LaunchFault | None, when: datetime) -> bool:
    """End the action at work, begin the next one, and tell whether the launch is still a success.

    Args:
        part: the server's part of the job.
        job_id: the job, for the ids of the runs.
        fault: makes the action at work fail.
        when: the present moment.
    """
    runs = part.action_runs
    if not runs:
        part.ssm_agent_found = date_string(when)
    ended = runs[-1] if runs else None
    if ended:
        ended.update(_outcome(fault))
    if len(runs) < len(part.actions):
        run_id = _run_id(job_id, part.server_id, len(runs))
        runs.append({"action": part.actions[len(runs)], "runId": run_id, "status": "IN_PROGRESS"})
    return not ended or ended["status"] == "SUCCEEDED" or bool(ended["action"]["optional"])


def status(part: Participant) -> dict[str, Any]:
    """Return the member `launchActionsStatus` of a server in a job, nothing while no action has begun."""
    if not part.action_runs:
        return {}
    runs = [dict(run) for run in part.action_runs]
    return {"launchActionsStatus": {"ssmAgentDiscoveryDatetime": part.ssm_agent_found, "runs": runs}}


def _outcome(fault: LaunchFault | None) -> dict[str, str]:
    if fault is None:
        return {"status": "SUCCEEDED"}
    # The model allows few characters here.
    reason = re.sub(r"[^0-9a-zA-Z ():/.,'\-_#*;]", " ", fault.raw_error or "")[:LONGEST_REASON]
    return {"status": "FAILED", **({"failureReason": reason} if reason else {})}


def _run_id(*parts: object) -> str:
    digits = digest("run", *parts)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
