"""The runs table against DynamoDB: repetition, conditions, races."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    ConflictError,
    NotFoundError,
    TransientError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_locks import plan_lock
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import event_from_item, verify

from tests.runs.conftest import AT, OPERATOR, PLAN, Orchestrator, minutes

ANSWER = {"decision": "retry", "by": OPERATOR, "reason": "quota was raised"}


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do C(work(0)) … C(work(count - 1)) in as many threads; an AwsError is the result of its thread."""

    def attempt(number: int) -> Any:
        try:
            return work(number)
        except (ConflictError, TransientError) as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(attempt, range(count)))


class TestPlans:
    def test_a_plan_gets_a_version_for_every_change_and_for_nothing_else(self, table: RunsTable) -> None:
        first = table.put_plan(PLAN, digest="a", by=OPERATOR, at=AT)
        again = table.put_plan(PLAN, digest="a", by="somebody else", at=minutes(1))
        changed = table.put_plan({**PLAN, "description": "new"}, digest="b", by=OPERATOR, at=minutes(2))

        assert (first["version"], first["changed"]) == (1, True)
        assert (again["version"], again["changed"], again["published_by"]) == (1, False, OPERATOR)
        assert (changed["version"], changed["changed"]) == (2, True)
        assert table.get_plan("payments") == {name: changed[name] for name in changed if name != "changed"}
        assert table.list_plans() == [{"name": "payments", "version": 2}]

    def test_a_withdrawn_plan_comes_back_with_the_next_version(self, table: RunsTable) -> None:
        table.put_plan(PLAN, digest="a", by=OPERATOR, at=AT)
        assert table.delete_plan("payments") is True
        assert table.delete_plan("payments") is False
        assert table.get_plan("payments") is None
        assert table.list_plans() == []
        assert table.put_plan(PLAN, digest="a", by=OPERATOR, at=AT)["version"] == 2

    def test_publishers_at_the_same_time_get_versions_without_a_gap(self, table: RunsTable) -> None:
        results = at_once(6, lambda n: table.put_plan(PLAN, digest=str(n), by=OPERATOR, at=AT)["version"])
        assert sorted(results) == [1, 2, 3, 4, 5, 6]


class TestRuns:
    def test_the_same_request_again_finds_the_same_run(self, house: Orchestrator) -> None:
        request = {"run_id": "r1", "plan": PLAN, "mode": "test", "requested_by": OPERATOR, "execution_arn": "arn:1"}
        first, created = house.table.open_run(**request, requested_at=AT, incident_at=minutes(-5))
        again, created_again = house.table.open_run(**request, requested_at=minutes(1))

        assert (created, created_again) == (True, False)
        assert again == first == house.table.get_run("r1")
        assert first["incident_at"] == "2026-11-23T09:55:00.000Z"

    @pytest.mark.parametrize(
        "other", [{"mode": "failover"}, {"execution_arn": "arn:2"}, {"plan": {**PLAN, "name": "crm"}}]
    )
    def test_a_run_id_belongs_to_one_request(self, table: RunsTable, other: dict[str, Any]) -> None:
        request = {"run_id": "r1", "plan": PLAN, "mode": "test", "requested_by": OPERATOR, "execution_arn": "arn:1"}
        table.open_run(**request, requested_at=AT)
        with pytest.raises(ConflictError, match="r1 is taken by another run"):
            table.open_run(**{**request, **other}, requested_at=AT)
        assert table.list_runs("crm") == []

    def test_runs_of_a_plan_are_listed_newest_first(self, house: Orchestrator) -> None:
        for number in range(3):
            house.table.open_run(
                run_id=f"r{number}",
                plan=PLAN,
                mode="test",
                requested_at=minutes(number),
                requested_by=OPERATOR,
                execution_arn="arn",
            )
        assert [run["run_id"] for run in house.table.list_runs("payments")] == ["r2", "r1", "r0"]
        assert house.table.list_runs("payments", limit=1) == [
            {"run_id": "r2", "mode": "test", "requested_at": "2026-11-23T10:02:00.000Z"}
        ]

    def test_numbers_come_back_as_they_were(self, house: Orchestrator) -> None:
        house.open_run("r1")
        changes = {"whole": 3, "fraction": 0.1 + 0.2, "nested": [{"n": 7}, 1.5], "nothing": None, "flag": True}
        stored = house.table.update_run("r1", changes)
        assert {name: stored[name] for name in changes} == changes
        assert [type(stored[name]) for name in ("whole", "fraction", "flag")] == [int, float, bool]

    def test_what_is_not_there_is_not_made(self, table: RunsTable) -> None:
        for update in (
            lambda: table.update_run("nobody", {"status": "failed"}),
            lambda: table.update_server("nobody", 1, "key", {"status": "failed"}),
            lambda: table.append_event("nobody", "kind", {}, AT),
        ):
            with pytest.raises(NotFoundError):
                update()
        assert table.get_run("nobody") is None

    def test_an_update_can_require_what_was_there(self, house: Orchestrator) -> None:
        house.open_run("r1")
        house.table.update_run("r1", {"status": "waiting"}, require={"status": "running"})
        with pytest.raises(ConflictError):
            house.table.update_run("r1", {"status": "failed"}, require={"status": "running"})
        assert house.table.get_run("r1")["status"] == "waiting"


