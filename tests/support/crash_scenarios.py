"""The courses in which every function is called as the state machines call it, and killed at every point of its body.

`python -m tests.support.crash_scenarios` prints the reports as JSON. A function that is new gets a call where the
definitions call it; tests/functions/test_crashes.py names those that have none.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from tests.support.crashes import Course
from tests.support.customer import AUTOMATION_SECONDS, automation, deploy_automations
from tests.support.orchestrator import IDS, KEYS, STEP_FUNCTIONS, launch_home, request

RUN, WARM_UP, HOME_RUN, HOME_AGAIN = "killed", "warm-up", "home", "home-again"
TOKENS = {number: f"token-of-wave-{number}" for number in (1, 2)}
PLAN: dict[str, Any] = {
    "waves": [
        {
            "name": "applications",
            "groups": ["app", "rep"],
            "retries": 0,
            "before": [
                {"name": "freeze", "modes": ["test"], "lambda": {"function": STEP_FUNCTIONS[0]}},
                {"name": "copy", "modes": ["test"], "automation": automation()},
            ],
        },
        {"name": "databases", "groups": ["db"], "retries": 0},
    ],
    "probes": [{"name": "service", "groups": ["db"], "command": {"commands": ["systemctl is-active db"]}}],
}
CAPACITY = {"phase": "LAUNCH", "times": 1, "raw_error": "InsufficientInstanceCapacity"}


def warm_up(course: Course) -> None:
    """Go quickly through a run that is aborted: what is made at a first use is then made once, and not in each fork."""
    course.orchestrator.publish(**PLAN)
    asked: dict[str, Any] = request(WARM_UP, "test", "small", course.orchestrator.now())
    course.call("open-run", WARM_UP, killed=False, **asked)
    for function in ("discover", "gate"):
        course.call(function, WARM_UP, killed=False)
    course.call("await-turn", WARM_UP, killed=False, wave=1, task_token="token-of-the-warm-up")
    course.call("prepare-wave", WARM_UP, killed=False, wave=1)
    course.call("validate", WARM_UP, killed=False, wave=1)
    course.call("close-run", WARM_UP, killed=False, aborted=True, error=None)


def begin(course: Course) -> None:
    """Open a run and let it pass the gate."""
    asked: dict[str, Any] = request(RUN, "test", "small", course.orchestrator.now())
    course.call("open-run", RUN, **asked)
    course.call("correlate", RUN, varies=["written"])
    course.call("discover", RUN)
    course.call("gate", RUN)


def first_wave(course: Course) -> None:
    """Launch the first wave, of which an optional server fails, while the second one waits for its turn."""
    course.orchestrator.change_source_server("rep-1", fail_launch=CAPACITY)
    course.call("await-turn", RUN, wave=2, task_token=TOKENS[2])
    course.call("await-turn", RUN, wave=1, task_token=TOKENS[1])
    steps_before_first_wave(course)
    course.call("prepare-wave", RUN, wave=1)
    course.call("reconcile-wave", RUN, varies=["reason"], wave=1)
    course.advance(3600)
    course.call("reconcile-wave", RUN, wave=1)
    course.until_done("reconcile-wave", RUN, wave=1)
    course.advance(400)
    course.call("validate", RUN, wave=1)
    course.until_done("validate", RUN, wave=1)
    course.call("end-wave", RUN, wave=1)


def steps_before_first_wave(course: Course) -> None:
    """Let a function be called, take its answer, start an automation and look at it until it has ended."""
    asked: dict[str, Any] = {"wave": 1, "phase": "before", "execution": f"{RUN}-w01-1"}
    assert course.call("run-step", RUN, **asked, answer=None)["outcome"] == "invoke"
    answer = {"number": 1, "attempt": 1, "result": "frozen", "error": None}
    assert course.call("run-step", RUN, **asked, answer=answer)["outcome"] == "wait"
    course.advance(AUTOMATION_SECONDS)
    assert course.call("run-step", RUN, **asked, answer=None)["outcome"] == "done"


def second_wave(course: Course) -> None:
    """Launch the second wave, whose only server fails: an operator is asked, and every decision is tried."""
    course.orchestrator.change_source_server("db-1", fail_launch=CAPACITY, ssm_agent=True)
    course.call("prepare-wave", RUN, killed=False, wave=2)
    reason = course.until_done("reconcile-wave", RUN, wave=2)["reason"]
    asked: dict[str, Any] = {"step": "reconcile-wave", "wave": 2}
    course.call("ask-operator", RUN, **asked, reason=reason, error=None, task_token="token-of-the-pause")
    course.otherwise("nobody decides", partial(_decided, course, asked, None))
    for decision in ("skip", "continue", "abort"):
        course.otherwise(f"decided to {decision}", partial(_decided, course, asked, decision))
    _decide(course, asked, "retry")
    course.call("reconcile-wave", RUN, varies=["reason"], wave=2)
    course.until_done("reconcile-wave", RUN, wave=2)
    course.advance(400)
    for _look in range(2):  # sends the command of a probe, then reads what it came to
        course.call("validate", RUN, wave=2)
        course.advance(60)
    course.until_done("validate", RUN, wave=2)
    course.call("end-wave", RUN, killed=False, wave=2)


def _decide(course: Course, asked: dict[str, Any], decision: str | None) -> None:
    if decision:
        (pause,) = course.orchestrator.runs.open_pauses(RUN)
        at = datetime.fromisoformat(course.orchestrator.now())
        course.orchestrator.runs.answer_pause(
            RUN, pause["pause_id"], decision=decision, by="arn:aws:iam::1:user/me", at=at, reason="it rains"
        )
    course.call("apply-decision", RUN, **asked, expired=decision is None)


def _decided(course: Course, asked: dict[str, Any], decision: str | None) -> None:
    _decide(course, asked, decision)
    if decision == "abort":
        course.call("end-wave", RUN, wave=2)
        course.call("close-run", RUN, aborted=True, error=None)
        assert course.orchestrator.runs.lock_owners([*KEYS.values(), "plan:small"]) == {}


def end(course: Course) -> None:
    """Validate the plan, clean up, and close the run."""
    course.call("validate", RUN, wave=None)
    course.until_done("validate", RUN, wave=None)
    course.call("clean-up", RUN)
    course.advance(3600)
    course.call("clean-up", RUN)
    course.call("close-run", RUN, aborted=False, error=None)
    assert course.orchestrator.runs.lock_owners([*KEYS.values(), "plan:small"]) == {}


def recover(course: Course) -> None:
    """Recover all servers but one for good."""
    servers = [{"sourceServerID": IDS[name]} for name in ("app-1", "app-2", "db-1")]
    course.orchestrator.client("drs").start_recovery(sourceServers=servers, isDrill=False)
    course.advance(3600)


def way_home(course: Course) -> None:
    """Begin a failback of servers that were recovered meanwhile, of which one waits for a person."""
    recover(course)
    asked: dict[str, Any] = request(HOME_RUN, "failback", "small", course.orchestrator.now())
    course.call("open-run", HOME_RUN, killed=False, **asked)
    course.call("discover", HOME_RUN)
    course.call("gate", HOME_RUN)
    assert course.call("prepare-failback", HOME_RUN)["outcome"] == "wait"
    # Not killed while it writes settings: template versions that were made just before are made again then.
    assert course.until_done("prepare-failback", HOME_RUN)["outcome"] == "done"
    course.otherwise("DRS behaves otherwise", partial(_way_home_again, course))
    course.otherwise("rehearsed", partial(_rehearsal, course))


def _way_home_again(course: Course) -> None:
    """Recover the servers once more, and replicate them home with a DRS that does what no public source rules out."""
    from emulator.drs.settings import SETTINGS

    SETTINGS.reverse_reuses_server, SETTINGS.reversed_arn_goes_stale = True, False
    SETTINGS.failback_completes_at_launch, SETTINGS.agent_unseen_seconds = True, 1800.0
    course.call("close-run", HOME_RUN, killed=False, aborted=True, error=None)
    drs = course.orchestrator.client("drs")
    for item in drs.describe_recovery_instances(filters={})["items"]:
        drs.stop_failback(recoveryInstanceID=item["recoveryInstanceID"])
    recover(course)
    asked: dict[str, Any] = request(HOME_AGAIN, "failback", "small", course.orchestrator.now())
    course.call("open-run", HOME_AGAIN, killed=False, **asked)
    course.call("discover", HOME_AGAIN, killed=False)
    assert course.call("prepare-failback", HOME_AGAIN)["outcome"] == "wait"
    assert course.until_done("prepare-failback", HOME_AGAIN)["outcome"] == "done"
    at_home = course.orchestrator.client("drs", "us-east-1").describe_source_servers(filters={})["items"]
    assert len(at_home) == 3, "the servers that led home before do so again"


def protect_again(course: Course) -> None:
    """Launch at home as the waves do, protect that again, and tidy."""
    runs = course.orchestrator.runs
    going = [item for item in runs.get_servers(HOME_RUN) if item["status"] == "pending"]
    instances = launch_home(course.orchestrator, [item["source_server_id"] for item in going])
    done = {"status": "validated", "validated_at": course.orchestrator.now()}
    runs.put_servers(HOME_RUN, [{**item, **done, "instance_id": instances[item["source_server_id"]]} for item in going])
    assert course.call("protect-again", HOME_RUN)["outcome"] == "wait"
    course.advance(1200)
    assert course.call("protect-again", HOME_RUN)["outcome"] == "wait"
    course.advance(120)
    assert course.call("protect-again", HOME_RUN)["outcome"] == "done"


def _rehearsal(course: Course) -> None:
    """Launch the first wave at home as a drill does, and terminate it there."""
    runs = course.orchestrator.runs
    runs.update_run(HOME_RUN, {"drill": True})
    servers = runs.get_servers(HOME_RUN)
    for interface in (interface for server in servers for interface in server["expected"]["interfaces"]):
        interface["address"] = None
    runs.put_servers(HOME_RUN, servers)
    course.call("prepare-wave", HOME_RUN, killed=False, wave=1)
    course.call("reconcile-wave", HOME_RUN, varies=["reason"], wave=1)
    course.until_done("reconcile-wave", HOME_RUN, wave=1)
    course.call("clean-up", HOME_RUN)
    course.advance(3600)
    course.call("clean-up", HOME_RUN)
    course.call("close-run", HOME_RUN, killed=False, aborted=True, error=None)
    assert runs.lock_owners(KEYS.values()) == {}


def main() -> None:
    with contextlib.redirect_stdout(io.StringIO()):  # where the functions log
        course = Course()
        deploy_automations(course.orchestrator)
        warm_up(course)
        course.settle()
        begin(course)
        first_wave(course)
        second_wave(course)
        end(course)
        way_home(course)
        protect_again(course)
    json.dump([asdict(report) for report in course.reports], sys.stdout)


if __name__ == "__main__":
    main()
