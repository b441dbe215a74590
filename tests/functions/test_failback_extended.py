"""A failback of extended servers by the real state machines, with the role that the playbook accounts makes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.accounts_role import failback_policy
from tests.support.embedded import STAGING, TARGET, EmbeddedAws
from tests.support.failback_cycles import Cycles
from tests.support.orchestrator import ESTATE, PLAN, PREFIX, SUBNET_MAP, Orchestrator, request

ORIGINALS = {"wh-1": "i-0a4d0000000000001", "wh-2": "i-0a4d0000000000002"}
STAGING_IDS = {"wh-1": "s-wh100000000000001", "wh-2": "s-wh200000000000001"}
ROLES = {name: f"arn:aws:iam::{STAGING}:role/{name}" for name in ("reader", "failback")}
ACCOUNTS = [
    {"account_id": TARGET, "regions": ["us-west-2", "us-east-1"]},
    {
        "account_id": STAGING,
        "regions": ["us-west-2", "us-east-1"],
        "role_arn": ROLES["reader"],
        "failback_role_arn": ROLES["failback"],
    },
]
WAREHOUSE_MAP = {
    "source_cidr": "10.40.8.0/24",
    "failover": {**SUBNET_MAP[0]["failover"], "address": "keep_host_part"},
    "test": {**SUBNET_MAP[0]["test"], "address": "keep_host_part"},
}
WAREHOUSE_PLAN = {
    **PLAN,
    "groups": {"db": {"tags": {"Tier": "database"}}, "warehouse": {"tags": {"Tier": "warehouse"}}},
    "waves": [{"name": "databases", "groups": ["db"]}, {"name": "warehouse", "groups": ["warehouse"]}],
    "optional_servers": [],
    "failback": {"approval": False, "original_instance": "replace"},
}


def network(number: int, name: str) -> dict[str, Any]:
    cidr = f"10.{number}.8.0/24"
    subnet = {name: {"id": f"subnet-0a{number}800000000f001", "cidr": cidr}}
    groups = {name: {"id": f"sg-0a{number}800000000f001"}}
    return {
        "id": f"vpc-0a{number}00000000000f1",
        "cidr": f"10.{number}.0.0/16",
        "subnets": subnet,
        "security_groups": groups,
    }


def estate() -> dict[str, Any]:
    """The small estate, and two servers of the staging account."""
    document: dict[str, Any] = copy.deepcopy(yaml.safe_load(ESTATE.read_text(encoding="utf-8")))
    staging = document["accounts"][STAGING]
    document["accounts"][TARGET]["drs_failback_accounts"] = [STAGING]
    staging |= {"drs_target_accounts": [TARGET], "drs_failback_accounts": [TARGET]}
    staging["regions"] = {
        "us-east-1": {
            "drs": True,
            "drs_staging_subnet": "area",
            "networks": {"home": network(40, "warehouse"), "area": network(41, "area")},
        },
        "us-west-2": {"drs": True, "drs_staging_subnet": "area", "networks": {"area": network(42, "area")}},
    }
    for number, name in enumerate(ORIGINALS, start=1):
        document["servers"][name] = {
            "id": STAGING_IDS[name],
            "instance": ORIGINALS[name],
            "addresses": {"warehouse": f"10.40.8.{50 + number}"},
            "security_groups": ["warehouse"],
            "tags": {"Tier": "warehouse"},
            "instance_profile": "AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole",
            "source": {"account": STAGING, "region": "us-east-1"},
            "replication": {"account": STAGING, "staging_subnet": "area"},
        }
    return document


class Warehouse(Orchestrator):
    """The orchestrator of an estate with extended servers."""

    def __init__(self, aws: EmbeddedAws, folder: Any) -> None:
        self._let_in(aws)
        self.extended = {name: self._extend(aws, server_id) for name, server_id in STAGING_IDS.items()}
        super().__init__(aws, folder, [*SUBNET_MAP, WAREHOUSE_MAP], WAREHOUSE_PLAN, accounts=ACCOUNTS)

    @staticmethod
    def _let_in(aws: EmbeddedAws) -> None:
        iam = aws.client("iam", account=STAGING)
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
        for name in ROLES:
            document = {"Version": "2012-10-17", "Statement": [trust]}
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
        iam.attach_role_policy(RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.put_role_policy(
            RoleName="failback", PolicyName="failback", PolicyDocument=json.dumps(failback_policy(STAGING))
        )

    @staticmethod
    def _extend(aws: EmbeddedAws, staging_id: str) -> str:
        arn = f"arn:aws:drs:us-west-2:{STAGING}:source-server/{staging_id}"
        made = aws.client("drs").create_extended_source_server(sourceServerArn=arn, tags={"Tier": "warehouse"})
        return str(made["sourceServer"]["sourceServerID"])

    def lacking(self) -> list[str]:
        """Return what the roles of the failback were refused."""
        return [
            f"{entry['identity']}: {entry['action']} on {entry['resource']}"
            for entry in self.aws.control("permissions")["permissions"]
            if ":role/" in entry["identity"] and entry["result"] != "allowed"
        ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    aws = EmbeddedAws(estate())
    try:
        yield Warehouse(aws, tmp_path_factory.mktemp("archive"))
    finally:
        aws.stop()


SERVERS = ("db-1", "wh-1", "wh-2")

NOT_USED_BY_EVERY_WAY_HOME = {
    *("drs:ListTagsForResource", "drs:TagResource", "drs:DescribeJobLogItems"),
    *("drs:DeleteRecoveryInstance", "drs:DeleteSourceServer", "drs:DisconnectSourceServer", "drs:ReverseReplication"),
    *("ec2:DeleteLaunchTemplateVersions", "ec2:TerminateInstances", "ec2:DescribeSubnets"),
    *("ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:SendCommand"),
}
"""What is needed for servers of another account that replicate to the target account themselves (facts 6.1), for probes
by command, for templates that are full, and what AWS lists beside the operations that read and terminate."""


def check_refused_without_role(warehouse: Warehouse) -> None:
    """Without a role in their account, extended servers take no part in a failback, and the others do."""
    without = [{key: value for key, value in one.items() if key != "failback_role_arn"} for one in ACCOUNTS]
    let_know(warehouse, without)
    try:
        warehouse.invoke("open-run", "back-0", **request("back-0", "failback", "small", warehouse.now()))
        warehouse.invoke("discover", "back-0")
        assert warehouse.statuses("back-0") == {"db-1": "pending", "wh-1": "skipped", "wh-2": "skipped"}
        reasons = {item["reason"] for item in warehouse.runs.get_servers("back-0") if item["status"] == "skipped"}
        assert all(f"dr_accounts names no failback_role_arn of account {STAGING}" in reason for reason in reasons)
        gate = warehouse.invoke("gate", "back-0")
        assert gate["outcome"] == "ask"
        assert "it cannot go home" in gate["reason"]
    finally:
        warehouse.invoke("close-run", "back-0", aborted=True)
        let_know(warehouse, ACCOUNTS)


def let_know(warehouse: Warehouse, accounts: list[dict[str, Any]]) -> None:
    """Tell the functions that begin a failback which accounts there are."""
    for name in ("discover", "gate"):
        variables = {**warehouse.environment(), "ACCOUNTS": json.dumps(accounts)}
        warehouse.client("lambda").update_function_configuration(
            FunctionName=f"{PREFIX}-{name}", Environment={"Variables": variables}
        )


def test_extended_servers_go_home_into_their_originals_and_fail_over_again(warehouse: Warehouse) -> None:
    cycles = Cycles(warehouse)
    assert cycles.run("failover", "over-1")["status"] == "succeeded"
    check_refused_without_role(warehouse)
    home = warehouse.aws.client("ec2", region="us-east-1", account=STAGING)
    drill = cycles.run("failback", "drill-1", drill=True)
    assert drill["status"] == "succeeded"
    assert warehouse.statuses("drill-1") == dict.fromkeys(SERVERS, "cleaned_up")
    back = cycles.run("failback", "back-1")
    assert back["status"] == "succeeded"
    assert warehouse.statuses("back-1") == dict.fromkeys(SERVERS, "validated")
    records = {item["server_key"].split(".")[0]: item for item in warehouse.runs.get_servers("back-1")}
    assert {name: records[name]["instance_id"] for name in ORIGINALS} == ORIGINALS
    found = [item for group in home.describe_instances()["Reservations"] for item in group["Instances"]]
    running = {item["InstanceId"]: item["PrivateIpAddress"] for item in found if item["State"]["Name"] == "running"}
    assert running == {ORIGINALS["wh-1"]: "10.40.8.51", ORIGINALS["wh-2"]: "10.40.8.52"}
    drs = warehouse.client("drs")
    for server_id in warehouse.extended.values():
        (server,) = drs.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"]
        assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
        assert "recoveryInstanceId" not in server
    warehouse.invoke("open-run", "over-2", **request("over-2", "failover", "small", warehouse.now()))
    warehouse.invoke("discover", "over-2")
    assert warehouse.invoke("gate", "over-2")["outcome"] == "done"
    assert warehouse.lacking() == []
    used = {
        entry["action"]
        for entry in warehouse.aws.control("permissions")["permissions"]
        if entry["identity"] == ROLES["failback"]
    }
    actions = [
        statement["Action"]
        for statement in failback_policy(STAGING)["Statement"]
        if statement["Sid"] != "LaunchThroughDrs"
    ]
    allowed = {action for item in actions for action in ([item] if isinstance(item, str) else item)}
    assert allowed - used - NOT_USED_BY_EVERY_WAY_HOME == set()
