"""Functions that are killed on their way: at every point of their body, and called again as their callers do.

What a killed function leaves is what its calls have done so far; so the points that differ are those after each call
that changed something, and a call that only reads ends none of them. Two things happen at each point: the function is
killed before it learns what the call has done, or it lives on and only the answer is lost. Either way what is there in
the end, and what the function answers, has to be what an undisturbed call leaves and answers.

Every attempt is made in a fork of the process, which holds the embedded AWS, too: the next one finds all as it was.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import from_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import event_from_item, verify
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from moto.dynamodb.models import dynamodb_backends

from tests.support.embedded import TARGET
from tests.support.in_process import ENDPOINT, InProcessAws, session
from tests.support.orchestrator import ESTATE, FUNCTIONS, HOME_REGION, PREFIX, REGION, ROLE, Orchestrator

READING = ("Describe", "Get", "List", "BatchGet", "Query", "Scan")
COMPARED_BY_STATE = frozenset({"dynamodb", "drs", "ec2", "s3", "ssm"})
AT_LEAST_ONCE = frozenset({"sns", "sfn"})
"""Services that are told again what may have got lost: a notice comes twice, a token is heard once."""

PLACES = (REGION, HOME_REGION)
PARTS = "participatingServers"
ATTEMPTS = 5
KILLED, ANSWER_LOST = "killed after", "without the answer of"

Event = dict[str, Any]


class Killed(BaseException):
    """The process of the function is gone."""


@dataclass
class _Line:
    """The line to AWS of the function that is called: counts what is changed, and is cut where it is told."""

    aws: InProcessAws
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    side_by_side: set[int] = field(default_factory=set)
    kill_after: int | None = None
    lose: int | None = None
    dead: bool = False

    def send(self, request: AWSPreparedRequest, event_name: str) -> AWSResponse:
        if self.dead:
            raise Killed
        _, service, operation = event_name.split(".")
        answer = self.aws.send(request)
        if operation.startswith(READING) or answer.status_code >= 400:
            return answer
        self.writes.append((service, operation, _text(request.body)))
        if threading.current_thread() is not threading.main_thread():
            self.side_by_side.add(len(self.writes))
        if len(self.writes) == self.kill_after:
            self.dead = True
            raise Killed
        if len(self.writes) == self.lose:
            self.lose = None
            raise ConnectionClosedError(endpoint_url=ENDPOINT)
        return answer

    def points(self) -> list[tuple[int, str]]:
        """Return the numbers and names of calls after which to kill: of many side by side the first and the last."""
        names = [f"{service} {operation}" for service, operation, _ in self.writes]

        def alike(number: int) -> bool:
            return {number, number + 1} <= self.side_by_side and names[number - 1] == names[number]

        numbered = enumerate(names, start=1)
        return [(number, name) for number, name in numbered if not (alike(number - 1) and alike(number))]


@dataclass(frozen=True)
class Outcome:
    """What a function answered, and what there was afterwards."""

    result: Any
    state: dict[str, Any]
    told: list[tuple[str, str, str]]
    points: list[tuple[int, str]]


@dataclass
class Report:
    """What came of the attempts at one call of a function."""

    function: str
    case: str
    points: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class _Stores(Orchestrator):
    """Tables, topic and bucket of an orchestrator, its estate configured; the functions are in this process."""

    def _make_code(self) -> None:
        """Deploy nothing."""


class Course:
    """The course of runs on the small estate, in which functions are called and killed.

    Args:
        disturb: Whether functions are killed; without it the course is only gone through.
    """

    def __init__(self, *, disturb: bool = True) -> None:
        self.aws = InProcessAws(ESTATE)
        self.orchestrator = _Stores(self.aws, Path())
        self.reports: list[Report] = []
        self._disturb = disturb
        self._case = ""
        self._handlers = self._load()

    def settle(self) -> None:
        """Let what there is stay where it is in memory, which forks then share; the process is not for long."""
        gc.collect()
        gc.freeze()
        gc.disable()

    def call(
        self, function: str, run_id: str, *, killed: bool = True, varies: Collection[str] = (), **event: Any
    ) -> Any:
        """Call a function as the state machines do, and return what it answers.

        Args:
            killed: Before, kill it at every point of its body in forks of this process, and compare.
            varies: Parts of its answer that tell what this very call did.
            event: What it gets besides C(run_id) and C(now).
        """
        request = {"run_id": run_id, "now": self.orchestrator.now(), **event}
        if killed and self._disturb:
            self.reports.append(self._kill_everywhere(function, request, varies))
        return self._handlers[function](request, None)

    def until_done(self, function: str, run_id: str, *, seconds: int = 400, **event: Any) -> Any:
        """Call a function undisturbed until there is nothing to wait for."""
        while (answer := self.call(function, run_id, killed=False, **event))["outcome"] == "wait":
            self.advance(seconds)
        return answer

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.aws.control("clock", {"advance": seconds})

    def otherwise(self, case: str, course: Callable[[], None]) -> None:
        """Take another course in a fork: afterwards all is as if it had never been. Its reports are of the case."""

        def taken() -> list[dict[str, Any]]:
            self._case, self.reports = case, []
            course()
            return [asdict(report) for report in self.reports]

        found = in_a_fork(taken)
        if isinstance(found, str):
            self.reports.append(Report("", case, problems=[found]))
        else:
            self.reports += [Report(**report) for report in found]

    def _load(self) -> dict[str, Callable[[Event, None], Any]]:
        credentials = self.aws.credentials()
        os.environ |= {
            **self.orchestrator.environment(),
            "AWS_ENDPOINT_URL": ENDPOINT,
            "AWS_ACCESS_KEY_ID": credentials["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": credentials["aws_secret_access_key"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        self._line = _Line(self.aws)
        boto3.DEFAULT_SESSION = session(lambda *request: self._line.send(*request))
        vars(botocore.endpoint)["time"] = SimpleNamespace(sleep=lambda _seconds: None)
        sys.path.insert(0, str(ROLE / "files" / "functions"))
        return {name: importlib.import_module(name.replace("-", "_")).handler for name in FUNCTIONS}

    def _kill_everywhere(self, function: str, request: Event, varies: Collection[str]) -> Report:
        report = Report(function, self._case)
        undisturbed = self._attempt(function, request, _Line(self.aws))
        if isinstance(undisturbed, str):
            report.problems.append(f"it fails undisturbed: {undisturbed}")
            return report
        for number, write in undisturbed.points:
            # In another course than the first the calls are the same; only what they leave is another.
            for how in (KILLED,) if self._case else (KILLED, ANSWER_LOST):
                point = f"{how} call {number}, {write}"
                line = _Line(self.aws, kill_after=number) if how == KILLED else _Line(self.aws, lose=number)
                report.points.append(point)
                disturbed = self._attempt(function, request, line)
                problem = disturbed if isinstance(disturbed, str) else difference(undisturbed, disturbed, varies)
                if problem:
                    report.problems.append(f"{point}: {problem}")
        return report

    def _attempt(self, function: str, request: Event, line: _Line) -> Outcome | str:
        """Call a function in a fork, again when it is killed, and return its outcome, or what went wrong."""
        found = in_a_fork(lambda: asdict(self._until_it_lives(function, request, line)))
        return found if isinstance(found, str) else Outcome(**found)

    def _until_it_lives(self, function: str, request: Event, line: _Line) -> Outcome:
        self._line = line
        for _ in range(ATTEMPTS):
            try:
                result = self._handlers[function](request, None)
                break
            except Killed:
                line.dead, line.kill_after = False, None
            except Exception as error:
                if type(error).__name__ != "Transient":
                    raise
        else:
            raise AssertionError(f"{function} did not live through {ATTEMPTS} attempts")
        told = [write for write in line.writes if write[0] not in COMPARED_BY_STATE]
        there = state(self.orchestrator, {write[0] for write in line.writes})
        return Outcome(result, there, told, line.points())


def in_a_fork(work: Callable[[], Any]) -> Any:
    """Do something in a fork of this process, and return its result, of JSON, or the text of what went wrong."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader) as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return json.loads(text)
    status = 1
    try:
        try:
            result = work()
        except Exception:  # noqa: BLE001 - whatever it is, the parent is to know
            result = traceback.format_exc()
        with os.fdopen(writer, "w") as answer:
            json.dump(result, answer)
        status = 0
    finally:
        os._exit(status)


