"""The failback cycle against the embedded AWS: its steps over two cycles, and module dr_failback_info on the way.

Both values of what DRS leaves open are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import failback
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import InvalidRequestError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.failback import Status
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action, Kind, Position, Stage
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import Remembered
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_seconds
from ansible_collections.disaster_recovery.aws.plugins.modules import dr_failback_info

from tests.emulator.drs.support import frozen
from tests.modules.failback_cycle import RECOVERY_SUBNET, SERVERS, Cycle, estate
from tests.support.orchestrator import options

SETTINGS = {
    "as by default": {},
    "otherwise": {
        "failback_completes_at_launch": True,
        "reverse_reuses_server": True,
        "reversed_arn_goes_stale": False,
        "reversed_server_copies_tags": True,
        "terminate_job_keeps_participants": False,
        "reverse_of_drills": False,
    },
}


@pytest.fixture(scope="module", params=list(SETTINGS))
def cycle(request: pytest.FixtureRequest) -> Iterator[Cycle]:
    """A frozen estate whose servers are shared out among the tests."""
    with frozen(estate(**SETTINGS[request.param])) as running:
        yield Cycle(running)


WAY_HOME = [
    *("recovered", "reverse_replication", "reversing", "in_sync", "launch", "returned", "protect_again"),
    *("protecting_again", "protected_again", "stop_returning", "terminate_recovered", "forget_returned"),
    *("disconnect_returning", "delete_returning"),
]


def test_two_cycles_are_alike_and_end_where_they_began(cycle: Cycle) -> None:
    server_id = "s-server00000000001"
    assert cycle.where(server_id).stage == Stage.PROTECTED
    for _ in range(2):
        original = cycle.facts(server_id).protecting.instance_id
        cycle.remembered[server_id] = Remembered(original_id=original)
        recovered = cycle.fail_over(server_id)
        told = cycle.come_home(server_id, end_original=True)
        facts = cycle.facts(server_id)
        assert told == [*WAY_HOME, "end_original", "protected"]
        assert facts.protecting.protects
        assert (facts.recovered, facts.returning, facts.returned) == (None, None, None)
        states = [cycle.state_of(name) for name in (original, recovered, facts.protecting.instance_id)]
        assert states == ["terminated", "terminated", "running"]


def test_a_look_that_does_not_hold_any_more_does_nothing(cycle: Cycle) -> None:
    server_id = "s-server00000000002"
    original = cycle.facts(server_id).protecting.instance_id
    never = cycle.do(Action.TERMINATE_RECOVERED, server_id)
    assert (never.status, never.reason) == (Status.STALE, "it is protected")
    with pytest.raises(InvalidRequestError, match="launch is not done here"):
        cycle.do(Action.LAUNCH, server_id)
    unknown = failback.do(Action.PROTECT_AGAIN, ["s-00000000000000000"], cycle.reader())
    assert unknown["s-00000000000000000"].reason == "its source server is not there any more"

    recovered = cycle.fail_over(server_id)
    cycle.come_home(server_id, until=Stage.RETURNED)
    for action in set(Action) - {Action.LAUNCH, Action.PROTECT_AGAIN}:
        assert cycle.do(action, server_id, end_original=True).status == Status.STALE, action
    assert [cycle.state_of(name) for name in (original, recovered)] == ["running"] * 2
    cycle.there.advance(300)
    assert cycle.do(Action.PROTECT_AGAIN, server_id).status == Status.BEGUN
    assert cycle.do(Action.PROTECT_AGAIN, server_id).status == Status.STALE
    position = cycle.where(server_id)
    assert (position.stage, position.action) == (Stage.PROTECTING_AGAIN, None)
    assert cycle.do(Action.STOP_RETURNING, server_id).reason == f"{server_id} is to be in sync, and rescanned"


def test_an_instance_that_has_not_finished_initializing_is_waited_for(cycle: Cycle) -> None:
    server_id = "s-server00000000003"
    cycle.there.launch_into(server_id, RECOVERY_SUBNET)
    job = cycle.there.start(server_id)
    assert cycle.where(server_id).waiting == f"job {job} recovers it"
    while cycle.there.job(job)["status"] != "COMPLETED":
        cycle.there.advance(30)
    early = cycle.do(Action.REVERSE_REPLICATION, server_id)
    assert early.status == Status.WAIT
    assert "not finished initializing" in early.reason
    cycle.there.advance(200)
    assert cycle.do(Action.REVERSE_REPLICATION, server_id).status == Status.BEGUN


def test_what_an_earlier_cycle_left_is_never_taken_for_the_way_home(cycle: Cycle) -> None:
    """The record of `returned`, and its source server, are still there when the machine fails over again."""
    server_id = "s-server00000000004"
    cycle.fail_over(server_id)
    cycle.come_home(server_id, until=Stage.PROTECTED_AGAIN)
    for action in (Action.STOP_RETURNING, Action.TERMINATE_RECOVERED):
        assert cycle.do(action, server_id).status == Status.BEGUN
        cycle.there.advance(300)
    assert cycle.where(server_id).action == Action.FORGET_RETURNED
    recovered = cycle.fail_over(server_id)
    assert cycle.where(server_id) == Position(Kind.CROSS_REGION, Stage.RECOVERED, Action.REVERSE_REPLICATION)
    cycle.there.advance(300)
    assert cycle.come_home(server_id)[-1] == "protected"
    facts = cycle.facts(server_id)
    assert facts.returning is None
    assert [cycle.state_of(name) for name in (recovered, facts.protecting.instance_id)] == ["terminated", "running"]


def test_a_failback_that_somebody_stopped_is_begun_again(cycle: Cycle) -> None:
    server_id = "s-server00000000005"
    cycle.fail_over(server_id)
    cycle.come_home(server_id, until=Stage.IN_SYNC)
    returning = cycle.facts(server_id).returning
    assert returning is not None
    cycle.home.api.stop_replication(sourceServerID=returning.server_id)
    assert cycle.come_home(server_id, until=Stage.REVERSING) == [
        *("recovered", "stop_failback", "reverse_replication", "reversing")
    ]
    assert cycle.come_home(server_id)[-1] == "protected"


def info(cycle: Cycle, **given: Any) -> dict[str, Any]:
    """Return what module dr_failback_info answers."""

    def clients(service: str, *, region: str = "us-west-2", credentials: Any = None) -> Any:
        return cycle.there.aws.client(service, region, **(credentials.arguments() if credentials else {}))

    return dr_failback_info.run(options(dr_failback_info, **given), clients, False)


def test_the_module_tells_where_servers_are_and_what_comes_next(cycle: Cycle) -> None:
    one, two = "s-server00000000006", "s-server00000000007"
    plan = {
        "name": "app",
        "groups": {"one": {"source_server_ids": [one]}, "two": {"source_server_ids": [two]}},
        "waves": [{"name": "first", "groups": ["two"]}, {"name": "second", "groups": ["one"]}],
        "failback": {"original_instance": "terminate"},
    }
    cycle.fail_over(one)
    cycle.there.advance(300)
    assert cycle.do(Action.REVERSE_REPLICATION, one).status == Status.BEGUN
    cycle.there.advance(600)
    answer = info(cycle, plan=plan)
    waves = [(server["wave"], server["wave_name"], server["protecting_server_id"]) for server in answer["servers"]]
    assert waves == [(1, "first", two), (2, "second", one)]
    assert answer["counts"] == {"protected": 1, "reversing": 1}
    reversing = answer["servers"][1]
    facts = cycle.facts(one)
    assert facts.returning is not None
    assert reversing["returning_server_id"] == facts.returning.server_id
    assert reversing["original_instance_id"] == facts.protecting.instance_id
    progress = reversing["progress"]
    assert progress["state"] == "INITIAL_SYNC"
    assert 0 < progress["left_bytes"] < progress["total_bytes"] == 8 * 1024**3
    assert answer["lines"][1] == reversing["line"]
    assert f"GiB of 8.0 GiB left, lag {format_seconds(progress['lag'])}, ready about 2" in reversing["line"]
    assert answer["lines"][0].endswith(": protected")

    with pytest.raises(DeclarationError, match="matches no source server"):
        info(cycle, plan={**plan, "groups": {**plan["groups"], "two": {"tags": {"Tier": "none"}}}})
    everything = info(cycle)
    assert sum(everything["counts"].values()) == SERVERS
    assert [server["wave"] for server in everything["servers"]] == [None] * SERVERS
    assert info(cycle, match={"source_server_ids": [two]})["lines"] == [answer["lines"][0]]
    assert answer["unread"] == []
