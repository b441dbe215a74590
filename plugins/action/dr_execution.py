# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow a run: the module starts it, this plugin shows what happens in it until it ends.

A module cannot show anything while it works; this runs on the controller and can. All AWS calls are the modules'.
"""

from __future__ import annotations

import shlex
import time
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import Decision, PauseStatus
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_lines import cycle_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_preview import preview_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.progress import Progress, pause_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import (
    RUN_FINAL,
    RUN_SUCCESSFUL,
    RunStatus,
    ServerStatus,
)

Result = dict[str, Any]

MODULE = "disaster_recovery.aws.dr_execution"
INFO_MODULE = "disaster_recovery.aws.dr_execution_info"
OWN_OPTIONS = frozenset(
    {
        *("state", "plan", "declared", "tag_policy", "mandatory_tags", "production_cidrs", "mode", "run_id"),
        *("step_functions", "step_documents", "drill", "accounts"),
        *("incident_at", "hold", "reason", "wait", "wait_timeout", "poll_interval"),
    }
)
PLAYBOOKS = {"test": "drill", "failover": "failover", "failback": "failback"}
CLEANED_UP = "cleaned_up"
FOLLOWED = ("started", "resumed", CLEANED_UP)
FAILED_LOOKS = 10  # looks in a row that may fail before the run is no longer followed
RUNNING = "RUNNING"
ATTENTION = "yellow"
HINT = "cyan"

display = Display()


class Screen:
    """What has been shown of a run."""

    def __init__(self) -> None:
        self.last = 0
        """Sequence number of the last event that was shown."""
        self._progress = Progress()
        self._pauses: set[str] = set()

    def show(self, seen: Result) -> None:
        """Show new events, and pauses that wait for an answer."""
        for line in self._progress.lines(seen["events"], seen["run"]):
            _say(line)
        self.last = max([self.last, *(event["sequence"] for event in seen["events"])])
        for pause in seen["pauses"]:
            if pause["status"] == PauseStatus.OPEN and pause["pause_id"] not in self._pauses:
                self._pauses.add(pause["pause_id"])
                for line in pause_lines(pause, _decide_command(seen["run"]["run_id"], pause["pause_id"])):
                    _say(line, ATTENTION)


class ActionModule(ActionBase):
    """Runs the module C(dr_execution), then follows the run."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        """Start, join or stop; follow when wanted."""
        super().run(tmp, task_vars)
        options = dict(self._task.args)
        result: Result = self._execute_module(module_name=MODULE, module_args=options, task_vars=task_vars)
        follows = options.get("state", "started") in FOLLOWED and boolean(options.get("wait", True))  # type: ignore[no-untyped-call]
        for line in _preview_lines(result):
            _say(line)
        if result.get("failed") or result.get("skipped") or self._task.check_mode or not follows:
            return result
        return self._follow(result, options, task_vars)

    def _follow(self, started: Result, options: Result, task_vars: dict[str, Any] | None) -> Result:
        run_id = started["run_id"]
        look = {name: value for name, value in options.items() if name not in OWN_OPTIONS}
        look |= {"run_id": run_id, "execution_arn": started["execution_arn"]}
        begun = "joined" if started["joined"] else options.get("state", "started")
        _say(f"Run {run_id}: {begun} ({started['execution_arn']})")
        # Said now, since nothing can be shown any more once Ctrl-C has ended the play.
        _say(f"It goes on in AWS when you leave with Ctrl-C. {_how_to_join(started)}", HINT)
        patience = Patience(started, options)
        seen = self._watch(look, patience, task_vars)
        final = self._look({**look, "details": True}, patience, task_vars)
        for line in ["", *final.get("summary", [])]:
            _say(line)
        if options.get("state") == CLEANED_UP:
            return _cleaned(started, seen, final)
        return _result(started, seen, final)

    def _watch(self, look: Result, patience: Patience, task_vars: dict[str, Any] | None) -> Result:
        """Show events until the execution has ended; return the last look."""
        screen = Screen()
        while True:
            seen = self._look({**look, "after": screen.last, "details": False}, patience, task_vars)
            screen.show(seen)
            if seen["execution"].get("status") != RUNNING:
                return seen
            patience.wait()

    def _look(self, arguments: Result, patience: Patience, task_vars: dict[str, Any] | None) -> Result:
        """Look at the run, again and again while AWS cannot be reached."""
        failures = 0
        while True:
            seen: Result = self._execute_module(module_name=INFO_MODULE, module_args=arguments, task_vars=task_vars)
            if not seen.get("failed"):
                return seen
            failures += 1
            patience.wait_after(failures, seen["msg"])


class Patience:
    """How long a run is followed, and how often it may be impossible to look at it."""

    def __init__(self, started: Result, options: Result) -> None:
        self._started = started
        self._interval = max(1, int(options.get("poll_interval", 10)))
        self._timeout = int(options.get("wait_timeout", 0))
        self._begun = time.monotonic()

    def wait(self) -> None:
        """Wait until the next look.

        Raises:
            AnsibleActionFail: The time is over.
        """
        if self._timeout and time.monotonic() - self._begun >= self._timeout:
            what = f"Run {self._started['run_id']} has not ended within {self._timeout} s (wait_timeout)."
            raise _left(what, self._started)
        time.sleep(self._interval)

    def wait_after(self, failures: int, why: str) -> None:
        """Tell of a look that failed, and wait until the next one.

        Raises:
            AnsibleActionFail: So many failed in a row that the run is no longer followed, or the time is over.
        """
        run_id = self._started["run_id"]
        if failures >= FAILED_LOOKS:
            raise _left(f"Run {run_id} could not be looked at {failures} times in a row: {why}", self._started)
        _say(f"Run {run_id} could not be looked at ({failures}): {why}", ATTENTION)
        self.wait()


def _preview_lines(result: Result) -> list[str]:
    """Return what check mode shows: of a failback where its servers are, and what would run if it can."""
    lines = [*cycle_lines(result["way_home"]), ""] if "way_home" in result else []
    return lines + (preview_lines(result["resolved_plan"]) if "resolved_plan" in result else [])


def _result(started: Result, seen: Result, final: Result) -> Result:
    run, execution = final["run"], seen["execution"]
    status = run.get("status", RunStatus.FAILED.value)
    result = {name: started[name] for name in ("changed", "run_id", "execution_arn", "joined")}
    if status in RUN_SUCCESSFUL:
        return {**result, "status": status, "report": final["report"], "summary": final["summary"]}
    result |= {"failed": True, "status": status if status in RUN_FINAL else RunStatus.FAILED.value}
    stopped = " ".join(filter(None, [execution.get("error"), execution.get("cause")])) or "no cause given"
    if not run:
        return {**result, "msg": f"Run {started['run_id']} was refused: {stopped}"}
    if status not in RUN_FINAL:
        text = (
            f"The execution of run {started['run_id']} has ended as {execution.get('status')} without closing the run, "
            f"whose record still says {status}. Cause: {stopped}. Close it: {_stop_command(started['run_id'])}"
        )
        return {**result, "msg": text}
    return {**result, "msg": f"Run {started['run_id']} has ended as {status}: {_why(final) or stopped}"}


def _cleaned(started: Result, seen: Result, final: Result) -> Result:
    """Return the result of a clean-up, which keeps the status of the run: it fails where something is left."""
    report, execution = final["report"], seen["execution"]
    result = {name: started[name] for name in ("changed", "run_id", "execution_arn", "joined")}
    result |= {"status": final["run"]["status"], "report": report, "summary": final["summary"]}
    left = [*report["drill_instances_left"], *(item["id"] for item in report["left_behind"])]
    if left or report["templates_left"]:
        what = ", ".join(left) or report["templates_left"]
        why = " ".join(filter(None, [execution.get("error"), execution.get("cause")]))
        return {**result, "failed": True, "msg": f"Run {started['run_id']} still leaves: {what}. {why}".strip()}
    return result


def _why(final: Result) -> str:
    """Return what ended a run that did not succeed."""
    if final["run"].get("error"):
        return str(final["run"]["error"])
    decided = [pause for pause in final["pauses"] if pause.get("decision") == Decision.ABORT]
    if decided:
        last = decided[-1]
        return f"decided by {last['decided_by']} ({last['decision_reason']}) at {last['step']}: {last['reason']}"
    lost = [server for server in final["servers"] if server["status"] in (ServerStatus.FAILED, ServerStatus.SKIPPED)]
    return "; ".join(f"{server['server_key']}: {server['reason']}" for server in lost[:5])


def _left(what: str, started: Result) -> AnsibleActionFail:
    """Return the error with which the task ends while the run goes on."""
    text = f"{what.rstrip('.')}. The run goes on in AWS. {_how_to_join(started)}"
    return AnsibleActionFail(text, result=started)  # type: ignore[no-untyped-call]


def _say(line: str, color: str | None = None) -> None:
    display.display(line, color=color)


def _inventory() -> str:
    given = context.CLIARGS.get("inventory") or ()
    return "".join(f" -i {shlex.quote(source)}" for source in given)


def _decide_command(run_id: str, pause_id: str) -> str:
    return f"ansible-playbook disaster_recovery.aws.decide{_inventory()} -e dr_run={run_id} -e dr_pause={pause_id}"


def _stop_command(run_id: str) -> str:
    return f"ansible-playbook disaster_recovery.aws.stop{_inventory()} -e dr_run={run_id} -e \"dr_reason='...'\""


def _how_to_join(started: Result) -> str:
    drill = " -e dr_drill=true" if started["drill"] else ""
    return (
        f"Join it again: ansible-playbook disaster_recovery.aws.{PLAYBOOKS[started['mode']]}{_inventory()} "
        f"-e dr_plan={started['plan']} -e dr_run_id={started['run_id']}{drill}"
    )
