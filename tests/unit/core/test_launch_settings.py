"""Launch settings: read, merged, checked, compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import (
    configuration_changes,
    declare,
    live_problems,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_networks import DesiredInterface
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import (
    Settings,
    parse_launch_overrides,
    parse_server_settings,
    parse_settings,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_tags import LaunchTags

from tests.unit.core.builders import complete_map, source_server, subnet_map, target

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


NETWORK = {
    "failover": [{"subnet_id": "subnet-0a", "security_groups": ["sg-0a"], "address": "10.20.1.11"}],
    "test": [{"subnet_id": "subnet-0b", "security_groups": ["sg-0b"]}],
}


def test_every_field_is_read_and_later_ones_are_laid_over_earlier_ones() -> None:
    defaults = parse_settings(
        {
            "recovery_mode": "FAST",
            "launch_into_instance_id": "i-0123456789abcdef0",
            "alternative_instance_types": ["m5a.large", "m6i.large"],
            "instance_profile": "arn:aws:iam::222222222222:instance-profile/dr/erp",
            "tags": {"Owner": "dr", "Stage": "dr"},
            "metadata_options": {"http_tokens": "required", "http_put_response_hop_limit": 2},
            "volumes": [{"volume_type": "gp3"}],
            "network": NETWORK,
        }
    )
    own = parse_server_settings(
        {
            "DB-1": {
                "launch_into_instance_id": "",
                "tags": {"Stage": "gone"},
                "metadata_options": {"http_tokens": "optional", "instance_metadata_tags": "enabled"},
                "volumes": [{"device_name": "/dev/xvdf", "volume_type": "io2", "iops": 8000}],
                "network": {"test": [{"subnet_id": "subnet-0c", "security_groups": ["sg-0c"]}]},
            }
        }
    )["db-1"]
    merged = defaults.merged(own)
    assert merged.configuration() == {
        "recoveryMode": "FAST",
        "launchIntoInstanceProperties": {"launchIntoEC2InstanceID": ""},
    }
    assert merged.tags == {"Owner": "dr", "Stage": "gone"}
    assert merged.metadata_options == {
        "HttpTokens": "optional",
        "HttpPutResponseHopLimit": 2,
        "InstanceMetadataTags": "enabled",
    }
    assert merged.volumes is not None
    assert [volume.volume_type for volume in merged.volumes] == ["gp3", "io2"]
    assert merged.network is not None
    assert merged.network["failover"] == (DesiredInterface(0, "subnet-0a", ("sg-0a",), "10.20.1.11"),)
    assert merged.network["test"][0].subnet_id == "subnet-0c"
    assert merged.alternative_instance_types == ("m5a.large", "m6i.large")


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"recovery_mode": "SLOW"}, "recovery_mode"),
        ({"launch_into_instance_id": "erp"}, "launch_into_instance_id"),
        ({"alternative_instance_types": ["m5.large", "m5.large"]}, "alternative_instance_types"),
        ({"alternative_instance_types": [f"m{n}.large" for n in range(6)]}, "alternative_instance_types"),
        ({"instance_profile": "a b"}, "instance_profile"),
        ({"tags": {"aws:x": "y"}}, "tags.aws:x"),
        ({"metadata_options": {"http_tokens": "maybe"}}, "metadata_options.http_tokens"),
        ({"metadata_options": {"http_put_response_hop_limit": 65}}, "metadata_options.http_put_response_hop_limit"),
        ({"volumes": [{"volume_type": "gp9"}]}, "volumes[0].volume_type"),
        ({"volumes": [{"volume_type": "gp2", "iops": 3000}]}, "volumes[0].iops"),
        ({"volumes": [{"volume_type": "io2", "iops": 3}]}, "volumes[0].iops"),
        ({"volumes": {"size": 3}}, "volumes"),
        ({"network": {"failback": []}}, "network"),
        ({"network": {"test": []}}, "network.test"),
        ({"network": {"test": [{"subnet_id": "x", "security_groups": ["sg-1"]}]}}, "network.test[0].subnet_id"),
        ({"network": {"test": [{**NETWORK["test"][0], "interface": 1}]}}, "network.test"),
        ({"network": {"test": NETWORK["test"] * 2}}, "network.test[1].interface"),
        ({"launch_disposition": "STOPPED", "post_launch_enabled": True}, "post_launch_enabled"),
    ],
)
def test_each_bad_value_is_named_with_its_place(settings: dict[str, Any], where: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_server_settings({"db-1": settings})
    assert [problem.where for problem in caught.value.problems] == [f"servers.db-1.{where}"]


def test_a_network_of_its_own_needs_no_ip_map_and_wins_over_it() -> None:
    servers = [source_server(1, addresses=["10.10.1.11"]), source_server(2, addresses=["10.10.1.12"])]
    entries = plan_entries(servers, subnet_map())
    own = parse_server_settings({"server-1": {"network": {"failover": NETWORK["failover"]}}})
    first, second = declare(servers, Settings(), [], entries, LaunchTags(), own=own)
    assert first.profiles["failover"].interfaces[0].subnet_id == "subnet-0a"
    assert first.profiles["test"].interfaces[0].subnet_id == "subnet-t0"
    assert second.profiles["failover"].interfaces[0].address == "10.20.1.12"

    own = parse_server_settings({"server-1": {"network": NETWORK}, "nobody": {}})
    with pytest.raises(DeclarationError) as caught:
        declare(servers, Settings(), [], [], LaunchTags(), own=own)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "nobody" in lines[0]
    assert "server-2" in lines[1]
    assert "declare its network" in lines[1]


def test_failback_stays_out_of_the_templates_of_the_recovery_side() -> None:
    server = source_server(1, addresses=["10.10.1.11"])
    rules = [
        {
            "source_cidr": "10.10.1.0/24",
            "failover": target("subnet-f", "10.20.1.0/24"),
            "test": target("subnet-t", "10.99.1.0/24", "dynamic"),
            "failback": target("subnet-b", "10.10.1.0/24", "keep_address"),
        }
    ]
    (launch,) = declare([server], Settings(), [], plan_entries([server], complete_map(rules)), LaunchTags())
    assert list(launch.profiles) == ["failover", "test"]


def test_contradictions_of_types_and_modes_are_named() -> None:
    server = replace(source_server(1, addresses=["10.10.1.11"]), aws_instance_id=None)
    entries = plan_entries([server], subnet_map())
    typed = {"instance_type": "m5.large", "target_instance_type_right_sizing_method": "NONE"}
    for settings, text in (
        ({"alternative_instance_types": ["m5.large"]}, "alternatives to nothing"),
        ({**typed, "alternative_instance_types": ["m5.large"]}, "is the instance type itself"),
        ({"recovery_mode": "FAST"}, "only for sources that are EC2 instances"),
        ({"target_instance_type_right_sizing_method": "IN_AWS"}, "only for sources that are EC2 instances"),
    ):
        with pytest.raises(DeclarationError, match=text):
            declare([server], parse_settings(settings), [], entries, LaunchTags())


def test_undeclared_fields_that_contradict_what_is_declared_are_named() -> None:
    server = source_server(1, addresses=["10.10.1.11"])
    entries = plan_entries([server], subnet_map())
    settings = parse_settings({"launch_into_instance_id": "i-0123456789abcdef0", "post_launch_enabled": True})
    (launch,) = declare([server], settings, [], entries, LaunchTags())
    live = {"copyPrivateIp": True, "copyTags": True, "launchDisposition": "STOPPED"}
    assert [problem.where.rsplit(", ")[-1] for problem in live_problems(launch, live)] == [
        "copyPrivateIp",
        "copyTags",
        "copyPrivateIp",
        "launchDisposition",
    ]
    assert live_problems(launch, {"launchDisposition": "STARTED"}) == []


def test_no_instance_to_launch_into_is_an_empty_one() -> None:
    nothing = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": ""}}
    actuals: list[dict[str, Any]] = [{}, {"launchIntoInstanceProperties": {}}, nothing]
    for actual in actuals:
        assert configuration_changes(nothing, actual) == {}
    some = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": "i-1"}}
    assert configuration_changes(nothing, some) == nothing
