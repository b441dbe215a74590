"""What is looked for in the IP map."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_search import Search

from tests.unit.core.builders import source_server, subnet_map


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, [1, 2]),
        ({"servers": frozenset({"server-2"})}, [2]),
        ({"servers": frozenset({"nobody"})}, []),
        ({"profile": "test"}, [1, 2]),
        ({"profile": "failback"}, []),
        ({"address": "10.10.1.11"}, [1]),
        ({"address": "10.20.1.12"}, [2]),
        ({"address": "10.20.1.12", "profile": "failover"}, [2]),
        ({"address": "10.20.1.12", "profile": "test"}, []),
        ({"address": "10.10.1.11", "profile": "failover"}, []),
        ({"subnet_id": "subnet-f0", "address": "10.99.1.11"}, []),
        ({"subnet_id": "subnet-t0", "address": "10.99.1.11", "servers": frozenset({"server-1"})}, [1]),
    ],
)
def test_all_conditions_hold_for_one_target(conditions: dict[str, Any], found: list[int]) -> None:
    entries = plan_entries([source_server(n, addresses=[f"10.10.1.{10 + n}"]) for n in (1, 2)], subnet_map())
    assert [entry.server_key for entry in entries if Search(**conditions).finds(entry)] == [
        f"server-{number}" for number in found
    ]
