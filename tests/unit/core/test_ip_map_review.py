"""What an address plan changes in the IP map, and what of it cannot be."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import AddressOverride
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problem, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    Changes,
    MapEntry,
    compare,
    imported_addresses,
    plan_entries,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_csv import parse_plan, render_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_review import (
    changes_of,
    imported_with,
    located,
    only_edited,
    review,
    summary_lines,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import source_server, subnet_map

SERVERS = [source_server(n, addresses=[f"10.10.1.{n + 10}"]) for n in range(1, 7)]


def stored_entries(**imported: str) -> list[MapEntry]:
    """Return the map; failover addresses of servers, C(server_1="10.20.1.50"), were imported."""
    given = {(key.replace("_", "-"), 0, "failover"): address for key, address in imported.items()}
    return [replace(entry, version=3) for entry in plan_entries(SERVERS, subnet_map(), imported=given)]


def lines_of(stored: list[MapEntry]) -> list[str]:
    """Return the exported plan: the header is 0, the failover line of server n is 2n-1."""
    return render_plan(stored).decode().splitlines()


def imported(
    lines: list[str], stored: list[MapEntry], overrides: list[AddressOverride] | None = None
) -> tuple[Changes, list[Problem]]:
    """Import a plan as the module does."""
    problems = Problems()
    edits = review(parse_plan("\n".join(lines).encode(), "plan.csv", problems), stored, problems)
    planned = plan_entries(
        SERVERS, subnet_map(), overrides or [], imported=imported_with(edits, imported_addresses(stored))
    )
    changes = changes_of(edits, stored, planned, problems)
    assert {entry.id for entry in only_edited(changes, edits)} == {entry.id for entry in changes.wanted}
    return changes, list(problems)


def test_an_exported_plan_changes_nothing() -> None:
    stored = stored_entries(server_2="10.20.1.80")
    assert imported(lines_of(stored), stored) == (Changes((), (), (), ()), [])


def test_addresses_are_imported_exchanged_and_given_up_and_stay_in_the_next_run() -> None:
    stored = stored_entries(server_4="10.20.1.80")
    lines = lines_of(stored)
    lines[1] = lines[1].replace("10.20.1.11", "10.20.1.12", 1)
    lines[3] = lines[3].replace("10.20.1.12", "10.20.1.11", 1)
    lines[6] = lines[6].replace("10.99.1.13", "10.99.1.99", 1)
    lines[7] = lines[7].replace("10.20.1.80", "MAP", 1)
    del lines[9:]
    changes, problems = imported(lines, stored)
    assert problems == []
    assert summary_lines(changes) == [
        "server-1/0 failover: 10.20.1.11 (keep_host_part) -> 10.20.1.12 (imported)",
        "server-2/0 failover: 10.20.1.12 (keep_host_part) -> 10.20.1.11 (imported)",
        "server-3/0 test: 10.99.1.13 (keep_host_part) -> 10.99.1.99 (imported)",
        "server-4/0 failover: 10.20.1.80 (imported) -> 10.20.1.14 (keep_host_part)",
    ]
    after = [*changes.wanted, *(entry for entry in stored if entry.id not in {item.id for item in changes.wanted})]
    assert {entry.version for entry in changes.wanted} == {4}
    again = plan_entries(SERVERS, subnet_map(), imported=imported_addresses(after))
    assert not compare(again, after).any
    assert imported(lines, after)[0].any is False


def test_everything_that_cannot_be_is_named_with_its_cell() -> None:
    stored = stored_entries(server_5="10.20.1.80")
    stored[5] = replace(stored[5], version=4, updated_by="someone", updated_at="2026-11-23T12:00:00+00:00")
    plan = {
        1: "server-1,0,failover,10.20.1.12,3",
        2: "server-1,0,test,10.99.1.255,3",
        3: "server-2,0,test,10.30.1.1,3",
        4: "server-3,0,failover,10.20.1.90,3",
        5: "server-4,0,failover,10.20.1.90,3",
        6: "server-4,0,failover,10.20.1.91,3",
        7: "nobody,0,failover,10.20.1.92,3",
        8: "server-5,7,failover,10.20.1.93,3",
        9: "server-5,0,failback,10.20.1.94,3",
        10: "server-6,0,failover,10.20.1.95,3",
        11: "server-5,0,test,,3",
        12: "server-5,0,failover,=A1,3",
        13: "server-3,0,test,ten,3",
        14: "server-6,0,test,10.99.1.16,3",
    }
    changes, problems = imported(["server_key,interface,profile,address,version", *plan.values()], stored)
    assert [change.after.name for change in changes.update] == ["server-3/0"]
    expected = {
        1: ("address", "is held by interface 0 of server-2, profile failover in subnet-f0"),
        2: ("address", "five addresses"),
        3: ("address", "outside the subnet 10.99.1.0/24"),
        5: ("address", "is what line 5 gives interface 0 of server-3"),
        6: ("address", "line 6 is about the same interface and profile"),
        7: ("server_key", "is no server of the IP map"),
        8: ("interface", "has no such interface"),
        9: ("profile", "has no address there, but in failover, test"),
        10: (
            "version",
            "was changed by someone at 2026-11-23T12:00:00+00:00: the file has version 3 of it, the IP map 4",
        ),
        11: ("address", "is empty: write an address, or map"),
        12: ("address", "is a formula"),
        13: ("address", "ten is no IPv4 address"),
    }
    found = {problem.where: problem.remedy for problem in problems}
    assert found.keys() == {f"plan.csv, line {number + 1}, column {column}" for number, (column, _) in expected.items()}
    for number, (column, words) in expected.items():
        assert words in found[f"plan.csv, line {number + 1}, column {column}"]


def test_what_an_import_cannot_change_says_where_it_is_changed() -> None:
    stored = stored_entries()
    lines = lines_of(stored)
    lines[1] = lines[1].replace("subnet-f0", "subnet-f1").replace("keep_host_part", "dynamic")
    lines[3] = lines[3].replace("10.20.1.12", "10.20.1.77", 1)
    declared = AddressOverride("server-2", 0, "failover", "10.20.1.78", "dr_addresses[0]")
    changes, problems = imported(lines, stored, [declared])
    assert not changes.any
    assert [(problem.where, problem.remedy) for problem in problems] == [
        ("plan.csv, line 2, column subnet_id", "was subnet-f0, and an import cannot change it: change dr_subnet_map"),
        (
            "plan.csv, line 2, column rule",
            "was keep_host_part, and an import cannot change it: change dr_subnet_map, or write map into the column "
            "address to give an imported address up",
        ),
        ("plan.csv, line 4, column address", "dr_addresses declares 10.20.1.78 here: change it there"),
    ]


def test_an_inventory_that_moved_on_is_applied_first() -> None:
    stored = stored_entries()
    stored[0] = replace(
        stored[0],
        profiles={**stored[0].profiles, "failover": replace(stored[0].profiles["failover"], subnet_id="subnet-old")},
    )
    gone = replace(stored[1], server_key="server-9", profiles=dict(list(stored[1].profiles.items())[:1]))
    stored[1] = gone
    lines = [
        "server_key,interface,profile,address,version",
        "server-1,0,failover,10.20.1.60,3",
        "server-9,0,failover,10.20.1.61,3",
    ]
    changes, problems = imported(lines, stored)
    assert not changes.any
    assert "run configure first" in problems[0].remedy
    assert "DRS has no such server, interface or network any more" in problems[1].remedy


def test_problems_of_addresses_are_named_by_their_cells() -> None:
    stored = stored_entries()
    problems = Problems()
    lines = ["server_key,interface,profile,address,version", "server-1,0,failover,10.20.1.60,3"]
    edits = review(parse_plan("\n".join(lines).encode(), "plan.csv", problems), stored, problems)
    found = [Problem("x", "interface 0 of server-1, profile failover", "in use"), Problem("x", "elsewhere", "odd")]
    assert [problem.where for problem in located(found, edits)] == ["plan.csv, line 2, column address", "elsewhere"]


@given(st.permutations(range(11, 17)), st.lists(st.integers(4, 40), min_size=6, max_size=6))
def test_no_plan_gives_an_address_twice(order: list[int], others: list[int]) -> None:
    stored = stored_entries()
    for hosts in (order, others):
        lines = ["server_key,interface,profile,address,version"]
        lines += [f"server-{number},0,failover,10.20.1.{host},3" for number, host in enumerate(hosts, 1)]
        problems = Problems()
        edits = review(parse_plan("\n".join(lines).encode(), "plan.csv", problems), stored, problems)
        after = {entry.server_key: entry.profiles["failover"].address for entry in stored}
        after |= {edit.row.server_key: edit.address for edit in edits}
        if hosts is order:
            assert not len(problems)
        if not len(problems):
            assert sorted(after.values()) == sorted(f"10.20.1.{host}" for host in hosts)
            assert len(set(after.values())) == 6
