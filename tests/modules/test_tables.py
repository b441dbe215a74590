"""The tables in DynamoDB: writers that race, requests that DynamoDB does not answer at once, protection from loss."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils._ip_map import apply_changes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.clients import client_config
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    ConflictError,
    NotFoundError,
    TransientError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
    compare,
)
from ansible_collections.disaster_recovery.aws.plugins.modules import dynamodb_table_protection

from tests.modules.estate import Estate

WHO = {"updated_by": "arn:aws:iam::222222222222:user/dr-operator", "updated_at": "2026-11-23T12:00:00+00:00"}
CHAOS = [
    {"kind": "throttle", "probability": 0.02},
    {"kind": "timeout_after", "probability": 0.03},
    {
        "kind": "error",
        "error": "TransactionCanceledException",
        "members": {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]},
        "probability": 0.1,
    },
]


@pytest.fixture
def table(shared_estate: Estate, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty table of this test; no faults are left behind."""
    yield shared_estate.make_table(request.node.name[:100])
    shared_estate.aws.control("faults", method="DELETE")


def writer(estate: Estate, table: str) -> IpMapTable:
    """Return the table through a client of its own, with the retries that modules have."""
    return IpMapTable(estate.aws.client("dynamodb", config=client_config()), table)


def fault(estate: Estate, **rule: Any) -> None:
    """Let DynamoDB fail."""
    estate.aws.control("faults", {"service": "dynamodb", **rule})


def entry(server: str, address: str | None) -> MapEntry:
    """Return an entry with a failover address and a dynamic one for drills."""
    return MapEntry(
        server_key=server,
        interface=0,
        source=EntrySource("10.10.1.11", "10.10.1.0/24", server, "222222222222", None),
        profiles={
            "failover": ProfileAddress("subnet-a", "10.20.1.0/24", address, ("sg-1",), "keep_host_part"),
            "test": ProfileAddress("subnet-b", "10.99.1.0/24", None, ("sg-2",), "dynamic"),
        },
        drs=DrsIdentity("s-00000000000000001", "222222222222", "us-west-2"),
    )


def assign(table: IpMapTable, server: str, address: str | None) -> AwsError | None:
    """Give a server an address, or take its entry away, and return what was in the way."""
    wanted = [entry(server, address)] if address else []
    changes = compare(wanted, table.read([server]))
    return next(iter(table.write(changes, **WHO).errors.values()), None)


def holders(table: IpMapTable) -> dict[str, str]:
    """Return who holds which address, after a check that entries, reservations and the list say the same."""
    entries = table.read_entries(table.entry_ids())
    by_entries = {one.address: one.server_key for item in entries for one in item.reservations()}
    by_reservations = {one.address: one.server_key for one in table.reservations("subnet-a")}
    assert by_entries == by_reservations
    assert len(by_entries) == len([one for item in entries for one in item.reservations()])
    assert table.entry_ids() == table.entry_ids_in("subnet-b")
    assert table.reservations("subnet-b") == []
    return by_entries


def test_two_writers_one_address(shared_estate: Estate, table: str) -> None:
    writers = [writer(shared_estate, table) for _ in range(2)]
    changes = [one.check(compare([entry(f"server-{n}", "10.20.1.99")], [])) for n, one in enumerate(writers)]
    outcomes = [one.write(change, **WHO) for one, change in zip(writers, changes, strict=True)]
    assert [len(outcome.errors) for outcome in outcomes] == [0, 1]
    (error,) = outcomes[1].errors.values()
    assert isinstance(error, ConflictError)
    assert "10.20.1.99 in subnet-a, wanted by server server-1" in str(error)
    assert "is held by server server-0 interface 0 (profile failover)" in str(error)
    assert holders(writers[0]) == {"10.20.1.99": "server-0"}


def test_fifty_writers_race_for_the_addresses_of_a_subnet(shared_estate: Estate, table: str) -> None:
    addresses = [f"10.20.1.{number + 10}" for number in range(50)]
    for rule in CHAOS:
        fault(shared_estate, operation="TransactWriteItems", times=None, seed="race", **rule)

    def claim(number: int) -> str:
        mine = writer(shared_estate, table)
        order = random.Random(number).sample(addresses, len(addresses))
        for address in [addresses[0], *order]:
            error = assign(mine, f"server-{number}", address)
            if error is None:
                return address
            assert "is held by server" in str(error)
        raise AssertionError(f"server-{number} found no free address")

    with ThreadPoolExecutor(50) as pool:
        claimed = list(pool.map(claim, range(50)))
    assert all(rule["happened"] for rule in shared_estate.aws.control("faults")["faults"])
    assert sorted(claimed) == sorted(addresses)
    assert holders(writer(shared_estate, table)) == {
        address: f"server-{number}" for number, address in enumerate(claimed)
    }


