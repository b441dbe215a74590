"""Machines on their way over the failback cycle, for tests: an estate of two Regions, and a walk of what comes next."""

from __future__ import annotations

from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import failback
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback import Outcome, Status
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback_reader import FailbackReader
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action, Position, Stage, locate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import MachineFacts, Remembered
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place

from tests.emulator.drs.support import Drs
from tests.support.embedded import ACCOUNTS, TARGET

RECOVERY = Place(TARGET, "us-west-2")
HOME_SUBNET, RECOVERY_SUBNET = "subnet-0a000000000000001", "subnet-0a000000000000002"
SERVERS = 8


def region(subnet: str, cidr: str) -> dict[str, Any]:
    """Return a Region that is ready for replication, with one network of one subnet, `only`."""
    network = {"cidr": cidr, "subnets": {"only": {"id": subnet, "cidr": cidr}}}
    return {"networks": {"net": network}, "drs": True, "drs_staging_subnet": "only"}


def server(number: int) -> dict[str, Any]:
    """Return a server of the estate."""
    return {
        "id": f"s-server{number:011}",
        "os": "Linux",
        "instance_type": "t3.small",
        "disks": {"/dev/xvda": 8},
        "addresses": {"only": f"10.1.0.{10 + number}"},
        "source": {"account": TARGET, "region": "us-east-1"},
        "replication": {"account": TARGET, "region": "us-west-2", "staging_subnet": "only", "ebs_encryption": "NONE"},
    }


def estate(**settings: Any) -> dict[str, Any]:
    """Return an estate of some servers, which DRS protects from one Region in another."""
    regions = {
        "us-east-1": region(HOME_SUBNET, "10.1.0.0/24"),
        "us-west-2": region(RECOVERY_SUBNET, "10.2.0.0/24"),
    }
    return {
        "accounts": {TARGET: {**ACCOUNTS[TARGET], "regions": regions}},
        "drs_settings": settings,
        "servers": {f"server-{number}": server(number) for number in range(1, SERVERS + 1)},
    }


class Cycle:
    """Machines on their way: `there` recovers, `home` is where they came from."""

    def __init__(self, there: Drs):
        self.there = there
        self.home = Drs(there.aws, region="us-east-1")
        self.remembered: dict[str, Remembered] = {}

    def reader(self, **options: Any) -> FailbackReader:
        """Return a reader of this estate."""
        options = {"remembered": self.remembered, **options}
        return FailbackReader(
            lambda service, place: self.there.aws.client(service, region=place.region, account=place.account_id),
            RECOVERY,
            **options,
        )

    def facts(self, server_id: str) -> MachineFacts:
        """Return what AWS shows of a machine."""
        reading = self.reader().read([server_id])
        reading.raise_if_any()
        return reading.facts[server_id]

    def where(self, server_id: str, **options: Any) -> Position:
        """Return where a machine is."""
        return locate(self.facts(server_id), **options)

    def do(self, action: Action, server_id: str, **options: Any) -> Outcome:
        """Do an action for one machine."""
        return failback.do(action, [server_id], self.reader(), **options)[server_id]

    def fail_over(self, server_id: str) -> str:
        """Recover a machine for good, and return the instance that it is then."""
        self.there.launch_into(server_id, RECOVERY_SUBNET)
        self.there.recover(server_id)
        return str(self.there.recovery_instance_of(server_id)["recoveryInstanceID"])

    def launch(self, server_id: str) -> str:
        """Launch a machine at home as its wave does, and return the instance."""
        returning = self.facts(server_id).returning
        assert returning is not None
        self.home.launch_into(returning.server_id, HOME_SUBNET)
        self.home.recover(returning.server_id)
        return str(self.home.recovery_instance_of(returning.server_id)["recoveryInstanceID"])

    def come_home(self, server_id: str, *, until: Stage | None = None, **options: Any) -> list[str]:
        """Do what comes next until nothing is left, or a stage is reached; return stages and actions as they came."""
        told: list[str] = []
        for _ in range(60):
            position = self.where(server_id, **options)
            told += [str(position.stage)] if str(position.stage) not in told else []
            if position.stage == until or (position.action is None and not position.waiting):
                return told
            if position.action == Action.LAUNCH:
                self.launch(server_id)
                told.append("launch")
            elif position.action and self.do(position.action, server_id, **options).status == Status.BEGUN:
                told.append(str(position.action))
            else:
                self.there.advance(300)
        raise AssertionError(f"{server_id} never came home: {told}")

    def state_of(self, instance_id: str) -> str:
        """Return the EC2 state of an instance of either place."""
        for place in (self.there, self.home):
            found = place.ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": [instance_id]}])
            for reservation in found["Reservations"]:
                return str(reservation["Instances"][0]["State"]["Name"])
        return "unknown"
