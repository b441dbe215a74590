"""What drs_launch_configuration costs, and what it still notices when it does not look at everything.

Pages are small here, so that there are several of them; looks at default versions alone, which the module takes in
estates of more than 1,000 servers, are taken in small ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import (
    launch_looks,
    launch_templates,
    launches,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_templates import (
    VersionMark,
    parse_version_description,
    version_description,
)
from ansible_collections.disaster_recovery.aws.plugins.modules import drs_launch_configuration_info

from tests.support.launch_budget import BOTH_ENDS_UP_TO, budget, changing, looking
from tests.support.launches import Launches, writes

SERVERS = 13
MOST_SERVERS = 4000
"""Source servers of an account and Region: quota L-E28BE5E0."""

TYPED = {"target_instance_type_right_sizing_method": "NONE", "copy_private_ip": False, "instance_type": "m5.large"}
OTHERWISE = {**TYPED, "instance_type": "m5.xlarge", "copy_tags": True}


@pytest.fixture(scope="module")
def estate() -> Iterator[Launches]:
    """An estate of 13 servers with an IP map."""
    running = Launches(SERVERS)
    yield running
    running.aws.stop()


@pytest.fixture(scope="module")
def server(estate: Launches) -> Callable[[], str]:
    """Return a server that no other test has, as DRS makes it."""
    free = iter(estate.keys)

    def take() -> str:
        key: str = next(free)
        estate.reset(key)
        return key

    return take


@pytest.fixture
def default_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweep for one server already, and for the default versions alone."""
    monkeypatch.setattr(launch_looks, "BOTH_ENDS_UP_TO", 0)
    for module in (launch_looks, launch_templates, launches):
        monkeypatch.setattr(module, "SWEEP_FROM", 1)


def only(key: str, settings: dict[str, Any] = TYPED, **options: Any) -> dict[str, Any]:
    """Return the options that declare one server."""
    return {"match": {"servers": [key]}, "defaults": settings, **options}


def pages(monkeypatch: pytest.MonkeyPatch, size: int, *, both_ends: bool) -> None:
    """Let answers have C(size) templates, and both ends be looked at or not."""
    monkeypatch.setattr(launch_looks, "BOTH_ENDS_UP_TO", SERVERS if both_ends else 0)
    for module in (launch_looks, launch_templates):
        monkeypatch.setattr(module, "PAGE_SIZE", size)


