"""Address translation: examples from the design, and what holds for every subnet."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import (
    AddressError,
    AddressRule,
    NetworkTarget,
    Origin,
    SubnetMap,
    SubnetRule,
    check_address,
    parse_overrides,
    reserved_addresses,
    translate,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.builders import complete_map, target


def network_target(cidr: str, rule: str = "keep_host_part") -> NetworkTarget:
    return NetworkTarget("subnet-1", IPv4Network(cidr), ("sg-1",), AddressRule(rule))


@pytest.mark.parametrize(
    ("address", "source", "cidr", "rule", "expected"),
    [
        ("10.10.1.25", "10.10.1.0/24", "10.20.1.0/24", "keep_host_part", "10.20.1.25"),
        ("10.10.2.200", "10.10.2.128/25", "10.20.8.0/22", "keep_host_part", "10.20.8.72"),
        ("192.168.7.20", "192.168.7.16/28", "10.20.9.32/28", "keep_host_part", "10.20.9.36"),
        ("10.10.1.25", "10.10.1.0/24", "10.10.1.0/24", "keep_address", "10.10.1.25"),
        ("10.10.1.25", "10.10.1.0/24", "10.20.1.0/24", "dynamic", None),
    ],
)
def test_translate_examples(address: str, source: str, cidr: str, rule: str, expected: str | None) -> None:
    assert translate(address, source, network_target(cidr, rule)) == expected


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.10.1.0", "reserves"),
        ("10.10.1.1", "reserves"),
        ("10.10.1.2", "reserves"),
        ("10.10.1.3", "reserves"),
        ("10.10.1.255", "reserves"),
        ("10.10.9.9", "outside its source subnet"),
        ("", "no IPv4 address is known"),
        ("2001:db8::1", "no IPv4 address"),
    ],
)
def test_translate_refuses_with_a_reason(address: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        translate(address, "10.10.1.0/24", network_target("10.20.1.0/24"))


def test_translate_refuses_a_host_part_that_the_target_is_too_small_for() -> None:
    with pytest.raises(AddressError, match=r"host part 200 .* does not fit 10\.20\.1\.0/25"):
        translate("10.10.1.200", "10.10.1.0/24", network_target("10.20.1.0/25"))


def test_last_octet_kept_on_a_26_would_leave_the_subnet() -> None:
    regression = network_target("10.20.9.128/26")
    assert translate("10.10.1.77", "10.10.1.64/26", regression) == "10.20.9.141"
    assert translate("10.10.1.126", "10.10.1.64/26", regression) == "10.20.9.190"
    with pytest.raises(AddressError, match=r"10\.20\.9\.77 is outside the subnet 10\.20\.9\.128/26"):
        check_address("10.20.9.77", regression.cidr)


def network(first: int, prefix: int) -> IPv4Network:
    """Return the network of a size that holds an address."""
    return IPv4Network((first >> (32 - prefix) << (32 - prefix), prefix))


numbers = st.integers(0, 2**32 - 1)
networks = st.builds(network, numbers, st.integers(16, 28))
any_networks = st.builds(network, numbers, st.integers(0, 32))


def hosts(cidr: IPv4Network) -> st.SearchStrategy[str]:
    """Any address of a network as text, the first and last ones often."""
    first, last = int(cidr.network_address), int(cidr.broadcast_address)
    edges = [number for number in (*range(first, first + 6), last - 1, last) if first <= number <= last]
    return st.one_of(st.sampled_from(edges), st.integers(first, last)).map(lambda number: str(IPv4Address(number)))


def try_translate(address: str, source: IPv4Network, to: NetworkTarget) -> str | None:
    try:
        return translate(address, source, to)
    except AddressError:
        return None


@given(source=any_networks, cidr=networks, rule=st.sampled_from(AddressRule), data=st.data())
def test_no_rule_ever_leaves_the_target_or_gives_a_reserved_address(
    source: IPv4Network, cidr: IPv4Network, rule: AddressRule, data: st.DataObject
) -> None:
    address = data.draw(st.one_of(hosts(source), hosts(cidr), numbers.map(lambda number: str(IPv4Address(number)))))
    result = try_translate(address, source, network_target(str(cidr), rule))
    if result is not None:
        assert IPv4Address(address) in source
        assert IPv4Address(result) in cidr
        assert int(IPv4Address(result)) not in reserved_addresses(cidr)
        if rule == AddressRule.KEEP_ADDRESS:
            assert result == address
    if rule in (AddressRule.DYNAMIC, AddressRule.EXPLICIT):
        assert result is None


@given(source=any_networks, cidr=networks, data=st.data())
def test_only_what_does_not_fit_or_is_reserved_is_refused(
    source: IPv4Network, cidr: IPv4Network, data: st.DataObject
) -> None:
    address = data.draw(hosts(source))
    host_part = int(IPv4Address(address)) - int(source.network_address)
    wanted = int(cidr.network_address) + host_part
    if host_part < cidr.num_addresses and wanted not in reserved_addresses(cidr):
        assert translate(address, source, network_target(str(cidr))) == str(IPv4Address(wanted))
    else:
        with pytest.raises(AddressError):
            translate(address, source, network_target(str(cidr)))


@given(source=any_networks, cidr=networks, rule=st.sampled_from(["keep_host_part", "keep_address"]), data=st.data())
def test_the_order_of_addresses_is_kept_and_no_two_become_one(
    source: IPv4Network, cidr: IPv4Network, rule: str, data: st.DataObject
) -> None:
    addresses = data.draw(st.lists(hosts(source), max_size=8))
    ordered = sorted({IPv4Address(address) for address in addresses})
    results = [try_translate(str(address), source, network_target(str(cidr), rule)) for address in ordered]
    given_out = [IPv4Address(result) for result in results if result is not None]
    assert given_out == sorted(set(given_out))


@given(source=networks, growth=st.integers(0, 12), elsewhere=numbers, data=st.data())
def test_the_round_trip_of_failover_and_failback_is_the_identity(
    source: IPv4Network, growth: int, elsewhere: int, data: st.DataObject
) -> None:
    away = network(elsewhere, max(16, source.prefixlen - growth))
    (rule,) = complete_map(
        [
            {
                "source_cidr": str(source),
                "failover": target("subnet-away", str(away)),
                "failback": target("subnet-home", str(source)),
            }
        ]
    ).rules
    address = data.draw(hosts(source))
    there = try_translate(address, rule.source_cidr, rule.targets["failover"])
    if there is not None and int(IPv4Address(address)) not in reserved_addresses(source):
        assert translate(there, rule.targets["failover"].cidr, rule.targets["failback"]) == address


@given(raw=st.lists(any_networks, min_size=1, max_size=12, unique=True), number=numbers)
def test_of_nested_sources_the_longest_prefix_wins_and_the_others_are_shadowed_in_order(
    raw: list[IPv4Network], number: int
) -> None:
    subnets = complete_map(
        [{"source_cidr": str(cidr), "failover": target("subnet-1", "10.20.0.0/16", "dynamic")} for cidr in raw]
    )
    address = IPv4Address(number)
    holding = sorted((cidr for cidr in raw if address in cidr), key=lambda cidr: -cidr.prefixlen)
    assert [rule.source_cidr for rule in subnets.find_all(str(address))] == holding
    chosen = subnets.find(str(address))
    assert (chosen.source_cidr if chosen else None) == (holding[0] if holding else None)


@given(cidr=networks)
def test_exactly_five_addresses_of_a_subnet_are_refused(cidr: IPv4Network) -> None:
    for number in reserved_addresses(cidr):
        with pytest.raises(AddressError, match="reserves"):
            check_address(str(IPv4Address(number)), cidr)
    assert len(reserved_addresses(cidr)) == 5
    assert check_address(str(cidr.network_address + 4), cidr)
    assert check_address(str(cidr.broadcast_address - 1), cidr)


def test_the_longest_source_prefix_wins() -> None:
    subnets = complete_map(
        [
            {"source_cidr": "10.0.0.0/8", "failover": target("subnet-wide", "10.20.0.0/16", "dynamic")},
            {"source_cidr": "10.10.1.0/24", "failover": target("subnet-narrow", "10.20.1.0/24")},
            {"source_cidr": "0.0.0.0/0", "failover": target("subnet-all", "10.20.0.0/16", "dynamic")},
        ]
    )
    assert [
        rule.targets["failover"].subnet_id
        for address in ("10.10.1.7", "10.10.2.7", "192.168.0.9")
        if (rule := subnets.find(address)) is not None
    ] == ["subnet-narrow", "subnet-wide", "subnet-all"]


def test_overrides_are_read_and_duplicates_named() -> None:
    one = {"server_key": "Pay-Rep-1", "interface": 0, "profile": "failover", "address": "10.20.1.77"}
    (override,) = parse_overrides([one])
    assert (override.server_key, override.address) == ("pay-rep-1", "10.20.1.77")
    with pytest.raises(DeclarationError, match=r"dr_addresses\[1\].*second address.*dr_addresses\[0\]"):
        parse_overrides([one, {**one, "address": "10.20.1.78"}])


ACCOUNTS, REGIONS, SUBNETS = ("111111111111", "222222222222"), ("us-east-1", "eu-west-1"), ("subnet-a", "subnet-b")
origins = st.builds(Origin, st.sampled_from(ACCOUNTS), st.sampled_from(("", *REGIONS)), st.sampled_from(("", *SUBNETS)))
scopes = st.one_of(
    st.builds(Origin, st.sampled_from(("", *ACCOUNTS)), st.sampled_from(("", *REGIONS))),
    st.builds(Origin, st.sampled_from(ACCOUNTS), st.sampled_from(REGIONS), st.sampled_from(SUBNETS)),
)
rules_of_one_address = st.lists(st.tuples(st.integers(8, 32), scopes), max_size=12, unique=True)


def by_place(rules: Iterable[SubnetRule]) -> list[str]:
    return sorted(rule.where for rule in rules)


@given(raw=rules_of_one_address, origin=origins)
def test_the_longest_prefix_wins_among_the_rules_that_apply_and_then_what_names_the_account(
    raw: list[tuple[int, Origin]], origin: Origin
) -> None:
    address = IPv4Address("10.10.1.7")
    rules = [
        SubnetRule(network(int(address), prefix), {}, f"dr_subnet_map[{number}]", scope)
        for number, (prefix, scope) in enumerate(raw)
    ]
    subnets = SubnetMap(tuple(rules))
    applying = [
        rule
        for rule in rules
        if rule.source.account_id in ("", origin.account_id)
        and rule.source.region in ("", origin.region)
        and (not rule.source.subnet_id or origin.subnet_id in ("", rule.source.subnet_id))
    ]
    others = [rule for rule in rules if rule not in applying]
    assert by_place(subnets.find_all(str(address), origin)) == by_place(applying)
    assert by_place(subnets.for_others(str(address), origin)) == by_place(others)
    try:
        chosen = subnets.find(str(address), origin)
    except AddressError as error:
        assert not origin.subnet_id
        named = [rule for rule in applying if f"{rule.where} " in str(error)]
        assert len(named) >= 2
        assert len({rule.source_cidr for rule in named}) == 1
        assert any(rule.source.subnet_id for rule in named)
        return
    assert (chosen is None) == (not applying)
    for rule in applying if chosen else ():
        assert chosen.source_cidr.prefixlen >= rule.source_cidr.prefixlen
        if chosen.source_cidr == rule.source_cidr:
            assert chosen.source.account_id or not rule.source.account_id


def test_one_network_in_two_accounts_and_in_two_vpcs_is_mapped_for_each() -> None:
    here, there = (Origin(account, "us-east-1") for account in ACCOUNTS)
    cidr = IPv4Network("10.10.1.0/24")
    subnets = SubnetMap(
        (
            SubnetRule(cidr, {}, "dr_subnet_map[0]"),
            SubnetRule(cidr, {}, "dr_subnet_map[1]", Origin(here.account_id)),
            SubnetRule(cidr, {}, "dr_subnet_map[2]", there._replace(subnet_id="subnet-a")),
            SubnetRule(cidr, {}, "dr_subnet_map[3]", there._replace(subnet_id="subnet-b")),
        )
    )
    elsewhere = Origin("333333333333", "us-east-1")
    in_vpc = there._replace(subnet_id="subnet-b")
    chosen = [subnets.find("10.10.1.7", origin) for origin in (elsewhere, here, in_vpc)]
    assert [rule.where if rule else None for rule in chosen] == [
        "dr_subnet_map[0]", "dr_subnet_map[1]", "dr_subnet_map[3]",
    ]  # fmt: skip
    with pytest.raises(
        AddressError, match=r"dr_subnet_map\[2\] and dr_subnet_map\[3\] map 10.10.1.0/24 for account 222"
    ):
        subnets.find("10.10.1.7", there)
