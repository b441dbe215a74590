"""Which source servers and instances are one machine, and that its key outlives them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.correlation import Correlation, correlate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.machines import (
    Instance,
    KnownMachine,
    Machine,
    Observed,
    RecoveryInstance,
    instance_from_ec2,
    known_from_item,
    machine_to_item,
    recovery_instance_from_drs,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer, from_drs
from hypothesis import given
from hypothesis import strategies as st

TARGET, STAGING = "222222222222", "111111111111"
HOME, RECOVERY = "us-east-1", "us-west-2"
FORWARD, BACK, EXTENDED, STAGED = (f"s-{name:0>17}" for name in ("forward", "back", "extended", "staged"))
LAUNCH_INTO = {"AWSDRS": "AllowLaunchingIntoThisInstance"}


def server(
    server_id: str = FORWARD,
    *,
    name: str = "db.example.internal",
    hostname: str | None = None,
    instance: str | None = "i-a1",
    place: tuple[str, str] = (TARGET, RECOVERY),
    origin: tuple[str, str] | None = (TARGET, HOME),
    addresses: Sequence[str] = ("10.10.1.11",),
    tags: dict[str, str] | None = None,
    direction: str = "FAILOVER",
    state: str = "CONTINUOUS",
    extends: str | None = None,
) -> SourceServer:
    """A source server as DescribeSourceServers shows it."""
    hints: dict[str, Any] = {"fqdn": name, "hostname": name.split(".")[0] if hostname is None else hostname}
    if instance:
        hints["awsInstanceID"] = instance
    cloud = {"originAccountID": origin[0], "originRegion": origin[1]} if origin else {}
    interfaces = [{"macAddress": "02:00", "ips": list(addresses), "isPrimary": False}]
    item = {
        "sourceServerID": server_id,
        "arn": f"arn:aws:drs:{place[1]}:{place[0]}:source-server/{server_id}",
        "tags": tags or {},
        "sourceProperties": {"identificationHints": hints, "networkInterfaces": interfaces},
        "sourceCloudProperties": cloud,
        "replicationDirection": direction,
        "dataReplicationInfo": {"dataReplicationState": state},
        "stagingArea": {"stagingSourceServerArn": extends, "stagingAccountID": STAGING} if extends else {},
    }
    return from_drs(item, account_id=place[0], region=place[1])


def ec2(
    instance_id: str = "i-a1",
    *,
    place: tuple[str, str] = (TARGET, HOME),
    address: str = "10.10.1.11",
    subnet: str = "subnet-home",
    tags: dict[str, str] | None = None,
) -> Instance:
    """An instance as DescribeInstances shows it."""
    interface = {
        "SubnetId": subnet,
        "Attachment": {"DeviceIndex": 0},
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address}],
    }
    item = {
        "InstanceId": instance_id,
        "State": {"Name": "running"},
        "PrivateDnsName": f"ip-{address.replace('.', '-')}.ec2.internal",
        "NetworkInterfaces": [interface],
        "Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    }
    return instance_from_ec2(item, account_id=place[0], region=place[1])


def launched(
    instance_id: str, source: str = FORWARD, *, place: tuple[str, str] = (TARGET, RECOVERY), drill: bool = False
) -> RecoveryInstance:
    """A recovery instance as DescribeRecoveryInstances shows it."""
    item = {"recoveryInstanceID": instance_id, "ec2InstanceID": instance_id, "sourceServerID": source, "isDrill": drill}
    return recovery_instance_from_drs(item, account_id=place[0], region=place[1])


def look(*things: Any, known: Iterable[KnownMachine] = (), **options: Any) -> Correlation:
    """Correlate what is observed, wherever it is."""
    instances = tuple(thing for thing in things if isinstance(thing, Instance))
    observed = Observed(
        source_servers=tuple(thing for thing in things if isinstance(thing, SourceServer)),
        instances=instances,
        recovery_instances=tuple(thing for thing in things if isinstance(thing, RecoveryInstance)),
        read=frozenset((instance.account_id, instance.region) for instance in instances),
    )
    return correlate(observed, known, **options)


def stored(result: Correlation) -> list[KnownMachine]:
    """What the next correlation knows of this one."""
    return [known_from_item({**machine_to_item(machine), "version": 1}) for machine in result.machines.values()]


def only(result: Correlation) -> Machine:
    """The one machine of a correlation without findings."""
    assert result.findings == ()
    (machine,) = result.machines.values()
    return machine


def roles(machine: Machine) -> dict[str, tuple[str, str]]:
    """Role of every instance, and what it was matched by."""
    return {item.instance_id: (item.role, item.matched_by) for item in machine.instances}


def matched(machine: Machine) -> dict[str, str | None]:
    """What every source server was matched by."""
    return {item.source_server_id: item.matched_by for item in machine.source_servers}


def findings(result: Correlation) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(finding.kind, finding.reason, finding.server_keys) for finding in result.findings]


KEY = "db.example.internal"


def test_an_instance_is_matched_by_what_drs_says_first() -> None:
    machine = only(look(server(), ec2()))
    assert (machine.server_key, machine.key_from) == (KEY, "fqdn")
    assert matched(machine) == {FORWARD: None}
    assert roles(machine) == {"i-a1": ("source", "aws_instance_id")}
    assert machine.addresses == (f"{TARGET}/{HOME}/10.10.1.11",)


def test_addresses_that_drs_does_not_report_are_those_of_the_instance() -> None:
    assert only(look(server(addresses=()), ec2(address="10.10.1.99"))).addresses == (f"{TARGET}/{HOME}/10.10.1.99",)


@pytest.mark.parametrize(
    ("seen", "by"),
    [
        ({"name": "ip-10-10-1-11.ec2.internal"}, "fqdn"),
        ({"name": "", "hostname": "ip-10-10-1-11"}, "hostname"),
        ({}, "address"),
    ],
)
def test_without_an_instance_id_it_is_matched_by_name_and_address(seen: dict[str, Any], by: str) -> None:
    seen_server = server(instance=None, **seen)
    result = look(seen_server, ec2())
    assert roles(only(result)) == {"i-a1": ("source", by)}
    assert roles(only(look(seen_server, ec2(), known=stored(result)))) == {"i-a1": ("source", "known_id")}
    replaced = look(seen_server, ec2("i-new"), known=stored(result))
    assert roles(only(replaced)) == {"i-new": ("source", by)}


def test_an_address_counts_only_in_the_account_and_region_of_the_server() -> None:
    elsewhere = look(server(instance=None), ec2(place=(STAGING, HOME)))
    assert findings(elsewhere) == [("unmatched", "unprotected", ())]
    on_premises = look(server(instance=None, origin=None), ec2())
    assert findings(on_premises) == [("unmatched", "unprotected", ())]


def test_two_instances_that_it_could_be_are_not_chosen_from() -> None:
    seen = server(instance=None, origin=None, name="ip-10-10-1-11.ec2.internal")
    result = look(seen, ec2("i-1"), ec2("i-2", place=(STAGING, HOME)))
    assert result.machines == {}
    assert findings(result)[0] == ("ambiguous", "same_fqdn", ("ip-10-10-1-11.ec2.internal",))
    assert result.findings[0].instances == ("i-1", "i-2")
    assert "dr:server-key" in result.findings[0].message


def test_an_extended_server_and_its_staging_server_are_one_machine() -> None:
    staged = server(STAGED, place=(STAGING, RECOVERY), instance=None)
    extended = server(EXTENDED, extends=staged.arn, instance=None)
    machine = only(look(staged, extended))
    assert matched(machine) == {EXTENDED: None, STAGED: "staging_arn"}
    found = machine.source_server_in(TARGET, RECOVERY)
    assert found is not None
    assert found.source_server_id == EXTENDED


def test_the_key_survives_failover_failback_and_the_next_cycle() -> None:
    """Default host names of EC2: every new instance has another name, so only the ids tell (facts 6.1)."""
    first = "ip-10-10-1-11.ec2.internal"
    b1 = {"name": first, "hostname": first}
    result = look(server(**b1), ec2("i-a1"))
    assert only(result).server_key == first

    b2 = ec2("i-b2", place=(TARGET, RECOVERY), address="10.20.1.11", subnet="subnet-recovery")
    result = look(server(**b1), ec2("i-a1"), b2, launched("i-b2"), known=stored(result))
    assert roles(only(result)) == {"i-a1": ("source", "aws_instance_id"), "i-b2": ("recovery", "recovery_instance")}

    back_name = "ip-10-20-1-11.us-west-2.compute.internal"
    a2 = server(
        BACK,
        name=back_name,
        hostname=back_name,
        instance="i-b2",
        place=(TARGET, HOME),
        origin=(TARGET, RECOVERY),
        addresses=("10.20.1.11",),
        direction="FAILBACK",
    )
    result = look(server(**b1), ec2("i-a1"), b2, launched("i-b2"), a2, known=stored(result))
    assert only(result).server_key == first
    assert matched(only(result)) == {FORWARD: "known_id", BACK: "aws_instance_id"}

    a3 = ec2("i-a3", address="10.10.1.77")
    back = launched("i-a3", BACK, place=(TARGET, HOME))
    result = look(server(**b1), ec2("i-a1"), b2, launched("i-b2"), a2, a3, back, known=stored(result))
    assert roles(only(result))["i-a3"] == ("failback", "recovery_instance")

    # Re-protected, and everything of the failback deleted: the source server has another instance and another name.
    again = "ip-10-10-1-77.ec2.internal"
    b1_again = server(name=again, hostname=again, instance="i-a3", addresses=("10.10.1.77",))
    result = look(b1_again, a3, ec2("i-a1"), known=stored(result))
    machine = only(result)
    assert (machine.server_key, machine.key_from) == (first, "known_id")
    assert roles(machine) == {"i-a3": ("source", "aws_instance_id"), "i-a1": ("former", "known_id")}


def test_the_key_survives_a_new_extension() -> None:
    staged = server(STAGED, place=(STAGING, RECOVERY))
    before = look(staged, server(EXTENDED, extends=staged.arn, tags={"dr:server-key": "warehouse-1"}))
    assert only(before).server_key == "warehouse-1"

    new_id = "s-extendedagain0000"
    extended = server(new_id, extends=staged.arn)
    machine = only(look(staged, extended, known=stored(before)))
    assert (machine.server_key, machine.key_from) == ("warehouse-1", "aws_instance_id")
    alone = only(look(extended, known=stored(before)))
    assert (alone.server_key, matched(alone)) == ("warehouse-1", {new_id: "aws_instance_id"})


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ({"name": KEY}, "fqdn"),
        ({"name": "", "hostname": "db"}, "hostname"),
        ({"name": "", "hostname": ""}, "address"),
    ],
)
def test_a_machine_whose_ids_are_all_new_is_known_by_name_or_address(change: dict[str, Any], by: str) -> None:
    before = look(server(tags={"dr:server-key": "pay-db"}))
    machine = only(look(server("s-new00000000000001", instance="i-new", **change), known=stored(before)))
    assert (machine.server_key, machine.key_from) == ("pay-db", by)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "db.test.internal"},
        {"name": "", "hostname": "web"},
        {"name": "", "hostname": "", "origin": (STAGING, HOME)},
    ],
)
def test_a_stronger_name_that_differs_speaks_against_a_weaker_one(other: dict[str, Any]) -> None:
    before = look(server(tags={"dr:server-key": "pay-db"}))
    result = look(server("s-new00000000000001", instance="i-new", **other), known=stored(before))
    assert "pay-db" not in result.machines
    assert ("unmatched", "not_found", ("pay-db",)) in findings(result)


def test_two_servers_that_a_lost_machine_could_be_are_not_chosen_from() -> None:
    before = look(server(tags={"dr:server-key": "pay-db"}))
    twins = [server(f"s-new0000000000000{n}", instance=f"i-{n}") for n in (1, 2)]
    result = look(*twins, known=stored(before))
    assert result.machines == {}
    assert findings(result) == [("ambiguous", "same_fqdn", (KEY, "pay-db"))]


def test_two_servers_of_one_name_are_ambiguous_until_they_are_tagged() -> None:
    twins = [server(f"s-twin000000000000{n}", instance=f"i-{n}") for n in (1, 2)]
    result = look(*twins)
    assert result.machines == {}
    assert findings(result) == [("ambiguous", "same_key", (KEY,))]
    tagged = [server(f"s-twin000000000000{n}", instance=f"i-{n}", tags={"dr:server-key": f"db-{n}"}) for n in (1, 2)]
    assert list(look(*tagged).machines) == ["db-1", "db-2"]


def test_a_newcomer_does_not_take_the_key_of_a_machine_that_is_certain() -> None:
    before = look(server())
    newcomer = server("s-new00000000000001", instance="i-new", place=(STAGING, RECOVERY))
    result = look(server(), newcomer, known=stored(before))
    assert matched(result.machines[KEY]) == {FORWARD: "known_id"}
    assert findings(result) == [("ambiguous", "same_key", ())]


def test_two_live_servers_of_one_instance_contradict_each_other() -> None:
    result = look(server(), server("s-again000000000001"), ec2())
    assert result.machines == {}
    assert findings(result) == [("ambiguous", "contradiction", (KEY,))]
    ended = look(server(state="DISCONNECTED"), server("s-again000000000001"), ec2())
    assert matched(only(ended)) == {"s-again000000000001": None, FORWARD: "aws_instance_id"}


def test_a_machine_that_replicates_to_two_regions_from_on_premises_is_one() -> None:
    here = server(instance=None, origin=None)
    there = server(instance=None, origin=None, place=(TARGET, "eu-west-1"))
    assert matched(only(look(here, there))) == {FORWARD: "fqdn"} or len(only(look(here, there)).source_servers) == 2


def test_a_tag_renames_a_machine_whatever_was_known() -> None:
    before = look(server(), ec2())
    renamed = look(server(tags={"dr:server-key": "new-name"}), ec2(), known=stored(before))
    assert list(renamed.machines) == ["new-name"]
    assert findings(renamed) == [("unmatched", "not_found", (KEY,))]


def test_target_instances_are_found_by_tag_or_by_their_planned_address() -> None:
    place = {"place": (TARGET, RECOVERY), "subnet": "subnet-recovery"}
    by_tag = ec2(
        "i-tagged", address="10.20.1.50", tags={**LAUNCH_INTO, "dr:server-key": "DB.example.internal"}, **place
    )
    by_plan = ec2("i-planned", address="10.20.1.11", tags=LAUNCH_INTO, **place)
    unknown = ec2("i-unknown", address="10.20.1.12", tags=LAUNCH_INTO, **place)
    untagged = ec2("i-untagged", address="10.20.1.11", **{**place, "subnet": "subnet-other"})
    known = [KnownMachine(KEY, (), ())]
    planned = {("subnet-recovery", "10.20.1.11"): KEY, ("subnet-other", "10.20.1.11"): KEY}
    result = look(server(), ec2(), by_tag, by_plan, unknown, untagged, known=known, planned=planned)
    assert roles(result.machines[KEY]) == {
        "i-a1": ("source", "aws_instance_id"),
        "i-planned": ("target", "address"),
        "i-tagged": ("target", "key_tag"),
    }
    assert findings(result) == [
        ("unmatched", "target_of_nobody", ()),
        ("unmatched", "unprotected", ()),
    ]
    own_tag = look(server(), ec2("i-x", tags={**LAUNCH_INTO, "Server": KEY}, **place), key_tag="Server")
    assert roles(own_tag.machines[KEY])["i-x"] == ("target", "key_tag")


def test_what_belongs_to_nobody_is_told() -> None:
    result = look(
        server(instance="i-gone"),
        launched("i-orphan", "s-deleted0000000001"),
        ec2("i-tagged", tags={"dr:server-key": "nobody"}),
        ec2("i-replicator", tags={"AWSElasticDisasterRecoveryManaged": "drs.amazonaws.com"}),
        launched("i-drill", drill=True),
    )
    assert roles(result.machines[KEY])["i-drill"] == ("drill", "recovery_instance")
    assert sorted(findings(result)) == [
        ("unmatched", "no_instance", (KEY,)),
        ("unmatched", "no_source_server", ()),
        ("unmatched", "unknown_key", ("nobody",)),
    ]


def test_a_name_that_everybody_has_matches_nobody() -> None:
    before = look(server("s-old00000000000001", name="", hostname="localhost", tags={"dr:server-key": "old"}))
    crowd = [
        server(f"s-{n:017d}", name=f"host-{n}.example", hostname="localhost", instance=f"i-{n}", addresses=())
        for n in range(60)
    ]
    result = look(*crowd, known=stored(before))
    assert len(result.machines) == 60
    assert findings(result) == [("unmatched", "not_found", ("old",))]


@given(st.permutations(range(8)), st.booleans())
def test_the_order_of_the_answers_does_not_matter(order: list[int], remember: bool) -> None:
    things = [
        server(),
        ec2(),
        ec2("i-b2", place=(TARGET, RECOVERY)),
        launched("i-b2"),
        server("s-web00000000000001", name="web.example", instance=None, addresses=("10.10.1.12",)),
        ec2("i-web", address="10.10.1.12"),
        server("s-twin0000000000001", name="twin.example", instance="i-t1", addresses=()),
        server("s-twin0000000000002", name="twin.example", instance="i-t2", addresses=()),
    ]
    known = stored(look(*things)) if remember else ()
    straight = look(*things, known=known)
    mixed = look(*(things[number] for number in order), known=known)
    assert mixed.machines == straight.machines
    assert {finding.reason for finding in mixed.findings} == {finding.reason for finding in straight.findings}


@given(st.lists(st.sampled_from(["failover", "failback", "extend"]), max_size=6))
def test_the_key_is_the_same_after_any_sequence_of_moves(moves: list[str]) -> None:
    staged = server(STAGED, place=(STAGING, RECOVERY), instance="i-0", name="ip-0.ec2.internal")
    now = server(EXTENDED, extends=staged.arn, instance="i-0", name="ip-0.ec2.internal", addresses=())
    result = look(staged, now)
    for number, move in enumerate(moves, start=1):
        instance, name = staged.aws_instance_id, f"ip-{number}.ec2.internal"
        recoveries: list[RecoveryInstance] = []
        extended_id = now.source_server_id
        if move == "failover":
            recoveries = [launched(f"i-b{number}", extended_id)]
        elif move == "failback":
            instance = f"i-{number}"
        else:
            extended_id, name = f"s-extended{number:09d}", staged.fqdn
        name = name if instance != staged.aws_instance_id else staged.fqdn
        staged = server(STAGED, place=(STAGING, RECOVERY), instance=instance, name=name, addresses=())
        now = server(extended_id, extends=staged.arn, instance=instance, name=name, addresses=())
        result = look(staged, now, *recoveries, known=stored(result))
        assert only(result).server_key == "ip-0.ec2.internal"


def test_a_message_stays_short_however_many_servers_it_is_about() -> None:
    crowd = [server(f"s-{n:017d}", instance=f"i-{n}") for n in range(1000)]
    (finding,) = look(*crowd).findings
    assert len(finding.source_servers) == 1000
    assert "and 990 more" in finding.message
    assert len(finding.message) < 1000
