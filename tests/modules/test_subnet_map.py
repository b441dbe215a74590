"""The module subnet_map_info, run by Ansible against the embedded AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.modules.estate import DECLARATION, TABLE, Estate
from tests.support.embedded import STAGING, TARGET

ROLE = f"arn:aws:iam::{STAGING}:role/network-reader"
ACCOUNTS = [{"account_id": STAGING, "regions": ["us-east-1"], "role_arn": ROLE}]
NOBODY = "333333333333"

DATABASES = DECLARATION["dr_subnet_map"][0]
WAREHOUSE = {"subnet_id": "subnet-0a40800000000f001", "cidr": "10.40.8.0/22", "security_groups": ["warehouse"]}


def target(subnet: str, cidr: str, *groups: str, **more: str) -> dict[str, Any]:
    """Return a target."""
    return {"subnet_id": subnet, "cidr": cidr, "security_groups": list(groups), **more}


def checked(subnet_map: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    """Return a task that checks a map."""
    return {"subnet_map_info": {"subnet_map": subnet_map, "source_region": "us-east-1", **options}}


SPARE = target("subnet-0a20400000000c001", "10.20.4.0/25", "recovery-web", address="dynamic")
RESOLVED = checked(
    [
        {
            "source_cidr": "10.10.0.0/16",
            **{profile: DATABASES[profile] | {"address": "dynamic"} for profile in ("failover", "test")},
        },
        {
            "source_subnet_id": "subnet-0a10100000000d001",
            "failover": DATABASES["failover"] | {"security_groups": ["recovery-db"]},
            "test": DATABASES["test"],
            "failback": target("subnet-0a10100000000d001", "10.10.1.0/24", "home-db", address="keep_address"),
        },
        {
            "source_subnet_id": "subnet-0a40800000000f001",
            "source_account_id": STAGING,
            "failover": target("subnet-0a20800000000f001", "10.20.8.0/22", "recovery-warehouse"),
            "test": target("subnet-0a99800000000f001", "10.99.8.0/22", "drill-warehouse"),
            "failback": WAREHOUSE,
        },
        # The network of the databases again: in another account, and wherever nobody says more.
        {"source_cidr": "10.10.1.0/24", "source_account_id": STAGING, "failover": SPARE, "test": SPARE},
        {"source_cidr": "10.10.1.0/24", "failover": SPARE, "test": SPARE},
    ],
    accounts=ACCOUNTS,
)
UNKNOWN = checked(
    [
        {
            "source_subnet_id": "subnet-0123456789abcdef0",
            "failover": target("subnet-0a20100000000d001", "10.20.9.0/24", "recovery-db", "sg-0a99100000000d001"),
            "test": target("subnet-0a99100000000d001", "10.99.1.0/24", "no-such-group", "recovery-db"),
            "failback": target("subnet-0a20100000000d001", "10.20.1.0/24", "home-db"),
        },
        {
            "source_cidr": "10.40.8.0/22",
            "failover": target("subnet-0a20800000000f001", "10.20.8.0/22", "recovery-warehouse", account_id=NOBODY),
            "test": target("subnet-0a99800000000f001", "10.99.8.0/22", "drill-warehouse", region="eu-west-1"),
            "failback": WAREHOUSE,
        },
    ],
    accounts=ACCOUNTS,
)
SMALL = target("subnet-0a20500000000b001", "10.20.5.0/28", "recovery-backup", address="dynamic")
ADDRESSES = checked(
    [
        {"source_cidr": "10.10.0.0/16", "failover": SMALL, "test": DATABASES["test"] | {"address": "dynamic"}},
        {
            "source_cidr": "10.10.4.0/26",
            "failover": target("subnet-0a20400000000c001", "10.20.4.0/25", "recovery-web", address="explicit"),
            "test": target("subnet-0a99400000000c001", "10.99.4.0/25", "drill-web"),
        },
    ],
    addresses=[
        {"server_key": "pay-web-1.example.internal", "interface": 0, "profile": "failover", "address": "10.20.4.12"}
    ],
)

EXPECTED_SOON = checked(
    DECLARATION["dr_subnet_map"],
    addresses=[
        {"server_key": "pay-web-2.example.internal", "interface": 0, "profile": "failover", "address": "10.20.4.77"},
        {"server_key": "expected-soon", "interface": 0, "profile": "failover", "address": "10.20.4.78"},
    ],
    preliminary=True,
)
TOO_MANY = {
    "ip_map": {
        "table": TABLE,
        "subnet_map": [
            {"source_cidr": "10.10.0.0/16", "failover": SMALL, "test": DATABASES["test"] | {"address": "dynamic"}}
        ],
        "source_region": "us-east-1",
    }
}


@pytest.fixture(scope="module")
def answers(shared_estate: Estate) -> list[dict[str, Any]]:
    """What the module says to maps (right, unknown to AWS, without addresses, too early), and ip_map to one."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
    read = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    iam = shared_estate.aws.client("iam", account=STAGING)
    iam.create_role(
        RoleName="network-reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(
        RoleName="network-reader",
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [read]}),
    )
    shared_estate.aws.client("ec2").create_network_interface(
        SubnetId="subnet-0a20400000000c001", PrivateIpAddress="10.20.4.12"
    )
    return shared_estate.tasks(RESOLVED, UNKNOWN, ADDRESSES, EXPECTED_SOON, TOO_MANY)


