"""Launch template versions: what is ours is set, everything else is kept."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import DesiredProfile
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_networks import DesiredInterface
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    Sibling,
    VersionMark,
    applied,
    carried_over,
    declaration_problems,
    digest,
    normalise_template,
    parse_version_description,
    same_template,
    template_data,
    version_description,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_volumes import VolumeSettings
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
    mark = VersionMark("test", digest(BASE))
    text = version_description(mark)
    assert text == f"disaster_recovery.aws profile=test {digest(BASE)}"
    assert parse_version_description(text) == mark
    full = VersionMark("test", digest(BASE), Sibling("failover", 9999, digest({})), ("m5.large",) * 5)
    assert parse_version_description(version_description(full)) == full
    types = ("u-24tb100000.112xlarge0000",) * 5
    longest = replace(full, beside=Sibling("failover", 10_000, digest({})), instance_types=types)
    assert len(version_description(longest)) <= 255
    for foreign in (None, "", "Created by DRS", f"{text} and more", "disaster_recovery.aws profile=test xyz"):
        assert parse_version_description(foreign) is None


def test_metadata_options_profile_and_volumes_are_laid_over_what_the_template_has() -> None:
    gp3 = {"VolumeType": "gp3", "Iops": 3000, "Throughput": 125}
    base = {
        **BASE,
        "MetadataOptions": {"State": "applied", "HttpEndpoint": "enabled", "HttpTokens": "optional"},
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, **gp3}},
            {
                "DeviceName": "/dev/sdf",
                "Ebs": {"VolumeSize": 200, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125},
            },
        ],
    }
    wanted = replace(
        desired(),
        metadata_options={"HttpTokens": "required"},
        instance_profile="erp",
        volumes=(
            VolumeSettings(throughput=250),
            VolumeSettings("/dev/sdf", volume_type="io2", iops=8000, size=300),
        ),
    )
    changes = template_data(base, wanted)
    assert changes["MetadataOptions"] == {"HttpEndpoint": "enabled", "HttpTokens": "required"}
    assert changes["IamInstanceProfile"] == {"Name": "erp"}
    assert [mapping["Ebs"] for mapping in changes["BlockDeviceMappings"]] == [
        {"VolumeSize": 8, "VolumeType": "gp3", "Iops": 3000, "Throughput": 250},
        {"VolumeSize": 300, "VolumeType": "io2", "Iops": 8000},
    ]
    assert declaration_problems(base, wanted, "x") == []
    assert template_data(applied(base, changes), wanted) == {}
    by_arn = {**applied(base, changes), "IamInstanceProfile": {"Arn": "arn:aws:iam::222222222222:instance-profile/erp"}}
    assert template_data(by_arn, wanted) == {}


def test_what_a_template_can_never_have_is_named() -> None:
    wanted = replace(
        desired(tags={"cost center": "1"}),
        metadata_options={"InstanceMetadataTags": "enabled"},
        volumes=(VolumeSettings("/dev/sdz", iops=100), VolumeSettings(size=4), VolumeSettings(volume_type="io2")),
        dedicated_host=True,
    )
    found = [str(problem) for problem in declaration_problems(BASE, wanted, "db-1")]
    for text in ("/dev/sdz", "smaller than the 8 GiB", "type io2", "Dedicated Hosts", "cost center"):
        assert any(text in line for line in found), (text, found)
    assert len(found) == 5
    many = desired(tags={f"key-{number}": "x" for number in range(48)})
    assert [
        "50 tags" not in str(one) and "at most 50" in str(one) for one in declaration_problems(BASE, many, "x")
    ] == [True]


def test_snapshots_are_given_again_because_a_new_version_forgets_them() -> None:
    base = {**BASE, "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "snap-1"}}]}
    assert carried_over(base) == {"BlockDeviceMappings": base["BlockDeviceMappings"]}
    assert carried_over(BASE) == {}


def test_an_address_that_drs_copies_from_the_source_is_left_to_drs() -> None:
    copied = [{"Primary": True, "PrivateIpAddress": "10.20.1.7"}]
    base = {**BASE, "NetworkInterfaces": [{"DeviceIndex": 0, "PrivateIpAddresses": copied}]}
    place = DesiredInterface(0, "subnet-1", ("sg-1",), None, "10.20.1.7")
    (result,) = template_data(base, desired(place))["NetworkInterfaces"]
    assert result == {"DeviceIndex": 0, "SubnetId": "subnet-1", "Groups": ["sg-1"], "PrivateIpAddresses": copied}
    assert template_data({**base, "NetworkInterfaces": [result]}, desired(place)) == {}


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
        "IamInstanceProfile": st.just({"Name": "drs"}),
        "MetadataOptions": st.just({"State": "applied", "HttpEndpoint": "enabled"}),
        "BlockDeviceMappings": st.lists(st.sampled_from(["/dev/sda1", "/dev/sdf"]), unique=True).map(
            lambda names: [
                {"DeviceName": name, "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "Iops": 3000}} for name in names
            ]
        ),
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
    instance_profile=st.none() | st.just("erp"),
    metadata_options=st.dictionaries(st.just("HttpTokens"), st.sampled_from(["required", "optional"])),
    volumes=st.lists(
        st.builds(
            VolumeSettings,
            device_name=st.none() | st.sampled_from(["/dev/sda1", "/dev/sdf"]),
            volume_type=st.none() | st.sampled_from(["gp2", "gp3", "io2"]),
            throughput=st.none() | st.just(250),
        ),
        max_size=2,
    ).map(tuple),
)


@given(base=templates, wanted=profiles)
def test_merging_is_idempotent_and_keeps_what_is_not_ours(base: dict[str, Any], wanted: DesiredProfile) -> None:
    before = deepcopy(base)
    result = applied(base, template_data(base, wanted))
    assert base == before
    assert template_data(result, wanted) == {}
    ours = {"NetworkInterfaces", "InstanceType", "TagSpecifications", "IamInstanceProfile", "MetadataOptions"}
    assert [(one["DeviceName"], one["Ebs"]["VolumeSize"]) for one in result.get("BlockDeviceMappings", [])] == [
        (one["DeviceName"], one["Ebs"]["VolumeSize"]) for one in base.get("BlockDeviceMappings", [])
    ]
    ours |= {"BlockDeviceMappings"}
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
