"""Where machines go back to: their original place, as EC2 knows it or as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import (
    AddressOverride,
    Homes,
    SubnetMap,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    MapEntry,
    ProfileAddress,
    compare,
    entry_to_item,
    imported_addresses,
    item_to_entry,
    plan_entries,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.original_networks import (
    homes_of,
    notes,
    original_subnets,
    originals_of,
    source_places,
    subnets_to_read,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer
from hypothesis import given
from hypothesis import strategies as st

from .builders import complete_map, server_id, source_server, subnet_map, target

CLOUD = {"sourceCloudProperties": {"originAccountID": "111111111111", "originRegion": "us-east-1"}}
HOME = Place("111111111111", "us-east-1")
SUBNETS = {"subnet-a": {"SubnetId": "subnet-a", "CidrBlock": "10.10.1.0/25"}}
FAILBACK_DECLARED = complete_map(
    [
        {
            "source_cidr": "10.10.1.0/24",
            "failover": target("subnet-f", "10.20.1.0/24"),
            "test": target("subnet-t", "10.99.1.0/24"),
            "failback": target("subnet-b", "10.10.1.0/24", "keep_address"),
        }
    ]
)


def server(number: int = 1, address: str = "10.10.1.11", **members: Any) -> SourceServer:
    return source_server(number, addresses=[address], **{**CLOUD, **members})


def instance(number: int = 1, address: str = "10.10.1.11", **members: Any) -> dict[str, Any]:
    interface = {
        "SubnetId": "subnet-a",
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address}],
        "Groups": [{"GroupId": "sg-2"}, {"GroupId": "sg-1"}],
    }
    values = {
        "InstanceId": f"i-{number:017x}",
        "InstanceType": "m5.large",
        "State": {"Name": "running"},
        "NetworkInterfaces": [interface],
    }
    return {**values, **members}


def homes(servers: Sequence[SourceServer], *instances: dict[str, Any], stored: Sequence[MapEntry] = ()) -> Homes:
    known = {item["InstanceId"]: item for item in instances}
    return homes_of(servers, originals_of(servers, known, SUBNETS), stored)


def planned(
    one: SourceServer,
    *instances: dict[str, Any],
    stored: Sequence[MapEntry] = (),
    networks: SubnetMap | None = None,
    overrides: Sequence[AddressOverride] = (),
) -> MapEntry:
    """Return the entry of a server with one interface."""
    (entry,) = plan_entries(
        [one],
        networks or subnet_map(),
        overrides,
        imported=imported_addresses(stored),
        homes=homes([one], *instances, stored=stored),
    )
    return entry


def test_a_machine_goes_back_to_where_it_is() -> None:
    entry = planned(server(), instance())
    assert entry.profiles["failback"] == ProfileAddress(
        "subnet-a", "10.10.1.0/25", "10.10.1.11", ("sg-1", "sg-2"), "original"
    )
    assert list(entry.profiles) == ["failover", "test", "failback"]
    assert entry.source.instance_type == "m5.large"
    assert {reservation.profile for reservation in entry.reservations()} == {"failover", "test", "failback"}
    assert item_to_entry(entry_to_item(entry)) == entry
    assert notes([entry]) == []


def test_what_the_subnet_map_says_goes_before_it() -> None:
    entry = planned(server(), instance(), networks=FAILBACK_DECLARED)
    assert entry.profiles["failback"].rule == "keep_address"
    assert entry.profiles["failback"].subnet_id == "subnet-b"
    assert entry.source.instance_type == "m5.large"
    known = {item["InstanceId"]: item for item in [instance()]}
    assert subnets_to_read([server()], FAILBACK_DECLARED, known) == {}
    assert subnets_to_read([server()], subnet_map(), known) == {HOME: {"subnet-a"}}


def test_a_machine_that_nobody_knows_has_no_way_home_and_is_named() -> None:
    gone = instance(State={"Name": "terminated"})
    elsewhere = instance(address="10.10.1.12")
    for instances in ((), (gone,), (elsewhere,)):
        entry = planned(server(), *instances)
        assert "failback" not in entry.profiles
    (line,) = notes([planned(server()), planned(server(2), instance(2))])
    assert line.startswith("1 servers have no profile failback (server-1): ")


def test_the_way_home_stays_when_home_cannot_be_asked_or_the_machine_is_gone() -> None:
    stored = planned(server(), instance())
    assert planned(server(), stored=[stored]) == stored
    assert planned(server(), instance(State={"Name": "terminated"}), stored=[stored]) == stored
    assert compare([planned(server(), stored=[stored])], [stored]).any is False

    declared = planned(server(), networks=FAILBACK_DECLARED)
    assert "failback" not in planned(server(), stored=[declared]).profiles, "the map does not say so any more"


def test_another_instance_at_home_has_the_same_way_home() -> None:
    stored = planned(server(), instance())
    hints = {"hostname": "server-1", "awsInstanceID": "i-00000000000000099"}
    returned = server(sourceProperties={**_properties(), "identificationHints": hints})
    entry = planned(returned, instance(0x99), stored=[stored])
    assert entry.profiles == stored.profiles
    assert entry.source == replace(stored.source, instance_id="i-00000000000000099")


def test_a_machine_that_runs_recovered_keeps_its_way_home() -> None:
    round_trip = complete_map(
        [
            {
                "source_cidr": source,
                "failover": target(subnet, cidr),
                "test": target("subnet-t", "10.99.1.0/24"),
            }
            for source, subnet, cidr in (
                ("10.10.1.0/24", "subnet-f", "10.20.1.0/24"),
                ("10.20.1.0/24", "subnet-a", "10.10.1.0/24"),
            )
        ]
    )
    stored = planned(server(), instance(), networks=round_trip)
    away = instance(address="10.20.1.11", InstanceType="t3.micro")
    away["NetworkInterfaces"][0]["SubnetId"] = "subnet-f"
    subnets = {**SUBNETS, "subnet-f": {"SubnetId": "subnet-f", "CidrBlock": "10.20.1.0/24"}}
    one = server(address="10.20.1.11")
    originals = originals_of([one], {away["InstanceId"]: away}, subnets)
    found = homes_of([one], originals, [stored])
    (entry,) = plan_entries([one], round_trip, homes=found)
    assert entry.profiles["failback"] == stored.profiles["failback"]
    assert entry.source.instance_type == "m5.large"


def test_explicit_and_imported_addresses_go_before_the_original_one() -> None:
    override = AddressOverride("server-1", 0, "failback", "10.10.1.99", "dr_addresses[0]")
    explicit = planned(server(), instance(), overrides=[override])
    assert (explicit.profiles["failback"].address, explicit.profiles["failback"].rule) == ("10.10.1.99", "explicit")
    unread = planned(server(), stored=[explicit])
    assert (unread.profiles["failback"].address, unread.profiles["failback"].rule) == ("10.10.1.11", "original")

    given_up = replace(explicit.profiles["failback"], rule="imported")
    stored = replace(explicit, profiles={**explicit.profiles, "failback": given_up})
    for instances in ((instance(),), ()):
        assert planned(server(), *instances, stored=[stored]).profiles["failback"] == given_up


def test_twins_do_not_take_each_others_way_home() -> None:
    one, other = server(1, name="twin"), server(2, "10.40.1.11", name="twin")
    stored = planned(one, instance())
    found = homes([one, other], instance(), stored=[stored])
    assert set(found.interfaces) == {(server_id(1), 0)}
    assert set(homes([one, other], stored=[stored]).interfaces) == {(server_id(1), 0)}


def test_ec2_is_asked_where_the_machines_are() -> None:
    bare = source_server(3, addresses=["10.10.1.13"])
    on_premises = server(4, sourceProperties={**_properties(), "identificationHints": {"hostname": "x"}})
    servers = [server(), server(2), bare, on_premises]
    assert source_places(servers) == {HOME: {f"i-{1:017x}", f"i-{2:017x}"}}
    here = source_places(servers, "eu-west-1")
    assert here[Place("222222222222", "eu-west-1")] == {f"i-{3:017x}"}
    assert original_subnets(originals_of([server()], {f"i-{1:017x}": instance()}, SUBNETS)) == {HOME: {"subnet-a"}}


@given(st.lists(st.sampled_from(["seen", "gone", "unread"]), max_size=6))
def test_once_known_the_way_home_is_never_lost(days: list[str]) -> None:
    entry = planned(server(), instance())
    for day in days:
        seen = {"seen": [instance()], "gone": [instance(State={"Name": "terminated"})], "unread": []}[day]
        after = planned(server(), *seen, stored=[entry])
        assert after == entry
        entry = after


def _properties() -> dict[str, Any]:
    interface = {"macAddress": "02:00:00:00:00:01", "ips": ["10.10.1.11"], "isPrimary": True}
    return {"networkInterfaces": [interface], "os": {"fullString": "Linux"}}
