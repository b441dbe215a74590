"""The whole house on an embedded AWS of its own."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from tests.support.embedded import ROOT, EmbeddedAws
from tests.support.orchestrator import PREFIX, Deployment
from tests.support.playbook import Outcome, playbook_process, run_playbook

SAMPLE = ROOT / "emulator" / "estate" / "sample.yml"
INVENTORY = ROOT / "inventories" / "embedded"
SCHEDULE = "rate(1 hour)"
RUN = "first-failover"
"""Run id of the failover of the whole sample estate."""


class House:
    """One embedded AWS with the sample estate, and the playbooks run against it."""

    def __init__(self, prefix: str = "disaster-recovery", load: Path | None = None) -> None:
        self.prefix = prefix
        self.aws = EmbeddedAws(SAMPLE, load=load)
        self.environment = {"DR_PORT": self.aws.endpoint.rsplit(":", 1)[1]}
        self._variables = {"dr_prefix": prefix, "orchestrator_archive": str(self.aws.state_dir / "functions.zip")}

    def play(self, name: str, *arguments: str, succeeds: bool = True, **variables: Any) -> Outcome:
        """Run one of the collection's playbooks and check how it ended."""
        return run_playbook(
            f"playbooks/{name}.yml",
            *arguments,
            inventory=INVENTORY,
            variables={**self._variables, **variables},
            environment=self.environment,
            succeeds=succeeds,
        )

    def start(self, name: str, **variables: Any) -> subprocess.Popen[str]:
        """Start a playbook that goes on while the test does something else."""
        return playbook_process(
            f"playbooks/{name}.yml",
            inventory=INVENTORY,
            variables={**self._variables, **variables},
            environment=self.environment,
        )

    def items(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        """Return the items of a run in the runs table: META, WAVE, SERVER, PAUSE or EVENT."""
        deserialize = TypeDeserializer().deserialize
        pages = (
            self.aws.client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=f"{self.prefix}-runs",
                KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={":pk": {"S": f"RUN#{run_id}"}, ":sk": {"S": kind}},
                ConsistentRead=True,
            )
        )
        return [{key: deserialize(value) for key, value in item.items()} for page in pages for item in page["Items"]]

    def meta(self, run_id: str) -> dict[str, Any]:
        """Return the run's own record."""
        return self.items(run_id, "META")[0]

    def wait_for_pause(self, run_id: str, process: subprocess.Popen[str], seconds: float = 120) -> dict[str, Any]:
        """Wait until the run asks an operator, and return the pause."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for pause in self.items(run_id, "PAUSE"):
                if pause["status"] == "open":
                    self.aws.control("clock", {"advance": 0})  # whoever asks writes the run's record after the pause
                    return pause
            if process.poll() is not None:
                raise AssertionError(f"the playbook ended without asking:\n{process.communicate()[0]}")
            time.sleep(0.3)
        raise AssertionError(f"run {run_id} asked nobody within {seconds} s")

    def calls(self) -> Counter[str]:
        """Return how often each operation was called so far, as C(service.Operation)."""
        counted: Counter[str] = Counter()
        for entry in self.aws.control("calls")["counts"]:
            counted[f"{entry['service']}.{entry['operation']}"] += entry["count"]
        return counted

    def break_launch(self, hostname: str, *, times: int, phase: str = "LAUNCH") -> None:
        """Let the next launches of a source server fail."""
        self.aws.control(
            "drs/source-server",
            {
                "account": "222222222222",
                "region": "us-west-2",
                "hostname": hostname,
                "fail_launch": {"phase": phase, "times": times, "raw_error": "InsufficientInstanceCapacity"},
            },
        )

    def break_launch_ends(self, hostname: str) -> None:
        """Take back what L(break_launch) still holds."""
        self.aws.control(
            "drs/source-server",
            {"account": "222222222222", "region": "us-west-2", "hostname": hostname, "fail_launch": None},
        )

    def running_instances(self) -> dict[str, dict[str, Any]]:
        """Return the EC2 instances in the recovery Region that run, by Name tag."""
        pages = (
            self.aws.client("ec2")
            .get_paginator("describe_instances")
            .paginate(Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}])
        )
        instances = [i for page in pages for reservation in page["Reservations"] for i in reservation["Instances"]]
        return {next(t["Value"] for t in i["Tags"] if t["Key"] == "Name"): i for i in instances}


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """A house that is deployed, the quick way, and configured; every test takes servers of its own."""
    built = House(PREFIX)
    try:
        Deployment(built.aws, built.aws.state_dir)
        built.play("configure")
        yield built
    finally:
        built.aws.stop()


@pytest.fixture(scope="session")
def deployed_house() -> Iterator[House]:
    """A house that is deployed and not configured: the one that fails over as a whole."""
    built = House()
    try:
        assert built.play("deploy", dr_correlation_schedule=SCHEDULE).recap()["changed"] > 0
        yield built
    finally:
        built.aws.stop()


@pytest.fixture(scope="session")
def failed_over(deployed_house: House) -> tuple[House, str]:
    """The house after the failover, and what the playbook printed."""
    deployed_house.play("configure")
    return deployed_house, deployed_house.play("failover", dr_plan="sample-estate", dr_run_id=RUN).output


@pytest.fixture(scope="session")
def bare_house() -> Iterator[House]:
    """An embedded AWS with the sample estate and nothing of ours in it."""
    built = House()
    try:
        yield built
    finally:
        built.aws.stop()


@pytest.fixture
def small_plan() -> Callable[..., dict[str, Any]]:
    """Make a plan of one wave (and perhaps more) over servers that are named by key."""

    def make(name: str, *waves: list[str], **settings: Any) -> dict[str, Any]:
        return {
            "name": name,
            "groups": {f"group-{number}": {"servers": keys} for number, keys in enumerate(waves, 1)},
            "waves": [
                {"name": f"wave-{number}", "groups": [f"group-{number}"], "retries": 0, "timeout": 7200}
                for number, _ in enumerate(waves, 1)
            ],
            **settings,
        }

    return make