class TestEvents:
    def test_twenty_writers_lose_nothing_and_the_chain_holds(self, house: Orchestrator) -> None:
        house.open_run("r1")
        results = at_once(20, lambda n: house.table.append_event("r1", "told", {"n": n}, AT))

        assert [result for result in results if not isinstance(result, dict)] == []
        events = house.table.events("r1")
        assert [event["sequence"] for event in events] == list(range(1, 22))
        assert verify(event_from_item(event) for event in events) is None
        assert {event["data"]["n"] for event in events if event["kind"] == "told"} == set(range(20))
        run = house.table.get_run("r1")
        assert (run["event_count"], run["last_hash"]) == (21, events[-1]["hash"])

    def test_a_changed_event_breaks_the_chain(self, house: Orchestrator) -> None:
        house.open_run("r1")
        for number in range(3):
            house.table.append_event("r1", "told", {"share": number / 3, "whole": 2.0}, minutes(number))
        events = house.table.events("r1")
        assert verify(event_from_item(event) for event in events) is None
        events[1]["data"]["share"] = 1
        assert verify(event_from_item(event) for event in events) == 2

    def test_a_retried_function_tells_nothing_twice(self, house: Orchestrator) -> None:
        house.open_run("r1")
        entries = [("told", {"server": name}) for name in ("a", "b")]
        first = house.table.append_events("r1", entries, minutes(1))
        house.table.append_event("r1", "other", {}, minutes(2))
        more = [*entries, ("told", {"server": "c"})]
        assert house.table.append_events("r1", more, minutes(1))[:2] == first
        assert [event["sequence"] for event in house.table.events("r1", after=1)] == [2, 3, 4, 5]

    def test_more_events_than_one_transaction_holds(self, house: Orchestrator) -> None:
        house.open_run("r1")
        house.table.append_events("r1", [("told", {"n": n}) for n in range(230)], AT)
        events = house.table.events("r1", after=1)
        assert [event["data"]["n"] for event in events] == list(range(230))
        assert [event["sequence"] for event in house.table.events("r1", after=100, limit=2)] == [101, 102]


