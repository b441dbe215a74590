"""Launch template versions: which one is a profile's, and what happens when somebody else writes too."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_templates import (
    ensure_versions,
    read_defaults,
    read_ends,
    set_default_profile,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import (
    DesiredInterface,
    DesiredProfile,
)

DRS_DATA = {
    "InstanceType": "c5.large",
    "NetworkInterfaces": [{"DeviceIndex": 0}],
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 16}}],
}


def profile(name: str, address: str, instance_type: str | None = "m5.large") -> DesiredProfile:
    """Return a profile with one interface."""
    interface = DesiredInterface(0, f"subnet-{name}", ("sg-1",), address)
    return DesiredProfile(name, (interface,), instance_type, {"Owner": "dr-team"})


DESIRED = {"failover": profile("failover", "10.20.1.11"), "test": profile("test", "10.99.1.11")}


class FakeEc2:
    """Templates as EC2 keeps them: a version made from a source inherits its top-level keys; pages of two."""

    def __init__(self, *template_ids: str) -> None:
        self.templates: dict[str, list[dict[str, Any]]] = {
            template_id: [{"data": copy.deepcopy(DRS_DATA), "description": ""}] for template_id in template_ids
        }
        self.defaults = dict.fromkeys(template_ids, 1)
        self.calls: list[str] = []
        self.before_second_look: Any = None

    def get_paginator(self, operation: str) -> FakeEc2:
        assert operation == "describe_launch_template_versions"
        return self

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        self.calls.append("describe")
        ids = [arguments["LaunchTemplateId"]] if "LaunchTemplateId" in arguments else list(self.templates)
        items = [
            {
                "LaunchTemplateId": template_id,
                "VersionNumber": number,
                "VersionDescription": version["description"],
                "DefaultVersion": number == self.defaults[template_id],
                "LaunchTemplateData": copy.deepcopy(version["data"]),
            }
            for template_id in ids
            for number, version in reversed(list(enumerate(self.templates[template_id], start=1)))
            if "Versions" not in arguments
            or number == self.defaults[template_id]
            or ("$Latest" in arguments["Versions"] and number == len(self.templates[template_id]))
        ]
        if self.before_second_look and self.calls.count("describe") == 1:
            self.before_second_look()
        return [{"LaunchTemplateVersions": items[at : at + 2]} for at in range(0, max(len(items), 1), 2)]

    def create_launch_template_version(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("create")
        assert arguments["LaunchTemplateData"]
        assert len(arguments["ClientToken"]) <= 64
        versions = self.templates[arguments["LaunchTemplateId"]]
        source = versions[int(arguments["SourceVersion"]) - 1]["data"]
        data = {**copy.deepcopy(source), **arguments["LaunchTemplateData"]}
        versions.append({"data": data, "description": arguments["VersionDescription"]})
        return {
            "LaunchTemplateVersion": {
                "LaunchTemplateId": arguments["LaunchTemplateId"],
                "VersionNumber": len(versions),
                "VersionDescription": arguments["VersionDescription"],
                "LaunchTemplateData": data,
            }
        }

    def modify_launch_template(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("modify")
        self.defaults[arguments["LaunchTemplateId"]] = int(arguments["DefaultVersion"])
        return {}

    def by_hand(self, template_id: str, **data: Any) -> int:
        """Make a version from the default one and make it the default, as a person or DRS would."""
        base = self.templates[template_id][self.defaults[template_id] - 1]["data"]
        self.templates[template_id].append({"data": {**copy.deepcopy(base), **data}, "description": "by hand"})
        self.defaults[template_id] = len(self.templates[template_id])
        return self.defaults[template_id]

    def default_data(self, template_id: str) -> dict[str, Any]:
        """Return what would be launched."""
        data: dict[str, Any] = self.templates[template_id][self.defaults[template_id] - 1]["data"]
        return data


def ensure(ec2: FakeEc2, *, write: bool = True, desired: dict[str, DesiredProfile] | None = None) -> Any:
    """Bring template lt-1 to what is desired."""
    return ensure_versions(ec2, "lt-1", desired or DESIRED, "failover", write=write, pacers=Pacers())


def test_each_profile_gets_a_version_with_everything_else_kept_and_a_second_time_only_reads() -> None:
    ec2 = FakeEc2("lt-1")
    assert ensure(ec2, write=False).changed is True
    assert ec2.calls == ["describe"]
    state = ensure(ec2)
    assert state.versions == {"failover": 2, "test": 3}
    assert ec2.defaults == {"lt-1": 2}
    data = ec2.default_data("lt-1")
    assert data["BlockDeviceMappings"] == DRS_DATA["BlockDeviceMappings"]
    assert data["NetworkInterfaces"][0]["PrivateIpAddress"] == "10.20.1.11"
    assert data["InstanceType"] == "m5.large"

    ec2.calls.clear()
    assert ensure(ec2).changed is False
    assert ec2.calls == ["describe"]


def test_a_version_that_drs_wrote_is_what_the_profiles_are_then_made_from() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    ec2.by_hand("lt-1", InstanceType="c5.4xlarge", KeyName="rescue")
    state = ensure(ec2)
    assert state.versions == {"failover": 5, "test": 6}
    assert ec2.default_data("lt-1")["KeyName"] == "rescue"
    assert ec2.default_data("lt-1")["InstanceType"] == "m5.large"
    assert ensure(ec2).changed is False


def test_a_version_by_hand_that_says_the_same_makes_no_new_versions() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    ec2.by_hand("lt-1")
    state = ensure(ec2)
    assert state.changed is True
    assert state.versions == {"failover": 2, "test": 3}
    assert ec2.defaults == {"lt-1": 2}


def test_a_drill_that_died_leaves_its_version_and_only_the_default_is_put_right() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    ec2.defaults["lt-1"] = 3
    ec2.calls.clear()
    assert ensure(ec2).versions == {"failover": 2, "test": 3}
    assert "create" not in ec2.calls
    assert ec2.defaults == {"lt-1": 2}


def test_a_profile_that_equals_the_version_of_drs_still_gets_its_own() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    ec2.templates["lt-1"] = [{"data": ec2.default_data("lt-1"), "description": ""}]
    ec2.defaults["lt-1"] = 1
    assert ensure(ec2, desired={"failover": DESIRED["failover"]}).versions == {"failover": 2}


def test_somebody_elses_new_default_is_not_overwritten() -> None:
    ec2 = FakeEc2("lt-1")
    ec2.before_second_look = lambda: ec2.by_hand("lt-1", KeyName="new")
    with pytest.raises(ConflictError, match="somebody made version 2 the default meanwhile"):
        ensure(ec2)
    assert ec2.defaults == {"lt-1": 2}


def test_a_version_that_ec2_made_otherwise_never_becomes_the_default() -> None:
    class Forgetful(FakeEc2):
        def create_launch_template_version(self, **arguments: Any) -> dict[str, Any]:
            answer = super().create_launch_template_version(**arguments)
            answer["LaunchTemplateVersion"]["LaunchTemplateData"].pop("BlockDeviceMappings")
            return answer

    ec2 = Forgetful("lt-1")
    with pytest.raises(ConflictError, match="other data than requested"):
        ensure(ec2)
    assert ec2.defaults == {"lt-1": 1}


def test_a_setting_that_cannot_stand_beside_ours_names_the_template() -> None:
    ec2 = FakeEc2("lt-1")
    ec2.by_hand("lt-1", SecurityGroupIds=["sg-9"])
    with pytest.raises(InvalidRequestError, match=r"launch template lt-1: .*SecurityGroupIds"):
        ensure(ec2)


def test_the_default_profile_of_many_templates_is_moved_where_it_differs() -> None:
    ids = [f"lt-{number}" for number in range(1, 26)]
    ec2 = FakeEc2(*ids)
    for template_id in ids[:-1]:
        ensure_versions(ec2, template_id, DESIRED, "failover", write=True, pacers=Pacers())
    ec2.calls.clear()
    seen = []
    outcomes = set_default_profile(
        ec2, {f"key-{item}": item for item in ids}, "failover", accept=lambda key, _version: seen.append(key)
    )
    assert len(outcomes.results) == 24
    assert list(outcomes.errors) == ["key-lt-25"]
    assert isinstance(outcomes.errors["key-lt-25"], NotFoundError)
    assert len(seen) == 24
    assert ec2.calls == ["describe", "describe"]

    set_default_profile(ec2, {"a": "lt-1"}, "test")
    assert ec2.default_data("lt-1")["NetworkInterfaces"][0]["PrivateIpAddress"] == "10.99.1.11"


def test_a_refused_version_does_not_become_the_default() -> None:
    def refuse(key: str, _version: Any) -> None:
        raise ConflictError(f"{key} is not as declared")

    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    outcomes = set_default_profile(ec2, {"a": "lt-1"}, "test", accept=refuse)
    assert str(outcomes.errors["a"]) == "a is not as declared"
    assert ec2.defaults == {"lt-1": 2}


def test_defaults_of_many_templates_are_one_sweep_and_of_few_a_call_each() -> None:
    ec2 = FakeEc2(*(f"lt-{number}" for number in range(40)))
    assert len(read_defaults(ec2, [f"lt-{number}" for number in range(30)])) == 30
    assert len(ec2.calls) == 1
    assert read_defaults(ec2, ["lt-3", "lt-4"]).keys() == {"lt-3", "lt-4"}
    assert len(ec2.calls) == 3


def test_templates_at_rest_are_known_from_one_sweep_and_others_are_looked_at() -> None:
    ec2 = FakeEc2("lt-1", "lt-2")
    for template_id in ("lt-1", "lt-2"):
        ensure_versions(ec2, template_id, DESIRED, "failover", write=True, pacers=Pacers())
    ec2.by_hand("lt-2", KeyName="rescue")
    ec2.calls.clear()
    ends = read_ends(ec2)
    assert [version.number for version in ends["lt-1"]] == [2, 3]
    states = [
        ensure_versions(
            ec2, template_id, DESIRED, "failover", write=False, pacers=Pacers(), known=ends[template_id]
        ).changed
        for template_id in ("lt-1", "lt-2")
    ]
    assert states == [False, True]
    assert ec2.calls == ["describe", "describe"]
    changed = {**DESIRED, "test": profile("test", "10.99.1.12")}
    assert ensure_versions(ec2, "lt-1", changed, "failover", write=False, pacers=Pacers(), known=ends["lt-1"]).changed
