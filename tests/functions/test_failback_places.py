"""Whole cycles of an application that never leaves its Region, and of a server on premises; also killed at steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded import TARGET, EmbeddedAws
from tests.support.failback_cycles import Cycles
from tests.support.orchestrator import PLAN, PREFIX, REGION, Orchestrator

SUPPORT = Path(__file__).resolve().parents[1] / "support"
GROUPS = ["sg-0a10100000000d001"]
DRILL = {"subnet_id": "subnet-0a99100000000d001", "cidr": "10.99.1.0/24", "security_groups": ["sg-0a99100000000d001"]}
ZONE_A = {
    "subnet_id": "subnet-0a10100000000d001",
    "cidr": "10.10.1.0/24",
    "security_groups": GROUPS,
    "staging_subnet_id": "subnet-0a30000000000a001",
    "region": REGION,
}
ZONE_B = {
    "subnet_id": "subnet-0a20100000000d001",
    "cidr": "10.10.2.0/24",
    "security_groups": GROUPS,
    "staging_subnet_id": "subnet-0a30000000000b001",
}
BETWEEN_ZONES = [{"source_cidr": "10.10.1.0/24", "failover": ZONE_B, "test": DRILL, "failback": ZONE_A}]
RECOVERY = {
    "subnet_id": "subnet-0a20100000000d001",
    "cidr": "10.20.1.0/24",
    "security_groups": ["sg-0a20100000000d001"],
}
FROM_PREMISES = [{"source_cidr": "192.168.1.0/24", "failover": RECOVERY, "test": DRILL}]

APPLICATION: dict[str, Any] = {
    **PLAN,
    "groups": {"db": {"tags": {"Tier": "database"}}, "app": {"tags": {"Tier": "application"}}},
    "waves": [
        {"name": "databases", "groups": ["db"], "retries": 0},
        {"name": "applications", "groups": ["app"], "retries": 0},
    ],
    "optional_servers": [],
    "failback": {"original_instance": "replace"},
}
PLANT: dict[str, Any] = {
    **PLAN,
    "groups": {"plant": {"tags": {"Tier": "plant"}}},
    "waves": [{"name": "plants", "groups": ["plant"], "retries": 0}],
    "optional_servers": [],
    "failback": {"stall": 600, "replication": {"bandwidth_throttling": 500}},
}
STEPS = ("failback_step_begun", "failback_step_done", "wave_started", "server_launched", "wave_ended")
USED_HERE = {
    "discover": {"ec2:DescribeSubnets"},
    "prepare-failback": {"drs:GetReplicationConfiguration", "drs:UpdateReplicationConfiguration"},
}
USED_ON_PREMISES = {
    "prepare-failback": {"drs:GetFailbackReplicationConfiguration", "drs:UpdateFailbackReplicationConfiguration"},
    "reconcile-wave": {"drs:StartFailbackLaunch"},
    "validate": {"drs:DescribeRecoveryInstances"},
}


class Places(Cycles):
    """Cycles of an estate in one Region; whoever waits for a failback client gets it booted."""

    def answer(self, run_id: str, pause: Mapping[str, Any]) -> None:
        """Do what a person is asked for."""
        if "boot the DRS Failback Client" in pause["reason"]:
            self.boot()
            self.orchestrator.decide(run_id, "retry")
        else:
            super().answer(run_id, pause)

    def boot(self, **keys: Any) -> None:
        """Boot the failback clients of all that is recovered."""
        for item in self.orchestrator.client("drs").describe_recovery_instances(filters={})["items"]:
            if item["failback"]["state"] in ("FAILBACK_NOT_STARTED", "FAILBACK_ERROR"):
                where = {"account": TARGET, "region": REGION, "recovery_instance_id": item["recoveryInstanceID"]}
                self.orchestrator.aws.control("drs/failback-client", {**where, **keys})

    def portrait(self) -> dict[str, Any]:
        """Return what must be the same after every cycle; the versions for the way home stay in a template."""
        seen = super().portrait()
        for settings in seen["launch settings"].values():
            settings["profiles"] = [name for name in settings["profiles"] if not name.startswith("profile=failback")]
        return {**seen, "staging": self._staging()}

    def permissions(self) -> tuple[list[str], dict[str, set[str]]]:
        """Return what functions lacked, and what each used."""
        lacking: list[str] = []
        used: dict[str, set[str]] = {}
        roles = f"arn:aws:iam::{TARGET}:role/{PREFIX}-"
        for entry in self.orchestrator.aws.control("permissions")["permissions"]:
            if entry["identity"].startswith(roles):
                role = entry["identity"].removeprefix(roles)
                used.setdefault(role, set()).add(entry["action"])
                lacking += [f"{role}: {entry['action']}"] if entry["result"] != "allowed" else []
        return lacking, used

    def _staging(self) -> dict[str, str]:
        drs = self.orchestrator.client("drs")
        servers = drs.describe_source_servers(filters={})["items"]
        return {
            item["sourceServerID"]: drs.get_replication_configuration(sourceServerID=item["sourceServerID"])[
                "stagingAreaSubnetId"
            ]
            for item in servers
        }


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Places]:
    """An application that is protected from one zone to another."""
    aws = EmbeddedAws(SUPPORT / "cross_zone_estate.yml")
    try:
        yield Places(Orchestrator(aws, tmp_path, subnet_map=BETWEEN_ZONES, plan=APPLICATION), home=REGION)
    finally:
        aws.stop()


@pytest.fixture
def premises(tmp_path: Path) -> Iterator[Places]:
    """A server that is protected from a machine on premises."""
    aws = EmbeddedAws(SUPPORT / "on_premises_estate.yml")
    try:
        yield Places(Orchestrator(aws, tmp_path, subnet_map=FROM_PREMISES, plan=PLANT), home=REGION)
    finally:
        aws.stop()


def cycle(places: Places, number: int) -> list[str]:
    """Fail over and back, and return what happened on the way home."""
    assert places.run("failover", f"away-{number}")["status"] == "succeeded"
    home = places.run("failback", f"home-{number}")
    assert home["status"] == "succeeded", home
    return [one for one in places.moments(f"home-{number}") if one.split(" ")[0] in STEPS]


def test_two_cycles_between_zones_end_where_they_began(zones: Places) -> None:
    before = zones.portrait()
    first = cycle(zones, 1)
    between = zones.portrait()
    second = cycle(zones, 2)
    assert first == second
    assert before == between == zones.portrait()
    assert set(zones.terminations().values()) == {1}
    lacking, used = zones.permissions()
    assert lacking == []
    for function, actions in USED_HERE.items():
        assert actions <= used[function]


def test_two_cycles_of_a_server_on_premises_end_where_they_began(premises: Places) -> None:
    before = premises.portrait()
    first = cycle(premises, 1)
    between = premises.portrait()
    second = cycle(premises, 2)
    assert first == second
    assert before == between == premises.portrait()
    assert set(premises.terminations().values()) == {1}
    launches = [job for job in premises.orchestrator.jobs("home-2") if job["initiatedBy"] == "FAILBACK"]
    assert [job["tags"]["dr:wave"] for job in launches] == ["1"]
    lacking, used = premises.permissions()
    assert lacking == []
    for function, actions in USED_ON_PREMISES.items():
        assert actions <= used[function]


def test_a_failback_between_zones_goes_on_after_it_was_killed_at_every_step(zones: Places) -> None:
    before = zones.portrait()
    assert zones.run("failover", "away-1")["status"] == "succeeded"
    killed, executions = zones.interrupted("failback", "home-1", STEPS)
    assert executions >= len(killed)
    assert {one for one in killed if "begun" in one} >= {
        f"failback_step_begun {action}" for action in ("reverse_replication", "protect_again", "terminate_recovered")
    }
    assert zones.record("home-1")["status"] == "succeeded"
    assert zones.portrait() == before
    assert set(zones.terminations().values()) == {1}


def test_a_failback_to_premises_goes_on_after_it_was_killed_at_every_step(premises: Places) -> None:
    before = premises.portrait()
    assert premises.run("failover", "away-1")["status"] == "succeeded"
    killed, executions = premises.interrupted("failback", "home-1", STEPS)
    assert executions >= len(killed)
    assert "failback_step_begun terminate_recovered" in killed
    assert premises.record("home-1")["status"] == "succeeded"
    assert premises.portrait() == before
    assert len([job for job in premises.orchestrator.jobs("home-1") if job["type"] == "LAUNCH"]) == 1
    assert set(premises.terminations().values()) == {1}
