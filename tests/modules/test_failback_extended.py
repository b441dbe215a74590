"""The whole way home of extended servers, of two accounts, step by step against the embedded AWS.

What leads them home is the role that the playbook accounts makes in the account where they are at home, enforced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients, Credentials
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import NotReachableError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback import Status
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback_reader import FailbackReader
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.accounts import parse_accounts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action, Stage

from tests.emulator.drs.support import Drs, frozen
from tests.modules.failback_cycle import RECOVERY, RECOVERY_SUBNET, Cycle, region
from tests.support.accounts_role import failback_policy
from tests.support.embedded import ACCOUNTS, STAGING, TARGET

HOME = region("subnet-0a000000000000011", "10.4.0.0/24")
AREA = region("subnet-0a000000000000012", "10.5.0.0/24")
ORIGINALS = {f"s-staging{number:010}": f"i-0e{number:015}" for number in range(1, 5)}
FAILBACK_ROLE = f"arn:aws:iam::{STAGING}:role/failback"


def estate(**settings: Any) -> dict[str, Any]:
    """Return an estate whose servers run in the staging account and replicate to it."""
    staging = {"drs_target_accounts": [TARGET], "drs_failback_accounts": [TARGET]}
    here = {"drs_failback_accounts": [STAGING], "regions": {"us-west-2": region(RECOVERY_SUBNET, "10.2.0.0/24")}}
    return {
        "accounts": {
            TARGET: {**ACCOUNTS[TARGET], **here},
            STAGING: {**ACCOUNTS[STAGING], **staging, "regions": {"us-east-1": HOME, "us-west-2": AREA}},
        },
        "drs_settings": settings,
        "servers": {
            f"warehouse-{number}": {
                "id": server_id,
                "instance": instance_id,
                "os": "Linux",
                "instance_type": "t3.small",
                "disks": {"/dev/xvda": 8},
                "addresses": {"only": f"10.4.0.{10 + number}"},
                "source": {"account": STAGING, "region": "us-east-1"},
                "replication": {
                    "account": STAGING,
                    "region": "us-west-2",
                    "staging_subnet": "only",
                    "ebs_encryption": "NONE",
                },
            }
            for number, (server_id, instance_id) in enumerate(ORIGINALS.items(), start=1)
        },
    }


class Warehouse(Cycle):
    """Extended servers on their way; what is done at home is done with the role for failbacks."""

    def __init__(self, there: Drs):
        super().__init__(there)
        self.home = Drs(there.aws, region="us-east-1", account=STAGING)
        self.accounts = [{"account_id": STAGING, "regions": ["us-east-1"], "failback_role_arn": FAILBACK_ROLE}]

    def reader(self, **options: Any) -> FailbackReader:
        """Return a reader with the clients that the functions have."""
        declared = [account.for_failback() for account in parse_accounts(self.accounts)]
        clients = AccountClients(self._client, declared, TARGET, option="failback_role_arn")
        return FailbackReader(lambda service, place: clients(service, *place), RECOVERY, **options)

    def _client(self, service: str, *, region: str = "us-west-2", credentials: Credentials | None = None) -> Any:
        if credentials is None:
            return self.there.aws.client(service, region=region)
        arguments = {"region_name": region, "endpoint_url": self.there.aws.endpoint, **credentials.arguments()}
        return boto3.client(service, **arguments)  # type: ignore[call-overload]

    def extend(self, staging_id: str) -> str:
        """Extend a server of the staging account, and return the new source server."""
        arn = f"arn:aws:drs:us-west-2:{STAGING}:source-server/{staging_id}"
        made = self.there.api.create_extended_source_server(sourceServerArn=arn)["sourceServer"]
        return str(made["sourceServerID"])

    def launch(self, server_id: str) -> str:
        """Launch a machine into its original instance, as its wave does."""
        facts = self.facts(server_id)
        assert facts.returning is not None
        self.home.ec2.create_tags(
            Resources=[facts.original_id], Tags=[{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}]
        )
        self.home.ec2.stop_instances(InstanceIds=[facts.original_id])
        self.home.api.update_launch_configuration(
            sourceServerID=facts.returning.server_id,
            copyTags=False,
            launchIntoInstanceProperties={"launchIntoEC2InstanceID": facts.original_id},
        )
        self.home.recover(facts.returning.server_id)
        return facts.original_id

    def launch_anew(self, server_id: str) -> None:
        """Launch a machine at home as a new instance, as a person might."""
        returning = self.facts(server_id).returning
        assert returning is not None
        self.home.launch_into(returning.server_id, "subnet-0a000000000000011")
        self.home.recover(returning.server_id)


@contextmanager
def running_warehouse(leaves: str) -> Iterator[Warehouse]:
    """Run the estate; C(leaves) is what a server is in the staging account after its failback."""
    with frozen(estate(extended_failback_leaves=leaves)) as running:
        iam = running.aws.client("iam", account=STAGING)
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        iam.create_role(RoleName="failback", AssumeRolePolicyDocument=json.dumps(document))
        policy = json.dumps(failback_policy(STAGING))
        iam.put_role_policy(RoleName="failback", PolicyName="failback", PolicyDocument=policy)
        yield Warehouse(running)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    """A frozen estate, of whose servers each test has one."""
    with running_warehouse("STOPPED") as running:
        yield running


WAY_HOME = [
    *("recovered", "reverse_replication", "reversing", "in_sync", "launch", "returned", "protect_again"),
    *("protecting_again", "protected_again", "stop_returning", "terminate_recovered", "protected"),
]


def test_two_cycles_into_the_original_end_where_they_began(warehouse: Warehouse) -> None:
    staging_id = "s-staging0000000001"
    server_id, original = warehouse.extend(staging_id), ORIGINALS[staging_id]
    for _ in range(2):
        recovered = warehouse.fail_over(server_id)
        assert warehouse.come_home(server_id, end_original=True) == WAY_HOME
        facts = warehouse.facts(server_id)
        assert facts.protecting.protects
        assert facts.protecting.instance_id == original
        assert [warehouse.state_of(name) for name in (original, recovered)] == ["running", "terminated"]
    assert warehouse.there.server(server_id)["stagingArea"]["status"] == "EXTENDED"


def test_a_person_is_told_where_the_agent_does_not_replicate_any_more() -> None:
    with running_warehouse("STALLED") as warehouse:
        staging_id = "s-staging0000000001"
        server_id = warehouse.extend(staging_id)
        warehouse.fail_over(server_id)
        told = warehouse.come_home(server_id, until=Stage.RETURNED)
        position = warehouse.where(server_id)
        assert (position.stage, position.action) == (Stage.RETURNED, None)
        assert "make sure that the agent runs there, else install it again" in position.waiting
        place = {"account": STAGING, "region": "us-west-2", "source_server_id": staging_id}
        warehouse.there.aws.control("drs/source-server", {**place, "resync": "initial"})
        assert [*told, "protect_again", *warehouse.come_home(server_id)] == WAY_HOME


def test_what_was_not_launched_into_the_original_is_a_matter_for_a_person(warehouse: Warehouse) -> None:
    server_id = warehouse.extend("s-staging0000000002")
    recovered = warehouse.fail_over(server_id)
    warehouse.come_home(server_id, until=Stage.IN_SYNC)
    warehouse.launch_anew(server_id)
    position = warehouse.where(server_id)
    assert (position.stage, position.action) == (Stage.REFUSED, None)
    assert "which runs at home: see extended servers in roles/run/README.md" in position.refusal
    for action in set(Action) - {Action.LAUNCH}:
        assert warehouse.do(action, server_id).status == Status.STALE
    assert warehouse.state_of(recovered) == "running"


def test_a_machine_whose_original_is_gone_is_refused_before_anything_is_begun(warehouse: Warehouse) -> None:
    server_id = warehouse.extend("s-staging0000000003")
    warehouse.fail_over(server_id)
    warehouse.there.advance(200)
    warehouse.home.ec2.terminate_instances(InstanceIds=[ORIGINALS["s-staging0000000003"]])
    position = warehouse.where(server_id)
    assert f"its original instance {ORIGINALS['s-staging0000000003']} in account {STAGING}" in position.refusal
    assert warehouse.do(Action.REVERSE_REPLICATION, server_id).status == Status.STALE


def test_a_machine_whose_account_has_no_role_is_refused_and_stops_nobody(warehouse: Warehouse) -> None:
    server_id = warehouse.extend("s-staging0000000004")
    warehouse.fail_over(server_id)
    for accounts, reason in (
        ([], "declare it there with the failback_role_arn"),
        ([{**warehouse.accounts[0], "failback_role_arn": f"{FAILBACK_ROLE}-none"}], "playbook accounts.yml makes both"),
    ):
        there = Warehouse(warehouse.there)
        there.accounts = accounts
        reading = there.reader().read([server_id])
        reading.raise_if_any()
        assert {type(error) for error in reading.errors.values()} == {NotReachableError}
        position = there.where(server_id)
        assert (position.stage, position.action) == (Stage.REFUSED, None)
        assert reason in position.refusal
