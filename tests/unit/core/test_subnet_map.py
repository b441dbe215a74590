"""The declared subnet map: what it says, and every mistake that is seen without asking AWS."""

from __future__ import annotations

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_map import (
    Home,
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
    ]
    assert len(lines) == len(expected)
    for line, (start, reason) in zip(lines, expected, strict=True):
        assert line.startswith(start)
        assert reason in line


@pytest.mark.parametrize(("raw", "reason"), [([], "is empty"), (None, "is empty"), ("10.0.0.0/8", "must be a list")])
def test_a_map_must_map_something(raw: object, reason: str) -> None:
    with pytest.raises(DeclarationError, match=reason):
        parse_subnet_map(raw)  # type: ignore[arg-type]
