"""What a correlation remembers and corrects, and which plans it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.correlation import correlate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.correlation_writes import (
    Writes,
    all_known,
    plan_writes,
    planned_addresses,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.machines import (
    KnownMachine,
    Observed,
    known_from_item,
    machine_to_item,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_identity import identity_problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer

from .builders import server_id, source_server, subnet_map

HERE = {"account_id": "222222222222", "region": "us-west-2"}


def writes(
    servers: Sequence[SourceServer], known: Sequence[KnownMachine] = (), entries: Sequence[MapEntry] = ()
) -> Writes:
    """What is to be written after a look at these servers."""
    observed, known = Observed(source_servers=tuple(servers)), all_known(known, entries)
    return plan_writes(correlate(observed, known), observed, known, entries, **HERE)


def remembered(planned: Writes) -> list[KnownMachine]:
    """What is known once it was written."""
    return [known_from_item({**machine_to_item(machine), "version": old + 1}) for machine, old in planned.store]


def mapped(*servers: SourceServer) -> list[MapEntry]:
    return [replace(entry, version=3) for entry in plan_entries(servers, subnet_map())]


def test_machines_are_stored_once_and_again_when_an_id_changes() -> None:
    server = source_server(1, addresses=["10.10.1.11"])
    first = writes([server])
    assert [(machine.server_key, version) for machine, version in first.store] == [("server-1", 0)]
    known = remembered(first)
    assert writes([server], known).store == ()
    assert writes([source_server(1, addresses=["10.10.1.11"], state="BACKLOG")], known).store == ()
    failed_back = replace(server, aws_instance_id="i-another")
    assert [version for _machine, version in writes([failed_back], known).store] == [1]


def test_an_entry_follows_its_machine_and_keeps_its_addresses() -> None:
    before = source_server(1, addresses=["10.10.1.11"])
    entries = mapped(before)
    assert not writes([before], entries=entries).entries.any
    extended_again = replace(before, source_server_id=server_id(9), aws_instance_id="i-another")
    known = remembered(writes([before]))
    assert correlate(Observed((extended_again,)), known).machines.keys() == {"server-1"}
    (change,) = writes([extended_again], known, entries).entries.update
    assert (change.before, change.after.version) == (entries[0], 4)
    assert (change.after.drs.source_server_id, change.after.source.instance_id) == (server_id(9), "i-another")
    assert change.after.profiles == entries[0].profiles
    assert planned_addresses(entries) == {
        ("subnet-f0", "10.20.1.11"): "server-1",
        ("subnet-t0", "10.99.1.11"): "server-1",
    }


def test_a_server_whose_name_says_another_key_is_tagged() -> None:
    tagged = source_server(1, tags={"dr:server-key": "pay-db"})
    known = remembered(writes([tagged]))
    (pin,) = writes([source_server(1)], known).pins
    assert (pin.source_server_id, pin.server_key) == (server_id(1), "pay-db")
    assert writes([tagged], known).pins == ()
    foreign = replace(source_server(1), account_id="111111111111")
    elsewhere = replace(known[0], source_servers=(f"111111111111/us-west-2/{server_id(1)}",))
    assert writes([foreign], [elsewhere]).pins == ()


def test_a_machine_is_forgotten_when_the_ip_map_forgot_it_or_it_has_another_key() -> None:
    server = source_server(1, addresses=["10.10.1.11"])
    known = remembered(writes([server]))
    assert writes([], known, mapped(server)).forget == ()
    assert [machine.server_key for machine in writes([], known).forget] == ["server-1"]
    renamed = source_server(1, addresses=["10.10.1.11"], tags={"dr:server-key": "pay-db"})
    planned = writes([renamed], known, mapped(server))
    assert [machine.server_key for machine in planned.forget] == ["server-1"]
    again = writes([source_server(1, addresses=["10.10.1.11"])], remembered(planned), mapped(server))
    assert [pin.server_key for pin in again.pins] == ["pay-db"]


def test_only_ambiguities_of_its_own_servers_stop_a_plan() -> None:
    twins = [source_server(n, name="twin", tags={"Tier": "database"}) for n in (1, 2)]
    other = source_server(3, tags={"Tier": "web"})
    correlation = correlate(Observed((*twins, other)))

    def problems(**selector: Any) -> list[str]:
        plan = {"name": "p", "groups": {"g": selector}, "waves": [{"name": "w", "groups": ["g"]}]}
        return [str(problem) for problem in identity_problems(parse_plan(plan), correlation, [*twins, other])]

    for selector in ({"tags": {"Tier": "database"}}, {"servers": ["twin"]}, {"source_server_ids": [server_id(2)]}):
        (problem,) = problems(**selector)
        assert server_id(1) in problem
        assert server_id(2) in problem
        assert "dr:server-key" in problem
    assert problems(tags={"Tier": "web"}) == []
    assert problems(servers=["server-3"]) == []
