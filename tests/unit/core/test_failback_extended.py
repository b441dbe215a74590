"""The way home of a machine whose source server extends one of a staging account, by what AWS shows of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import (
    Action,
    Kind,
    Stage,
    locate,
    locate_within,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import MachineFacts, with_states
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_guards import objection
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_sight import Sight, machines, origins
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place

HOME = Place("222222222222", "us-west-2")
STAGING = Place("111111111111", "us-west-2")
ORIGIN = Place("111111111111", "us-east-1")
ORIGINAL, RECOVERED, OTHER = "i-0a4d0000000000001", "i-0b000000000000001", "i-0a4d0000000000099"
RUNS = {ORIGINAL: "running", RECOVERED: "running", OTHER: "running"}
STAGING_ARN = "arn:aws:drs:us-west-2:111111111111:source-server/s-staging0000000001"
BEFORE, LAUNCH, AFTER = (f"2026-11-24T0{hour}:00:00Z" for hour in (1, 2, 3))
DISKS = [{"deviceName": "/dev/xvda", "totalStorageBytes": 8, "replicatedStorageBytes": 8, "rescannedStorageBytes": 8}]


def server(server_id: str, place: Place, state: str = "CONTINUOUS", **more: Any) -> dict[str, Any]:
    """Return an item of DescribeSourceServers; C(instance), C(direction) and C(started) say what it replicates."""
    instance, started = more.pop("instance", ORIGINAL), more.pop("started", BEFORE)
    info: dict[str, Any] = {"dataReplicationState": state, "replicatedDisks": DISKS, "lagDuration": "PT0S"}
    if state not in ("STOPPED", "DISCONNECTED"):
        info["dataReplicationInitiation"] = {"startDateTime": started}
    return {
        "sourceServerID": server_id,
        "arn": f"arn:aws:drs:{place.region}:{place.account_id}:source-server/{server_id}",
        "replicationDirection": more.pop("direction", "FAILOVER"),
        "sourceProperties": {"identificationHints": {"awsInstanceID": instance, "hostname": "wh-db-1"}},
        "sourceCloudProperties": {"originAccountID": ORIGIN.account_id, "originRegion": ORIGIN.region},
        "dataReplicationInfo": info,
        **more,
    }


def launched(instance: str, server_id: str, at: str, **more: Any) -> dict[str, Any]:
    """Return an item of DescribeRecoveryInstances."""
    return {
        "recoveryInstanceID": instance,
        "ec2InstanceID": instance,
        "sourceServerID": server_id,
        "isDrill": False,
        "originEnvironment": "AWS",
        "pointInTimeSnapshotDateTime": at,
        "dataReplicationInfo": {"dataReplicationState": "NOT_STARTED"},
        **more,
    }


def seen(
    *,
    recovered: bool = True,
    returning: str = "",
    returned: str = "",
    staging: str = "CONTINUOUS",
    started: str = BEFORE,
    states: dict[str, str] | None = None,
    area: dict[str, str] | None = None,
) -> MachineFacts:
    """Return what is seen of one machine: C(returning) and C(staging) are states, C(returned) an instance."""
    forward = server("s-extension00000001", HOME, staging, started=started)
    forward["stagingArea"] = {"status": "EXTENDED", "stagingSourceServerArn": STAGING_ARN, **(area or {})}
    back = server("s-returning00000001", ORIGIN, returning, instance=RECOVERED, direction="FAILBACK")
    servers = {
        HOME: [forward],
        STAGING: [server("s-staging0000000001", STAGING, staging, started=started)] if staging else [],
        ORIGIN: [back] if returning else [],
    }
    instances = {
        HOME: [launched(RECOVERED, "s-extension00000001", BEFORE)] if recovered else [],
        ORIGIN: [launched(returned, "s-returning00000001", LAUNCH)] if returned else [],
    }
    (facts,) = machines(Sight(servers, instances), HOME, ["s-extension00000001"]).values()
    return with_states(facts, RUNS if states is None else states)


def test_the_staging_account_is_looked_at_too() -> None:
    item = server(
        "s-extension00000001", HOME, stagingArea={"status": "EXTENDED", "stagingSourceServerArn": STAGING_ARN}
    )
    assert origins([item], HOME) == {STAGING, ORIGIN}


@pytest.mark.parametrize(
    ("facts", "stage", "action"),
    [
        (seen(recovered=False), Stage.PROTECTED, None),
        (seen(), Stage.RECOVERED, Action.REVERSE_REPLICATION),
        (seen(returning="INITIAL_SYNC"), Stage.REVERSING, None),
        (seen(returning="CONTINUOUS", staging="STALLED"), Stage.IN_SYNC, Action.LAUNCH),
        (seen(returning="CONTINUOUS", returned=ORIGINAL, staging="STOPPED"), Stage.RETURNED, Action.PROTECT_AGAIN),
        (seen(returning="CONTINUOUS", returned=ORIGINAL, staging="STALLED"), Stage.RETURNED, None),
        (seen(returning="CONTINUOUS", returned=ORIGINAL), Stage.RETURNED, None),
        (
            seen(returning="CONTINUOUS", returned=ORIGINAL, staging="INITIAL_SYNC", started=AFTER),
            "protecting_again",
            None,
        ),
        (
            seen(returning="CONTINUOUS", returned=ORIGINAL, started=AFTER),
            Stage.PROTECTED_AGAIN,
            Action.STOP_RETURNING,
        ),
        (
            seen(returning="STOPPED", returned=ORIGINAL, started=AFTER),
            Stage.PROTECTED_AGAIN,
            Action.TERMINATE_RECOVERED,
        ),
        (seen(recovered=False, returning="STOPPED", returned=ORIGINAL, started=AFTER), Stage.PROTECTED, None),
    ],
)
def test_each_stage_has_its_next_action(facts: MachineFacts, stage: Stage, action: Action | None) -> None:
    position = locate(facts, end_original=True)
    assert (position.kind, position.stage, position.action) == (Kind.EXTENDED, stage, action)
    assert not position.refusal
    if action:
        assert objection(facts, action) == ""


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (seen(states={RECOVERED: "running"}), f"its original instance {ORIGINAL} in account 111111111111 in us-east-1"),
        (
            seen(area={"status": "EXTENSION_ERROR", "errorMessage": "role gone"}),
            r"its extension is broken \(role gone\)",
        ),
        (replace(seen(), staging=None), f"{STAGING_ARN}, which it extends, is not seen in account 111111111111"),
        (seen(returning="CONTINUOUS", returned=OTHER), f"replicates {ORIGINAL}, and not {OTHER}, which runs at home"),
        (
            seen(returning="CONTINUOUS", returned=OTHER, staging="STOPPED"),
            "see extended servers in roles/run/README.md",
        ),
    ],
)
def test_a_machine_that_cannot_go_home_is_refused_with_the_reason(facts: MachineFacts, reason: str) -> None:
    position = locate(facts)
    assert (position.stage, position.action) == (Stage.REFUSED, None)
    assert re.search(reason, position.refusal)


def test_only_a_stopped_server_of_the_same_machine_is_started_again() -> None:
    stopped = seen(returning="CONTINUOUS", returned=OTHER, staging="STOPPED")
    assert "and not" in objection(stopped, Action.PROTECT_AGAIN)
    running = seen(returning="CONTINUOUS", returned=ORIGINAL)
    assert "is CONTINUOUS" in objection(running, Action.PROTECT_AGAIN)


@pytest.mark.parametrize("action", [Action.STOP_RETURNING, Action.TERMINATE_RECOVERED, Action.STOP_FAILBACK])
@pytest.mark.parametrize(
    "facts",
    [
        seen(returning="CONTINUOUS", returned=ORIGINAL),
        seen(returning="CONTINUOUS", returned=ORIGINAL, staging="STOPPED"),
        seen(returning="CONTINUOUS", returned=ORIGINAL, staging="INITIAL_SYNC", started=AFTER),
        seen(returning="CONTINUOUS", returned=OTHER, started=AFTER),
    ],
)
def test_nothing_is_ended_before_the_staging_account_protects_what_came_home(
    facts: MachineFacts, action: Action
) -> None:
    assert objection(facts, action)


def test_the_original_is_never_ended() -> None:
    for facts in (
        seen(recovered=False, returning="STOPPED", returned=ORIGINAL, started=AFTER),
        seen(returning="STOPPED", returned=ORIGINAL, started=AFTER),
    ):
        assert locate(facts, end_original=True).action != Action.END_ORIGINAL
        assert objection(facts, Action.END_ORIGINAL)


def test_a_machine_is_refused_without_a_role_in_the_account_where_it_is_at_home() -> None:
    position = locate_within(seen(), {HOME.account_id})
    assert (position.stage, position.action) == (Stage.REFUSED, None)
    assert "dr_accounts names no failback_role_arn of account 111111111111: make the role" in position.refusal
    assert locate_within(seen(), {HOME.account_id, ORIGIN.account_id}) == locate(seen())
    assert locate_within(seen(recovered=False), {HOME.account_id}).stage == Stage.PROTECTED
