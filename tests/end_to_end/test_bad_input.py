"""Bad input: one clear message, a non-zero exit status, nothing started, nothing written."""

from __future__ import annotations

import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.playbook import run_playbook

from .conftest import House

pytestmark = pytest.mark.xdist_group("house")

READING = re.compile(r"\.(AssumeRole|Describe|Get|List|BatchGet|Query|Head|Lookup|Validate)")


def writes(calls: Counter[str]) -> Counter[str]:
    """Return the calls that are not known to read only."""
    return Counter({name: count for name, count in calls.items() if not READING.search(name)})


def refused(house: House, playbook: str, *words: str, **variables: Any) -> None:
    """Check that a playbook ends with one clear message and has written nothing."""
    before = house.calls()
    output = house.play(playbook, succeeds=False, **variables).output
    for word in words:
        assert word in output, f"{word!r} is not in:\n{output}"
    assert "Traceback" not in output
    assert output.count("fatal:") + output.count("[ERROR]") <= 2, output
    assert writes(house.calls()) == writes(before)


def plan_with(**changes: Any) -> list[dict[str, Any]]:
    plan = {
        "name": "small",
        "groups": {"db": {"servers": ["pay-db-1.example.internal"]}},
        "waves": [{"name": "data", "groups": ["db"]}],
    }
    return [{**plan, **changes}]


def test_unknown_plan(house: House) -> None:
    refused(house, "failover", "no-such-plan", "sample-estate", dr_plan="no-such-plan")
    refused(house, "failback", "no-such-plan", "sample-estate", dr_plan="no-such-plan")


def test_no_plan_named(house: House) -> None:
    refused(house, "failover", "dr_plan", "sample-estate")


def test_unknown_mode(house: House) -> None:
    before = house.calls()
    outcome = run_playbook(
        Path(__file__).parent / "playbooks" / "unknown_mode.yml",
        inventory="inventories/embedded",
        environment=house.environment,
        succeeds=False,
    )
    assert "sideways" in outcome.output
    assert "failover" in outcome.output
    assert writes(house.calls()) == writes(before)


def test_a_wave_that_names_a_missing_group(house: House) -> None:
    waves = [{"name": "data", "groups": ["db", "typo"]}]
    refused(house, "failover", "typo", "dr_plans", dr_plan="small", dr_plans=plan_with(waves=waves))


def test_a_group_that_matches_no_server(house: House) -> None:
    groups = {"db": {"servers": ["pay-db-99.example.internal"]}}
    refused(house, "failover", "pay-db-99.example.internal", dr_plan="small", dr_plans=plan_with(groups=groups))


def test_a_subnet_map_whose_target_is_too_small(bare_house: House) -> None:
    target = {"subnet_id": "subnet-0123456789abcdef0", "cidr": "10.20.1.0/26", "address": "keep_host_part"}
    subnets = [{"source_cidr": "10.10.1.0/24", "failover": {**target, "security_groups": ["sg-0123456789abcdef0"]}}]
    refused(bare_house, "configure", "10.20.1.0/26", "10.10.1.0/24", dr_subnet_map=subnets)


@pytest.mark.parametrize("playbook", ["deploy", "configure"])
def test_an_unreachable_endpoint(bare_house: House, playbook: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    refused(bare_house, playbook, url, dr_endpoint_url=url)


@pytest.mark.parametrize("playbook", ["deploy", "configure"])
def test_wrong_credentials(bare_house: House, playbook: str) -> None:
    refused(bare_house, playbook, "AKIAWRONGWRONGWRONG0", dr_access_key="AKIAWRONGWRONGWRONG0")


def test_a_wrong_secret(bare_house: House) -> None:
    refused(bare_house, "configure", "credentials", dr_secret_key="not-the-secret-of-this-operator-0000")


@pytest.mark.parametrize("playbook", ["deploy", "configure"])
def test_a_region_that_does_not_offer_drs(bare_house: House, playbook: str) -> None:
    refused(bare_house, playbook, "mars-north-1", "us-west-2", dr_region="mars-north-1")


@pytest.mark.parametrize("playbook", ["deploy", "configure"])
def test_a_region_where_drs_is_not_initialised(bare_house: House, playbook: str) -> None:
    refused(bare_house, playbook, "eu-west-1", "not initialised", dr_region="eu-west-1")


def test_a_plan_before_anything_is_deployed(bare_house: House) -> None:
    refused(bare_house, "failover", "disaster_recovery.aws.deploy", dr_plan="sample-estate")


@pytest.mark.parametrize("playbook", ["deploy", "configure", "plan", "failover", "drill", "decide", "status", "stop"])
def test_an_empty_inventory(bare_house: House, tmp_path: Path, playbook: str) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("---\nall: {}\n")
    before = bare_house.calls()
    outcome = run_playbook(
        f"playbooks/{playbook}.yml", inventory=inventory, environment=bare_house.environment, succeeds=False
    )
    assert re.search(r"dr_(region|plans|subnet_map|plan)", outcome.output), outcome.output
    assert "inventories/example" in outcome.output
    assert bare_house.calls() == before
