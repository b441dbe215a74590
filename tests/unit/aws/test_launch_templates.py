"""Launch template versions: which one is a profile's, and what happens when somebody else writes too."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    ConflictError,
    NotFoundError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_profiles import set_default_profile
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.launch_templates import (
    read_defaults,
    read_heads,
    read_known,
    write_plans,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_desired import DesiredProfile
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_networks import DesiredInterface
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_versions import (
    KEPT_VERSIONS,
    PRUNED_EVERY,
    TemplatePlan,
    plan_template,
    with_told,
)
from botocore.exceptions import ClientError

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


def refusal(code: str) -> ClientError:
    """Return an error of EC2."""
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Call")


class FakeEc2:
    """Templates as EC2 keeps them: a version made from a source inherits its top-level keys; pages of two."""

    def __init__(self, *template_ids: str) -> None:
        self.templates: dict[str, dict[int, dict[str, Any]]] = {
            template_id: {1: {"data": copy.deepcopy(DRS_DATA), "description": ""}} for template_id in template_ids
        }
        self.defaults = dict.fromkeys(template_ids, 1)
        self.latest = dict.fromkeys(template_ids, 1)
        self.calls: list[str] = []
        self.before_create: Any = None
        self.before_heads: Any = None

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
                return {
                    "describe_launch_template_versions": client._versions,
                    "describe_launch_templates": client._heads,
                }[operation](**arguments)

        return Paginator()

    def _versions(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self.calls.append("describe")
        ids = [arguments["LaunchTemplateId"]] if "LaunchTemplateId" in arguments else list(self.templates)
        if not set(ids) <= self.templates.keys():
            raise refusal("InvalidLaunchTemplateId.NotFound")
        wanted = arguments.get("Versions")
        items = [
            self._item(template_id, number)
            for template_id in ids
            for number in sorted(self.templates[template_id], reverse=True)
            if wanted is None
            or ("$Default" in wanted and number == self.defaults[template_id])
            or ("$Latest" in wanted and number == max(self.templates[template_id]))
        ]
        for at in range(0, max(len(items), 1), 2):
            yield {"LaunchTemplateVersions": items[at : at + 2]}

    def _item(self, template_id: str, number: int) -> dict[str, Any]:
        version = self.templates[template_id][number]
        return {
            "LaunchTemplateId": template_id,
            "VersionNumber": number,
            "VersionDescription": version["description"],
            "DefaultVersion": number == self.defaults[template_id],
            "LaunchTemplateData": copy.deepcopy(version["data"]),
        }

    def _heads(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self.calls.append("heads")
        if self.before_heads:
            self.before_heads()
        if not set(arguments["LaunchTemplateIds"]) <= self.templates.keys():
            raise refusal("InvalidLaunchTemplateId.NotFound")
        yield {"LaunchTemplates": [self._template(template_id) for template_id in arguments["LaunchTemplateIds"]]}

    def _template(self, template_id: str) -> dict[str, Any]:
        return {
            "LaunchTemplateId": template_id,
            "DefaultVersionNumber": self.defaults[template_id],
            "LatestVersionNumber": max(self.templates[template_id]),
        }

    def create_launch_template_version(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("create")
        assert arguments["LaunchTemplateData"]
        assert len(arguments["ClientToken"]) <= 64
        if self.before_create:
            self.before_create()
        template_id = arguments["LaunchTemplateId"]
        source = self.templates[template_id][int(arguments["SourceVersion"])]["data"]
        data = {**copy.deepcopy(source), **arguments["LaunchTemplateData"]}
        number = self._add(template_id, data, arguments["VersionDescription"])
        return {"LaunchTemplateVersion": self._item(template_id, number)}

    def _add(self, template_id: str, data: dict[str, Any], description: str) -> int:
        self.latest[template_id] += 1
        self.templates[template_id][self.latest[template_id]] = {"data": data, "description": description}
        return self.latest[template_id]

    def modify_launch_template(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("modify")
        template_id, number = arguments["LaunchTemplateId"], int(arguments["DefaultVersion"])
        if number not in self.templates[template_id]:
            raise refusal("InvalidLaunchTemplateId.VersionNotFound")
        self.defaults[template_id] = number
        return {"LaunchTemplate": self._template(template_id)}

    def delete_launch_template_versions(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("delete")
        for number in map(int, arguments["Versions"]):
            assert number != self.defaults[arguments["LaunchTemplateId"]]
            del self.templates[arguments["LaunchTemplateId"]][number]
        return {"UnsuccessfullyDeletedLaunchTemplateVersions": []}

    def by_hand(self, template_id: str, **data: Any) -> int:
        """Make a version from the default one and make it the default, as a person or DRS would."""
        base = self.templates[template_id][self.defaults[template_id]]["data"]
        self.defaults[template_id] = self._add(template_id, {**copy.deepcopy(base), **data}, "by hand")
        return self.defaults[template_id]

    def default_data(self, template_id: str) -> dict[str, Any]:
        """Return what would be launched."""
        data: dict[str, Any] = self.templates[template_id][self.defaults[template_id]]["data"]
        return data


def plan(
    ec2: FakeEc2, *, desired: dict[str, DesiredProfile] | None = None, default: str = "failover", sweep: bool = False
) -> TemplatePlan:
    """Decide what template lt-1 lacks."""
    versions = read_known(ec2, ["lt-1"], Pacers(), sweep=sweep)["lt-1"]
    desired = desired or DESIRED
    if sweep:
        versions = with_told(versions, desired, latest_seen=True)
    return plan_template(versions, desired, default)


def ensure(
    ec2: FakeEc2, *, desired: dict[str, DesiredProfile] | None = None, default: str = "failover", sweep: bool = False
) -> dict[str, int]:
    """Bring template lt-1 to what is desired, and return the version of each profile."""
    plans = {"a": plan(ec2, desired=desired, default=default, sweep=sweep)}
    return write_plans(ec2, plans, Pacers()).raise_if_any("write")["a"]


def test_each_profile_gets_a_version_with_everything_else_kept_and_a_second_time_only_reads() -> None:
    ec2 = FakeEc2("lt-1")
    assert plan(ec2).changed is True
    assert ec2.calls == ["describe"]
    assert ensure(ec2) == {"failover": 2, "test": 3}
    assert ec2.defaults == {"lt-1": 2}
    data = ec2.default_data("lt-1")
    assert data["BlockDeviceMappings"] == DRS_DATA["BlockDeviceMappings"]
    assert data["NetworkInterfaces"][0]["PrivateIpAddress"] == "10.20.1.11"
    assert data["InstanceType"] == "m5.large"

    for sweep in (False, True):
        ec2.calls.clear()
        assert ensure(ec2, sweep=sweep) == {"failover": 2, "test": 3}
        assert ec2.calls == ["describe"]


def test_a_version_that_drs_wrote_is_what_the_profiles_are_then_made_from() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    ec2.by_hand("lt-1", InstanceType="c5.4xlarge", KeyName="rescue")
    assert ensure(ec2) == {"failover": 5, "test": 6}
    assert ec2.default_data("lt-1")["KeyName"] == "rescue"
    assert ec2.default_data("lt-1")["InstanceType"] == "m5.large"
    assert plan(ec2).changed is False


def test_a_version_by_hand_that_says_the_same_makes_no_new_versions() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    ec2.by_hand("lt-1")
    assert plan(ec2).changed is True
    assert ensure(ec2) == {"failover": 2, "test": 3}
    assert ec2.defaults == {"lt-1": 2}


def test_switching_the_profile_is_one_call_in_both_directions() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    for default, number in (("test", 3), ("failover", 2)):
        ec2.calls.clear()
        assert ensure(ec2, default=default, sweep=True) == {"failover": 2, "test": 3}
        assert ec2.calls == ["describe", "heads", "modify"]
        assert ec2.defaults == {"lt-1": number}


def test_a_new_default_is_never_the_latest_version_too() -> None:
    """One look at the default and latest versions of all templates then shows those of both profiles."""
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    changed = {**DESIRED, "failover": profile("failover", "10.20.1.12")}
    assert ensure(ec2, desired=changed) == {"failover": 4, "test": 5}
    changed = {**changed, "test": profile("test", "10.99.1.12")}
    assert ensure(ec2, desired=changed) == {"failover": 6, "test": 7}
    assert plan(ec2, desired=changed, sweep=True).changed is False


def test_other_alternative_types_are_a_new_version() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    types = ("m5a.large", "m6i.large")
    desired = {
        name: DesiredProfile(name, one.interfaces, one.instance_type, one.tags, alternative_instance_types=types)
        for name, one in DESIRED.items()
    }
    assert ensure(ec2, desired=desired) == {"failover": 4, "test": 5}
    (version,) = (item for item in read_known(ec2, ["lt-1"], Pacers())["lt-1"] if item.number == 5)
    assert version.mark is not None
    assert version.mark.instance_types == types
    assert ensure(ec2, desired=desired, default="test", sweep=True)["test"] == 5
    ec2.calls.clear()
    assert ensure(ec2, desired=desired, sweep=True)["failover"] == 4
    assert "create" not in ec2.calls


def test_a_profile_that_equals_the_version_of_drs_still_gets_its_own() -> None:
    ec2 = FakeEc2("lt-1")
    ensure(ec2)
    ec2.templates["lt-1"] = {1: {"data": ec2.default_data("lt-1"), "description": ""}}
    ec2.defaults["lt-1"] = ec2.latest["lt-1"] = 1
    assert ensure(ec2, desired={"failover": DESIRED["failover"]}) == {"failover": 2}


def test_somebody_elses_version_written_before_ours_is_not_overwritten() -> None:
    ec2 = FakeEc2("lt-1")
    planned = plan(ec2)
    ec2.by_hand("lt-1", KeyName="new")
    with pytest.raises(ConflictError, match="somebody wrote a version between 1 and 3 meanwhile"):
        write_plans(ec2, {"a": planned}, Pacers()).raise_if_any("write")
    assert ec2.defaults == {"lt-1": 2}
    assert ensure(ec2) == {"failover": 4, "test": 5}
    assert ec2.default_data("lt-1")["KeyName"] == "new"


def test_numbers_of_deleted_versions_are_no_second_writer() -> None:
    ec2 = FakeEc2("lt-1")
    ec2.latest["lt-1"] = 7
    assert ensure(ec2) == {"failover": 8, "test": 9}
    assert ec2.defaults == {"lt-1": 8}
    assert ec2.calls == ["describe", "create", "describe", "create", "heads", "modify"]


def test_somebody_elses_version_written_after_ours_is_not_overwritten() -> None:
    ec2 = FakeEc2("lt-1")
    ec2.before_heads = lambda: ec2.by_hand("lt-1", KeyName="new")
    with pytest.raises(ConflictError, match=r"has default version 4 and latest version 4 \(expected 1 and 3\)"):
        ensure(ec2)
    assert ec2.defaults == {"lt-1": 4}
    ec2.before_heads = None
    assert ensure(ec2) == {"failover": 5, "test": 6}
    assert ec2.default_data("lt-1")["KeyName"] == "new"


def test_a_template_that_is_gone_meanwhile_does_not_hide_the_others() -> None:
    ec2 = FakeEc2("lt-1", "lt-2", "lt-3")
    assert read_heads(ec2, ["lt-1", "lt-2", "lt-3", "lt-4"], Pacers()).keys() == {"lt-1", "lt-2", "lt-3"}


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


def test_a_setting_that_cannot_stand_beside_ours_is_named() -> None:
    ec2 = FakeEc2("lt-1")
    ec2.by_hand("lt-1", SecurityGroupIds=["sg-9"])
    with pytest.raises(DeclarationError, match="SecurityGroupIds"):
        ensure(ec2)


def test_old_versions_of_ours_are_pruned_and_never_the_default_nor_anothers() -> None:
    ec2 = FakeEc2("lt-1")
    for number in range(10, 30):
        ensure(ec2, desired={name: profile(name, f"10.20.1.{number}") for name in DESIRED})
        if number == 15:
            ec2.by_hand("lt-1", KeyName="rescue")
    descriptions = {number: version["description"] for number, version in ec2.templates["lt-1"].items()}
    ours = [number for number, text in descriptions.items() if "profile=failover" in text]
    assert ec2.latest["lt-1"] > 2 * PRUNED_EVERY
    assert KEPT_VERSIONS <= len(ours) < KEPT_VERSIONS + PRUNED_EVERY
    assert ec2.calls.count("delete") == 2
    assert [number for number, text in descriptions.items() if not text.startswith("disaster")] == [1, 14]
    assert ec2.default_data("lt-1")["KeyName"] == "rescue"


def test_versions_that_cannot_be_pruned_are_told() -> None:
    class Refusing(FakeEc2):
        def delete_launch_template_versions(self, **arguments: Any) -> dict[str, Any]:
            item = {"VersionNumber": int(arguments["Versions"][0]), "ResponseError": {"Message": "in use"}}
            return {"UnsuccessfullyDeletedLaunchTemplateVersions": [item]}

    ec2 = Refusing("lt-1")
    for number in range(10, 19):
        ensure(ec2, desired={name: profile(name, f"10.20.1.{number}") for name in DESIRED})
    with pytest.raises(AwsError, match="is as declared, but old versions were not deleted: 2: in use"):
        ensure(ec2)


def test_the_default_profile_of_many_templates_is_moved_where_it_differs() -> None:
    ids = [f"lt-{number}" for number in range(1, 26)]
    ec2 = FakeEc2(*ids)
    known = read_known(ec2, ids, Pacers())
    plans = {item: plan_template(known[item], DESIRED, "failover") for item in ids[:-1]}
    assert write_plans(ec2, plans, Pacers()).errors == {}
    assert ec2.calls.count("heads") == 1
    ec2.calls.clear()
    seen: list[str] = []
    outcomes = set_default_profile(
        ec2, {f"key-{item}": item for item in ids}, "failover", accept=lambda key, _version: seen.append(key)
    )
    assert len(outcomes.results) == 24
    assert list(outcomes.errors) == ["key-lt-25"]
    assert isinstance(outcomes.errors["key-lt-25"], NotFoundError)
    assert len(seen) == 24
    assert ec2.calls == ["describe", "describe"]

    for name, subnet in (("test", "subnet-test"), ("failover", "subnet-failover")):
        ec2.calls.clear()
        outcomes = set_default_profile(ec2, {item: item for item in ids[:-1]}, name)
        assert outcomes.errors == {}
        assert {version.data["NetworkInterfaces"][0]["SubnetId"] for version in outcomes.results.values()} == {subnet}
        assert (ec2.calls.count("modify"), ec2.calls.count("describe"), len(ec2.calls)) == (24, 2, 26)


def test_a_switch_looks_at_all_versions_where_the_default_one_tells_of_one_that_is_gone() -> None:
    ids = [f"lt-{number}" for number in range(20)]
    ec2 = FakeEc2(*ids)
    plans = {item: plan_template(found, DESIRED, "failover") for item, found in read_known(ec2, ids, Pacers()).items()}
    write_plans(ec2, plans, Pacers())
    set_default_profile(ec2, {item: item for item in ids}, "test")
    del ec2.templates["lt-7"][2]
    outcomes = set_default_profile(ec2, {item: item for item in ids}, "failover")
    assert list(outcomes.errors) == ["lt-7"]
    assert "no intact version of profile failover" in str(outcomes.errors["lt-7"])
    assert ec2.defaults["lt-7"] == 3
    assert ec2.defaults["lt-8"] == 2


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
    assert read_known(ec2, ["lt-3", "lt-99"], Pacers()).keys() == {"lt-3"}
    assert len(ec2.calls) == 5


def test_first_page_only_201_servers() -> None:
    """Trap: a caller that stops after the first page knows 200 templates, and takes the 201st for missing."""
    ids = [f"lt-{number:03d}" for number in range(201)]
    ec2 = FakeEc2(*ids)
    assert list(read_known(ec2, ids, Pacers())) == ids
    assert list(read_defaults(ec2, ids)) == ids
    heads = read_heads(ec2, ids, Pacers())
    assert list(heads) == ids
    assert ec2.calls == ["describe", "describe", "heads", "heads"]
    for number in range(10, 115):
        ec2.by_hand("lt-000", KeyName=f"key-{number}")
        ec2.by_hand("lt-000", KeyName=f"key-{number}")
    assert len(read_known(ec2, ["lt-000"], Pacers(), sweep=False)["lt-000"]) == 211
