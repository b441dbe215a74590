"""The tag policy against the embedded AWS: audited, applied, and carried to what is launched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.disaster_recovery.aws.plugins.filter.server_variables import server_variables
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import launched_tags
from ansible_collections.disaster_recovery.aws.plugins.modules import drs_source_server_tags

from tests.modules.estate import Estate
from tests.support.embedded import STAGING, TARGET

HOME = "us-east-1"
ENTRY = {
    "server_key": "pay-web-1.example.internal",
    "interface": 0,
    "source": {
        "address": "10.10.4.31",
        "subnet_cidr": "10.10.4.0/26",
        "hostname": "pay-web-1",
        "account_id": TARGET,
        "instance_id": "",
    },
    "profiles": {
        "failover": {
            "subnet_id": "subnet-0a20400000000c001",
            "cidr": "10.20.4.0/25",
            "address": None,
            "security_groups": ["sg-0a20400000000c001"],
            "rule": "dynamic",
        }
    },
    "drs": {"source_server_id": "s-payweb10000000001", "account_id": TARGET, "region": "us-west-2"},
    "version": 1,
    "updated_at": "2026-11-23T10:00:00Z",
    "updated_by": "test",
}
"""Where pay-web-1 is launched, as an item of the IP map."""

ROLE = f"arn:aws:iam::{STAGING}:role/tag-reader"
ACCOUNTS = [
    {"account_id": TARGET, "regions": [HOME]},
    {"account_id": STAGING, "regions": [HOME], "role_arn": ROLE},
]
OPTIONS: dict[str, Any] = {
    "state": "present",
    "match": None,
    "tags": None,
    "tag_policy": None,
    "purge_tags": False,
    "server_variables": {},
    "accounts": [],
}

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def task(shared_estate: Estate) -> Run:
    """Run the module in this process, which takes a tenth of the time."""

    def clients(service: str, *, region: str | None = None, credentials: Any = None) -> Any:
        if credentials is None:
            return shared_estate.aws.client(service, region or "us-west-2")
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=shared_estate.aws.endpoint,
            **credentials.arguments(),
        )

    def run(*servers: str, **options: Any) -> dict[str, Any]:
        match = {"tags": None, "source_server_ids": None, "servers": [f"{name}.example.internal" for name in servers]}
        return drs_source_server_tags.run({**OPTIONS, "match": match, **options}, clients, False)

    return run


def tag_instance(estate: Estate, name: str, tags: dict[str, str], account: str = TARGET) -> str:
    """Tag the EC2 source instance of a server and return its id."""
    hints = estate.servers()[name]["sourceProperties"]["identificationHints"]
    estate.aws.client("ec2", HOME, account).create_tags(
        Resources=[hints["awsInstanceID"]], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
    return str(hints["awsInstanceID"])


def tags_of(estate: Estate, name: str) -> dict[str, str]:
    return dict(estate.servers()[name]["tags"])


def found(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["server_key"].split(".")[0], one["key"], one["kind"]) for one in answer["findings"]]


def calls(estate: Estate, operation: str) -> dict[str, int]:
    """Return how often an operation was called, by account."""
    counts: dict[str, int] = {}
    for entry in estate.aws.control("calls")["counts"]:
        if entry["operation"] == operation:
            counts[entry["account"]] = counts.get(entry["account"], 0) + entry["count"]
    return counts


def test_ansible_shows_it_first_then_does_it_then_changes_nothing(shared_estate: Estate, task: Run) -> None:
    tag_instance(shared_estate, "pay-web-1", {"CostCenter": "4711"})
    tag_instance(shared_estate, "pay-web-2", {"costcenter": "4712"})
    options = {
        "match": {"tags": {"Application": "payments", "Tier": "web"}},
        "tags": {"Owner": "dr-team"},
        "tag_policy": {
            "tags": [
                {"key": "CostCenter", "variable": "cost_center", "ec2_tag": "CostCenter", "pattern": "[0-9]{4}"},
                {"key": "Env", "default": "production", "allowed": ["production"]},
            ]
        },
        "server_variables": "{{ hostvars | disaster_recovery.aws.server_variables(policy, more) }}",
    }
    variables = {
        "policy": {"tags": [{"key": "CostCenter", "variable": "cost_center"}, {"key": "Env"}]},
        "more": {"PAY-WEB-3.example.internal": {"cost_center": "4713"}},
        "cost_center": "of localhost, which is no server",
    }
    apply = {"drs_source_server_tags": options}
    bad = {"drs_source_server_tags": {**options, "tag_policy": {"tags": [{"key": "Owner"}, {"key": "aws:x"}]}}}
    before = shared_estate.writes()
    audited = task("pay-web-1", "pay-web-2", "pay-web-3", tag_policy=options["tag_policy"], state="audit")
    (shown,) = shared_estate.tasks(apply, arguments=("--check", "--diff"), **variables)
    assert shared_estate.writes() == before
    launch = {
        "drs_launch_configuration": {
            "match": {"servers": ["pay-web-1.example.internal"]},
            "ip_map_entries": [ENTRY],
            "profiles": ["failover"],
            "server_tags": "{{ answer_0.launch_tags }}",
        }
    }
    done, refused, launched = shared_estate.tasks(apply, bad, launch, arguments=("--diff",), **variables)
    given = {name: options[name] for name in ("tags", "tag_policy")} | {"server_variables": variables["more"]}
    again = task("pay-web-1", "pay-web-2", "pay-web-3", **given)

    assert (audited["changed"], shown["changed"], done["changed"], again["changed"]) == (False, True, True, False)
    assert {key: shown[key] for key in shown if key != "invocation"} == {
        key: done[key] for key in done if key != "invocation"
    }
    assert shared_estate.writes().get("TagResource", 0) == before.get("TagResource", 0) + 3

    first, second, third = done["source_servers"]
    template, _ = shared_estate.template("pay-web-1")
    assert first["to_set"] == {"Owner": "dr-team", "CostCenter": "4711", "Env": "production"}
    assert first["sources"] == {"Owner": "constant", "CostCenter": "ec2_tag", "Env": "default"}
    assert third["sources"]["CostCenter"] == "variable"
    assert tags_of(shared_estate, "pay-web-3").items() >= {"CostCenter": "4713", "Env": "production"}.items()
    assert "CostCenter" not in second["tags"]
    assert found(done) == found(again) == [("pay-web-2", "CostCenter", "case"), ("pay-web-2", "CostCenter", "missing")]
    assert "costcenter" in done["findings"][0]["what"]
    lacking = " has no mandatory tag "
    assert [one["what"] for one in audited["findings"] if one["source_server_id"] == first["source_server_id"]] == [
        f"the source server{lacking}CostCenter",
        f"the source server{lacking}Env",
        f"its launch template {template}{lacking}CostCenter (instance, volume, network-interface)",
        f"its launch template {template}{lacking}Env (instance, volume, network-interface)",
    ]
    assert {one["server_key"].split(".")[0] for one in audited["findings"]} == {"pay-web-1", "pay-web-2", "pay-web-3"}
    assert done["summary"]["changed"] == 3
    assert len(done["summary"]["problems"]) == 2
    assert "tag_policy.tags: 'Owner': is declared in tags too" in refused["msg"]
    assert "tag_policy.tags[1] (aws:x).key" in refused["msg"]

    assert launched["changed"]
    by_type = launched_tags(shared_estate.default_data("pay-web-1"))
    assert list(by_type) == ["instance", "volume", "network-interface"]
    assert all(tags.items() >= first["to_set"].items() for tags in by_type.values())
    clean = task("pay-web-1", tag_policy=options["tag_policy"], state="audit")
    assert clean["findings"] == []
    assert not clean["changed"]


def test_exact_makes_room_before_it_sets(shared_estate: Estate, task: Run) -> None:
    server = shared_estate.servers()["pay-app-1"]
    many = {f"old-{number}": "x" for number in range(50 - len(server["tags"]))}
    drs = shared_estate.aws.client("drs")
    drs.tag_resource(resourceArn=server["arn"], tags=many)
    with pytest.raises(DeclarationError, match=r"tags of pay-app-1.example.internal \(s-.*\): 51 tags"):
        task("pay-app-1", tags={"Owner": "x"})
    policy = {"tags": [{"key": key} for key in ("Name", "Application", "Tier")], "purge_tags": True}
    done = task("pay-app-1", tags={"Owner": "x"}, tag_policy=policy)
    expected = {**server["tags"], "Owner": "x"}
    assert tags_of(shared_estate, "pay-app-1") == done["source_servers"][0]["tags"] == expected
    assert sorted(done["source_servers"][0]["to_remove"]) == sorted(many)
    assert not task("pay-app-1", tags={"Owner": "x"}, tag_policy=policy)["changed"]
    drs.untag_resource(resourceArn=server["arn"], tagKeys=["Owner"])


def test_a_server_that_fails_is_named_and_the_others_are_done(shared_estate: Estate, task: Run) -> None:
    fault = {"service": "drs", "operation": "TagResource", "error": "AccessDeniedException", "status": 403, "times": 9}
    server_id = shared_estate.servers()["pay-db-2"]["sourceServerID"]
    shared_estate.aws.control("faults", {**fault, "server": server_id})
    try:
        done = task("pay-db-1", "pay-db-2", tags={"Team": "db"})
    finally:
        shared_estate.aws.control("faults", method="DELETE")
    first, second = done["source_servers"]
    assert done["failed"]
    assert server_id in done["msg"]
    assert (first["changed"], second["changed"]) == (True, False)
    assert "AccessDeniedException" in second["error"]
    assert found(done) == [("pay-db-2", "Team", "missing")]
    assert list(done["diff"]["after"]) == [f"pay-db-1.example.internal ({first['source_server_id']})"]
    assert task("pay-db-1", "pay-db-2", tags={"Team": "db"})["summary"]["changed"] == 1


@pytest.fixture
def extended(shared_estate: Estate) -> Iterator[str]:
    """A server whose source instance runs in the staging account."""
    drs = shared_estate.aws.client("drs")
    arn = f"arn:aws:drs:us-west-2:{STAGING}:source-server/s-whdb1000000000001"
    made = drs.create_extended_source_server(sourceServerArn=arn)["sourceServer"]
    yield made["sourceServerID"]
    drs.delete_source_server(sourceServerID=made["sourceServerID"])


def test_wrong_account_s_ec2_client_is_never_asked(shared_estate: Estate, task: Run, extended: str) -> None:
    drs = shared_estate.aws.client("drs")
    instance = next(
        item["sourceProperties"]["identificationHints"]["awsInstanceID"]
        for item in drs.describe_source_servers(filters={"sourceServerIDs": [extended]})["items"]
    )
    ec2 = shared_estate.aws.client("ec2", HOME, STAGING)
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "Team", "Value": "warehouse"}])
    policy = {"tags": [{"key": "Team", "ec2_tag": "Team", "default": "nobody"}]}

    before = calls(shared_estate, "DescribeInstances")
    undeclared = task("wh-db-1", tag_policy=policy)
    assert calls(shared_estate, "DescribeInstances") == before
    assert not undeclared["changed"]
    (finding,) = undeclared["findings"]
    assert finding["kind"] == "unreadable"
    assert f"account {STAGING} in {HOME}" in finding["what"]
    assert "dr_accounts" in finding["remedy"]

    iam = shared_estate.aws.client("iam", account=STAGING)
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="tag-reader", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    denied = task("wh-db-1", tag_policy=policy, accounts=ACCOUNTS)
    assert "UnauthorizedOperation" in denied["findings"][0]["what"]
    read = {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [read]})
    iam.put_role_policy(RoleName="tag-reader", PolicyName="read", PolicyDocument=document)

    done = task("wh-db-1", "pay-rep-1", tag_policy=policy, accounts=ACCOUNTS)
    assert {one["server_key"].split(".")[0]: one["to_set"] for one in done["source_servers"]} == {
        "wh-db-1": {"Team": "warehouse"},
        "pay-rep-1": {"Team": "nobody"},
    }
    after = calls(shared_estate, "DescribeInstances")
    assert {account: after[account] - before.get(account, 0) for account in after} == {STAGING: 2, TARGET: 1}


def test_variables_of_hosts_are_those_that_the_policy_names() -> None:
    policy = {"tags": [{"key": "Cost", "variable": "cost"}, {"key": "Owner", "value": "x", "variable": None}]}
    hostvars = {"DB-1": {"cost": "1", "other": "2"}, "db-2": {"cost": "3"}, "localhost": {"other": "4"}}
    more = {"db-2": {"cost": "5"}, "db-3": {"cost": "6"}}
    assert server_variables(hostvars, policy, more) == {
        "db-1": {"cost": "1"},
        "db-2": {"cost": "5"},
        "db-3": {"cost": "6"},
    }
    assert server_variables(hostvars, {}) == {}