def difference(undisturbed: Outcome, disturbed: Outcome, varies: Collection[str] = ()) -> str:
    """Say how a disturbed call's outcome differs from that of an undisturbed one, in few words; empty if it does not.

    Args:
        undisturbed: What an undisturbed call left and answered.
        disturbed: What the other one did.
        varies: Parts of the answer that tell what this very call did.
    """
    calls = (undisturbed, disturbed)
    one, two = ({key: item for key, item in call.result.items() if key not in varies} for call in calls)
    if one != two:
        return f"it answers {two}, not {one}"
    if undisturbed.state != disturbed.state:
        return _first_difference(undisturbed.state, disturbed.state)
    once, again = (Counter(map(tuple, call.told)) for call in calls)
    if once.keys() != again.keys():
        return f"it told {sorted(again)}, not {sorted(once)}"
    for what, count in again.items():
        if count > once[what] + (what[0] in AT_LEAST_ONCE):
            return f"{what} was said {count} times, not {once[what]}"
    return ""


def state(orchestrator: Orchestrator, services: Collection[str]) -> dict[str, Any]:
    """Return what services hold: tables, whose chains of events are verified, jobs, templates, reports and so on."""
    readers = {"dynamodb": _tables, "drs": _jobs, "ec2": _templates, "s3": _evidence, "ssm": _automations}
    return _normal({name: read(orchestrator) for name, read in readers.items() if name in services})


