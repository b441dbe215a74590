"""Whole cycles of failover and failback, and what an estate looks like in between: to compare cycles.

A portrait tells what must be the same after every cycle; ids of what is made anew (instances, FAILBACK source servers)
are not in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable

from tests.functions.run_control import execute
from tests.support.orchestrator import PREFIX, REGION, Orchestrator

HOME = "us-east-1"
AT_WORK = "which is not this run's, is at work on it"

GONE = frozenset({"terminated", "shutting-down"})


class Cycles:
    """Failovers and failbacks of a configured estate.

    Args:
        orchestrator: The deployed orchestrator.
        plan: Name of the published plan.
        home: Region in which the servers run.
    """

    def __init__(self, orchestrator: Orchestrator, plan: str = "small", home: str = HOME) -> None:
        self.orchestrator = orchestrator
        self.plan = plan
        self.home = home

    def run(self, mode: str, run_id: str, **request: Any) -> dict[str, Any]:
        """Run the plan to its end, answer whoever asks for approval, and return the run's record."""
        self.settle(self.orchestrator.start(mode, run_id, plan=self.plan, **request), run_id)
        return self.record(run_id)

    def record(self, run_id: str) -> dict[str, Any]:
        """Return the record of a run."""
        run = self.orchestrator.runs.get_run(run_id)
        assert run is not None
        return run

    def settle(self, execution_arn: str, run_id: str) -> dict[str, Any]:
        """Follow an execution to its end, approve what is to be approved, and return it; other questions fail."""
        while True:
            execution = self.orchestrator.follow(execution_arn, until_paused=True)
            if execution["status"] != "RUNNING":
                return execution
            for pause in self.orchestrator.runs.open_pauses(run_id):
                self.answer(run_id, pause)

    def answer(self, run_id: str, pause: Mapping[str, Any]) -> None:
        """Do what a person is asked for: approve, and wait for the jobs of a run that was given up."""
        if pause["step"] == "gate" and AT_WORK in pause["reason"]:
            self.orchestrator.aws.control("clock", {"advance": 1200})
            self.orchestrator.decide(run_id, "retry")
            return
        assert pause["step"].startswith("approve-"), f"{run_id} asks: {pause['step']}: {pause['reason']}"
        self.orchestrator.decide(run_id, "continue")

    def interrupted(self, mode: str, run_id: str, kinds: Iterable[str], **request: Any) -> tuple[list[str], int]:
        """Run the plan, and kill its executions as soon as an event of these kinds is there that was not there before.

        Killed is everything: the run and its children, as somebody does in the console. Then the run goes on by module
        dr_execution.

        Returns:
            What was interrupted (kind, and the action it tells of), and how many executions it took.
        """
        arn = self.orchestrator.start(mode, run_id, plan=self.plan, **request)
        seen: list[str] = []
        executions = 1
        wanted = frozenset(kinds)
        while True:
            moment = self._until(arn, run_id, lambda one: one.split(" ")[0] in wanted and one not in seen)
            if moment is None:
                return seen, executions
            seen.append(moment)
            self.kill()
            # The functions that were at work end on their own, as on AWS.
            self.orchestrator.aws.control("clock", {"advance": 1})
            if self.record(run_id)["closed_at"]:
                return seen, executions
            answer = execute(self.orchestrator, "resumed", run_id)
            arn = answer["execution_arn"]
            executions += 1

    def give_up(self, mode: str, run_id: str, moment: str, **request: Any) -> bool:
        """Run the plan, kill it at the first moment of this name, and give it up; tell whether that moment came."""
        arn = self.orchestrator.start(mode, run_id, plan=self.plan, **request)
        if self._until(arn, run_id, lambda one: one == moment) is None:
            return False
        self.kill()
        self.orchestrator.aws.control("clock", {"advance": 1})
        execute(self.orchestrator, "stopped", run_id)
        return True

    def kill(self) -> None:
        """Stop every execution of every machine."""
        states = self.orchestrator.client("stepfunctions")
        for machine in states.list_state_machines()["stateMachines"]:
            running = states.list_executions(stateMachineArn=machine["stateMachineArn"], statusFilter="RUNNING")
            for execution in running["executions"]:
                states.stop_execution(executionArn=execution["executionArn"])

    def _until(self, arn: str, run_id: str, is_it: Callable[[str], bool]) -> str | None:
        """Let the time go on, slowly, until there is such a moment; None when the execution has ended before."""
        for _ in range(20000):
            found = next(filter(is_it, self.moments(run_id)), None)
            if found:
                return found
            execution = self.orchestrator.client("stepfunctions").describe_execution(executionArn=arn)
            if execution["status"] != "RUNNING":
                assert execution["status"] == "SUCCEEDED", execution.get("cause")
                return None
            for pause in self.orchestrator.runs.open_pauses(run_id):
                self.answer(run_id, pause)
            self.orchestrator.aws.control("clock", {"advance": 10})
        raise AssertionError(f"{run_id} does not end: {self.moments(run_id)}")

    def moments(self, run_id: str) -> list[str]:
        """Return what happened in a run: the kind of each event, and the action that it tells of."""
        return [
            " ".join(filter(None, (event["kind"], str(event["data"].get("action") or ""))))
            for event in self.orchestrator.runs.events(run_id)
        ]

    def portrait(self) -> dict[str, Any]:
        """Return what must be the same after every cycle."""
        drs, ec2 = self.orchestrator.client("drs"), self.orchestrator.client("ec2")
        servers = {item["sourceServerID"]: item for item in drs.describe_source_servers(filters={})["items"]}
        return {
            "protecting": {name: self._protecting(item) for name, item in servers.items()},
            "launch settings": {name: self._launch_settings(drs, ec2, name) for name in servers},
            "at home": self._instances(self.home),
            "elsewhere": self._instances(REGION),
            "recovery instances": self._recovery_instances(),
            "returning": self._returning(),
            "ip map": self._ip_map(),
        }

    def terminations(self) -> Counter[str]:
        """Return how often each instance was terminated by DRS."""
        jobs = [
            job
            for region in {self.home, REGION}
            for job in self.orchestrator.client("drs", region).describe_jobs(filters={})["items"]
        ]
        return Counter(
            server["recoveryInstanceID"]
            for job in jobs
            if job["type"] == "TERMINATE"
            for server in job["participatingServers"]
        )

    @staticmethod
    def _protecting(item: Mapping[str, Any]) -> dict[str, Any]:
        info = item["dataReplicationInfo"]
        return {
            "tags": item["tags"],
            "direction": item["replicationDirection"],
            "origin": item.get("sourceCloudProperties", {}).get("originRegion"),
            "state": info["dataReplicationState"],
            "lag": info.get("lagDuration"),
            "disks": [disk["deviceName"] for disk in info["replicatedDisks"]],
            "host": item["sourceProperties"]["identificationHints"]["hostname"],
            "addresses": [nic.get("ips") for nic in item["sourceProperties"]["networkInterfaces"]],
        }

    @staticmethod
    def _launch_settings(drs: Any, ec2: Any, server_id: str) -> dict[str, Any]:
        configuration = drs.get_launch_configuration(sourceServerID=server_id)
        template = configuration.pop("ec2LaunchTemplateID")
        configuration.pop("ResponseMetadata")
        (default,) = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Default"])[
            "LaunchTemplateVersions"
        ]
        versions = ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
        described = [version.get("VersionDescription", "").split(" ") for version in versions]
        profiles = {words[1] for words in described if words[0] == "disaster_recovery.aws"}
        return {
            "template": template,
            "configuration": configuration,
            "default": default["LaunchTemplateData"],
            "profiles": sorted(profiles),
        }

    def _instances(self, region: str) -> list[dict[str, Any]]:
        found = self.orchestrator.client("ec2", region).describe_instances()["Reservations"]
        return sorted(
            (
                {
                    "state": item["State"]["Name"],
                    "type": item["InstanceType"],
                    "interfaces": [
                        (nic["SubnetId"], nic["PrivateIpAddress"], sorted(group["GroupId"] for group in nic["Groups"]))
                        for nic in sorted(item["NetworkInterfaces"], key=lambda nic: nic["Attachment"]["DeviceIndex"])
                    ],
                }
                for reservation in found
                for item in reservation["Instances"]
                if item["State"]["Name"] not in GONE
            ),
            key=json.dumps,
        )

    def _recovery_instances(self) -> list[Any]:
        return [
            (region, item["sourceServerID"], item["recoveryInstanceID"])
            for region in sorted({self.home, REGION})
            for item in self.orchestrator.client("drs", region).describe_recovery_instances(filters={})["items"]
        ]

    def _returning(self) -> list[str]:
        return [
            item["sourceServerID"]
            for region in sorted({self.home, REGION})
            for item in self.orchestrator.client("drs", region).describe_source_servers(filters={})["items"]
            if item["replicationDirection"] == "FAILBACK"
        ]

    def _ip_map(self) -> dict[str, Any]:
        table = IpMapTable(self.orchestrator.client("dynamodb"), f"{PREFIX}-ip-map")
        return {
            f"{entry.server_key} {entry.interface}": {
                "source": entry.source.address,
                "profiles": {
                    name: (target.subnet_id, target.address, sorted(target.security_groups))
                    for name, target in sorted(entry.profiles.items())
                },
                "drs": entry.drs.source_server_id if entry.drs else None,
            }
            for entry in table.read_entries(table.entry_ids())
        }
