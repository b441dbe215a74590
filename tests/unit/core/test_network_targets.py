"""The subnet map against what EC2 knows: completed, and everything wrong with it named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import SubnetMap
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.network_targets import (
    FoundNetworks,
    check_held,
    check_in_use,
    names_by_place,
    resolve,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_capacity import (
    check_capacity,
    subnet_demands,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_choices import (
    choice_lines,
    rule_choices,
    to_declaration,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_map import (
    Home,
    locate,
    parse_subnet_map,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import complete_map, source_server, target

HOME = Home("222222222222", "us-west-2", "us-east-1")
THERE, BACK = HOME.place, Place("222222222222", "us-east-1")


def subnet(cidr: str, *, vpc: str = "vpc-1", available: int = 11) -> dict[str, Any]:
    return {"CidrBlock": cidr, "VpcId": vpc, "AvailableIpAddressCount": available}


def group(group_id: str, name: str, vpc: str = "vpc-1") -> dict[str, Any]:
    return {"GroupId": group_id, "GroupName": name, "VpcId": vpc}


def networks(subnets: dict[str, Any], *groups: dict[str, Any]) -> FoundNetworks:
    """Return what EC2 answered, the groups by id and by name."""
    known: dict[str, list[dict[str, Any]]] = {}
    for item in groups:
        known.setdefault(item["GroupId"], []).append(item)
        known.setdefault(item["GroupName"], []).append(item)
    return FoundNetworks(subnets, known)


def resolved(raw: list[Any], found: dict[Place, FoundNetworks]) -> tuple[SubnetMap, list[tuple[str, str]]]:
    """Return the complete map, and where and why it is wrong."""
    problems = Problems()
    subnets = resolve(locate(parse_subnet_map(raw), HOME, problems), found, problems)
    return subnets, [(problem.where, problem.remedy) for problem in problems]


def test_names_are_asked_for_once_in_their_account_and_region() -> None:
    to = target("subnet-1", "10.20.1.0/24") | {"security_groups": ["sg-1", "web"]}
    rules = locate(
        parse_subnet_map(
            [
                {"source_cidr": "10.10.1.0/24", "failover": to, "test": to},
                {"source_subnet_id": "subnet-9", "failover": to, "failback": to},
            ]
        ),
        HOME,
        Problems(),
    )
    asked = names_by_place(rules)
    assert list(asked) == [THERE, BACK]
    assert asked[THERE].subnet_ids == {"subnet-1"}
    assert (asked[THERE].group_ids, asked[THERE].group_names) == ({"sg-1"}, {"web"})
    assert asked[BACK].subnet_ids == {"subnet-1", "subnet-9"}
    assert asked[BACK].where == "dr_subnet_map[1]"


@pytest.mark.parametrize(
    ("groups", "expected", "reason"),
    [
        ([group("sg-1", "web")], ("sg-1",), ""),
        ([group("sg-1", "web"), group("sg-2", "web", "vpc-2")], ("sg-1",), ""),
        (
            [group("sg-1", "web"), group("sg-2", "web")],
            (),
            "is the name of 2 groups of vpc-1 (sg-1, sg-2): give the id",
        ),
        ([group("sg-2", "web", "vpc-2")], (), "is in vpc-2, but subnet subnet-1 is in vpc-1"),
        ([group("sg-2", "web2")], (), "no such security group in account 222222222222 in us-west-2"),
    ],
)
def test_a_group_name_means_one_group_of_the_subnets_vpc(
    groups: list[dict[str, Any]], expected: tuple[str, ...], reason: str
) -> None:
    to = target("subnet-1", "10.20.1.0/24") | {"security_groups": ["web"]}
    found = {THERE: networks({"subnet-1": subnet("10.20.1.0/24")}, *groups)}
    subnets, problems = resolved([{"source_cidr": "10.10.1.0/24", "failover": to}], found)
    assert subnets.rules[0].targets["failover"].security_groups == expected
    assert [where for where, _remedy in problems] == ["dr_subnet_map[0].failover.security_groups[0]"] * bool(reason)
    assert all(reason in remedy for _where, remedy in problems)


def test_a_source_subnet_is_checked_like_a_source_network_once_it_is_known() -> None:
    to = target("subnet-1", "10.20.1.0/25")
    found = {
        THERE: networks({"subnet-1": subnet("10.20.1.0/25")}, group("sg-1", "web")),
        BACK: networks({"subnet-8": subnet("10.10.1.0/24"), "subnet-9": subnet("10.10.2.0/25")}),
    }
    raw = [
        {"source_cidr": "10.10.2.0/25", "failover": to},
        {"source_subnet_id": "subnet-8", "failover": to},
        {"source_subnet_id": "subnet-9", "failover": to},
        {"source_subnet_id": "subnet-7", "failover": to},
        {"source_subnet_id": "subnet-9", "failover": to},
    ]
    subnets, problems = resolved(raw, found)
    assert [str(rule.source_cidr) for rule in subnets.rules] == ["10.10.2.0/25", "10.10.1.0/24", *["10.10.2.0/25"] * 2]
    assert [(where, remedy.split(":")[0]) for where, remedy in problems] == [
        ("dr_subnet_map[1].failover.cidr", "is too small to keep the host part of 10.10.1.0/24"),
        ("dr_subnet_map[3].source_subnet_id", "no such subnet in account 222222222222 in us-east-1"),
        ("dr_subnet_map[4]", "is mapped by dr_subnet_map[2] already"),
    ]


def test_a_complete_map_is_its_own_declaration() -> None:
    raw = [
        {
            "source_subnet_id": "subnet-9",
            "failover": target("subnet-1", "10.20.1.0/24") | {"security_groups": ["web"]},
            "failback": target("subnet-9", "10.10.2.0/25", "keep_address"),
        }
    ]
    found = {
        THERE: networks({"subnet-1": subnet("10.20.1.0/24")}, group("sg-2", "web")),
        BACK: networks({"subnet-9": subnet("10.10.2.0/25")}, group("sg-1", "home")),
    }
    subnets, problems = resolved(raw, found)
    assert problems == []
    anywhere, problems = resolved(to_declaration(subnets), found)
    assert problems == []
    assert [replace(rule, source=rule.source._replace(subnet_id="subnet-9")) for rule in anywhere.rules] == [
        *subnets.rules
    ]


def test_a_rule_that_wins_is_told_with_the_interfaces_that_it_wins() -> None:
    to = {profile: target(f"subnet-{profile}", "10.20.0.0/16", "dynamic") for profile in ("failover", "test")}
    nested = ["10.10.0.0/16", "10.10.1.0/24", "10.10.1.8/29", "192.168.0.0/16"]
    subnets = complete_map([{"source_cidr": cidr, **to} for cidr in nested])
    servers = [source_server(n, addresses=[f"10.10.1.{n}"]) for n in range(4, 11)]
    servers.append(source_server(1, addresses=["172.16.0.9", ""]))
    choices = rule_choices(servers, subnets, plan_entries(servers[:-1], subnets))
    assert [choice["chosen"] for choice in choices if choice["server_key"] == "server-1"] == [None, None]
    assert choice_lines(choices) == [
        "dr_subnet_map[1] (10.10.1.0/24) wins over dr_subnet_map[0] (10.10.0.0/16), because "
        "its source prefix is longer, for 4 interfaces: "
        "server-4/0, server-5/0, server-6/0, server-7/0",
        "dr_subnet_map[2] (10.10.1.8/29) wins over dr_subnet_map[0] (10.10.0.0/16), because "
        "its source prefix is longer, for 3 interfaces: "
        "server-10/0, server-8/0, server-9/0",
        "dr_subnet_map[2] (10.10.1.8/29) wins over dr_subnet_map[1] (10.10.1.0/24), because "
        "its source prefix is longer, for 3 interfaces: "
        "server-10/0, server-8/0, server-9/0",
    ]


def interface(address: str, instance_id: str | None) -> dict[str, Any]:
    attachment = {"Attachment": {"InstanceId": instance_id}} if instance_id else {}
    return {"NetworkInterfaceId": f"eni-{address}", **attachment}


ROUND_TRIP = complete_map(
    [
        {
            "source_cidr": "10.10.1.0/24",
            "failover": target("subnet-f", "10.20.1.0/24"),
            "test": target("subnet-t", "10.99.1.0/24", "dynamic"),
            "failback": target("subnet-b", "10.10.1.0/24", "keep_address"),
        }
    ]
)


def test_a_launch_may_have_the_addresses_of_the_instance_that_it_replaces() -> None:
    servers = [source_server(number, addresses=[f"10.10.1.{10 + number}"]) for number in (1, 2, 3)]
    entries = plan_entries(servers, ROUND_TRIP)
    in_use = {
        ("subnet-f", "10.20.1.11"): interface("own", "i-recovered"),
        ("subnet-b", "10.10.1.11"): interface("own", servers[0].aws_instance_id),
        ("subnet-f", "10.20.1.12"): interface("other", servers[1].aws_instance_id),
        ("subnet-b", "10.10.1.12"): interface("other", "i-recovered"),
        ("subnet-f", "10.20.1.13"): interface("free", None),
    }
    problems = Problems()
    check_in_use(entries, in_use, {"server-1": "i-recovered", "server-2": "i-recovered"}, problems)
    assert [problem.where for problem in problems] == [
        "interface 0 of server-2, profile failover",
        "interface 0 of server-2, profile failback",
        "interface 0 of server-3, profile failover",
    ]


def test_an_address_that_the_map_holds_for_somebody_else_is_refused() -> None:
    one, other = (plan_entries([source_server(n, addresses=["10.10.1.11"])], ROUND_TRIP) for n in (1, 2))
    problems = Problems()
    check_held(one, other, problems)
    assert [problem.where for problem in problems] == [
        "interface 0 of server-1, profile failover",
        "interface 0 of server-1, profile failback",
    ]
    assert "interface 0 of server-2" in next(iter(problems)).remedy


@given(
    wanted=st.integers(0, 14),
    others=st.integers(0, 5),
    replaced=st.integers(0, 14),
    strangers=st.integers(0, 5),
    rule=st.sampled_from(["keep_host_part", "dynamic"]),
)
def test_a_subnet_has_room_exactly_when_every_server_gets_an_address(
    wanted: int, others: int, replaced: int, strangers: int, rule: str
) -> None:
    """Fill a /27 in thought: strangers first, then the instances that launches replace, then everybody else."""
    cidr = "10.20.1.0/27"
    subnets = complete_map([{"source_cidr": "10.10.1.0/27", "failover": target("subnet-f", cidr, rule)}])
    servers = [source_server(n, addresses=[f"10.10.1.{4 + n}"]) for n in range(wanted + others)]
    entries = plan_entries(servers, subnets, profiles=["failover"])
    replaced = min(replaced, wanted)
    recovery_instances = {f"server-{n}": f"i-{n}" for n in range(replaced)}
    in_use = {("subnet-f", f"10.20.1.{4 + n}"): interface("own", f"i-{n}") for n in range(replaced)}
    in_use |= {("subnet-f", f"10.20.1.{30 - n}"): interface("other", None) for n in range(strangers)}
    found = {Place("", ""): networks({"subnet-f": subnet(cidr, available=27 - len(in_use))})}
    keys = {f"server-{n}" for n in range(wanted)}
    planned = [entry for entry in entries if entry.server_key in keys]
    rest = [entry for entry in entries if entry.server_key not in keys]
    (demand,) = subnet_demands(subnets, found, planned, in_use, rest, recovery_instances)
    assert demand.usable == 27
    assert demand.needed == (wanted - replaced) + others
    problems = Problems()
    check_capacity([demand], problems)
    assert bool(len(problems)) == (strangers + wanted + others > 27)


def test_a_staging_subnet_is_looked_up_where_its_target_is() -> None:
    there = target("subnet-1", "10.20.1.0/24") | {"staging_subnet_id": "subnet-8"}
    back = target("subnet-2", "10.10.1.0/24") | {"staging_subnet_id": "subnet-9"}
    raw = [{"source_cidr": "10.10.1.0/24", "failover": there, "failback": back}]
    asked = names_by_place(locate(parse_subnet_map(raw), HOME, Problems()))
    assert (asked[THERE].subnet_ids, asked[BACK].subnet_ids) == ({"subnet-1", "subnet-8"}, {"subnet-2", "subnet-9"})
    found = {
        THERE: networks({"subnet-1": subnet("10.20.1.0/24"), "subnet-8": subnet("10.20.9.0/24")}, group("sg-1", "web")),
        BACK: networks({"subnet-2": subnet("10.10.1.0/24")}, group("sg-1", "web")),
    }
    subnets, problems = resolved(raw, found)
    assert subnets.rules[0].targets["failover"].staging_subnet_id == "subnet-8"
    assert [(where, remedy.split(":")[0]) for where, remedy in problems] == [
        ("dr_subnet_map[0].failback.staging_subnet_id", "no such subnet in account 222222222222 in us-east-1")
    ]
