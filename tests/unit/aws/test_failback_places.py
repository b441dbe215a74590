"""The steps of the failback cycle between zones and on premises against the embedded AWS, two cycles of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import yaml
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import failback
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback import Outcome, Status
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback_reader import FailbackReader
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import (
    Action,
    Kind,
    Position,
    Stage,
    locate,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import MachineFacts, Remembered
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_guards import objection, production
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place

from tests.emulator.drs.support import Drs, frozen
from tests.support.embedded import TARGET

SUPPORT = Path(__file__).resolve().parents[2] / "support"
HERE = Place(TARGET, "us-west-2")
DB, APP, PLANT = "s-db100000000000001", "s-app10000000000001", "s-plant100000000001"
ZONE_A, ZONE_B = "subnet-0a10100000000d001", "subnet-0a20100000000d001"
STAGING_A, STAGING_B = "subnet-0a30000000000a001", "subnet-0a30000000000b001"
RECOVERY = "subnet-0a20100000000d001"


def entry(key: str, staging_home: str = STAGING_A, staging_recovery: str = STAGING_B, home: str = ZONE_A) -> MapEntry:
    """Return what the IP map says of a server that is recovered in zone b."""
    return MapEntry(
        key,
        0,
        EntrySource("10.10.1.11", "10.10.1.0/24", key, TARGET, None),
        {
            "failover": ProfileAddress(ZONE_B, "10.10.2.0/24", None, (), "dynamic", staging_recovery),
            "failback": ProfileAddress(home, "10.10.1.0/24", None, (), "dynamic", staging_home),
        },
        DrsIdentity(key, TARGET, "us-west-2"),
    )


class Home:
    """Machines that come home to where they are recovered, or to premises."""

    def __init__(self, drs: Drs):
        self.drs = drs
        self.remembered: dict[str, Remembered] = {}
        self.map: dict[str, MapEntry] = {}

    def reader(self) -> FailbackReader:
        """Return a reader of this estate."""
        return FailbackReader(
            lambda service, place: self.drs.aws.client(service, region=place.region, account=place.account_id),
            HERE,
            remembered=self.remembered,
            entries=self._entries,
        )

    def _entries(self, keys: Collection[str]) -> Mapping[str, Sequence[MapEntry]]:
        return {key: [self.map.get(key, entry(key))] for key in keys}

    def facts(self, server_id: str) -> MachineFacts:
        """Return what AWS shows of a machine."""
        return self.reader().read([server_id]).facts[server_id]

    def where(self, server_id: str, *, end_original: bool = False) -> Position:
        """Return where a machine is."""
        return locate(self.facts(server_id), end_original=end_original)

    def do(self, action: Action, server_id: str, *, end_original: bool = False) -> Outcome:
        """Do an action for one machine."""
        return failback.do(action, [server_id], self.reader(), end_original=end_original)[server_id]

    def launch(self, server_id: str, subnet: str) -> str:
        """Recover a machine in a subnet, and return the instance that it is then."""
        self.drs.launch_into(server_id, subnet)
        self.drs.recover(server_id)
        return str(self.drs.server(server_id)["recoveryInstanceId"])

    def come_home(self, server_id: str, *, end_original: bool = False) -> list[str]:
        """Do what comes next until nothing is left; return stages and actions as they came."""
        told: list[str] = []
        for _ in range(200):
            position = self.where(server_id, end_original=end_original)
            told += [str(position.stage)] if str(position.stage) not in told else []
            if position.action is None and not position.waiting:
                return told
            if position.action == Action.LAUNCH:
                told.append("launch")
                self._launch_home(server_id)
            elif position.action and self.do(position.action, server_id, end_original=end_original).status == "begun":
                told.append(str(position.action))
            elif position.kind == Kind.ON_PREMISES and position.stage == Stage.RECOVERED:
                self.boot(server_id)
            else:
                self.drs.advance(60)
        raise AssertionError(f"{server_id} never came home: {told}")

    def boot(self, server_id: str, **keys: object) -> None:
        """Boot the failback client on the machine."""
        instance = self.drs.server(server_id)["recoveryInstanceId"]
        body = {"account": TARGET, "region": "us-west-2", "recovery_instance_id": instance, **keys}
        self.drs.aws.control("drs/failback-client", body)

    def _launch_home(self, server_id: str) -> None:
        recovered = self.facts(server_id).recovered
        assert recovered is not None
        if recovered.origin_environment == "ON_PREMISES":
            self.drs.api.start_failback_launch(recoveryInstanceIDs=[recovered.instance_id])
        else:
            self.drs.launch_into(server_id, ZONE_A)
            self.drs.start(server_id)

    def state_of(self, instance_id: str) -> str:
        """Return the EC2 state of an instance."""
        return str(self.drs.instance(instance_id)["State"]["Name"])


@pytest.fixture(scope="module")
def zones() -> Iterator[Home]:
    """The frozen cross-zone estate."""
    with frozen(yaml.safe_load((SUPPORT / "cross_zone_estate.yml").read_text(encoding="utf-8"))) as running:
        yield Home(running)


@pytest.fixture(scope="module")
def premises() -> Iterator[Home]:
    """The frozen estate on premises."""
    with frozen(yaml.safe_load((SUPPORT / "on_premises_estate.yml").read_text(encoding="utf-8"))) as running:
        yield Home(running)


def test_two_cycles_between_zones_are_alike_and_leave_one_source_server(zones: Home) -> None:
    assert zones.where(DB) == Position(Kind.CROSS_ZONE, Stage.PROTECTED)
    for _ in range(2):
        original = zones.facts(DB).protecting.instance_id
        zones.remembered[DB] = Remembered(original_id=original)
        recovered = zones.launch(DB, ZONE_B)
        assert zones.facts(DB).original_id == original
        snapshots = zones.drs.api.describe_recovery_snapshots(sourceServerID=DB)["items"]
        told = zones.come_home(DB, end_original=True)
        assert told == [
            *("recovered", "reverse_replication", "reversing", "in_sync", "launch", "launching", "returned"),
            *("protect_again", "protecting_again", "protected_again", "terminate_recovered", "forget_returned"),
            *("end_original", "protected"),
        ]
        facts = zones.facts(DB)
        assert (facts.recovered, facts.returning, facts.returned) == (None, None, None)
        assert facts.protecting.protects
        assert (facts.protecting.zone, facts.protecting.direction) == ("us-west-2a", "FAILOVER")
        states = [zones.state_of(name) for name in (original, recovered, facts.protecting.instance_id)]
        assert states == ["terminated", "terminated", "running"]
        configuration = zones.drs.api.get_replication_configuration(sourceServerID=DB)
        assert configuration["stagingAreaSubnetId"] == STAGING_B
        assert zones.drs.server(DB)["dataReplicationInfo"]["stagingAvailabilityZone"] == "us-west-2b"
        kept = zones.drs.api.describe_recovery_snapshots(sourceServerID=DB)["items"]
        assert {item["snapshotID"] for item in snapshots} & {item["snapshotID"] for item in kept}


def test_nothing_of_a_machine_between_zones_is_ended_before_its_successor_is_verified(zones: Home) -> None:
    recovered = zones.launch(APP, ZONE_B)
    zones.map["app-1.example.internal"] = entry("app-1", staging_home="", staging_recovery="")
    refused = zones.where(APP)
    assert refused.stage == Stage.REFUSED
    assert "declare failover.staging_subnet_id and failback.staging_subnet_id of its source subnet" in refused.refusal
    assert zones.do(Action.REVERSE_REPLICATION, APP).status == Status.STALE
    zones.map["app-1.example.internal"] = entry("app-1", home=ZONE_B)
    assert "are both in zone us-west-2b" in zones.where(APP).refusal
    del zones.map["app-1.example.internal"]
    _advance_until(zones, APP, Stage.REVERSING, Action.REVERSE_REPLICATION)
    facts = zones.facts(APP)
    assert facts.recovered is not None
    assert facts.recovered.instance_id == facts.protecting.instance_id == recovered
    for action in Action:
        assert objection(facts, action), action
    _advance_until(zones, APP, Stage.IN_SYNC)
    facts = zones.facts(APP)
    assert [action for action in Action if not objection(facts, action)] == [Action.LAUNCH]
    zones.launch(APP, ZONE_A)
    facts = zones.facts(APP)
    assert facts.returned is not None
    assert [action for action in Action if not objection(facts, action)] == [Action.PROTECT_AGAIN]
    assert production(facts) == {recovered, facts.returned.instance_id}
    # Whoever fails over anew before everything is tidy goes home from there, and the older instance is ended last.
    _advance_until(zones, APP, Stage.PROTECTED_AGAIN, Action.PROTECT_AGAIN)
    first = zones.facts(APP).protecting
    again = zones.launch(APP, ZONE_B)
    facts = zones.facts(APP)
    assert locate(facts).stage == Stage.RECOVERED
    assert facts.recovered is not None
    assert facts.recovered.instance_id == again
    assert objection(facts, Action.TERMINATE_RECOVERED)
    told = zones.come_home(APP)
    assert told.count("terminate_recovered") == 2
    states = [zones.state_of(name) for name in (recovered, again, first.instance_id)]
    assert states == ["terminated", "terminated", "running"]
    assert zones.facts(APP).returned is None
    assert zones.where(APP).stage == Stage.PROTECTED


def test_two_cycles_of_a_machine_on_premises_are_alike(premises: Home) -> None:
    assert premises.where(PLANT) == Position(Kind.ON_PREMISES, Stage.PROTECTED)
    for _ in range(2):
        recovered = premises.launch(PLANT, RECOVERY)
        waiting = premises.where(PLANT)
        assert (waiting.stage, waiting.action, waiting.replication) == (Stage.RECOVERED, None, None)
        assert "boot the DRS Failback Client on the original machine" in waiting.waiting
        assert objection(premises.facts(PLANT), Action.REVERSE_REPLICATION)
        assert objection(premises.facts(PLANT), Action.TERMINATE_RECOVERED)
        told = premises.come_home(PLANT)
        assert told == [
            *("recovered", "reversing", "in_sync", "launch", "launching", "protecting_again", "protected_again"),
            *("terminate_recovered", "protected"),
        ]
        assert premises.state_of(recovered) == "terminated"
        assert premises.facts(PLANT).protecting.protects


def test_a_failback_client_that_fails_and_another_machine_need_a_person(premises: Home) -> None:
    recovered = premises.launch(PLANT, RECOVERY)
    premises.boot(PLANT, original_server=False, error="FAILED_TO_CONFIGURE_REPLICATION_SOFTWARE")
    premises.drs.advance(600)
    failed = premises.where(PLANT)
    assert (failed.stage, failed.needs_person) == (Stage.REVERSING, True)
    assert "FAILBACK_ERROR (FAILED_TO_CONFIGURE_REPLICATION_SOFTWARE)" in failed.waiting
    premises.boot(PLANT, original_server=False)
    _advance_until(premises, PLANT, Stage.IN_SYNC)
    premises.drs.api.start_failback_launch(recoveryInstanceIDs=[recovered])
    premises.drs.advance(1200)
    elsewhere = premises.where(PLANT)
    assert (elsewhere.stage, elsewhere.action, elsewhere.needs_person) == (Stage.RETURNED, None, True)
    assert "install one there" in elsewhere.waiting
    facts = premises.facts(PLANT)
    assert facts.protecting.protects, "the agent of the original machine goes on, which says nothing of the new one"
    assert objection(facts, Action.TERMINATE_RECOVERED)
    assert production(facts) == {recovered}


def _advance_until(home: Home, server_id: str, stage: Stage, action: Action | None = None) -> None:
    for _ in range(100):
        position = home.where(server_id)
        if position.stage == stage:
            return
        if action is None or position.action != action or home.do(action, server_id).status != Status.BEGUN:
            home.drs.advance(60)
    raise AssertionError(f"{server_id} is never {stage}, but {home.where(server_id)}")