def test_the_calls_of_every_name_are_the_sum_that_stays_within_the_budget(
    estate: Launches, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in estate.keys:
        estate.reset(key)
    estate.run(defaults={**TYPED, "name": "first", "instance_type": "m5.xlarge"})
    for number, (size, both_ends) in enumerate([(3, True), (5, False), (2, False)]):
        pages(monkeypatch, size, both_ends=both_ends)
        everything = {**TYPED, "name": f"change-{number}", "instance_type": ("m5.large", "m5.xlarge")[number % 2]}
        done, calls = estate.run(defaults=everything)
        assert len(done["servers"]) == done["summary"]["changed"] == SERVERS
        assert calls == changing(SERVERS, page=size, both_ends=both_ends)
        for profile in ("failover", "test", "failover"):
            switched, calls = estate.run(defaults=everything, default_profile=profile)
            moved = {"ModifyLaunchTemplate": SERVERS} if switched["changed"] else {}
            assert writes(calls) == moved
            equal, calls = estate.run(defaults=everything, default_profile=profile)
            assert equal["changed"] is False
            # The default version of a drill is the latest one too.
            assert calls == looking(SERVERS, page=size, both_ends=both_ends and profile == "failover")


def test_the_sums_stay_within_the_budget_for_every_number_of_servers() -> None:
    assert BOTH_ENDS_UP_TO == launch_looks.BOTH_ENDS_UP_TO
    assert launch_templates.PAGE_SIZE == 200
    for servers in range(1, MOST_SERVERS + 1):
        assert sum(looking(servers).values()) <= budget(servers, 1)
        assert sum(changing(servers).values()) <= budget(servers, 5)


@pytest.mark.usefixtures("default_only")
def test_a_deleted_version_is_drift_and_is_made_again_when_asked(estate: Launches, server: Callable[[], str]) -> None:
    key = server()
    estate.run(**only(key))
    ec2, template_id = estate.aws.client("ec2"), estate.template_id(key)
    ec2.delete_launch_template_versions(LaunchTemplateId=template_id, Versions=["3"])
    assert estate.run(**only(key))[0]["changed"] is False

    drifted, calls = estate.run(drs_launch_configuration_info, **only(key))
    assert writes(calls) == {}
    assert drifted["drifted"] == [key]
    assert drifted["servers"][0]["live"]["versions"] == {"failover": 2, "test": None}
    assert {one["where"] for one in drifted["servers"][0]["drift"]} >= {"profiles.test.version"}

    shown, calls = estate.run(check=True, **only(key), verify_versions=True)
    assert (shown["changed"], writes(calls)) == (True, {})
    done, _calls = estate.run(**only(key), verify_versions=True)
    assert done["servers"][0]["versions"] == {"failover": 4, "test": 5}
    assert estate.run(drs_launch_configuration_info, **only(key))[0]["drifted"] == []

    # A switch to a version that is gone finds out by itself.
    ec2.delete_launch_template_versions(LaunchTemplateId=template_id, Versions=["5"])
    switched, _calls = estate.run(**only(key), default_profile="test")
    assert switched["servers"][0]["versions"] == {"test": 6, "failover": 7}
    assert estate.default(key)["NetworkInterfaces"][0]["SubnetId"] in {
        place["test"]["subnet_id"] for place in estate.networks
    }


@pytest.mark.usefixtures("default_only")
def test_what_the_default_version_does_not_tell_is_looked_at(estate: Launches, server: Callable[[], str]) -> None:
    key = server()
    estate.run(**only(key))
    shown = estate.run(check=True, **only(key, OTHERWISE), default_profile="test")[0]
    entries = [{**entry, "profiles": dict(entry["profiles"])} for entry in estate.entries]
    (entry,) = [entry for entry in entries if entry["server_key"] == key]
    place = entry["profiles"]["test"]
    address = place["address"].rsplit(".", 1)[0] + ".200"
    entry["profiles"]["test"] = {**place, "address": address}

    done, calls = estate.run(**only(key, OTHERWISE), ip_map_entries=entries)
    assert calls["DescribeLaunchTemplateVersions"] == 2
    before, after = (done["diff"][side][key]["profiles.test.NetworkInterfaces"][0] for side in ("before", "after"))
    assert before["PrivateIpAddresses"] == [{"Primary": True, "PrivateIpAddress": place["address"]}]
    assert after["PrivateIpAddresses"] == [{"Primary": True, "PrivateIpAddress": address}]
    assert shown["diff"]["before"][key]["profiles.test.InstanceType"] == "m5.large"
    assert estate.run(**only(key, OTHERWISE), ip_map_entries=entries)[0]["changed"] is False


@pytest.mark.usefixtures("default_only")
def test_versions_of_an_earlier_release_stay_and_are_understood(
    estate: Launches, server: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_then(mark: VersionMark) -> str:
        told = mark.beside is not None and mark.beside.number is not None
        return version_description(VersionMark(mark.profile, mark.digest, mark.beside if told else None))

    key = server()
    with monkeypatch.context() as earlier:
        earlier.setattr(launch_templates, "version_description", as_then)
        estate.run(**only(key))
    first, second = (version["VersionDescription"] for version in estate.versions(key)[1:])
    assert "beside" not in first
    assert "beside=failover:2:" in second
    for profile in ("failover", "test", "failover"):
        done, calls = estate.run(**only(key), default_profile=profile)
        assert "CreateLaunchTemplateVersion" not in calls
        equal, calls = estate.run(**only(key), default_profile=profile)
        assert (equal["changed"], writes(calls)) == (False, {})
        assert done["servers"][0]["versions"] == {"failover": 2, "test": 3}

    estate.run(**only(key, OTHERWISE))
    marks = [parse_version_description(version["VersionDescription"]) for version in estate.versions(key)[3:]]
    assert [(mark.profile, mark.beside.profile, mark.beside.number) for mark in marks if mark and mark.beside] == [
        ("failover", "test", None),
        ("test", "failover", 4),
    ]


@pytest.mark.usefixtures("default_only")
def test_a_version_that_nobody_looked_at_is_found_by_its_number(estate: Launches, server: Callable[[], str]) -> None:
    key = server()
    estate.run(**only(key))
    ec2, template_id = estate.aws.client("ec2"), estate.template_id(key)
    ec2.create_launch_template_version(
        LaunchTemplateId=template_id, SourceVersion="2", LaunchTemplateData={"KeyName": "draft"}
    )
    done, _calls = estate.run(**only(key, OTHERWISE))
    assert "failed" not in done
    assert estate.default(key)["InstanceType"] == "m5.xlarge"
    assert "KeyName" not in estate.default(key)
    assert estate.run(**only(key, OTHERWISE))[0]["changed"] is False


@pytest.mark.usefixtures("default_only")
@pytest.mark.parametrize("operation", ["CreateLaunchTemplateVersion", "ModifyLaunchTemplate"])
def test_a_second_writer_loses_nothing_without_a_look_before_the_move(
    estate: Launches, server: Callable[[], str], operation: str
) -> None:
    key = server()
    ec2 = estate.aws.client("ec2")
    waiting = [f"provide-client-params.ec2.{operation}"]

    def second_writer(**_call: Any) -> None:
        if waiting:
            ec2.meta.events.unregister(waiting.pop(), second_writer)
            estate.by_hand(key, KeyName="theirs")

    ec2.meta.events.register(waiting[0], second_writer)
    first, _calls = estate.run(**only(key))
    assert not waiting
    assert estate.default(key)["KeyName"] == "theirs"
    if operation == "ModifyLaunchTemplate":
        assert "theirs is the default now. Run again" in first["msg"]
        assert "SubnetId" not in estate.default(key)["NetworkInterfaces"][0]
    done, _calls = estate.run(**only(key))
    assert "failed" not in done
    assert (estate.default(key)["KeyName"], estate.default(key)["InstanceType"]) == ("theirs", "m5.large")
    assert "SubnetId" in estate.default(key)["NetworkInterfaces"][0]


@pytest.mark.usefixtures("default_only")
def test_templates_that_drs_rewrites_after_an_update_are_looked_at_again(
    estate: Launches, server: Callable[[], str]
) -> None:
    key, other = server(), server()
    both = {"servers": [key, other]}
    estate.run(match=both, defaults=TYPED)
    sized = {"target_instance_type_right_sizing_method": "BASIC", "copy_private_ip": False}
    done, calls = estate.run(match=both, defaults=sized, mandatory_tags={"Owner": "dr-team"})
    assert "failed" not in done
    assert (calls["DescribeLaunchTemplates"], calls["DescribeLaunchTemplateVersions"]) == (1, 2)
    assert calls["CreateLaunchTemplateVersion"] == 4
    assert estate.default(key)["InstanceType"] != "m5.large"
    assert estate.run(match=both, defaults=sized, mandatory_tags={"Owner": "dr-team"})[0]["changed"] is False
