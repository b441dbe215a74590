"""`python -m emulator estate`: estates of any size that AWS could hold."""

from __future__ import annotations

import ipaddress
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.__main__ import main
from emulator.estate.declared import Estate
from emulator.estate.document import parse
from emulator.estate.generator import RECOVERY_REGION, TARGET, GeneratorError, accounts_needed, dump, generate


def replicating(estate: Estate) -> Counter[str]:
    """Return the number of servers by the account that they replicate to."""
    return Counter(server.target.account for server in estate.servers)


@pytest.mark.parametrize(("servers", "accounts"), [(10, 1), (300, 1), (301, 2), (3000, 10), (5000, 17)])
def test_as_few_accounts_as_the_quota_allows(servers: int, accounts: int) -> None:
    estate = parse(generate(servers))
    counts = replicating(estate)
    assert (len(estate.servers), len(counts)) == (servers, accounts)
    assert max(counts.values()) <= 300
    assert all(account.trusted_targets == [TARGET] for name, account in estate.accounts.items() if name != TARGET)


@settings(max_examples=10)
@given(servers=st.integers(10, 400), more=st.integers(0, 5), seed=st.integers(0, 9))
def test_any_size_is_an_estate_of_linux_and_windows_in_three_tiers(servers: int, more: int, seed: int) -> None:
    document = generate(servers, accounts_needed(servers) + more, seed)
    assert document == generate(servers, accounts_needed(servers) + more, seed)
    estate = parse(document)
    assert {"database", "application"} <= {server.tags["Tier"] for server in estate.servers}
    assert all({"Application", "Owner", "Tier"} == set(server.tags) for server in estate.servers)
    if servers > 100:
        windows = sum("Windows" in server.os for server in estate.servers)
        assert 0.1 < windows / servers < 0.5


def test_every_address_keeps_its_host_part_in_the_recovery_and_the_drill_network() -> None:
    estate = parse(generate(5000))
    recovery = estate.accounts[TARGET].regions[RECOVERY_REGION]
    for server in estate.servers:
        for interface in server.interfaces:
            home = interface.subnet
            for kind in ("recovery", "drill"):
                away = recovery.subnet(home.name.replace("home", kind), "")
                assert away.cidr.prefixlen == home.cidr.prefixlen
                offset = int(ipaddress.IPv4Address(interface.addresses[0])) - int(home.cidr.network_address)
                assert 4 <= offset < away.cidr.num_addresses - 1


def test_more_than_4000_servers_need_a_raised_quota() -> None:
    assert parse(generate(4000)).accounts[TARGET].regions[RECOVERY_REGION].quotas == {}
    assert parse(generate(4001)).accounts[TARGET].regions[RECOVERY_REGION].quotas == {"L-E28BE5E0": 4001}


def test_another_seed_is_another_estate() -> None:
    assert generate(50, seed=1)["servers"] != generate(50, seed=2)["servers"]


@pytest.mark.parametrize(("servers", "accounts"), [(9, None), (5001, None), (301, 1), (20, 21), (3000, 3000)])
def test_numbers_that_do_not_fit_are_refused(servers: int, accounts: int | None) -> None:
    with pytest.raises(GeneratorError, match=f"^{accounts or servers} "):
        generate(servers, accounts)


def test_the_command_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "estate.yml"
    assert main(["estate", "--servers", "20", "--accounts", "2", "--seed", "7", "--output", str(output)]) == 0
    assert yaml.safe_load(output.read_text(encoding="utf-8")) == generate(20, 2, 7)
    assert main(["estate", "--servers", "20", "--accounts", "2", "--seed", "7"]) == 0
    assert capsys.readouterr().out == output.read_text(encoding="utf-8") == dump(generate(20, 2, 7))


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estate", "--servers", "9"]) == 1
    assert capsys.readouterr().err == "error: 9 servers: give 10 to 5000\n"
