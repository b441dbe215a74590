"""What the tests of the emulated DRS share: a frozen emulator and the calls that almost every test makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.embedded import STAGING, TARGET, EmbeddedAws

SAMPLE = Path(__file__).resolve().parents[3] / "emulator" / "estate" / "sample.yml"
STANDSTILL = 0.0001  # virtual seconds a real second: the clock moves by `advance` only

RECOVERY_DB = "subnet-0a20100000000d001"
RECOVERY_APP = "subnet-0a20200000000a001"
RECOVERY_BACKUP = "subnet-0a20500000000b001"
RECOVERY_WAREHOUSE = "subnet-0a20800000000f001"


class Drs:
    """A running emulator, seen by the operator of an account in a Region: the target account's, where it recovers."""

    def __init__(self, aws: EmbeddedAws, region: str = "us-west-2", account: str = TARGET):
        self.aws = aws
        self.api = aws.client("drs", region=region, account=account)
        self.ec2 = aws.client("ec2", region=region, account=account)

    @cached_property
    def staging_api(self) -> Any:
        """DRS as the operator of the staging account sees it."""
        return self.aws.client("drs", account=STAGING)

    def advance(self, seconds: float) -> None:
        """Move virtual time."""
        self.aws.control("clock", {"advance": seconds})

    def now(self) -> datetime:
        """Return the virtual moment."""
        return datetime.fromisoformat(self.aws.control("clock")["now"])

    def server(self, server_id: str) -> dict[str, Any]:
        """Return one source server."""
        return self.api.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"][0]

    def job(self, job_id: str) -> dict[str, Any]:
        """Return one job."""
        return self.api.describe_jobs(filters={"jobIDs": [job_id]})["items"][0]

    def status_of(self, job_id: str, server_id: str) -> str:
        """Return the launch status of one server in a job."""
        parts = self.job(job_id)["participatingServers"]
        return next(part["launchStatus"] for part in parts if part["sourceServerID"] == server_id)

    def log(self, job_id: str, server_id: str | None = None) -> list[dict[str, Any]]:
        """Return the job log, of one server only when it is named."""
        pages = self.api.get_paginator("describe_job_log_items").paginate(jobID=job_id)
        items = [item for page in pages for item in page["items"]]
        return [item for item in items if server_id is None or item["eventData"].get("sourceServerID") == server_id]

    def events(self, job_id: str, server_id: str | None = None) -> list[str]:
        """Return the events of the job log."""
        return [item["event"] for item in self.log(job_id, server_id)]

    def template(self, server_id: str) -> str:
        """Return the id of a server's launch template."""
        return self.api.get_launch_configuration(sourceServerID=server_id)["ec2LaunchTemplateID"]

    def template_data(self, server_id: str) -> dict[str, Any]:
        """Return the data of the default version of a server's launch template."""
        versions = self.ec2.describe_launch_template_versions(
            LaunchTemplateId=self.template(server_id), Versions=["$Default"]
        )
        return versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]

    def launch_with(self, server_id: str, **data: Any) -> None:
        """Give a server's template a new default version with these keys."""
        template = self.template(server_id)
        version = self.ec2.create_launch_template_version(
            LaunchTemplateId=template, SourceVersion="$Default", LaunchTemplateData=data
        )["LaunchTemplateVersion"]["VersionNumber"]
        self.ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(version))

    def launch_into(self, server_id: str, subnet: str, address: str | None = None) -> None:
        """Give a server one interface in a subnet."""
        interface: dict[str, Any] = {"DeviceIndex": 0, "SubnetId": subnet}
        if address:
            interface["PrivateIpAddress"] = address
        self.launch_with(server_id, NetworkInterfaces=[interface])

    def start(self, *server_ids: str, **options: Any) -> str:
        """Start a recovery and return the job's id."""
        servers = [{"sourceServerID": server_id} for server_id in server_ids]
        return self.api.start_recovery(sourceServers=servers, **options)["job"]["jobID"]

    def recover(self, *server_ids: str, **options: Any) -> str:
        """Start a recovery, let it come to its end and return the job's id."""
        job_id = self.start(*server_ids, **options)
        self.finish(job_id)
        return job_id

    def finish(self, job_id: str) -> None:
        """Let a job come to its end."""
        for _ in range(20):
            self.advance(300)
            if self.job(job_id)["status"] == "COMPLETED":
                return
        raise AssertionError(f"job {job_id} did not end in 100 minutes")

    def instance(self, instance_id: str) -> dict[str, Any]:
        """Return one EC2 instance."""
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def recovery_instance_of(self, server_id: str) -> dict[str, Any]:
        """Return the recovery instance of a server."""
        return self.api.describe_recovery_instances(filters={"sourceServerIDs": [server_id]})["items"][0]


def replication_template(subnet: str) -> dict[str, Any]:
    """Return the smallest request for a replication configuration template."""
    return {
        "stagingAreaSubnetId": subnet,
        "replicationServersSecurityGroupsIDs": [],
        "ebsEncryption": "NONE",
        "bandwidthThrottling": 0,
        "stagingAreaTags": {},
        "pitPolicy": [
            {"ruleID": 1, "units": "MINUTE", "interval": 10, "retentionDuration": 60},
            {"ruleID": 2, "units": "HOUR", "interval": 1, "retentionDuration": 24},
            {"ruleID": 3, "units": "DAY", "interval": 1, "retentionDuration": 7},
        ],
    }


@contextmanager
def frozen_sample() -> Iterator[Drs]:
    """Run the sample estate with a clock that stands still until it is advanced, and without limits of requests."""
    with frozen(SAMPLE) as running:
        running.aws.control("throttling", {"ec2": False, "stepfunctions": False})
        yield running


@contextmanager
def frozen(estate: Path | dict[str, Any]) -> Iterator[Drs]:
    """Run an estate with a clock that stands still until it is advanced."""
    aws = EmbeddedAws(estate, pace=STANDSTILL)
    try:
        yield Drs(aws)
    finally:
        aws.stop()


def seconds_after(start: str, moment: str) -> float:
    """Return the seconds between two dates of the API."""
    return (datetime.fromisoformat(moment) - datetime.fromisoformat(start)) / timedelta(seconds=1)


__all__ = [
    "RECOVERY_APP",
    "RECOVERY_BACKUP",
    "RECOVERY_DB",
    "RECOVERY_WAREHOUSE",
    "SAMPLE",
    "STAGING",
    "TARGET",
    "Drs",
    "frozen",
    "frozen_sample",
    "replication_template",
    "seconds_after",
]
