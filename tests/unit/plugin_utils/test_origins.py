"""Where a value of a declaration was written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible._internal._datatag._tags import Origin
from ansible_collections.disaster_recovery.aws.plugins.plugin_utils import origins


def at(line: int, value: Any) -> Any:
    """Return a value as ansible-core reads it from a line of a file."""
    return Origin(path="/inventory/network.yml", line_num=line, col_num=5).tag(value)


DECLARATION = {
    "dr_subnet_map": at(
        2, [at(3, {"source_cidr": at(3, "10.1.0.0/24"), "failover": at(4, {"cidr": at(5, "10.2.0.0/24")})})]
    ),
    "dr_addresses": [{"server_key": "untold"}],
}


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["dr_subnet_map[0].failover.cidr"], 5),
        (["dr_subnet_map[0].failover.subnet_id"], 4),
        (["dr_subnet_map[0].failover.security_groups[2]"], 4),
        (["dr_subnet_map[7].failover"], 2),
        (["dr_subnet_map"], 2),
        (["interface 0 of server-1", "10.2.0.1 is reserved (it is mapped by dr_subnet_map[0].failover)"], 4),
        (["dr_subnet_mapping[0]"], None),
        (["dr_addresses[0].server_key"], None),
        (["interface 0 of server-1", "has no known network interface"], None),
    ],
)
def test_the_nearest_value_that_ansible_remembers_is_named(texts: list[str], line: int | None) -> None:
    expected = f"/inventory/network.yml:{line}:5" if line else ""
    assert origins.origin_of_problem(DECLARATION, *texts) == expected


def test_nothing_is_told_where_ansible_has_no_such_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "KNOWN", False)
    assert origins.origin_of_problem(DECLARATION, "dr_subnet_map[0].failover.cidr") == ""
    assert origins.origin_of_problem({}, "dr_subnet_map") == ""
