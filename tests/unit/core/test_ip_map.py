"""The IP map: planned from the declaration, compared with what is stored."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import (
    AddressOverride,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    MapEntry,
    compare,
    entry_to_item,
    imported_addresses,
    item_to_entry,
    plan_entries,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import complete_map, source_server, subnet_map, target


def override(key: str, address: str, *, interface: int = 0, profile: str = "failover") -> AddressOverride:
    return AddressOverride(key, interface, profile, address, "dr_addresses[0]")


def test_every_interface_gets_an_address_in_every_profile() -> None:
    server = source_server(1, name="pay-db-1", addresses=["10.10.1.11", "10.10.2.12"])
    first, second = plan_entries([server], subnet_map())
    assert (first.server_key, first.interface, second.interface) == ("pay-db-1", 0, 1)
    assert first.profiles["failover"].address == "10.20.1.11"
    assert first.profiles["test"].address == "10.99.1.11"
    assert second.profiles["failover"].address == "10.20.2.12"
    assert second.profiles["failover"].subnet_id == "subnet-f1"
    assert first.source.subnet_cidr == "10.10.1.0/24"
    assert first.drs.source_server_id == server.source_server_id


def test_an_override_wins_and_says_so() -> None:
    server = source_server(1, addresses=["10.10.1.11"])
    (entry,) = plan_entries([server], subnet_map(), [override("server-1", "10.20.1.77")])
    assert (entry.profiles["failover"].address, entry.profiles["failover"].rule) == ("10.20.1.77", "explicit")
    assert (entry.profiles["test"].address, entry.profiles["test"].rule) == ("10.99.1.11", "keep_host_part")


def test_an_imported_address_stays_until_the_inventory_names_another() -> None:
    server = source_server(1, addresses=["10.10.1.11"])
    (planned,) = plan_entries([server], subnet_map())
    assert imported_addresses([planned]) == {}
    given = {("server-1", 0, "failover"): "10.20.1.80"}
    (kept,) = plan_entries([server], subnet_map(), imported=given)
    assert (kept.profiles["failover"].address, kept.profiles["failover"].rule) == ("10.20.1.80", "imported")
    assert kept.profiles["test"] == planned.profiles["test"]
    assert imported_addresses([kept]) == given
    (declared,) = plan_entries([server], subnet_map(), [override("server-1", "10.20.1.77")], imported=given)
    assert (declared.profiles["failover"].address, declared.profiles["failover"].rule) == ("10.20.1.77", "explicit")
    with pytest.raises(DeclarationError, match=r"imported address does not fit any more: 10\.30\.1\.80 is outside"):
        plan_entries([server], subnet_map(), imported={("server-1", 0, "failover"): "10.30.1.80"})


def test_a_dynamic_address_is_null_and_reserves_nothing() -> None:
    dynamic = complete_map(
        [
            {
                "source_cidr": "10.10.1.0/24",
                "failover": target("subnet-f", "10.20.1.0/24", "dynamic"),
                "test": target("subnet-t", "10.99.1.0/24"),
            }
        ]
    )
    (entry,) = plan_entries([source_server(1, addresses=["10.10.1.11"])], dynamic)
    assert entry.profiles["failover"].address is None
    assert [(one.subnet_id, one.address, one.profile) for one in entry.reservations()] == [
        ("subnet-t", "10.99.1.11", "test")
    ]


def test_all_problems_of_all_servers_are_named_at_once() -> None:
    servers = [
        source_server(1, addresses=["10.10.1.1"]),
        source_server(2, addresses=["192.168.1.9"]),
        source_server(3, addresses=[]),
        source_server(4, addresses=[""]),
        source_server(5, addresses=["10.10.1.50"]),
        source_server(6, addresses=["10.10.2.60"]),
        source_server(7, addresses=["10.10.1.70"]),
        source_server(8, addresses=["10.10.1.50"]),
    ]
    overrides = [
        override("server-6", "10.20.1.60"),
        override("server-7", "10.20.1.50"),
        override("nobody", "10.20.1.99"),
    ]
    with pytest.raises(DeclarationError) as caught:
        plan_entries(servers, subnet_map(), overrides)
    lines = str(caught.value).splitlines()
    expected = [
        ("interface 0 of server-1", "profile failover: '10.10.1.1': 10.20.1.1 is one of the five"),
        ("interface 0 of server-1", "profile test: '10.10.1.1': 10.99.1.1 is one of the five"),
        ("interface 0 of server-2", "no source_cidr of dr_subnet_map holds this address"),
        ("s-00000000000000003: 'server-3'", "has no known network interface"),
        ("interface 0 of server-4", "no IPv4 address is known"),
        ("interface 0 of server-6", "10.20.1.60 is outside the subnet 10.20.2.0/24"),
        ("dr_addresses[0]: '10.20.1.99'", "interface 0 of nobody in profile failover, which does not exist"),
        ("interface 0 of server-7, profile failover", "interface 0 of server-5 has this address of subnet-f0"),
        ("interface 0 of server-8, profile failover", "interface 0 of server-5 has this address of subnet-f0"),
        ("interface 0 of server-8, profile test", "interface 0 of server-5 has this address of subnet-t0"),
    ]
    assert len(lines) == len(expected)
    for line, (start, reason) in zip(lines, expected, strict=True):
        assert line.startswith(start)
        assert reason in line


def test_a_profile_that_the_map_lacks_is_a_problem_and_failback_is_planned_where_declared() -> None:
    declared: dict[str, Any] = {"source_cidr": "10.10.1.0/24", "failover": target("subnet-f", "10.20.1.0/24")}
    server = source_server(1, addresses=["10.10.1.11"])
    with pytest.raises(DeclarationError, match=r"10\.10\.1\.0/24 has no target for test"):
        plan_entries([server], complete_map([declared]))
    declared["failback"] = target("subnet-b", "10.10.1.0/24", "keep_address")
    (entry,) = plan_entries([server], complete_map([declared]), profiles=["failover"])
    assert entry.profiles["failback"].address == "10.10.1.11"
    with pytest.raises(DeclarationError, match="has no test target"):
        plan_entries(
            [server],
            complete_map([declared]),
            [override("server-1", "10.99.1.9", profile="test")],
            profiles=["failover"],
        )


def test_compare_finds_what_changed_and_keeps_versions() -> None:
    servers = [source_server(number, addresses=[f"10.10.1.{10 + number}"]) for number in (1, 2, 3)]
    entries = plan_entries(servers, subnet_map())
    stored = [replace(entry, version=4, updated_at="2026-11-01T00:00:00.000Z", updated_by="me") for entry in entries]
    moved = replace(entries[1], source=replace(entries[1].source, hostname="renamed"))
    changes = compare([entries[0], moved, replace(entries[2], server_key="server-9")], stored)
    assert changes.unchanged == (stored[0],)
    assert [(change.before.version, change.after.version) for change in changes.update] == [(4, 5)]
    assert [(entry.server_key, entry.version) for entry in changes.create] == [("server-9", 1)]
    assert [entry.server_key for entry in changes.delete] == ["server-3"]
    assert changes.any
    diff = changes.diff()
    assert sorted(diff["before"]) == ["server-2/0", "server-3/0"]
    assert sorted(diff["after"]) == ["server-2/0", "server-9/0"]
    assert diff["after"]["server-2/0"]["source"]["hostname"] == "renamed"


def test_an_equal_map_needs_no_change() -> None:
    entries = plan_entries([source_server(1, addresses=["10.10.1.11"])], subnet_map())
    changes = compare(entries, [replace(entry, version=2) for entry in entries])
    assert not changes.any
    assert changes.diff() == {"before": {}, "after": {}}


def test_an_entry_survives_the_table() -> None:
    (entry,) = plan_entries([source_server(1, addresses=["10.10.1.11"])], subnet_map())
    stored = replace(entry, version=3, updated_at="2026-11-01T00:00:00.000Z", updated_by="me")
    item = entry_to_item(stored)
    assert item_to_entry({**item, "interface": Decimal(0), "version": Decimal(3), "pk": "x", "sk": "y"}) == stored


def test_a_staging_subnet_is_stored_where_it_is_declared_only() -> None:
    staged = target("subnet-1", "10.20.1.0/24") | {"staging_subnet_id": "subnet-9"}
    raw = [{"source_cidr": "10.10.1.0/24", "failover": staged, "test": target("subnet-2", "10.99.1.0/24")}]
    (entry,) = plan_entries([source_server(1, addresses=["10.10.1.11"])], complete_map(raw))
    item = entry_to_item(entry)
    assert item["profiles"]["failover"]["staging_subnet_id"] == "subnet-9"
    assert "staging_subnet_id" not in item["profiles"]["test"]
    assert item_to_entry(item) == entry


@given(st.lists(st.integers(4, 254), unique=True, max_size=30))
def test_planning_is_idempotent_and_never_gives_an_address_twice(hosts: list[int]) -> None:
    servers = [source_server(host, addresses=[f"10.10.1.{host}"]) for host in hosts]
    entries = plan_entries(servers, subnet_map())
    held = [(one.subnet_id, one.address) for entry in entries for one in entry.reservations()]
    assert len(held) == len(set(held)) == 2 * len(hosts)
    again: list[MapEntry] = plan_entries(reversed(servers), subnet_map())
    assert not compare(again, entries).any
