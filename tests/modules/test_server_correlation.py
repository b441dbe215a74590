"""The module that correlates the servers of all accounts, run by Ansible against the embedded AWS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import AccountClients
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.observation import observe
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from botocore.config import Config

from tests.modules.estate import SAMPLE, TABLE, Estate
from tests.support.embedded import STAGING, TARGET

ROLE = f"arn:aws:iam::{STAGING}:role/reader"
BULK = 201
"""One server more than a page of 200, beside those of the sample."""

ACCOUNTS = [
    {"account_id": TARGET, "regions": ["us-west-2", "us-east-1"]},
    {"account_id": STAGING, "regions": ["us-west-2", "us-east-1", "eu-west-1"], "role_arn": ROLE},
]
TARGET_INSTANCE = {
    "key": "pay-web-1.example.internal",
    "subnet": "subnet-0a20400000000c001",
    "address": "10.20.4.50",
}


def large_estate() -> dict[str, Any]:
    """The sample estate and so many servers more."""
    document: dict[str, Any] = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    for number in range(BULK):
        address = f"10.10.{2 + number // 101}.{number % 101 + 100}"
        document["servers"][f"bulk-{number:03d}"] = {"kind": "pay-app", "addresses": {"home-app": address}}
    return document


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    running = Estate(tmp_path_factory.mktemp("estate"), large_estate())
    iam = running.aws.client("iam", account=STAGING)
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
    reads = {"Effect": "Allow", "Action": ["drs:Describe*", "ec2:DescribeInstances"], "Resource": "*"}
    iam.create_role(
        RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="reads",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [reads]}),
    )
    running.aws.client("ec2").run_instances(
        ImageId="ami-12c6146b",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[
            {
                "DeviceIndex": 0,
                "SubnetId": TARGET_INSTANCE["subnet"],
                "PrivateIpAddress": TARGET_INSTANCE["address"],
            }
        ],
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [
                    {"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"},
                    {"Key": "Server", "Value": TARGET_INSTANCE["key"]},
                ],
            }
        ],
    )
    yield running
    running.stop()


@pytest.fixture(scope="module")
def answers(estate: Estate) -> list[dict[str, Any]]:
    """What one play answers: the whole estate, the target account alone, accounts without roles, an unknown table."""
    return estate.tasks(
        {"server_correlation_info": {"accounts": ACCOUNTS, "ip_map_table": TABLE, "server_key_tag": "Server"}},
        {"server_correlation_info": {}},
        {
            "server_correlation_info": {
                "accounts": [
                    {"account_id": STAGING, "regions": ["us-east-1"]},
                    {"account_id": "333333333333", "regions": ["us-east-1"]},
                ]
            }
        },
        {"server_correlation_info": {"ip_map_table": "nobodys"}},
    )


def by_key(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {machine["server_key"]: machine for machine in answer["machines"]}


def test_first_page_only_201_servers(answers: list[dict[str, Any]], estate: Estate) -> None:
    bulk = [machine for key, machine in by_key(answers[0]).items() if key.startswith("bulk-")]
    assert len(bulk) == BULK
    assert {(item["role"], item["state"]) for machine in bulk for item in machine["instances"]} == {
        ("source", "running")
    }

    pages: Counter[str] = Counter()

    def small(service: str, **place: Any) -> Any:
        """A client that is answered 200 things at a time, however many it asks for."""
        client = estate.aws.client(service, place.get("region") or "us-west-2", config=Config())
        limit = {"drs": "maxResults", "ec2": "MaxResults"}.get(service)

        def shorten(params: dict[str, Any], model: Any, **_rest: Any) -> dict[str, Any]:
            pages[model.name] += 1
            return {**params, limit: 200} if limit else params

        client.meta.events.register("provide-client-params.*.*", shorten)
        return client

    seen = observe(AccountClients(small, ()), Place(TARGET, "us-west-2"))
    assert len([server for server in seen.source_servers if server.hostname.startswith("bulk-")]) == BULK
    assert len([item for item in seen.instances if item.region == "us-east-1"]) == len(seen.source_servers)
    assert pages["DescribeSourceServers"] == 2 + 1  # in us-west-2, and in us-east-1, where the servers are from
    assert pages["DescribeInstances"] == 1 + 2


def test_wrong_accounts_ec2_client(answers: list[dict[str, Any]]) -> None:
    """The warehouse runs in the staging account: only EC2 there, asked with that account's role, has its instances."""
    whole, alone = by_key(answers[0]), by_key(answers[1])
    warehouse = {key: machine for key, machine in whole.items() if key.startswith("wh-")}
    assert warehouse
    for machine in warehouse.values():
        (server,), (instance,) = machine["source_servers"], machine["instances"]
        assert (server["account_id"], instance["account_id"]) == (STAGING, STAGING)
        assert (instance["matched_by"], instance["state"]) == ("aws_instance_id", "running")
        assert instance["instance_id"] == server["aws_instance_id"]
    assert not warehouse.keys() & alone.keys()
    assert [item["reason"] for item in answers[0]["unmatched"] if item["reason"] == "no_instance"] == []


def test_target_instances_bear_the_declared_tag(answers: list[dict[str, Any]]) -> None:
    machine = by_key(answers[0])[TARGET_INSTANCE["key"]]
    assert [(item["role"], item["matched_by"]) for item in machine["instances"]] == [
        ("source", "aws_instance_id"),
        ("target", "key_tag"),
    ]
    assert [item["reason"] for item in answers[1]["unmatched"]] == ["target_of_nobody"]


def test_the_answer_says_what_was_matched_by_what(answers: list[dict[str, Any]]) -> None:
    counts = answers[0]["counts"]
    assert counts["machines"] == len(answers[0]["machines"]) == counts["source_servers"]
    assert counts["by_aws_instance_id"] == counts["machines"]
    assert (answers[0]["ambiguous"], answers[0]["unread"], answers[0]["keys_to_tag"]) == ([], [], [])
    assert answers[0]["uninitialised"] == [f"{STAGING}/eu-west-1"]
    assert {answer["changed"] for answer in answers} == {False}


def test_every_account_that_cannot_be_reached_is_named(answers: list[dict[str, Any]]) -> None:
    for account_id in (STAGING, "333333333333"):
        assert f"'{account_id}'" in answers[2]["msg"]
    assert "role_arn" in answers[2]["msg"]
    assert "nobodys does not exist" in answers[3]["msg"]
