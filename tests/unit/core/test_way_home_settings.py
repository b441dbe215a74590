"""What a server launches with at home: what a failover launches with, without what only the recovery Region has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_lines import (
    originals_settled,
    settings_written,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    VersionMark,
    applied,
    launched_tags,
    parse_version_description,
    private_address,
    template_data,
    version_description,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_versions import (
    Version,
    plan_template,
    to_version,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import FAILBACK_DRILL_PROFILE
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import from_drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.way_home_settings import (
    OF_THE_FAILOVER,
    OF_THE_TYPE,
    TAKEN_OVER,
    Forward,
    launch_home,
    left_out,
    tags_home,
)
from hypothesis import given
from hypothesis import strategies as st

from .builders import drs_item, source_server

PROTECTING = source_server(1, name="db-1", tags={"Application": "payments", "AWSElasticDisasterRecoveryX": "y"})
DRS_TAGS = [{"Key": "AWSElasticDisasterRecoverySourceServerID", "Value": "s-of-the-other"}]
DATA: dict[str, Any] = {
    "InstanceType": "r5.large",
    "IamInstanceProfile": {"Name": "recovered"},
    "MetadataOptions": {"State": "applied", "HttpTokens": "required"},
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 99, "VolumeType": "io2", "Iops": 4000, "KmsKeyId": "key-1"}}
    ],
    "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-f", "PrivateIpAddress": "10.20.1.11"}],
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [*DRS_TAGS, {"Key": "Owner", "Value": "dr-team"}]},
        {"ResourceType": "volume", "Tags": [{"Key": "Backup", "Value": "daily"}]},
    ],
    "DisableApiTermination": True,
    "Monitoring": {"Enabled": True},
    "Placement": {"Tenancy": "dedicated", "GroupName": "recovery-group"},
    "CpuOptions": {"CoreCount": 1},
    "KeyName": "recovery-key",
    "UserData": "c3dpdGNoIGRucw==",
}
HOME_DATA: dict[str, Any] = {
    "InstanceType": "c5.large",
    "IamInstanceProfile": {"Name": "AWSElasticDisasterRecoveryRecoveryInstanceRole"},
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 16, "VolumeType": "gp3", "Iops": 3000}}],
    "NetworkInterfaces": [{"DeviceIndex": 0}],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{**DRS_TAGS[0], "Value": "s-returning"}]}],
}
CONFIGURATION = {
    "launchDisposition": "STOPPED",
    "copyTags": True,
    "copyPrivateIp": True,
    "targetInstanceTypeRightSizingMethod": "BASIC",
    "licensing": {"osByol": True},
    "postLaunchEnabled": True,
    "name": "db-1",
    "launchIntoInstanceProperties": {"launchIntoEC2InstanceID": "i-0000000000000abcd"},
}


def returning(account_id: str = "222222222222", **tags: str) -> Any:
    return from_drs(drs_item(2, name="db-1", tags=tags), account_id=account_id, region="us-east-1")


def forward(**data: Any) -> Forward:
    mark = VersionMark("failover", "0123456789abcdef", instance_types=("m5.large", "r5a.large"))
    return Forward(PROTECTING, CONFIGURATION, Version("lt-1", 4, True, {**DATA, **data}, mark))


def entry(interface: int = 0, instance_type: str | None = "m5.large", address: str | None = "10.10.1.11") -> MapEntry:
    home = ProfileAddress(f"subnet-{interface}", "10.10.1.0/24", address, ("sg-1",), "original")
    source = EntrySource("10.10.1.11", "10.10.1.0/24", "db-1", "222222222222", "i-1", instance_type)
    return MapEntry("db-1", interface, source, {"failback": home}, DrsIdentity("s-1", "222222222222", "us-west-2"))


def after(profile: str = "failback", entries: tuple[MapEntry, ...] = (entry(),), **data: Any) -> dict[str, Any]:
    """Return the data of a version that is made from DRS's own."""
    launch = launch_home(returning(), forward(**data), entries, into_original=False)
    return applied(HOME_DATA, template_data(HOME_DATA, launch.profiles[profile]))


def test_a_server_launches_at_home_as_in_a_failover() -> None:
    data = after()
    (interface,) = data["NetworkInterfaces"]
    assert (interface["SubnetId"], private_address(interface), interface["Groups"]) == (
        "subnet-0",
        "10.10.1.11",
        ["sg-1"],
    )
    assert data["InstanceType"] == "m5.large", "that of the original"
    assert data["IamInstanceProfile"] == {"Name": "recovered"}
    assert data["MetadataOptions"] == {"HttpTokens": "required"}
    assert data["BlockDeviceMappings"] == [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 16, "VolumeType": "io2", "Iops": 4000}}
    ]
    assert launched_tags(data) == {
        "instance": {"AWSElasticDisasterRecoverySourceServerID": "s-returning", "Owner": "dr-team"},
        "volume": {"Backup": "daily"},
        "network-interface": {},
    }
    assert (data["DisableApiTermination"], data["Monitoring"]) == (True, {"Enabled": True})
    assert data["Placement"] == {"Tenancy": "dedicated"}
    assert data.keys().isdisjoint({"KeyName", "UserData", "CpuOptions"})


