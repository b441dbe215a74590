# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be done with a run that was started: abort it, stop it where it is, go on with it from its records.

This module util is private to the collection.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients
from ansible_collections.disaster_recovery.aws.plugins.module_utils._orchestrator import (
    answer_pause,
    listed,
    read_run,
    runs_table,
    state_machine,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import executions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import ConflictError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import Caller, caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_locks import plan_lock
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_pauses import is_same_answer
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import turns
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import Decision, PauseStatus
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import (
    CHILD_MACHINES,
    RUN_FINAL,
    RunStatus,
    ServerStatus,
    WaveStatus,
    is_child_execution_of,
    is_drill,
    resumed_execution_name,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time

Item = dict[str, Any]

STOPPED = "OperatorStopped"


def abort(params: Item, clients: Clients, check_mode: bool) -> Item:
    """Ask a run to end: it starts nothing more, waits for DRS's jobs and closes itself; a drill is cleaned up.

    A run that nobody executes any more, and that nobody closed, gets another execution for that.
    """
    who, table, sfn = caller(clients("sts")), runs_table(params, clients), clients("stepfunctions")
    run_id, recorded = params["run_id"], read_run(table, params["run_id"])
    if recorded["status"] in RUN_FINAL:
        return _result(recorded, changed=False)
    is_new = not recorded.get("aborting")
    told = {"by": who.arn, "at": format_time(who.now), "reason": params["reason"]}
    if not check_mode and is_new:
        table.append_event(run_id, EventKind.ABORT_REQUESTED.value, told, who.now)
        table.update_run(run_id, {"aborting": told})
    execution = executions.describe(sfn, recorded["execution_arn"])
    if execution is None or execution["status"] != executions.RUNNING:
        return _abort_unattended(params, clients, who, recorded, check_mode)
    answer = {"decision": str(Decision.ABORT), "by": who.arn, "reason": params["reason"]}
    # Read after the abort was written: a function that begins a pause or a wait looks for the abort after writing that.
    # A pause that this call answered before, and died, is answered again: the step that waits may not have been told.
    pauses = [
        pause
        for pause in table.pauses(run_id)
        if pause["status"] == PauseStatus.OPEN or is_same_answer(pause, **answer)
    ]
    if check_mode:
        return _result(recorded, changed=is_new or any(pause["status"] == PauseStatus.OPEN for pause in pauses))
    answers = [answer_pause(table, sfn, run_id, pause["pause_id"], at=who.now, **answer) for pause in pauses]
    for token in table.turn_tokens(run_id).values():
        with suppress(ConflictError):  # it waits no more
            executions.answer_task(sfn, token, turns.answer(turns.ABORT))
    result = _result(recorded, changed=is_new or any(one.is_new or not one.untold for one in answers))
    untold = [
        f"Pause {one.pause['pause_id']} is answered. {one.untold}" for one in answers if one.is_new and one.untold
    ]
    return {**result, "warnings": untold} if untold else result


def _abort_unattended(params: Item, clients: Clients, who: Caller, recorded: Item, check_mode: bool) -> Item:
    """Let a further execution close a run whose own has ended, unless children of that still run.

    Raises:
        ConflictError: They do.
    """
    running = _running(params, clients, who, recorded)
    if running:
        raise ConflictError(
            f"The execution of run {recorded['run_id']} has ended, but not its children ({listed(running)}). "
            "They start nothing more: abort it again when they have ended, or stop it (state stopped)"
        )
    arn = _go_on(params, clients, who, recorded, check_mode)
    return _result({**recorded, "execution_arn": arn}, changed=True)


def resume(params: Item, clients: Clients, check_mode: bool) -> Item:
    """Start another execution of a run whose execution has ended without closing it; it goes on from the records.

    Raises:
        ConflictError: The run is closed, or it is being executed.
    """
    who, table = caller(clients("sts")), runs_table(params, clients)
    run_id, recorded = params["run_id"], read_run(table, params["run_id"])
    if recorded["status"] in RUN_FINAL:
        raise ConflictError(f"Run {run_id} has ended as {recorded['status']}: start another one")
    running = _running(params, clients, who, recorded)
    if running:
        raise ConflictError(f"Run {run_id} is being executed ({listed(running)}): join it with state started")
    told = {"by": who.arn, "reason": params["reason"]}
    if not check_mode:
        table.append_event(run_id, EventKind.RUN_RESUMED.value, told, who.now)
    arn = _go_on(params, clients, who, recorded, check_mode)
    return {**_result({**recorded, "execution_arn": arn}, changed=True), "joined": False}


def clean_up(params: Item, clients: Clients, check_mode: bool) -> Item:
    """Start another execution of a drill that is closed, which terminates what is left of it.

    Raises:
        ConflictError: The run is no drill, it is not closed, or another run holds its servers.
    """
    who, table = caller(clients("sts")), runs_table(params, clients)
    run_id, recorded = params["run_id"], read_run(table, params["run_id"])
    if not is_drill(recorded):
        raise ConflictError(f"Run {run_id} is a {recorded['mode']}: only what a drill launched is cleaned up")
    running = _running(params, clients, who, recorded)
    if running:
        raise ConflictError(f"Run {run_id} is being executed ({listed(running)}): it cleans up itself, or abort it")
    if recorded["status"] not in RUN_FINAL:
        raise ConflictError(f"Run {run_id} is not closed: abort it (state aborted), which cleans up and closes it")
    keys = [plan_lock(recorded["plan_name"]), *(server["server_key"] for server in table.get_servers(run_id))]
    holders = {key: owner for key, owner in table.lock_owners(keys).items() if owner != run_id}
    if holders:
        key, owner = min(holders.items())
        raise ConflictError(f"Run {owner} holds {key} and others of run {run_id}: clean up when it has ended")
    if not check_mode:
        table.take_locks(keys, run_id, at=who.now)
        told = {"by": who.arn, "reason": params["reason"]}
        table.append_event(run_id, EventKind.CLEAN_UP_REQUESTED.value, told, who.now)
        # A person asks: the attempts begin anew.
        table.update_run(run_id, {"clean_up": None})
    arn = _go_on(params, clients, who, recorded, check_mode)
    return {**_result({**recorded, "execution_arn": arn}, changed=True), "joined": False}


def _go_on(params: Item, clients: Clients, who: Caller, recorded: Item, check_mode: bool) -> str:
    """Start another execution of a run, which goes on from its records, and return its ARN."""
    table, run_id = runs_table(params, clients), recorded["run_id"]
    machine = state_machine(params, clients, who, recorded["mode"])
    times = recorded.get("resumed", 0) + 1
    name = resumed_execution_name(run_id, times)
    arn = executions.execution_arn(machine, name)
    if check_mode:
        return arn
    for pause in table.open_pauses(run_id):
        table.void_pause(run_id, pause["pause_id"], by=who.arn, at=who.now)
    changes = {"execution_arn": arn, "resumed": times}
    table.update_run(run_id, changes, require={"execution_arn": recorded["execution_arn"]})
    request = {"run_id": run_id, "plan": recorded["plan_name"], "requested_by": recorded["requested_by"]}
    if recorded["incident_at"]:
        request["incident_at"] = recorded["incident_at"]
    if recorded.get("drill"):
        request["drill"] = True
    executions.start(clients("stepfunctions"), machine, name, request)
    return arn


def _running(params: Item, clients: Clients, who: Caller, recorded: Item) -> list[str]:
    """Return the executions of a run that have not ended, its children's included."""
    machines = [state_machine(params, clients, who, name) for name in CHILD_MACHINES[recorded["mode"]]]
    return executions.running_of(
        clients("stepfunctions"),
        recorded["execution_arn"],
        machines,
        lambda name: is_child_execution_of(recorded["run_id"], name),
    )


def _result(recorded: Item, *, changed: bool) -> Item:
    return {
        "changed": changed,
        "run_id": recorded["run_id"],
        "plan": recorded["plan_name"],
        "mode": recorded["mode"],
        "drill": bool(recorded.get("drill")),
        "execution_arn": recorded["execution_arn"],
        "status": recorded["status"],
    }


def stop(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """End a run where it is, close its records and release its locks."""
    who = caller(clients("sts"))
    table = runs_table(params, clients)
    sfn = clients("stepfunctions")
    run_id = params["run_id"]
    recorded = read_run(table, run_id)
    servers = table.get_servers(run_id)
    running = _running(params, clients, who, recorded)
    unfinished = recorded["status"] not in RUN_FINAL
    if not check_mode:
        cause = f"stopped by {who.arn}: {params['reason']}"
        for arn in running:
            executions.stop(sfn, arn, error=STOPPED, cause=cause)
        if unfinished:
            _close(table, recorded, servers, cause, who)
    jobs = {server["job_id"] for server in servers if server["status"] == ServerStatus.LAUNCHING and server["job_id"]}
    instances = {server["instance_id"] for server in servers if server["instance_id"]} if servers else set()
    automations = sorted(str(step.automation_execution_id) for step in table.get_steps(run_id) if step.is_under_way)
    result = {
        **_result(recorded, changed=bool(running) or unfinished),
        "status": RunStatus.ABORTED.value if unfinished else recorded["status"],
        "stopped": {
            "executions": running,
            "jobs": sorted(jobs),
            "automations": automations,
            "instances": sorted(instances),
        },
    }
    if result["changed"] and (jobs or automations or instances):
        result["warnings"] = [
            f"Run {run_id} is stopped. What it started in DRS is not: jobs that go on: {listed(sorted(jobs))}; "
            f"automations of steps that go on: {listed(automations)}; "
            f"instances that stay: {listed(sorted(instances))}"
        ]
        if is_drill(recorded):
            result["warnings"].append(
                f"Terminate the drill's instances: ansible-playbook disaster_recovery.aws.clean_up -e dr_run={run_id} "
                "-e \"dr_reason='<why>'\""
            )
    return result


def _close(table: RunsTable, recorded: dict[str, Any], servers: list[dict[str, Any]], cause: str, who: Caller) -> None:
    """Close the books of a run whose execution can no longer do it."""
    run_id = recorded["run_id"]
    for pause in table.open_pauses(run_id):
        table.void_pause(run_id, pause["pause_id"], by=who.arn, at=who.now)
    closed = {"status": RunStatus.ABORTED.value, "aborted": True, "error": cause}
    table.append_event(run_id, EventKind.RUN_CLOSED.value, closed, who.now)
    for wave in table.get_waves(run_id):
        if not wave["ended_at"]:
            ended = {"status": WaveStatus.ABORTED.value, "ended_at": format_time(who.now), "turn_token": None}
            table.update_wave(run_id, wave["wave"], ended)
    table.update_run(run_id, {"status": RunStatus.ABORTED.value, "closed_at": format_time(who.now), "error": cause})
    table.release_locks([plan_lock(recorded["plan_name"]), *(server["server_key"] for server in servers)], run_id)