class TestServersAndWaves:
    def test_servers_are_read_by_wave_in_order(self, table: RunsTable) -> None:
        servers = [{"server_key": f"s{n:03d}", "wave": 1 + n % 12, "status": "pending"} for n in range(60)]
        table.put_servers("r1", servers)
        assert table.get_servers("r1") == sorted(servers, key=lambda server: (server["wave"], server["server_key"]))
        assert table.get_servers("r1", 1) == [server for server in servers if server["wave"] == 1]
        changed = table.update_server("r1", 1, "s000", {"status": "launched"}, require={"status": "pending"})
        assert changed["status"] == "launched"

    def test_what_dynamodb_leaves_unprocessed_is_sent_again(self, house: Orchestrator) -> None:
        class Reluctant:
            """A client that processes two of the items it is given."""

            def __getattr__(self, name: str) -> Any:
                return getattr(house.dynamodb, name)

            def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
                [(name, requests)] = RequestItems.items()
                house.dynamodb.batch_write_item(RequestItems={name: requests[:2]})
                return {"UnprocessedItems": {name: requests[2:]} if requests[2:] else {}}

        pauses: list[float] = []
        table = RunsTable(Reluctant(), house.name, sleep=pauses.append)
        servers = [{"server_key": f"s{n}", "wave": 1} for n in range(9)]
        table.put_servers("r1", servers)
        assert house.table.get_servers("r1") == servers
        assert len(pauses) == 4

        with pytest.raises(TransientError, match="unprocessed again and again"):
            table.put_servers("r2", [{"server_key": f"s{n:02d}", "wave": 1} for n in range(25)])

    def test_waves(self, table: RunsTable) -> None:
        waves = [{"wave": n, "name": f"w{n}", "status": "pending"} for n in (1, 2, 10)]
        table.put_waves("r1", waves)
        table.update_wave("r1", 10, {"status": "running"})
        assert table.get_waves("r1") == [*waves[:2], {**waves[2], "status": "running"}]


class TestPauses:
    @pytest.fixture(autouse=True)
    def run(self, house: Orchestrator) -> None:
        house.open_run("r1")

    def status(self, house: Orchestrator) -> tuple[str, list[str]]:
        run = house.table.get_run("r1")
        assert run is not None
        assert run["open_pauses"] == [pause["pause_id"] for pause in house.table.open_pauses("r1")]
        return run["status"], run["open_pauses"]

    def test_a_run_waits_as_long_as_a_pause_is_open_whoever_pauses_and_goes_on_at_the_same_time(
        self, house: Orchestrator
    ) -> None:
        house.pause("r1", "token-0")

        def pause_or_go_on(number: int) -> str:
            if number % 2:
                return str(house.pause("r1", f"token-{number}")["pause_id"])
            return str(house.table.expire_pause("r1", "001", at=AT)["pause_id"])

        at_once(8, pause_or_go_on)
        opened = ["002", "003", "004", "005"]
        assert self.status(house) == ("waiting", opened)
        at_once(4, lambda n: house.table.answer_pause("r1", opened[n], at=AT, **ANSWER))
        assert self.status(house) == ("running", [])

    def test_a_run_that_an_earlier_version_opened_and_a_closed_one(self, house: Orchestrator) -> None:
        house.pause("r1", "token-1")
        house.dynamodb.update_item(
            TableName=house.name,
            Key={"pk": {"S": "RUN#r1"}, "sk": {"S": "META"}},
            UpdateExpression="REMOVE open_pauses",
        )
        house.pause("r1", "token-2")
        assert self.status(house) == ("waiting", ["001", "002"])
        house.table.update_run("r1", {"status": "aborted"})
        house.table.void_pause("r1", "001", by=OPERATOR, at=AT)
        assert self.status(house) == ("aborted", ["002"])
        with pytest.raises(ConflictError):
            house.table.void_pause("r1", "001", by=OPERATOR, at=AT)

    def test_pauses_are_numbered_and_never_show_their_token(self, house: Orchestrator) -> None:
        first = house.pause("r1", "token-1")
        again = house.pause("r1", "token-1", reason="asked twice")
        second = house.pause("r1", "token-2")
        assert [pause["pause_id"] for pause in (first, again, second)] == ["001", "001", "002"]
        assert house.table.open_pauses("r1") == [first, second]
        assert "token-" not in repr([first, again, house.table.pauses("r1"), house.table.get_pause("r1", "002")])
        assert house.table.task_token("r1", "002") == "token-2"

    def test_pauses_at_the_same_time_get_numbers_of_their_own(self, house: Orchestrator) -> None:
        results = at_once(6, lambda n: house.pause("r1", f"token-{n}")["pause_id"])
        assert sorted(results) == [f"00{n}" for n in range(1, 7)]

    def test_one_of_many_operators_decides(self, house: Orchestrator) -> None:
        house.pause("r1")
        results = at_once(
            8,
            lambda n: house.table.answer_pause("r1", "001", decision="retry", by=f"arn:{n}", at=AT, reason="me first"),
        )
        winners = [result for result in results if isinstance(result, tuple)]
        losers = [result for result in results if isinstance(result, ConflictError)]
        assert len(winners) == 1
        assert len(losers) == 7
        pause, recorded = winners[0]
        assert recorded is True
        assert house.table.get_pause("r1", "001") == pause
        assert all(pause["decided_by"] in error.message for error in losers)

    def test_the_same_answer_again_finds_the_first(self, house: Orchestrator) -> None:
        house.pause("r1")
        first, recorded = house.table.answer_pause("r1", "001", at=AT, **ANSWER)
        again, recorded_again = house.table.answer_pause("r1", "001", at=minutes(3), **ANSWER)
        assert (recorded, recorded_again) == (True, False)
        assert again == first

    def test_refused_answers_change_nothing(self, house: Orchestrator) -> None:
        pause = house.pause("r1", options=["retry", "abort"], deadline="2026-11-23T11:00:00.000Z")
        for moment, decision, message in (
            (minutes(60), "retry", "expired at 2026-11-23T11:00:00.000Z"),
            (AT, "skip", "use retry, abort"),
        ):
            with pytest.raises(ConflictError, match=message):
                house.table.answer_pause("r1", "001", **{**ANSWER, "decision": decision}, at=moment)
        with pytest.raises(NotFoundError, match="no pause 007"):
            house.table.answer_pause("r1", "007", at=AT, **ANSWER)
        assert house.table.pauses("r1") == [pause]

    def test_a_pause_expires_into_its_default_unless_it_was_answered(self, house: Orchestrator) -> None:
        house.pause("r1", "token-1")
        house.pause("r1", "token-2")
        house.table.answer_pause("r1", "002", at=AT, **ANSWER)
        expired = house.table.expire_pause("r1", "001", at=minutes(9))
        assert (expired["status"], expired["decision"]) == ("expired", "abort")
        assert house.table.expire_pause("r1", "001", at=minutes(10)) == expired
        assert house.table.expire_pause("r1", "002", at=minutes(9))["decision"] == "retry"