def test_writers_that_change_and_delete_the_same_servers_leave_nothing_behind(
    shared_estate: Estate, table: str
) -> None:
    def wander(number: int) -> list[AwsError]:
        mine, dice = writer(shared_estate, table), random.Random(number)
        choices = [None, *(f"10.20.1.{host}" for host in range(10, 16))]
        met = [assign(mine, f"server-{dice.randrange(5)}", dice.choice(choices)) for _ in range(10)]
        return [error for error in met if error is not None]

    with ThreadPoolExecutor(8) as pool:
        met = [error for errors in pool.map(wander, range(8)) for error in errors]
    assert {type(error) for error in met} == {ConflictError}
    watcher = writer(shared_estate, table)
    assert len(holders(watcher)) <= 5
    for key in {key for key, _ in watcher.entry_ids(deleted=True)}:
        versions = [version.entry.version for version in watcher.history([key])]
        assert versions == list(range(len(versions), 0, -1))


def test_what_dynamodb_leaves_undone_or_throttles_is_sent_again(shared_estate: Estate, table: str) -> None:
    one = IpMapTable(shared_estate.aws.client("dynamodb", config=client_config()), table, sleep=lambda _seconds: None)
    for code in ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"):
        reasons = [{"Code": code}, {"Code": "None"}]
        fault(
            shared_estate,
            operation="TransactWriteItems",
            error="TransactionCanceledException",
            members={"CancellationReasons": reasons},
            times=2,
        )
    wanted = [entry(f"server-{number:02}", f"10.20.1.{number + 10}") for number in range(60)]
    one.write(compare(wanted, []), **WHO).raise_if_any("write")

    fault(shared_estate, kind="throttle", operation="BatchGetItem")
    fault(shared_estate, kind="unprocessed", operation="BatchGetItem", processed=7, times=6)
    assert [item.server_key for item in one.read(item.server_key for item in wanted)] == [
        item.server_key for item in wanted
    ]
    fault(shared_estate, kind="throttle", operation="BatchWriteItem")
    fault(shared_estate, kind="unprocessed", operation="BatchWriteItem", processed=3, times=4)
    one._put_all(({"pk": "many", "sk": str(number)} for number in range(40)), "write many")
    assert len(one._query("many", "", what="read many")) == 40
    assert shared_estate.aws.control("faults") == {"faults": []}

    fault(shared_estate, kind="unprocessed", operation="BatchGetItem", times=None)
    with pytest.raises(TransientError, match="unprocessed again and again"):
        one.read(item.server_key for item in wanted)


def test_what_was_written_before_a_failure_stays_and_the_next_run_goes_on(shared_estate: Estate, table: str) -> None:
    one = writer(shared_estate, table)
    wanted = [replace(entry("server", f"10.20.1.{number + 10}"), interface=number) for number in range(5)]

    def bring() -> dict[str, Any]:
        changes = compare(wanted, one.entries_of(["server"]))
        return apply_changes(one, changes, shared_estate.client, False)

    one.write(compare(wanted[4:], []), **WHO).raise_if_any("write the entry beyond a gap")
    fault(shared_estate, kind="denied", operation="TransactWriteItems", skip=1, times=None)
    result = bring()
    assert (result["failed"], result["changed"]) == (True, True)
    assert "1 of 4 writes were done; run again to go on from there. Not written: server/" in result["msg"]
    assert len(holders(one)) == 2
    shared_estate.aws.control("faults", method="DELETE")
    assert len(bring()["changes"]["created"]) == 3
    assert len(holders(one)) == 5
    assert bring()["changed"] is False
    assert len(one.read(["server"])) == 5


def test_protection_is_shown_then_set_then_kept_and_can_be_taken_away(shared_estate: Estate, table: str) -> None:
    task: dict[str, Any] = {"dynamodb_table_protection": {"tables": [table]}}
    shown, done, again = shared_estate.tasks({**task, "check_mode": True}, task, task, arguments=("--diff",))
    on = {"point_in_time_recovery": True, "encryption": True, "deletion_protection": True}
    assert shown["changed"] is done["changed"] is True
    assert shown["diff"] == done["diff"]
    assert shown["diff"] == {"before": {table: dict.fromkeys(on, False)}, "after": {table: on}}
    assert again["changed"] is False

    def protect(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        params = {"tables": [table], "kms_key_arn": None, "wait_timeout": 60, **on, **options}
        return dynamodb_table_protection.run(params, shared_estate.client, check_mode)

    key = shared_estate.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert protect(kms_key_arn=key)["tables"] == [{"name": table, "changed": True, "kms_key_arn": key, **on}]
    assert protect()["changed"] is False
    assert protect(check_mode=True, tables=["new"])["tables"] == [{"name": "new", "changed": True, **on}]
    with pytest.raises(NotFoundError, match="nowhere does not exist"):
        protect(tables=["nowhere"])
    for wrong in ({"encryption": False, "kms_key_arn": key}, {"kms_key_arn": "alias/mine"}):
        with pytest.raises(DeclarationError, match="kms_key_arn: "):
            protect(**wrong)

    tables = shared_estate.aws.client("dynamodb")
    description = tables.describe_table(TableName=table)["Table"]["SSEDescription"]
    assert description == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    backups = tables.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert protect(deletion_protection=False)["diff"]["after"] == {table: {**on, "deletion_protection": False}}
    tables.delete_table(TableName=table)
