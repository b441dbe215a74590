"""Launch template versions: what is ours is set, everything else is kept."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import (
    DesiredInterface,
    DesiredProfile,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    VersionMark,
    applied,
    digest,
    normalise_template,
    parse_version_description,
    same_template,
    template_data,
    version_description,
)
from hypothesis import given
from hypothesis import strategies as st

DRS_TAGS = [
    {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"},
    {"Key": "AWSElasticDisasterRecoverySourceServerID", "Value": "s-1"},
    {"Key": "Name", "Value": "pay-db-1"},
]
BASE: dict[str, Any] = {
    "IamInstanceProfile": {"Name": "AWSElasticDisasterRecoveryRecoveryInstanceRole"},
    "EbsOptimized": True,
    "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8}}],
    "NetworkInterfaces": [{"DeviceIndex": 0}],
    "InstanceType": "c5.large",
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": DRS_TAGS},
        {"ResourceType": "volume", "Tags": DRS_TAGS},
    ],
}
"""As DRS makes it."""


def desired(
    *interfaces: DesiredInterface, instance_type: str | None = None, tags: dict[str, str] | None = None
) -> DesiredProfile:
    place = DesiredInterface(0, "subnet-1", ("sg-1",), "10.20.1.11")
    return DesiredProfile("failover", interfaces or (place,), instance_type, tags or {})


def test_a_fresh_template_gets_only_what_differs() -> None:
    changes = template_data(BASE, desired(instance_type="r5.large", tags={"Owner": "dr-team"}))
    assert sorted(changes) == ["InstanceType", "NetworkInterfaces", "TagSpecifications"]
    assert changes["InstanceType"] == "r5.large"
    assert changes["NetworkInterfaces"] == [
        {"DeviceIndex": 0, "SubnetId": "subnet-1", "Groups": ["sg-1"], "PrivateIpAddress": "10.20.1.11"}
    ]
    by_type = {one["ResourceType"]: one["Tags"] for one in changes["TagSpecifications"]}
    assert by_type["instance"] == [*DRS_TAGS, {"Key": "Owner", "Value": "dr-team"}]
    assert by_type["volume"] == [*DRS_TAGS, {"Key": "Owner", "Value": "dr-team"}]
    assert by_type["network-interface"] == [{"Key": "Owner", "Value": "dr-team"}]


def test_exact_tags_take_out_all_but_those_of_drs() -> None:
    base = {
        **BASE,
        "TagSpecifications": [
            {
                "ResourceType": "volume",
                "Tags": [*DRS_TAGS, {"Key": "Name", "Value": "db-1"}, {"Key": "Old", "Value": ""}],
            },
            {"ResourceType": "network-interface", "Tags": [{"Key": "Old", "Value": ""}]},
        ],
    }
    changes = template_data(base, replace(desired(tags={"Owner": "x"}), purge_tags=True))
    keys = {one["ResourceType"]: {tag["Key"] for tag in one["Tags"]} for one in changes["TagSpecifications"]}
    own = {tag["Key"] for tag in DRS_TAGS} | {"Name"}
    assert keys == {"volume": own | {"Owner"}, "network-interface": {"Owner"}, "instance": {"Owner"}}
    nothing = template_data(base, replace(desired(), purge_tags=True))
    assert [one["ResourceType"] for one in nothing["TagSpecifications"]] == ["volume"]


def test_without_tags_and_type_these_keys_are_left_alone() -> None:
    assert sorted(template_data(BASE, desired())) == ["NetworkInterfaces"]


def test_what_people_set_on_an_interface_is_kept() -> None:
    base = {
        **BASE,
        "NetworkInterfaces": [
            {"DeviceIndex": 1, "SubnetId": "subnet-9", "Description": "backup"},
            {"DeviceIndex": 0, "AssociatePublicIpAddress": False, "DeleteOnTermination": True, "SubnetId": "subnet-0"},
        ],
    }
    primary, other = template_data(base, desired())["NetworkInterfaces"]
    assert primary["AssociatePublicIpAddress"] is False
    assert primary["DeleteOnTermination"] is True
    assert primary["SubnetId"] == "subnet-1"
    assert other == {"DeviceIndex": 1, "SubnetId": "subnet-9", "Description": "backup"}


@pytest.mark.parametrize(
    "leftover",
    [
        {"PrivateIpAddress": "10.10.1.11"},
        {"PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.10.1.11"}]},
        {"NetworkInterfaceId": "eni-1"},
        {"Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}]},
    ],
)
def test_addresses_of_another_subnet_are_dropped(leftover: dict[str, Any]) -> None:
    base = {**BASE, "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0", **leftover}]}
    assert template_data(base, desired())["NetworkInterfaces"] == [
        {"DeviceIndex": 0, "SubnetId": "subnet-1", "Groups": ["sg-1"], "PrivateIpAddress": "10.20.1.11"}
    ]


def test_further_addresses_of_the_same_subnet_stay() -> None:
    interface = {
        "DeviceIndex": 0,
        "SubnetId": "subnet-1",
        "PrivateIpAddresses": [
            {"Primary": False, "PrivateIpAddress": "10.20.1.99"},
            {"Primary": True, "PrivateIpAddress": "10.20.1.5"},
        ],
    }
    (result,) = template_data({**BASE, "NetworkInterfaces": [interface]}, desired())["NetworkInterfaces"]
    assert result["PrivateIpAddresses"] == [
        {"Primary": True, "PrivateIpAddress": "10.20.1.11"},
        {"Primary": False, "PrivateIpAddress": "10.20.1.99"},
    ]
    assert "PrivateIpAddress" not in result


def test_a_dynamic_address_is_no_address() -> None:
    interface = {"DeviceIndex": 0, "SubnetId": "subnet-1", "Groups": ["sg-1"], "PrivateIpAddress": "10.20.1.11"}
    place = DesiredInterface(0, "subnet-1", ("sg-1",), None)
    (result,) = template_data({**BASE, "NetworkInterfaces": [interface]}, desired(place))["NetworkInterfaces"]
    assert result == {"DeviceIndex": 0, "SubnetId": "subnet-1", "Groups": ["sg-1"]}


def test_further_addresses_stay_beside_a_dynamic_one_for_good() -> None:
    interface = {
        "DeviceIndex": 0,
        "SubnetId": "subnet-1",
        "PrivateIpAddresses": [
            {"Primary": True, "PrivateIpAddress": "10.20.1.11"},
            {"Primary": False, "PrivateIpAddress": "10.20.1.12"},
        ],
    }
    wanted = desired(DesiredInterface(0, "subnet-1", ("sg-1",), None))
    once = template_data({**BASE, "NetworkInterfaces": [interface]}, wanted)
    assert once["NetworkInterfaces"][0]["PrivateIpAddresses"] == [{"Primary": False, "PrivateIpAddress": "10.20.1.12"}]
    assert template_data(applied(BASE, once), wanted) == {}


def test_both_spellings_of_an_address_are_equal() -> None:
    one = {"NetworkInterfaces": [{"DeviceIndex": 0, "PrivateIpAddress": "10.20.1.11", "Groups": ["b", "a"]}]}
    other = {
        "NetworkInterfaces": [
            {"PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.20.1.11"}], "Groups": ["a", "b"]}
        ],
        "TagSpecifications": [],
        "MetadataOptions": {"State": "applied"},
    }
    assert same_template(one, other)
    assert digest(one) == digest(other)
    assert not same_template(one, {"NetworkInterfaces": [{"DeviceIndex": 0, "PrivateIpAddress": "10.20.1.12"}]})


@pytest.mark.parametrize(
    ("setting", "instance_type"),
    [
        ({"SecurityGroupIds": ["sg-1"]}, None),
        ({"SecurityGroups": ["default"]}, None),
        ({"InstanceRequirements": {"VCpuCount": {"Min": 2}}}, "m5.large"),
    ],
)
def test_settings_that_cannot_stand_beside_ours_are_refused(setting: dict[str, Any], instance_type: str | None) -> None:
    with pytest.raises(DeclarationError, match="cannot stand beside"):
        template_data({**BASE, **setting}, desired(instance_type=instance_type))


def test_the_description_carries_profile_and_digest() -> None:
    text = version_description("test", digest(BASE))
    assert text == f"disaster_recovery.aws profile=test {digest(BASE)}"
    assert parse_version_description(text) == VersionMark("test", digest(BASE))
    for foreign in (None, "", "Created by DRS", f"{text} and more", "disaster_recovery.aws profile=test xyz"):
        assert parse_version_description(foreign) is None


keys = st.sampled_from(["Owner", "Name", "AWSElasticDisasterRecoveryManaged", "Env"])
tag_lists = st.dictionaries(keys, st.sampled_from(["a", "b"])).map(
    lambda tags: [{"Key": key, "Value": value} for key, value in tags.items()]
)
addresses = st.sampled_from(["10.20.1.11", "10.20.1.12", "10.20.1.13"])
interfaces = st.fixed_dictionaries(
    {},
    optional={
        "SubnetId": st.sampled_from(["subnet-1", "subnet-2"]),
        "Groups": st.lists(st.sampled_from(["sg-1", "sg-2"]), unique=True),
        "PrivateIpAddress": addresses,
        "PrivateIpAddresses": st.lists(addresses, unique=True).map(
            lambda found: [{"Primary": index == 0, "PrivateIpAddress": one} for index, one in enumerate(found)]
        ),
        "Description": st.text(max_size=5),
        "DeleteOnTermination": st.booleans(),
    },
)
templates = st.fixed_dictionaries(
    {},
    optional={
        "InstanceType": st.sampled_from(["c5.large", "r5.large"]),
        "KeyName": st.text(max_size=5),
        "EbsOptimized": st.booleans(),
        "NetworkInterfaces": st.lists(interfaces, max_size=3).map(
            lambda found: [{"DeviceIndex": index, **one} for index, one in enumerate(found)]
        ),
        "TagSpecifications": st.dictionaries(st.sampled_from(["instance", "volume"]), tag_lists).map(
            lambda found: [{"ResourceType": resource, "Tags": tags} for resource, tags in found.items()]
        ),
    },
)
profiles = st.builds(
    DesiredProfile,
    profile=st.just("failover"),
    interfaces=st.lists(
        st.builds(
            DesiredInterface,
            device_index=st.integers(0, 3),
            subnet_id=st.sampled_from(["subnet-1", "subnet-2"]),
            security_groups=st.just(("sg-1",)),
            address=st.none() | addresses,
        ),
        unique_by=lambda one: one.device_index,
        max_size=3,
    ).map(tuple),
    instance_type=st.none() | st.just("r5.large"),
    tags=st.dictionaries(st.sampled_from(["Owner", "Team"]), st.sampled_from(["a", "b"])),
)


@given(base=templates, wanted=profiles)
def test_merging_is_idempotent_and_keeps_what_is_not_ours(base: dict[str, Any], wanted: DesiredProfile) -> None:
    before = deepcopy(base)
    result = applied(base, template_data(base, wanted))
    assert base == before
    assert template_data(result, wanted) == {}
    ours = {"NetworkInterfaces", "InstanceType", "TagSpecifications"}
    assert {key: value for key, value in result.items() if key not in ours} == {
        key: value for key, value in base.items() if key not in ours
    }
    interfaces_after = {one.get("DeviceIndex", 0): one for one in result.get("NetworkInterfaces", [])}
    managed = {one.device_index for one in wanted.interfaces}
    for index, interface in enumerate(base.get("NetworkInterfaces", [])):
        if index in managed:
            for name in ("Description", "DeleteOnTermination"):
                assert interfaces_after[index].get(name) == interface.get(name)
        else:
            assert interfaces_after[index] == interface
    tags_after = {
        (one["ResourceType"], tag["Key"]): tag["Value"]
        for one in result.get("TagSpecifications", [])
        for tag in one["Tags"]
    }
    for specification in base.get("TagSpecifications", []):
        for tag in specification["Tags"]:
            if tag["Key"] not in wanted.tags:
                assert tags_after[specification["ResourceType"], tag["Key"]] == tag["Value"]
    for key, value in wanted.tags.items():
        assert {tags_after[resource, key] for resource in ("instance", "volume", "network-interface")} == {value}


@given(templates)
def test_normalising_twice_is_normalising_once(data: dict[str, Any]) -> None:
    once = normalise_template(data)
    assert normalise_template(once) == once
    assert digest(once) == digest(data)
