"""Address translation: examples from the design, and what holds for every subnet."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv4Network

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import (
    AddressError,
    AddressRule,
    NetworkTarget,
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


networks = st.tuples(st.integers(0, 2**32 - 1), st.integers(16, 28)).map(
    lambda pair: IPv4Network((pair[0] >> (32 - pair[1]) << (32 - pair[1]), pair[1]))
)


@given(source=networks, cidr=networks, data=st.data())
def test_translation_keeps_the_host_part_both_ways_and_never_gives_a_reserved_address(
    source: IPv4Network, cidr: IPv4Network, data: st.DataObject
) -> None:
    host_part = data.draw(st.integers(0, source.num_addresses - 1))
    address = str(source.network_address + host_part)
    try:
        result = translate(address, source, network_target(str(cidr)))
    except AddressError:
        number = int(cidr.network_address) + host_part
        assert host_part >= cidr.num_addresses or number in reserved_addresses(cidr)
        return
    assert result is not None
    translated = IPv4Address(result)
    assert translated in cidr
    assert int(translated) not in reserved_addresses(cidr)
    assert int(translated) - int(cidr.network_address) == host_part
    back = int(translated) - int(cidr.network_address) + int(source.network_address)
    assert str(IPv4Address(back)) == address


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


def test_ten_thousand_addresses_take_less_than_a_second() -> None:
    subnets = complete_map(
        [
            {"source_cidr": f"10.{high}.{low}.0/24", "failover": target("subnet-1", f"172.{high}.{low}.0/24")}
            for high in range(4)
            for low in range(250)
        ]
    )
    addresses = [f"10.{n % 4}.{n % 250}.{4 + n % 250}" for n in range(10_000)]
    started = time.perf_counter()
    for address in addresses:
        rule = subnets.find(address)
        assert rule is not None
        assert translate(address, rule.source_cidr, rule.targets["failover"]) == "172" + address.removeprefix("10")
    assert time.perf_counter() - started < 1