def test_a_drill_differs_in_its_addresses_alone() -> None:
    entries = (entry(), entry(1, address="10.10.5.11"))
    real, drill = after(entries=entries), after(FAILBACK_DRILL_PROFILE, entries=entries)
    assert [private_address(one) for one in real.pop("NetworkInterfaces")] == ["10.10.1.11", "10.10.5.11"]
    interfaces = drill.pop("NetworkInterfaces")
    assert [private_address(one) for one in interfaces] == [None, None]
    assert [one["SubnetId"] for one in interfaces] == ["subnet-0", "subnet-1"]
    assert real == drill


def test_where_nobody_knows_the_original_type_the_declared_one_counts() -> None:
    launch = launch_home(returning(), forward(), [entry(instance_type=None)], into_original=False)
    profile = launch.profiles["failback"]
    assert (profile.instance_type, profile.alternative_instance_types) == ("r5.large", ("m5.large", "r5a.large"))
    assert profile.further["CpuOptions"] == {"CoreCount": 1}
    known = launch_home(returning(), forward(), [entry()], into_original=False).profiles["failback"]
    assert (known.instance_type, known.alternative_instance_types) == ("m5.large", ("r5a.large",))


def test_the_launch_configuration_is_that_of_the_failover_but_for_what_is_not_of_home() -> None:
    fixed = {"copyPrivateIp": False, "targetInstanceTypeRightSizingMethod": "NONE", "launchDisposition": "STOPPED"}
    anew = launch_home(returning(), forward(), [entry()], into_original=False).configuration
    none = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": ""}}
    assert anew == {**fixed, "licensing": {"osByol": True}, "copyTags": True, **none}
    into = launch_home(returning(), forward(), [entry()], into_original=True).configuration
    assert into == {**fixed, "licensing": {"osByol": True}, "copyTags": False}


def test_what_is_left_out_is_told() -> None:
    assert left_out(returning(), forward(), [entry()]) == [
        "KeyName",
        "UserData",
        "CpuOptions",
        "Placement.GroupName",
        "BlockDeviceMappings.Ebs.KmsKeyId",
        "postLaunchEnabled",
    ]
    elsewhere = returning("111111111111")
    assert "IamInstanceProfile" in left_out(elsewhere, forward(), [entry()])
    profile = launch_home(elsewhere, forward(), [entry()], into_original=False).profiles["failback"]
    assert template_data(HOME_DATA, profile).get("IamInstanceProfile") is None, "IAM is that of each account"


@given(st.sets(st.sampled_from([*TAKEN_OVER, *OF_THE_FAILOVER, *OF_THE_TYPE])), st.booleans())
def test_every_key_is_either_taken_over_or_told_to_be_left_out(names: set[str], same_type: bool) -> None:
    base = {name: value for name, value in DATA.items() if name not in {"KeyName", "UserData", "CpuOptions"}}
    version = Version("lt-1", 4, True, {**base, **{name: {"x": 1} for name in names}}, None)
    there = Forward(PROTECTING, {}, version)
    entries = [entry(instance_type="r5.large" if same_type else "m5.large")]
    profile = launch_home(returning(), there, entries, into_original=False).profiles["failback"]
    told = {name for name in left_out(returning(), there, entries) if name in names}
    assert told | (profile.further.keys() & names) == names | ({"DisableApiTermination", "Monitoring"} & names)
    assert told.isdisjoint(profile.further)


def test_the_source_server_has_the_tags_of_the_one_that_protects() -> None:
    assert tags_home("db-1", returning(), PROTECTING) == {"Application": "payments"}
    assert tags_home("db-1", returning(Application="payments", Own="kept"), PROTECTING) == {}
    assert tags_home("payments-db", returning(Application="x"), PROTECTING) == {
        "Application": "payments",
        "dr:server-key": "payments-db",
    }
    keyed = replace(PROTECTING, tags={"dr:server-key": "payments-db"})
    assert tags_home("payments-db", returning(), keyed) == {"dr:server-key": "payments-db"}
    with pytest.raises(DeclarationError, match="52 tags"):
        tags_home("db-1", returning(a="1", b="2"), replace(PROTECTING, tags={f"tag-{n}": "x" for n in range(50)}))


def test_both_versions_of_the_way_home_are_known_again() -> None:
    launch = launch_home(returning(), forward(), [entry()], into_original=False)
    first = to_version(
        {"LaunchTemplateId": "lt-2", "VersionNumber": 1, "DefaultVersion": True, "LaunchTemplateData": HOME_DATA}
    )
    plan = plan_template([first], launch.profiles, "failback")
    assert [change.profile for change in plan.changes] == ["failback", "failback-drill"]
    for change in plan.changes:
        mark = VersionMark(change.profile, "0123456789abcdef", instance_types=change.instance_types)
        assert parse_version_description(version_description(mark)) == mark


def test_what_was_written_is_told_in_a_line() -> None:
    one = {"source_server_id": "s-1", "versions": {"failback": 2}, "left_out": ["KeyName"]}
    told = [{"servers": {"db-1": one}}, {"servers": {"db-2": {**one, "left_out": []}}}]
    assert settings_written(told) == (
        "launch settings for the way home: written for 2 servers (db-1, db-2); left out: KeyName"
    )
    settled = [{"server_key": "db-1", "fate": "replaced"}, {"server_key": "db-2", "fate": "new word"}]
    assert originals_settled(settled) == "original instances replaced: 1 server (db-1); new word: 1 server (db-2)"