def test_what_the_map_leaves_open_is_found_in_the_accounts_and_regions_that_it_names(
    answers: list[dict[str, Any]],
) -> None:
    answer = answers[0]
    assert answer["changed"] is False
    assert answer["problems"] == []
    _all, databases, warehouse, elsewhere, anywhere = answer["subnet_map"]
    assert (databases["source_account_id"], databases["source_region"]) == (TARGET, "us-east-1")
    assert (elsewhere["source_account_id"], "source_region" in elsewhere) == (STAGING, False)
    assert "source_account_id" not in anywhere
    assert databases["source_cidr"] == "10.10.1.0/24"
    assert databases["failover"]["security_groups"] == ["sg-0a20100000000d001"]
    assert databases["failback"]["security_groups"] == ["sg-0a10100000000d001"]
    assert [databases[profile]["region"] for profile in ("failover", "failback")] == ["us-west-2", "us-east-1"]
    assert warehouse["source_cidr"] == "10.40.8.0/22"
    assert warehouse["failover"]["account_id"] == TARGET
    assert (warehouse["failback"]["account_id"], warehouse["failback"]["region"]) == (STAGING, "us-east-1")
    assert warehouse["failback"]["security_groups"] == ["sg-0a40800000000f001"]


def test_the_longest_prefix_wins_and_the_choice_is_shown(answers: list[dict[str, Any]]) -> None:
    servers = {(item["server_key"].split(".")[0], item["interface"]): item for item in answers[0]["servers"]}
    assert len(servers) == 19
    database, web = servers["pay-db-1", 0], servers["pay-web-1", 0]
    wide = {"where": "dr_subnet_map[0]", "source_cidr": "10.10.0.0/16"}
    assert database["chosen"] == {"where": "dr_subnet_map[1]", "source_cidr": "10.10.1.0/24"}
    assert database["origin"] == {
        "account_id": TARGET,
        "region": "us-east-1",
        "subnet_id": "subnet-0a10100000000d001",
    }
    assert database["shadowed"] == [
        {
            "where": "dr_subnet_map[4]",
            "source_cidr": "10.10.1.0/24",
            "reason": "it names the source account, Region and subnet",
        },
        {**wide, "reason": "its source prefix is longer"},
    ]
    assert {name: item["address"] for name, item in database["profiles"].items()} == {
        "failover": "10.20.1.11",
        "test": "10.99.1.11",
        "failback": "10.10.1.11",
    }
    assert (web["chosen"], web["shadowed"]) == (wide, [])
    assert web["profiles"]["failover"]["address"] is None
    longer, named = answers[0]["choices"]
    wins = "dr_subnet_map[1] (10.10.1.0/24) wins over dr_subnet_map"
    assert longer.startswith(f"{wins}[0] (10.10.0.0/16), because its source prefix is longer, for ")
    assert named.startswith(f"{wins}[4] (10.10.1.0/24), because it names the source account, Region and subnet, for ")
    assert "pay-db-1.example.internal/0" in longer


def test_free_addresses_are_counted_with_fixed_and_dynamic_ones(answers: list[dict[str, Any]]) -> None:
    subnets = {(item["subnet_id"]): item for item in answers[0]["subnets"]}
    databases = sum(item["chosen"]["where"] == "dr_subnet_map[1]" for item in answers[0]["servers"])
    failover, failback = subnets["subnet-0a20100000000d001"], subnets["subnet-0a10100000000d001"]
    assert (failover["usable"], failover["available"]) == (251, 251)
    assert (failover["fixed"], failover["dynamic"]) == (databases, 19 - databases)
    assert failover["needed"] == 19
    # Every address of the failback network is that of the source instance itself, which a failback replaces.
    assert (failback["available"], failback["needed"]) == (251 - databases, 0)


