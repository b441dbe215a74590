"""The gate of a failback: what keeps servers from going home, each finding with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_networks import Home
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import (
    FailbackPolicy,
    OriginalInstance,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_readiness import (
    BESIDE_PRODUCTION,
    Traveller,
    evaluate,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_checks import LAUNCH_INTO_POLICIES
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import GatePolicy
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.readiness import Finding, Unknown
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_rules import TagRule

PLACE = "account 222222222222 in us-east-1"
ADDRESS = ("subnet-1", "10.10.1.11")
HELD_BY_ORIGINAL = {ADDRESS: {"NetworkInterfaceId": "eni-1", "Attachment": {"InstanceId": "i-original"}}}
ORIGINAL = {
    "InstanceId": "i-original",
    "State": {"Name": "running"},
    "Architecture": "x86_64",
    "VirtualizationType": "hvm",
    "RootDeviceType": "ebs",
    "CurrentInstanceBootMode": "legacy-bios",
    "IamInstanceProfile": {"Arn": "arn:original"},
}
HOME = Home(
    replication_templates=1,
    subnets={"subnet-1": {"VpcId": "vpc-1", "CidrBlock": "10.10.1.0/24", "AvailableIpAddressCount": 200}},
    security_groups={"sg-1": {"VpcId": "vpc-1"}},
    interfaces={},
    instances={},
    policies={"arn:original": LAUNCH_INTO_POLICIES},
)
WITH_ORIGINAL = replace(HOME, interfaces=HELD_BY_ORIGINAL, instances={"i-original": ORIGINAL})


def entry(interface: int = 0, *, profile: str = "failback", **changes: Any) -> MapEntry:
    target = ProfileAddress("subnet-1", "10.10.1.0/24", "10.10.1.11", ("sg-1",), "original")
    return MapEntry(
        "server-1",
        interface,
        EntrySource("10.10.1.11", "10.10.1.0/24", "server-1", "222222222222", "i-original"),
        {profile: replace(target, **changes)},
        DrsIdentity("s-1", "222222222222", "us-west-2"),
    )


READY = Traveller(
    server_key="server-1",
    critical=True,
    is_windows=False,
    kind="cross_region",
    refusal="",
    home=PLACE,
    recovered_id="i-recovered",
    recovered_state="running",
    original_id="i-original",
    tags={},
    jobs=(),
    entries=(entry(),),
)


def findings(
    home: Home | Unknown = HOME,
    choice: str = "keep",
    drill: bool = False,
    gate: GatePolicy = GatePolicy(),  # noqa: B008
    **members: Any,
) -> list[Finding]:
    return evaluate(
        [replace(READY, **members)],
        {PLACE: home},
        gate,
        FailbackPolicy(original_instance=OriginalInstance(choice)),
        profile="failback",
        drill=drill,
    )


def test_a_server_that_can_go_home_has_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("home", "severity", "what"),
    [
        (Unknown("no role"), "unknown", "could not be read: no role"),
        (replace(HOME, replication_templates=None), "error", "DRS is not initialised in account 222222222222"),
        (replace(HOME, replication_templates=0), "error", "no replication configuration template in account"),
    ],
)
def test_a_home_where_nothing_can_replicate_to_is_told_of_once(home: Any, severity: str, what: str) -> None:
    (finding,) = evaluate(
        [READY, replace(READY, server_key="server-2", entries=(replace(entry(), server_key="server-2"),))],
        {PLACE: home},
        GatePolicy(),
        FailbackPolicy(),
        profile="failback",
        drill=False,
    )
    assert (finding.severity, finding.server_key) == (severity, "")
    assert what in finding.what
    assert finding.remedy


@pytest.mark.parametrize(
    ("members", "severity", "what"),
    [
        ({"refusal": "it has two recovery instances"}, "error", "it cannot go home: it has two recovery instances"),
        ({"recovered_state": "stopped"}, "error", "its recovery instance i-recovered is stopped"),
        ({"recovered_state": None}, "unknown", "DRS does not show its recovery instance"),
        ({"jobs": ("drsjob-1",)}, "error", "job drsjob-1"),
        ({"entries": ()}, "error", "no IP map entry for failback"),
        ({"entries": (entry(profile="failover"),)}, "error", "no IP map entry for failback"),
        ({"entries": (entry(), entry(1, profile="failover"))}, "error", "an interface has no IP map entry"),
        ({"entries": (entry(subnet_id="subnet-9"),)}, "error", "subnet subnet-9 does not exist"),
        ({"entries": (entry(security_groups=("sg-9",)),)}, "error", "security group sg-9 does not exist"),
        ({"entries": (entry(address="10.10.2.11"),)}, "error", "address 10.10.2.11 is not in subnet-1"),
    ],
)
def test_what_keeps_a_server_from_going_home(members: Mapping[str, Any], severity: str, what: str) -> None:
    (finding,) = findings(**members)
    assert (finding.severity, finding.server_key, finding.blocking) == (severity, "server-1", True)
    assert what in finding.what
    assert finding.remedy


def test_a_security_group_of_another_vpc_is_found() -> None:
    (finding,) = findings(replace(HOME, security_groups={"sg-1": {"VpcId": "vpc-2"}}))
    assert "sg-1 is in vpc-2, its subnet in vpc-1" in finding.what


class TestAddress:
    @pytest.mark.parametrize("choice", ["keep", "terminate"])
    def test_an_original_instance_that_stays_keeps_its_address(self, choice: str) -> None:
        (finding,) = findings(WITH_ORIGINAL, choice)
        assert finding.blocking
        assert "i-original still has address 10.10.1.11" in finding.what
        assert "launch_into" in finding.remedy
        assert "replace" in finding.remedy

    @pytest.mark.parametrize("choice", ["launch_into", "replace"])
    def test_an_original_instance_that_gives_way_does_not(self, choice: str) -> None:
        assert findings(WITH_ORIGINAL, choice) == []

    @pytest.mark.parametrize("choice", ["keep", "launch_into", "replace", "terminate"])
    def test_anybody_else_who_has_the_address_is_an_error(self, choice: str) -> None:
        holder = {ADDRESS: {"NetworkInterfaceId": "eni-9", "Attachment": {"InstanceId": "i-9"}}}
        (finding,) = findings(replace(WITH_ORIGINAL, interfaces=holder), choice)
        assert finding.severity == "error"
        assert "in use by eni-9 of i-9" in finding.what

    def test_a_drill_does_not_care_and_is_not_isolated(self) -> None:
        assert findings(WITH_ORIGINAL, drill=True) == [BESIDE_PRODUCTION]
        assert not BESIDE_PRODUCTION.blocking
        assert BESIDE_PRODUCTION not in findings(WITH_ORIGINAL, drill=True, refusal="it is not there")

    def test_a_drill_needs_room(self) -> None:
        full = {"subnet-1": {**HOME.subnets["subnet-1"], "AvailableIpAddressCount": 0}}
        finding, beside = findings(replace(HOME, subnets=full), drill=True)
        assert "no free address" in finding.what
        assert beside == BESIDE_PRODUCTION

    def test_an_instance_that_is_launched_into_has_its_own_address(self) -> None:
        (finding,) = findings(replace(WITH_ORIGINAL, interfaces={}), "launch_into")
        assert "i-original is launched into and keeps its address, which is not 10.10.1.11" in finding.what

    @pytest.mark.parametrize("instances", [{}, {"i-original": {**ORIGINAL, "State": {"Name": "terminated"}}}])
    def test_where_the_original_is_gone_a_new_instance_is_launched(self, instances: Any) -> None:
        assert findings(replace(HOME, instances=instances), "launch_into") == []


class TestLaunchInto:
    @pytest.mark.parametrize(
        ("change", "what"),
        [
            ({"Platform": "windows"}, "runs another platform"),
            ({"Architecture": "arm64"}, "not of the architecture x86_64"),
            ({"VirtualizationType": "paravirtual"}, "not of virtualization type hvm"),
            ({"RootDeviceType": "instance-store"}, "no EBS root volume"),
            ({"CurrentInstanceBootMode": "uefi"}, "boots by uefi"),
            ({"IamInstanceProfile": {}}, "has no instance profile"),
            (
                {"IamInstanceProfile": {"Arn": "arn:of-another"}},
                "lack AWSElasticDisasterRecovery",
            ),
        ],
    )
    def test_an_instance_that_drs_refuses_is_found_before(self, change: dict[str, Any], what: str) -> None:
        home = replace(WITH_ORIGINAL, instances={"i-original": {**ORIGINAL, **change}})
        (finding,) = findings(home, "launch_into")
        assert finding.severity == "error"
        assert what in finding.what
        assert findings(home, "replace") == []

    def test_a_boot_mode_that_nobody_tells_is_a_warning(self) -> None:
        untold = {name: value for name, value in ORIGINAL.items() if name != "CurrentInstanceBootMode"}
        (finding,) = findings(replace(WITH_ORIGINAL, instances={"i-original": untold}), "launch_into")
        assert finding.severity == "warning"


def test_tags_are_judged_as_by_the_gate_of_a_failover() -> None:
    rules = (TagRule(key="Owner", required=True),)
    (finding,) = findings(gate=GatePolicy(tags=rules))
    assert finding.severity == "warning"
    assert findings(gate=GatePolicy(tags=rules, mandatory_tags="fail"))[0].severity == "error"
    assert findings(gate=GatePolicy(tags=rules), tags={"Owner": "me"}) == []


def test_a_server_of_a_data_centre_needs_no_network_in_ec2() -> None:
    assert findings(home=Unknown("not asked"), entries=()) != []
    on_premises = replace(READY, home=None, entries=())
    assert evaluate([on_premises], {}, GatePolicy(), FailbackPolicy(), profile="failback", drill=False) == []


def test_a_failback_to_another_account_needs_the_roles_of_drs_on_both_sides() -> None:
    lacking = "111111111111/service-role/DRSCrossAccountAgentRole_222222222222"
    (finding,) = findings(replace(HOME, roles_lacking=[lacking]))
    assert f"there is no {lacking}" in finding.what
    assert finding.blocking
    (finding,) = findings(replace(HOME, roles_lacking=Unknown("AccessDenied")))
    assert (finding.severity, finding.blocking) == ("unknown", True)


def test_an_extended_server_is_judged_by_the_instance_that_it_goes_into() -> None:
    arm = {**ORIGINAL, "Architecture": "arm64"}
    home = replace(WITH_ORIGINAL, instances={"i-original": arm})
    (finding,) = findings(home, "replace", kind="extended")
    assert "DRS cannot launch into its original instance" in finding.what
    assert findings(home, "replace") == []
