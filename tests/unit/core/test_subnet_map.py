"""The declared subnet map: what it says, and every mistake that is seen without asking AWS."""

from __future__ import annotations

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_map import (
    Home,
    locate,
    parse_subnet_map,
)

from tests.unit.core.builders import target

TARGET, OTHER = "222222222222", "111111111111"
HOME = Home(TARGET, "us-west-2", "us-east-1")


def test_a_map_names_all_its_problems_at_once() -> None:
    raw = [
        {"source_cidr": "10.10.1.0/33", "failover": target("subnet-1", "10.20.1.0/24")},
        {"source_cidr": "10.10.1.0/24", "failover": target("subnet-1", "10.20.1.0/25")},
        {"source_cidr": "10.10.1.0/24", "test": target("subnet-1", "10.20.1.0/24", "guess")},
        {"source_cidr": "10.10.2.5/24", "failover": target("subnet-1", "10.20.2.0/24")},
        {"source_cidr": "10.10.3.0/24", "failover": {"subnet_id": "net-1", "cidr": "10.20.3.0/24"}, "falover": {}},
        {"source_cidr": "10.10.4.0/24"},
        {"source_cidr": "10.10.5.0/24", "failover": target("subnet-1", "10.20.5.0/24", "keep_address")},
        {"source_cidr": "10.10.6.0/24", "failover": target("subnet-1", "10.0.0.0/8")},
        "10.10.7.0/24",
        {"source_cidr": "10.10.8.0/24", "test": {}},
        {"source_cidr": "10.10.1.0/24", "source_account_id": OTHER, "test": target("subnet-1", "10.20.1.0/24")},
        {"source_cidr": "10.10.1.0/24", "source_account_id": OTHER, "test": target("subnet-1", "10.20.1.0/24")},
    ]
    with pytest.raises(DeclarationError) as caught:
        parse_subnet_map(raw)
    lines = str(caught.value).splitlines()
    expected = [
        ("dr_subnet_map[0].source_cidr: '10.10.1.0/33'", "is no IPv4 network"),
        ("dr_subnet_map[1].failover.cidr: '10.20.1.0/25'", "too small to keep the host part of 10.10.1.0/24"),
        ("dr_subnet_map[2].test.address: 'guess'", "must be one of keep_host_part, keep_address, dynamic, explicit"),
        ("dr_subnet_map[2]: '10.10.1.0/24'", "is mapped by dr_subnet_map[1] already"),
        ("dr_subnet_map[3].source_cidr: '10.10.2.5/24'", "is no IPv4 network"),
        ("dr_subnet_map[4]: 'falover'", "unknown key"),
        ("dr_subnet_map[4].failover.subnet_id: 'net-1'", "must be a subnet id"),
        ("dr_subnet_map[4].failover.security_groups: None", "missing"),
        ("dr_subnet_map[5]: '10.10.4.0/24'", "has no target"),
        ("dr_subnet_map[6].failover.cidr: '10.20.5.0/24'", "holds no address of 10.10.5.0/24"),
        ("dr_subnet_map[7].failover.cidr: '10.0.0.0/8'", "no AWS subnet has this size"),
        ("dr_subnet_map[8]: '10.10.7.0/24'", "must be a mapping"),
        ("dr_subnet_map[9].test.subnet_id: None", "missing"),
        ("dr_subnet_map[9].test.security_groups: None", "missing"),
        ("dr_subnet_map[9].test.cidr: None", "missing"),
        ("dr_subnet_map[11]: '10.10.1.0/24'", "is mapped by dr_subnet_map[10] already"),
    ]
    assert len(lines) == len(expected)
    for line, (start, reason) in zip(lines, expected, strict=True):
        assert line.startswith(start)
        assert reason in line


@pytest.mark.parametrize(("raw", "reason"), [([], "is empty"), (None, "is empty"), ("10.0.0.0/8", "must be a list")])
def test_a_map_must_map_something(raw: object, reason: str) -> None:
    with pytest.raises(DeclarationError, match=reason):
        parse_subnet_map(raw)  # type: ignore[arg-type]


def test_sources_accounts_regions_and_groups_have_forms() -> None:
    good = target("subnet-1", "10.20.1.0/24", "explicit") | {"security_groups": ["sg-1", "web servers", "web-2"]}
    raw = [
        {"source_cidr": "10.10.1.0/24", "source_subnet_id": "subnet-2", "failover": good},
        {"source_subnet_id": "vpc-2", "failover": good},
        {"source_subnet_id": "subnet-2", "source_account_id": 111111111111, "failover": good},
        {"source_cidr": "10.10.3.0/24", "source_region": "us-east-1a", "failover": good},
        {"source_cidr": "10.10.4.0/24", "failover": good | {"account_id": "2222", "region": "Oregon"}},
        {"source_cidr": "10.10.5.0/24", "failover": good | {"security_groups": ["sg-", "", "sg-1", "sg-1"]}},
        {"failover": good},
    ]
    with pytest.raises(DeclarationError) as caught:
        parse_subnet_map(raw)
    assert [problem.where for problem in caught.value.problems] == [
        "dr_subnet_map[0].source_subnet_id",
        "dr_subnet_map[1].source_subnet_id",
        "dr_subnet_map[2].source_account_id",
        "dr_subnet_map[3].source_region",
        "dr_subnet_map[4].failover.account_id",
        "dr_subnet_map[4].failover.region",
        "dr_subnet_map[5].failover.security_groups[0]",
        "dr_subnet_map[5].failover.security_groups[1]",
        "dr_subnet_map[5].failover.security_groups",
        "dr_subnet_map[6].source_cidr",
    ]


def test_what_names_no_account_or_region_is_at_home_and_a_failback_where_its_source_is() -> None:
    to = {"failover": target("subnet-1", "10.20.1.0/24"), "failback": target("subnet-2", "10.10.1.0/24")}
    elsewhere = {"account_id": OTHER, "region": "eu-west-1"}
    problems = Problems()
    rules = locate(
        parse_subnet_map(
            [
                {"source_cidr": "10.10.1.0/24", **to},
                {"source_cidr": "10.10.2.0/24", "source_account_id": OTHER, "source_region": "eu-central-1", **to},
                {"source_cidr": "10.10.3.0/24", **{profile: where | elsewhere for profile, where in to.items()}},
            ]
        ),
        HOME,
        problems,
    )
    places = [(rule.source.place, rule.targets["failover"].place, rule.targets["failback"].place) for rule in rules]
    home, source = Place(TARGET, "us-west-2"), Place(TARGET, "us-east-1")
    assert places[0] == (source, home, source)
    assert places[1] == (Place(OTHER, "eu-central-1"), home, Place(OTHER, "eu-central-1"))
    assert places[2] == (source, Place(OTHER, "eu-west-1"), Place(OTHER, "eu-west-1"))
    assert not len(problems)


def test_a_source_region_that_nobody_knows_is_missed_only_where_it_is_needed() -> None:
    to = {"failover": target("subnet-1", "10.20.1.0/24"), "failback": target("subnet-2", "10.10.1.0/24")}
    problems = Problems()
    locate(
        parse_subnet_map(
            [
                {"source_cidr": "10.10.1.0/24", "failover": to["failover"]},
                {"source_cidr": "10.10.2.0/24", **to},
                {"source_subnet_id": "subnet-3", "failover": to["failover"]},
            ]
        ),
        Home(TARGET, "us-west-2"),
        problems,
    )
    assert [problem.where for problem in problems] == [
        "dr_subnet_map[1].failback.region",
        "dr_subnet_map[2].source_region",
    ]
