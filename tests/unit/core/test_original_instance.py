"""The original instance of a server that goes home: what is done to it, and what nothing is ever done to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import (
    InstanceFacts,
    MachineFacts,
    ServerFacts,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_policy import OriginalInstance
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_checks import (
    ALLOWING_TAG,
    LAUNCH_INTO_POLICIES,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.original_instance import (
    Fate,
    Sight,
    Step,
    next_step,
    objection,
    with_fate,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.replication_progress import Replication
from hypothesis import given
from hypothesis import strategies as st

ORIGINAL, RECOVERED, RETURNED = "i-original", "i-recovered", "i-returned"
HERE, HOME = Place("1", "us-west-2"), Place("1", "us-east-1")
PROFILE = "arn:aws:iam::1:instance-profile/drs"
EXPECTED = {
    "probes": ["web"],
    "interfaces": [
        {"interface": 0, "subnet_id": "subnet-a", "address": "10.10.1.11", "security_groups": ["sg-mapped"]},
    ],
}
INTERFACE = {
    "NetworkInterfaceId": "eni-1",
    "SubnetId": "subnet-a",
    "PrivateIpAddress": "10.10.1.11",
    "Groups": [{"GroupId": "sg-own"}],
    "Attachment": {"DeviceIndex": 0, "InstanceId": ORIGINAL},
}
PROTECTING = ServerFacts(
    server_id="s-1",
    arn="arn",
    key="db-1",
    place=HERE,
    origin=HOME,
    direction="FAILOVER",
    instance_id=ORIGINAL,
    replication=Replication("STALLED"),
    rescanned=False,
    recovery_instance_id=RECOVERED,
    last_launch_result="SUCCEEDED",
    reversed_arn="",
    first_byte_at="",
)


def launched(instance_id: str, **changes: Any) -> InstanceFacts:
    facts = InstanceFacts(
        instance_id=instance_id,
        server_id="s-1",
        is_drill=False,
        origin_environment="AWS",
        point_in_time="2026-01-01T00:00:00Z",
        job_id="job",
        failback_state="FAILBACK_IN_PROGRESS",
        failback_launch="",
        replication=Replication("CONTINUOUS"),
    )
    return replace(facts, **changes)


FACTS = MachineFacts(
    protecting=PROTECTING,
    recovered=launched(RECOVERED),
    original_id=ORIGINAL,
    instance_states={ORIGINAL: "running", RECOVERED: "running"},
)


def instance(state: str = "running", *, allowed: bool = False, **changes: Any) -> dict[str, Any]:
    return {
        "InstanceId": ORIGINAL,
        "State": {"Name": state},
        "Architecture": "x86_64",
        "VirtualizationType": "hvm",
        "RootDeviceType": "ebs",
        "IamInstanceProfile": {"Arn": PROFILE},
        "NetworkInterfaces": [INTERFACE],
        "Tags": [{"Key": ALLOWING_TAG[0], "Value": ALLOWING_TAG[1]}] if allowed else [],
        **changes,
    }


def sight(choice: str, found: dict[str, Any] | None, **changes: Any) -> Sight:
    values: dict[str, Any] = {
        "choice": OriginalInstance(choice),
        "original_id": ORIGINAL,
        "instance": found,
        "facts": FACTS,
        "is_windows": False,
        "configuration": {},
        "policies": {PROFILE: LAUNCH_INTO_POLICIES},
        "expected": EXPECTED,
        "in_use": {},
        **changes,
    }
    return Sight(**values)


INTO = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": ORIGINAL}}


def test_it_is_allowed_then_stopped_and_then_launched_into() -> None:
    assert next_step(sight("launch_into", instance())).step == Step.ALLOW
    assert next_step(sight("launch_into", instance(allowed=True))).step == Step.ALLOW, "DRS does not know of it"
    assert next_step(sight("launch_into", instance(), configuration=INTO)).step == Step.ALLOW, "the tag is lacking"
    ready = sight("launch_into", instance(allowed=True), configuration=INTO)
    assert next_step(ready).step == Step.STOP
    for state in ("pending", "stopping"):
        assert next_step(replace(ready, instance=instance(state, allowed=True))).waiting == f"{ORIGINAL} is {state}"
    assert next_step(replace(ready, instance=instance("stopped", allowed=True))).fate == Fate.LAUNCHED_INTO


def test_it_is_stopped_and_terminated_and_its_address_waited_for() -> None:
    assert next_step(sight("replace", instance())).step == Step.STOP
    assert next_step(sight("replace", instance("stopping"))).waiting
    assert next_step(sight("replace", instance("stopped"))).step == Step.TERMINATE
    assert next_step(sight("replace", instance("shutting-down"))).waiting
    gone = sight("replace", instance("terminated"), terminated=True)
    assert next_step(gone).fate == Fate.REPLACED
    left = {("subnet-a", "10.10.1.11"): {**INTERFACE, "Attachment": {}}}
    assert "is in use by eni-1 of no instance" in next_step(replace(gone, in_use=left)).trouble


@pytest.mark.parametrize("choice", list(OriginalInstance))
def test_where_there_is_none_any_more_a_new_instance_is_launched(choice: OriginalInstance) -> None:
    for found in (None, instance("terminated")):
        assert next_step(sight(choice, found)).fate == Fate.GONE
        assert next_step(sight(choice, found, configuration=INTO)).step == Step.GIVE_UP


@pytest.mark.parametrize("choice", ["keep", "terminate"])
def test_one_that_stays_must_not_have_the_address(choice: str) -> None:
    assert next_step(sight(choice, instance())).fate == Fate.KEPT
    held = {("subnet-a", "10.10.1.11"): INTERFACE}
    assert "still has address 10.10.1.11" in next_step(sight(choice, instance(), in_use=held)).trouble
    dynamic = {"interfaces": [{**EXPECTED["interfaces"][0], "address": None}]}  # type: ignore[dict-item]
    assert next_step(sight(choice, instance(), in_use=held, expected=dynamic)).fate == Fate.KEPT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"IamInstanceProfile": {}}, "has no instance profile"),
        ({"Architecture": "arm64"}, "is not of the architecture x86_64"),
        ({"Platform": "windows"}, "runs another platform"),
        ({"NetworkInterfaces": []}, "has None in None and keeps it"),
        ({"NetworkInterfaces": [{**INTERFACE, "PrivateIpAddress": "10.10.1.12"}]}, "has 10.10.1.12 in subnet-a"),
    ],
)
def test_one_that_is_not_fit_is_not_touched(changes: dict[str, Any], reason: str) -> None:
    found = next_step(sight("launch_into", instance(**changes)))
    assert (found.step, found.fate) == (None, None)
    assert reason in found.trouble


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (None, "is not seen"),
        (replace(FACTS, unread="us-east-1 does not answer"), "does not answer"),
        (replace(FACTS, contradiction="two of them"), "two of them"),
        (replace(FACTS, original_id="i-other"), "AWS shows i-other as its original"),
        (replace(FACTS, recovered=None), "does not run"),
        (replace(FACTS, recovered=launched(RECOVERED, is_drill=True)), "does not run"),
        (replace(FACTS, instance_states={ORIGINAL: "running", RECOVERED: "stopped"}), "does not run"),
        (replace(FACTS, recovered=launched(ORIGINAL)), "runs production"),
        (replace(FACTS, returned=launched(ORIGINAL)), "runs production"),
        (replace(FACTS, returned=launched(RETURNED)), f"{RETURNED} runs at home already"),
        (replace(FACTS, original_protected_by="s-2"), "s-2 replicates i-original"),
    ],
)
@pytest.mark.parametrize("choice", ["launch_into", "replace"])
def test_what_may_run_production_is_never_touched(choice: str, facts: MachineFacts | None, reason: str) -> None:
    for state in ("running", "stopped"):
        found = next_step(sight(choice, instance(state, allowed=True), facts=facts, configuration=INTO))
        assert (found.step, found.fate) == (None, None)
        assert reason in found.trouble


@given(
    choice=st.sampled_from(list(OriginalInstance)),
    state=st.sampled_from(["pending", "running", "stopping", "stopped", "shutting-down", "terminated"]),
    original=st.sampled_from(["", ORIGINAL, RECOVERED, RETURNED]),
    recovered=st.sampled_from(["", RECOVERED, ORIGINAL]),
    returned=st.sampled_from(["", RETURNED, ORIGINAL]),
    runs=st.booleans(),
)
def test_nothing_but_an_idle_original_is_stopped_or_terminated(
    choice: OriginalInstance, state: str, original: str, recovered: str, returned: str, runs: bool
) -> None:
    facts = replace(
        FACTS,
        recovered=launched(recovered) if recovered else None,
        returned=launched(returned) if returned else None,
        instance_states={recovered: "running" if runs else "stopped"},
    )
    found = next_step(sight(choice, instance(state), original_id=original, facts=facts, configuration=INTO))
    if found.step in (Step.STOP, Step.TERMINATE):
        assert original == ORIGINAL == facts.original_id
        assert original not in (recovered, returned)
        assert runs
        assert not returned
        assert choice.gives_its_address
        assert not objection(original, facts)


def test_a_source_server_that_leads_both_ways_is_never_launched_into_an_instance() -> None:
    here = replace(FACTS, protecting=replace(PROTECTING, origin=HERE))
    assert (
        "set failback.original_instance to replace" in next_step(sight("launch_into", instance(), facts=here)).trouble
    )
    assert next_step(sight("replace", instance(), facts=here)).step == Step.STOP


def test_validation_looks_for_the_very_instance_that_is_launched_into() -> None:
    into = with_fate(EXPECTED, Fate.LAUNCHED_INTO, ORIGINAL, instance("stopped"))
    assert into["instance_id"] == ORIGINAL
    assert into["interfaces"][0]["security_groups"] == ["sg-own"], "it keeps its own"
    assert with_fate(into, Fate.GONE, ORIGINAL, None) == {**EXPECTED, "interfaces": into["interfaces"]}


def test_an_extended_server_is_launched_into_its_original_or_not_at_all() -> None:
    extended = replace(FACTS, protecting=replace(PROTECTING, extends="arn:aws:drs:us-west-2:3:source-server/s-9"))
    for found in (None, instance("terminated")):
        gone = next_step(sight("launch_into", found, facts=extended))
        assert (gone.step, gone.fate) == (None, None)
        assert "DRS protects an extended server again on that one only" in gone.trouble
    assert next_step(sight("launch_into", instance(), facts=extended)).step == Step.ALLOW