def _tables(_orchestrator: Orchestrator) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for table in ("runs", "ip-map"):
        rows = dynamodb_backends[TARGET][REGION].tables[f"{PREFIX}-{table}"].items
        items = [from_item(item.to_json()["Attributes"]) for row in rows.values() for item in row.values()]
        found |= {f"{table} {item['pk']} {item['sk']}": item for item in items}
    _verify_chains(found)
    return found


def _jobs(orchestrator: Orchestrator) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for region in PLACES:
        drs = orchestrator.client("drs", region)
        found |= {
            job["jobID"]: (
                job["type"],
                job["status"],
                job["tags"],
                sorted(
                    part.get("sourceServerID") or part["recoveryInstanceID"] for part in job["participatingServers"]
                ),
            )
            for job in drs.describe_jobs(filters={})["items"]
        }
        instances = drs.describe_recovery_instances(filters={})["items"]
        found |= {item["recoveryInstanceID"]: item["ec2InstanceState"] for item in instances}
    return found


def _templates(orchestrator: Orchestrator) -> dict[str, Any]:
    wanted = {"Versions": ["$Default", "$Latest"]}
    return {
        f"{version['LaunchTemplateId']} {version['VersionNumber']}": (
            version["DefaultVersion"],
            version.get("VersionDescription"),
            version["LaunchTemplateData"],
        )
        for region in PLACES
        for version in orchestrator.client("ec2", region).describe_launch_template_versions(**wanted)[
            "LaunchTemplateVersions"
        ]
    }


def _evidence(orchestrator: Orchestrator) -> dict[str, Any]:
    s3 = orchestrator.client("s3")
    listed = s3.list_objects_v2(Bucket=orchestrator.bucket).get("Contents", [])
    return {
        item["Key"]: json.load(s3.get_object(Bucket=orchestrator.bucket, Key=item["Key"])["Body"]) for item in listed
    }


def _automations(orchestrator: Orchestrator) -> dict[str, Any]:
    found = orchestrator.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"]
    return {item["AutomationExecutionId"]: (item["DocumentName"], item["AutomationExecutionStatus"]) for item in found}


def _verify_chains(items: dict[str, Any]) -> None:
    chains: dict[str, list[Any]] = {}
    for key in sorted(items):
        if " EVENT#" in key:
            chains.setdefault(key.rsplit(" ", 1)[0], []).append(event_from_item(items[key]))
    for run, events in chains.items():
        head = items[f"{run} META"]
        assert verify(events) is None, f"the events of {run} are no chain"
        assert (head["event_count"], head["last_hash"]) == (len(events), events[-1].hash), f"{run} ends elsewhere"


def _normal(value: dict[str, Any]) -> dict[str, Any]:
    """Return the value with jobs as numbers of their appearance, and without hashes, in which their ids are."""
    text = json.dumps(value, sort_keys=True, default=str)
    text = re.sub(r'"(hash|previous_hash|last_hash)": "[0-9a-f]*"', r'"\1": ""', text)
    numbers: dict[str, int] = {}
    text = re.sub(r"drsjob-[0-9a-z]{17}", lambda made: f"job {numbers.setdefault(made.group(), len(numbers))}", text)
    normal: dict[str, Any] = json.loads(text)
    return normal


def _first_difference(there: Any, other: Any, path: str = "") -> str:
    if isinstance(there, dict) and isinstance(other, dict):
        for key in sorted({*there, *other}):
            if there.get(key) != other.get(key):
                return _first_difference(there.get(key), other.get(key), f"{path}/{key}")
    if isinstance(there, list) and isinstance(other, list) and len(there) == len(other):
        for number, (one, two) in enumerate(zip(there, other, strict=True)):
            if one != two:
                return _first_difference(one, two, f"{path}/{number}")
    return f"{path} is {json.dumps(other)[:300]}, not {json.dumps(there)[:300]}"


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body or "")