def test_everything_that_aws_does_not_know_is_named_in_one_go(answers: list[dict[str, Any]]) -> None:
    answer = answers[1]
    assert answer["failed"] is True
    found = {(problem["where"], problem["value"].strip("'")): problem["remedy"] for problem in answer["problems"]}
    expected = {
        ("dr_subnet_map[0].source_subnet_id", "subnet-0123456789abcdef0"): "no such subnet",
        ("dr_subnet_map[0].failover.cidr", "10.20.9.0/24"): "has the network 10.20.1.0/24",
        ("dr_subnet_map[0].failover.security_groups[1]", "sg-0a99100000000d001"): "is in vpc-0a990000000000001, but",
        ("dr_subnet_map[0].test.security_groups[0]", "no-such-group"): "no such security group",
        ("dr_subnet_map[0].test.security_groups[1]", "recovery-db"): "is in vpc-0a200000000000001, but",
        ("dr_subnet_map[0].failback.subnet_id", "subnet-0a20100000000d001"): "in us-east-1",
        ("dr_subnet_map[1].test.subnet_id", "subnet-0a99800000000f001"): f"in account {TARGET} in eu-west-1",
        ("dr_subnet_map[1].test.security_groups[0]", "drill-warehouse"): "no such security group",
        ("dr_subnet_map[1].failback.subnet_id", "subnet-0a40800000000f001"): f"in account {TARGET} in us-east-1",
        ("dr_subnet_map[1].failback.security_groups[0]", "warehouse"): "no such security group",
        ("dr_accounts", NOBODY): "declare it there with the role_arn",
    }
    assert found.keys() == expected.keys()
    for key, reason in expected.items():
        assert reason in found[key]
    assert answer["servers"][0]["profiles"] == {}


def test_wrong_accounts_ec2_client_is_not_asked(answers: list[dict[str, Any]]) -> None:
    right, wrong = answers[0]["subnet_map"][2]["failback"], answers[1]["subnet_map"][0]["failback"]
    assert right["subnet_id"] == wrong["subnet_id"] == "subnet-0a40800000000f001"
    assert (right["account_id"], wrong["account_id"]) == (STAGING, TARGET)
    assert any(problem["where"] == "dr_subnet_map[1].failback.subnet_id" for problem in answers[1]["problems"])


def test_each_problem_names_file_and_line(answers: list[dict[str, Any]]) -> None:
    for problem in answers[1]["problems"]:
        if problem["where"] == "dr_accounts":
            continue
        path, line, _column = problem["file"].rsplit(":", 2)
        assert problem["value"].strip("'") in Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert f"({problem['file']})" in answers[1]["msg"]


def test_addresses_that_cannot_be_are_named_together(answers: list[dict[str, Any]]) -> None:
    found = {(problem["where"], problem["value"].strip("'")): problem["remedy"] for problem in answers[2]["problems"]}
    explicit = [place for (place, _value), remedy in found.items() if "needs an address of its own" in remedy]
    assert sorted(place.split()[3].split(".")[0] for place in explicit) == [
        "crm-web-1", "crm-web-2", "pay-web-2", "pay-web-3",
    ]  # fmt: skip
    in_use = found[("interface 0 of pay-web-1.example.internal, profile failover", "10.20.4.12")]
    assert "is in use" in in_use
    full = found[("dr_subnet_map[0].failover.subnet_id", "subnet-0a20500000000b001")]
    assert (
        "11 free addresses (11 without the five that AWS reserves), but 14 more are needed (0 fixed, 14 dynamic)"
        in full
    )
    assert len(found) == len(explicit) + 2


def test_before_servers_are_extended_their_addresses_are_no_problem(answers: list[dict[str, Any]]) -> None:
    assert answers[3]["problems"] == []
    assert len(answers[3]["servers"]) == 19


def test_the_ip_map_refuses_more_servers_than_a_subnet_has_addresses(
    shared_estate: Estate, answers: list[dict[str, Any]]
) -> None:
    (problem,) = answers[4]["problems"]
    assert problem["where"] == "dr_subnet_map[0].failover.subnet_id"
    assert "but 19 more are needed (0 fixed, 19 dynamic)" in problem["remedy"]
    assert problem["file"]
    assert shared_estate.items(TABLE) == []