class TestLocks:
    def test_one_of_many_runs_gets_all_locks_and_the_others_none(self, table: RunsTable) -> None:
        keys = [plan_lock("payments"), *(f"server-{n}" for n in range(150))]
        results = at_once(6, lambda n: table.take_locks(keys, f"run-{n}", at=AT))
        winners = [n for n, result in enumerate(results) if result is None]
        assert len(winners) == 1
        assert set(table.lock_owners(keys).values()) == {f"run-{winners[0]}"}
        assert table.lock_owners(keys).keys() == set(keys)
        losers = [result for result in results if result is not None]
        assert all(isinstance(error, ConflictError) and f"run-{winners[0]}" in error.message for error in losers)

    def test_whoever_meets_a_held_lock_keeps_none(self, table: RunsTable) -> None:
        table.take_locks(["zz-held"], "r1", at=AT)
        with pytest.raises(ConflictError, match="zz-held by run r1"):
            table.take_locks([*(f"server-{n}" for n in range(150)), "zz-held"], "r2", at=AT)
        assert table.lock_owners([*(f"server-{n}" for n in range(150)), "zz-held"]) == {"zz-held": "r1"}

    def test_locks_may_be_taken_and_released_again(self, table: RunsTable) -> None:
        for _ in range(2):
            table.take_locks(["a", "b"], "r1", at=AT)
        table.take_locks(["c"], "r2", at=AT)
        for _ in range(2):
            table.release_locks(["a", "b", "c"], "r1")
        assert table.lock_owners(["a", "b", "c"]) == {"c": "r2"}
