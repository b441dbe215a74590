"""Readiness fails closed and says how to fix what it finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import GatePolicy
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.readiness import (
    Finding,
    ServerFacts,
    Unknown,
    evaluate,
    summary,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import from_drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_rules import TagRule

from tests.unit.core.builders import START, drs_item, source_server, subnet_map

SERVER = source_server(1, addresses=["10.10.1.11"])
ENTRIES = tuple(plan_entries([SERVER], subnet_map()))
TEMPLATE = {
    "NetworkInterfaces": [
        {"DeviceIndex": 0, "SubnetId": "subnet-f0", "Groups": ["sg-1"], "PrivateIpAddress": "10.20.1.11"}
    ]
}
CONFIGURATION = {"copyPrivateIp": False, "targetInstanceTypeRightSizingMethod": "NONE"}
READY = ServerFacts("server-1", True, SERVER, ENTRIES, CONFIGURATION, TEMPLATE)


def findings(**members: Any) -> list[Finding]:
    return evaluate([replace(READY, **members)], GatePolicy(max_lag=900), profile="failover", now=START)


def test_a_ready_server_has_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("state", "lag", "critical", "severity", "what"),
    [
        ("CONTINUOUS", "PT15M", True, None, ""),
        ("CONTINUOUS", "PT15M1S", True, "error", "its data lag 15m 01s, the plan allows 15m 00s"),
        ("CONTINUOUS", "PT15M1S", False, "warning", "its data lag"),
        ("CONTINUOUS", None, True, "unknown", "DRS reports no replication lag"),
        ("BACKLOG", "PT1M", True, "warning", "replication is BACKLOG"),
        ("RESCAN", "PT1M", True, "warning", "replication is RESCAN"),
        ("RESCAN", "PT1H", True, "error", "its data lag"),
        ("STALLED", "PT1M", True, "error", "replication is STALLED"),
        ("DISCONNECTED", None, False, "error", "replication is DISCONNECTED"),
        ("STOPPED", None, True, "error", "replication is STOPPED"),
        ("DREAMING", "P0D", True, "unknown", "replication state DREAMING"),
        ("", "P0D", True, "unknown", "replication state none"),
    ],
)
def test_replication(state: str, lag: str | None, critical: bool, severity: str | None, what: str) -> None:
    server = source_server(1, addresses=["10.10.1.11"], state=state, lag=lag)
    found = findings(source_server=server, critical=critical)
    if severity is None:
        assert found == []
    else:
        assert [finding.severity for finding in found] == [severity]
        assert what in found[0].what
        assert found[0].remedy


@pytest.mark.parametrize("lag", [None, "P0D"])
@pytest.mark.parametrize("state", ["INITIATING", "INITIAL_SYNC"])
def test_trap_initial_sync_is_ready(state: str, lag: str | None) -> None:
    """A first copy that is not complete stops the run, also when it reports no lag, also of an optional server."""
    server = source_server(1, addresses=["10.10.1.11"], state=state, lag=lag)
    (found,) = findings(source_server=server, critical=False)
    assert found.blocking
    assert found.what == f"the first copy is not complete ({state})"


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"source_server": None}, "DRS has no such source server"),
        ({"entries": ()}, "no IP map entry for failover"),
        ({"template": None}, "its launch template has no version for profile failover"),
        ({"template": {}}, "in no subnet with a dynamic address and no security group, the IP map says subnet-f0"),
        (
            {"source_server": source_server(1, addresses=["10.10.1.11", "10.10.2.12"])},
            "it has 2 network interfaces, the IP map knows 1",
        ),
        ({"configuration": {**CONFIGURATION, "copyPrivateIp": True}}, "copyPrivateIp is on"),
        ({"configuration": {**CONFIGURATION, "launchDisposition": "STOPPED"}}, "its launch disposition is STOPPED"),
        ({"active_job_id": "drsjob-9"}, "job drsjob-9, which is not this run's"),
        (
            {"recovery_instance": {"recoveryInstanceID": "i-1", "isDrill": False}},
            "terminates its recovery instance i-1",
        ),
        ({"recovery_instance": {"recoveryInstanceID": "i-1"}}, "it is recovered already"),
        (
            {
                "source_server": source_server(
                    1, addresses=["10.10.1.11"], stagingArea={"status": "EXTENSION_ERROR", "errorMessage": "role gone"}
                )
            },
            "the extension from its staging account is broken: role gone",
        ),
    ],
)
def test_errors(members: dict[str, Any], what: str) -> None:
    found = findings(**members)
    assert [finding.severity for finding in found] == ["error"]
    assert what in found[0].what


@pytest.mark.parametrize("interface", [{"PrivateIpAddress": "10.20.1.12"}, {"SubnetId": "subnet-t0"}, {"Groups": []}])
def test_a_template_that_differs_from_the_map_is_an_error(interface: dict[str, Any]) -> None:
    template = {"NetworkInterfaces": [{**TEMPLATE["NetworkInterfaces"][0], **interface}]}
    (finding,) = findings(template=template)
    assert finding.severity == "error"
    assert "the IP map says subnet-f0 with 10.20.1.11 and sg-1" in finding.what


def test_right_sizing_is_a_warning() -> None:
    (finding,) = findings(configuration={**CONFIGURATION, "targetInstanceTypeRightSizingMethod": "BASIC"})
    assert (finding.severity, finding.blocking) == ("warning", False)


def test_addresses_that_a_launch_leaves_behind_are_told() -> None:
    item = drs_item(1, addresses=["10.10.1.11"])
    item["sourceProperties"]["networkInterfaces"][0]["ips"] = ["10.10.1.11", "10.10.1.12"]
    (finding,) = findings(source_server=from_drs(item, account_id="1", region="r"))
    assert (finding.severity, "10.10.1.12" in finding.what) == ("warning", True)


def test_a_drill_instance_that_a_launch_replaces_is_a_warning_and_a_terminated_one_is_nothing() -> None:
    drill = {"recoveryInstanceID": "i-1", "isDrill": True, "ec2InstanceState": "RUNNING"}
    assert [finding.severity for finding in findings(recovery_instance=drill)] == ["warning"]
    assert findings(recovery_instance={"recoveryInstanceID": "i-1", "ec2InstanceState": "TERMINATED"}) == []


@pytest.mark.parametrize(
    "name", ["source_server", "entries", "configuration", "template", "active_job_id", "recovery_instance"]
)
def test_what_could_not_be_read_is_unknown_and_blocks(name: str) -> None:
    (finding,) = findings(**{name: Unknown("AccessDeniedException")})
    assert (finding.severity, finding.blocking) == ("unknown", True)
    assert "could not be read: AccessDeniedException" in finding.what


def test_blocking_findings_come_first_and_are_summed_up() -> None:
    warned = replace(READY, server_key="a", configuration={"targetInstanceTypeRightSizingMethod": "BASIC"})
    broken = [replace(READY, server_key=key, source_server=None) for key in "bcde"]
    found = evaluate([warned, *broken], GatePolicy(), profile="failover", now=START)
    assert [finding.server_key for finding in found] == ["b", "c", "d", "e", "a"]
    missing = "DRS has no such source server"
    assert summary(found) == f"4 errors, 1 warning: b: {missing}; c: {missing}; d: {missing}; 1 more"
    assert summary([]) == "no findings"


@pytest.mark.parametrize(("mandatory_tags", "severity"), [("fail", "error"), ("report", "warning")])
def test_a_missing_mandatory_tag_names_server_and_key(mandatory_tags: str, severity: str) -> None:
    gate = GatePolicy(mandatory_tags=mandatory_tags, tags=(TagRule("Owner", allowed=("a",)), TagRule("Cost")))
    tagged = source_server(1, addresses=["10.10.1.11"], tags={"Owner": "b", "cost": "1"})
    both = [{"Key": "Owner", "Value": "a"}, {"Key": "Cost", "Value": "1"}]
    specifications = [{"ResourceType": "instance", "Tags": both}, {"ResourceType": "volume", "Tags": both[:1]}]
    facts = replace(READY, source_server=tagged, template={**TEMPLATE, "TagSpecifications": specifications})
    found = evaluate([facts], gate, profile="failover", now=START)
    assert {(one.severity, one.server_key) for one in found} == {(severity, "server-1")}
    assert [one.what for one in found] == [
        "tag Owner of the source server is 'b', the policy allows a",
        "the source server has no mandatory tag Cost",
        "the source server has the tag cost, the policy says Cost: keys are case-sensitive, these are two tags",
        "its template's version for failover has no mandatory tag Cost (volume, network-interface)",
        "its template's version for failover has no mandatory tag Owner (network-interface)",
    ]
    unknown = replace(READY, source_server=Unknown("denied"), template=None)
    assert not any("tag" in one.what for one in evaluate([unknown], gate, profile="failover", now=START))
