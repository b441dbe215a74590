"""Validation compares a launched instance with what was expected."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.validation import (
    check_server,
    expected_of,
    expected_of_template,
)

from tests.unit.core.builders import record, source_server, subnet_map

EXPECTED = expected_of(plan_entries([source_server(1, addresses=["10.10.1.11", "10.10.2.12"])], subnet_map()), "test")
PASSED = {"SystemStatus": {"Status": "ok"}, "InstanceStatus": {"Status": "ok"}}


def interface(index: int, **members: Any) -> dict[str, Any]:
    return {
        "Attachment": {"DeviceIndex": index},
        "SubnetId": f"subnet-t{index}",
        "PrivateIpAddress": f"10.99.{index + 1}.{index + 11}",
        "Groups": [{"GroupId": "sg-1"}],
        **members,
    }


def instance(state: str = "running", *interfaces: dict[str, Any]) -> dict[str, Any]:
    return {"State": {"Name": state}, "NetworkInterfaces": list(interfaces or (interface(1), interface(0)))}


def test_expected_interfaces_follow_from_the_map() -> None:
    assert EXPECTED == {
        "probes": [],
        "interfaces": [
            {"interface": 0, "subnet_id": "subnet-t0", "address": "10.99.1.11", "security_groups": ["sg-1"]},
            {"interface": 1, "subnet_id": "subnet-t1", "address": "10.99.2.12", "security_groups": ["sg-1"]},
        ],
    }


def test_an_instance_as_expected_is_ok() -> None:
    assert check_server(record(), instance(), PASSED, EXPECTED).outcome == "ok"


@pytest.mark.parametrize(
    ("found", "status", "reason"),
    [
        (None, None, "EC2 does not show instance i-1"),
        (instance("pending"), None, "the instance is starting"),
        (instance(), None, "the system status check is not reported"),
        (
            instance(),
            {**PASSED, "InstanceStatus": {"Status": "initializing"}},
            "the instance status check is initializing",
        ),
        (instance(), {**PASSED, "SystemStatus": {"Status": "impaired"}}, "the system status check is impaired"),
        (instance(), {**PASSED, "SystemStatus": {"Status": "dreaming"}}, "the system status check is dreaming"),
    ],
)
def test_what_may_still_come_is_pending(found: Any, status: Any, reason: str) -> None:
    result = check_server(record(instance_id="i-1"), found, status, EXPECTED)
    assert result.outcome == "pending"
    assert reason in result.reasons


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (instance("terminated"), "the instance is terminated, not running"),
        (instance("stopped"), "the instance is stopped, not running"),
        (instance("running", interface(0)), "interface 1 is missing"),
        (
            instance("running", interface(0, SubnetId="subnet-f0"), interface(1)),
            "interface 0 is in subnet-f0, not in subnet-t0",
        ),
        (
            instance("pending", interface(0, PrivateIpAddress="10.99.1.12"), interface(1)),
            "interface 0 has 10.99.1.12, not 10.99.1.11",
        ),
        (instance("running", interface(0, Groups=[]), interface(1)), "interface 0 has no security group, not sg-1"),
    ],
)
def test_what_will_never_be_right_has_failed(found: Any, reason: str) -> None:
    result = check_server(record(), found, PASSED, EXPECTED)
    assert (result.outcome, result.reasons) == ("failed", (reason,))


def test_a_dynamic_address_may_be_any() -> None:
    expected = {"interfaces": [{**EXPECTED["interfaces"][0], "address": None}]}
    assert (
        check_server(
            record(), instance("running", interface(0, PrivateIpAddress="10.99.1.200")), PASSED, expected
        ).outcome
        == "ok"
    )


LAUNCHED_FROM = {
    "InstanceType": "m5.large",
    "IamInstanceProfile": {"Arn": "arn:aws:iam::222222222222:instance-profile/app"},
    "TagSpecifications": [
        {"ResourceType": "volume", "Tags": [{"Key": "Disk", "Value": "1"}]},
        {"ResourceType": "instance", "Tags": [{"Key": "Owner", "Value": "dr-team"}]},
    ],
}


@pytest.mark.parametrize(
    ("members", "reasons"),
    [
        ({}, ()),
        ({"InstanceType": "m5a.large"}, ()),
        ({"InstanceType": "t3.nano"}, ("it is a t3.nano, not a m5.large or m5a.large",)),
        ({"IamInstanceProfile": None}, ("it has no instance profile, not app",)),
        ({"IamInstanceProfile": {"Arn": "a/other"}}, ("it has instance profile other, not app",)),
        ({"Tags": []}, ("it has no tag Owner",)),
        ({"Tags": [{"Key": "Owner", "Value": "me"}]}, ("its tag Owner is 'me', not 'dr-team'",)),
    ],
)
def test_what_the_template_says_is_expected(members: dict[str, Any], reasons: tuple[str, ...]) -> None:
    expected = {**EXPECTED, **expected_of_template({}, LAUNCHED_FROM, ["m5a.large"])}
    found = {
        **instance(),
        "InstanceType": "m5.large",
        "IamInstanceProfile": {"Arn": "arn:aws:iam::222222222222:instance-profile/app"},
        "Tags": [{"Key": "Owner", "Value": "dr-team"}, {"Key": "Name", "Value": "drs"}],
        **members,
    }
    result = check_server(record(), found, PASSED, expected)
    assert (result.outcome, result.reasons) == ("failed" if reasons else "ok", reasons)


def test_an_existing_instance_keeps_what_it_has_and_right_sizing_decides_about_the_type() -> None:
    into = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": "i-1"}}
    assert expected_of_template(into, LAUNCHED_FROM) == {}
    sized = expected_of_template({"targetInstanceTypeRightSizingMethod": "BASIC"}, LAUNCHED_FROM)
    assert sized["instance_types"] == []
    assert expected_of_template({}, {}) == {"instance_types": [], "instance_profile": "", "tags": {}}
