"""Launch settings: read, merged, checked, compared."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import (
    Settings,
    configuration_changes,
    declare,
    parse_launch_overrides,
    parse_settings,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_tags import LaunchTags

from tests.unit.core.builders import source_server, subnet_map

DEFAULTS = {
    "launch_disposition": "STARTED",
    "target_instance_type_right_sizing_method": "NONE",
    "copy_private_ip": False,
    "copy_tags": True,
}


def test_defaults_become_fields_of_drs() -> None:
    settings = parse_settings({**DEFAULTS, "os_byol": True})
    assert settings.configuration() == {
        "launchDisposition": "STARTED",
        "targetInstanceTypeRightSizingMethod": "NONE",
        "copyPrivateIp": False,
        "copyTags": True,
        "licensing": {"osByol": True},
    }
    assert parse_settings(None) == parse_settings({}) == Settings()


def test_bad_settings_are_all_named() -> None:
    raw = {"launch_disposition": "RUNNING", "copy_tags": "yes", "instance_type": "huge", "subnet": "x"}
    with pytest.raises(DeclarationError) as caught:
        parse_settings(raw)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "dr_launch_defaults",
        "dr_launch_defaults.launch_disposition",
        "dr_launch_defaults.copy_tags",
        "dr_launch_defaults.instance_type",
    ]


def test_bad_overrides_are_all_named() -> None:
    raw = [
        {"match": {}, "settings": {"instance_type": "r5.large"}},
        {"match": {"servers": []}, "settings": {}},
        {"match": {"tags": {"Tier": 1}}, "settings": {"copy_tags": 1}},
        {"settings": {}},
    ]
    with pytest.raises(DeclarationError) as caught:
        parse_launch_overrides(raw)
    places = [line.split(": ")[0] for line in str(caught.value).splitlines()]
    assert "dr_launch_overrides[0].match" in places
    assert "dr_launch_overrides[1].match.servers" in places
    assert "dr_launch_overrides[2].match.tags.Tier" in places
    assert "dr_launch_overrides[2].settings.copy_tags" in places
    assert "dr_launch_overrides[3].match" in places


def test_later_overrides_win() -> None:
    servers = [
        source_server(1, name="db-1", tags={"Tier": "database"}, addresses=["10.10.1.11", "10.10.2.12"]),
        source_server(2, name="rep-1", tags={"Tier": "database"}, addresses=["10.10.1.12"]),
        source_server(3, name="web-1", addresses=["10.10.1.13"]),
    ]
    overrides = parse_launch_overrides(
        [
            {"match": {"tags": {"Tier": "database"}}, "settings": {"instance_type": "r5.large"}},
            {"match": {"servers": ["REP-1"]}, "settings": {"instance_type": "t3.large", "copy_tags": False}},
        ]
    )
    entries = plan_entries(servers, subnet_map())
    desired = declare(servers, parse_settings(DEFAULTS), overrides, entries, LaunchTags({"Owner": "dr-team"}))
    assert [(one.server_key, one.profiles["test"].instance_type) for one in desired] == [
        ("db-1", "r5.large"),
        ("rep-1", "t3.large"),
        ("web-1", None),
    ]
    assert [one.configuration["copyTags"] for one in desired] == [True, False, True]
    interfaces = desired[0].profiles["failover"].interfaces
    assert [(one.device_index, one.subnet_id, one.address) for one in interfaces] == [
        (0, "subnet-f0", "10.20.1.11"),
        (1, "subnet-f1", "10.20.2.12"),
    ]
    assert desired[0].profiles["failover"].tags == {"Owner": "dr-team"}


def test_contradictions_are_named_for_every_server() -> None:
    servers = [source_server(1, addresses=["10.10.1.11"]), source_server(2, addresses=["10.10.1.12"])]
    settings = parse_settings({"copy_private_ip": True, "instance_type": "m5.large"})
    with pytest.raises(DeclarationError) as caught:
        declare(servers, settings, [], plan_entries(servers[:1], subnet_map()), LaunchTags({"aws:x": "y"}))
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert "dr_mandatory_tags" in lines[0]
    assert "DRS would write the source address" in lines[1]
    assert "DRS overwrites the instance type m5.large" in lines[2]
    assert "server-2" in lines[3]
    assert "has no entry in the IP map" in lines[3]


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ({"copyTags": True, "licensing": {"osByol": False}, "name": "x"}, {}),
        ({"copyTags": False, "licensing": {"osByol": False}}, {"copyTags": True}),
        ({"copyTags": True}, {"licensing": {"osByol": False}}),
    ],
)
def test_only_fields_that_differ_are_written(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    assert configuration_changes({"copyTags": True, "licensing": {"osByol": False}}, actual) == expected
