"""The IP map table: entries and the addresses that they hold, whoever writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
    compare,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_moves import moves_of
from moto import mock_aws

WHO = {"updated_by": "arn:aws:iam::222222222222:user/dr-operator", "updated_at": "2026-11-23T12:00:00+00:00"}
LATER = "2026-11-23T13:00:00+00:00"


class OneAtATime:
    """A client whose calls wait for each other: moto's transactions are not safe from other threads, DynamoDB's are."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            with self._lock:
                return getattr(self._client, name)(**arguments)

        return call


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[IpMapTable]:
    """An empty IP map table."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY0000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key-that-nobody-has-00000000000")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-west-2")
        client.create_table(
            TableName="ip-map",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        yield IpMapTable(OneAtATime(client), "ip-map", sleep=lambda _seconds: None)


def entry(key: str, address: str | None, *, interface: int = 0, test: str | None = None) -> MapEntry:
    """Return an entry with a failover and a test address."""
    return MapEntry(
        server_key=key,
        interface=interface,
        source=EntrySource("10.10.1.11", "10.10.1.0/24", key, "222222222222", None),
        profiles={
            "failover": ProfileAddress("subnet-a", "10.20.1.0/24", address, ("sg-1",), "keep_host_part"),
            "test": ProfileAddress("subnet-b", "10.99.1.0/24", test, ("sg-2",), "dynamic"),
        },
        drs=DrsIdentity("s-00000000000000001", "222222222222", "us-west-2"),
    )


def write(table: IpMapTable, *wanted: MapEntry) -> None:
    """Bring the entries of the wanted servers to what is wanted."""
    changes = table.check(compare(wanted, table.read(item.server_key for item in wanted)))
    table.write(changes, **WHO).raise_if_any("write")


def delete(table: IpMapTable, key: str) -> None:
    """Delete the entries of a server."""
    changes = table.check(compare([], table.read([key])))
    table.write(changes, updated_by="arn:aws:iam::222222222222:user/cleaner", updated_at=LATER).raise_if_any("delete")


def held(table: IpMapTable) -> dict[str, str]:
    """Return who holds the addresses of subnet-a."""
    return {item.address: item.server_key for item in table.reservations("subnet-a")}


def test_what_was_written_is_read_with_version_author_and_time(table: IpMapTable) -> None:
    wanted = [entry("a", "10.20.1.11", test="10.99.1.11"), entry("a", "10.20.1.12", interface=1), entry("b", None)]
    write(table, *wanted)
    stored = table.read(["a", "b", "nobody"])
    assert stored == [replace(item, version=1, **WHO) for item in wanted]
    assert held(table) == {"10.20.1.11": "a", "10.20.1.12": "a"}
    assert not compare(wanted, stored).any


def test_a_server_with_many_interfaces_is_read_whole(table: IpMapTable) -> None:
    write(table, *(entry("a", f"10.20.1.{number + 10}", interface=number) for number in range(9)))
    assert [item.interface for item in table.read(["a"])] == list(range(9))


def test_a_changed_entry_leaves_its_old_self_and_gives_its_old_address_up(table: IpMapTable) -> None:
    write(table, entry("a", "10.20.1.11"))
    write(table, entry("a", "10.20.1.50"))
    (stored,) = table.read(["a"])
    assert stored.version == 2
    assert held(table) == {"10.20.1.50": "a"}
    old = table.client.get_item(TableName="ip-map", Key={"pk": {"S": "server#a"}, "sk": {"S": "nic#0#v00000001"}})
    assert old["Item"]["profiles"]["M"]["failover"]["M"]["address"]["S"] == "10.20.1.11"


def test_addresses_go_round_in_one_step(table: IpMapTable) -> None:
    write(table, entry("a", "10.20.1.11"), entry("b", "10.20.1.12"), entry("c", "10.20.1.13"))
    write(table, entry("a", "10.20.1.12"), entry("b", "10.20.1.13"), entry("c", "10.20.1.11"), entry("d", "10.20.1.14"))
    assert held(table) == {"10.20.1.12": "a", "10.20.1.13": "b", "10.20.1.11": "c", "10.20.1.14": "d"}
    changes = compare([entry("a", "10.20.1.11"), entry("c", "10.20.1.12")], table.read(["a", "c"]))
    assert [sorted(move.changes) for move in moves_of(changes)] == [[("a", 0), ("c", 0)]]


def test_a_held_address_is_refused_with_its_holder_and_nothing_is_written(table: IpMapTable) -> None:
    write(table, entry("a", "10.20.1.11"))
    changes = compare([entry("b", "10.20.1.11")], [])
    with pytest.raises(ConflictError, match=r"10\.20\.1\.11 in subnet-a, wanted by server b .* held by server a"):
        table.check(changes)
    errors = table.write(changes, **WHO).errors
    assert "held by server a" in str(errors["b/nic0"])
    assert table.read(["b"]) == []
    assert held(table) == {"10.20.1.11": "a"}


def test_an_entry_that_somebody_changed_meanwhile_is_not_overwritten(table: IpMapTable) -> None:
    write(table, entry("a", "10.20.1.11"))
    late = compare([entry("a", "10.20.1.60")], table.read(["a"]))
    write(table, entry("a", "10.20.1.50"))
    errors = table.write(late, **WHO).errors
    assert "somebody else changed it meanwhile" in str(errors["a/nic0"])
    assert held(table) == {"10.20.1.50": "a"}


def test_many_writers_never_share_an_address(table: IpMapTable) -> None:
    def claim(number: int) -> bool:
        changes = compare([entry(f"server-{number}", "10.20.1.99")], [])
        return not table.write(changes, **WHO).errors

    with ThreadPoolExecutor(12) as pool:
        won = list(pool.map(claim, range(24)))
    assert sum(won) == 1
    winner = f"server-{won.index(True)}"
    assert held(table) == {"10.20.1.99": winner}
    assert [item.server_key for item in table.read(f"server-{number}" for number in range(24))] == [winner]


def test_a_deleted_entry_gives_its_addresses_up(table: IpMapTable) -> None:
    write(table, entry("a", "10.20.1.11", test="10.99.1.11"))
    delete(table, "a")
    assert table.read(["a"]) == []
    assert held(table) == {}
    write(table, entry("b", "10.20.1.11", test="10.99.1.11"))


def test_history_survives_deletion_and_goes_on_after_it(table: IpMapTable) -> None:
    write(table, entry("a", "10.20.1.11"), entry("a", "10.20.1.12", interface=1), entry("b", "10.20.1.13"))
    delete(table, "a")
    write(table, entry("a", "10.20.1.50"))
    write(table, entry("a", "10.20.1.51"))
    first, second, *rest = [
        [version for version in table.history(["b", "a"]) if version.entry.id == entry_id]
        for entry_id in (("a", 0), ("a", 1), ("b", 0))
    ]
    told = [
        (
            version.entry.version,
            version.deleted,
            version.entry.profiles["failover"].address,
            version.entry.updated_by[-7:],
        )
        for version in first
    ]
    assert told == [
        (4, False, "10.20.1.51", "perator"),
        (3, False, "10.20.1.50", "perator"),
        (2, True, "10.20.1.11", "cleaner"),
        (1, False, "10.20.1.11", "perator"),
    ]
    assert [(version.entry.version, version.deleted) for version in second] == [(2, True), (1, False)]
    assert [len(versions) for versions in rest] == [1]
    assert table.entry_ids() == [("a", 0), ("b", 0)]
    assert table.entry_ids(deleted=True) == [("a", 0), ("a", 1), ("b", 0)]


def test_a_new_entry_is_not_written_over_one_that_came_and_went_meanwhile(table: IpMapTable) -> None:
    late = table.check(compare([entry("a", "10.20.1.60")], []))
    write(table, entry("a", "10.20.1.11"))
    delete(table, "a")
    errors = table.write(late, **WHO).errors
    assert "somebody else changed it meanwhile" in str(errors["a/nic0"])
    assert table.read(["a"]) == []
    assert held(table) == {}


def test_a_subnet_names_those_with_dynamic_addresses_too(table: IpMapTable) -> None:
    write(table, entry("a", None, test="10.99.1.11"), entry("b", "10.20.1.12"))
    assert table.entry_ids_in("subnet-a") == [("a", 0), ("b", 0)]
    assert table.entry_ids_in("subnet-b") == [("a", 0), ("b", 0)]
    assert held(table) == {"10.20.1.12": "b"}
    write(table, entry("a", "10.20.1.11"))
    delete(table, "b")
    assert table.entry_ids_in("subnet-a") == [("a", 0)]
    assert held(table) == {"10.20.1.11": "a"}


def test_more_entries_than_a_transaction_holds_cannot_go_round_and_nothing_is_written(table: IpMapTable) -> None:
    write(table, *(entry(f"server-{number}", f"10.20.1.{number + 10}") for number in range(40)))
    wanted = [entry(f"server-{number}", f"10.20.1.{(number + 1) % 40 + 10}") for number in range(40)]
    before = table.read(item.server_key for item in wanted)
    with pytest.raises(InvalidRequestError, match="more entries hand addresses to one another than a transaction"):
        table.check(compare(wanted, before))
    assert table.read(item.server_key for item in wanted) == before


def test_one_address_in_two_profiles_is_held_once(table: IpMapTable) -> None:
    both = entry("a", "10.20.1.11")
    both = replace(both, profiles={"failover": both.profiles["failover"], "test": both.profiles["failover"]})
    write(table, both)
    (reservation,) = table.reservations("subnet-a")
    assert reservation.profile == "failover,test"


def test_a_missing_table_says_what_to_do(table: IpMapTable) -> None:
    missing: Any = IpMapTable(table.client, "other-ip-map")
    with pytest.raises(NotFoundError, match=r"other-ip-map does not exist.*deploy it first"):
        missing.read(["a"])
