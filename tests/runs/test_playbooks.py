"""The playbooks about plans and runs, by full name and from the checkout, on the inventory of the sample estate."""

from __future__ import annotations

from typing import Any

from tests.runs.conftest import AT, PLAN, Orchestrator
from tests.support.playbook import Outcome, run_playbook

INVENTORY = "inventories/embedded"


def play(house: Orchestrator, name: str, *arguments: str, succeeds: bool = True, **variables: Any) -> Outcome:
    return run_playbook(
        name,
        *arguments,
        inventory=INVENTORY,
        variables={"dr_prefix": house.prefix, "dr_plans": [PLAN], **variables},
        environment={"DR_PORT": house.aws.endpoint.rsplit(":", 1)[1]},
        succeeds=succeeds,
    )


def test_plans_are_published_once_and_shown_before(house: Orchestrator) -> None:
    shown = play(house, "disaster_recovery.aws.plan", "--check", "--diff")
    assert "+" in shown.output
    assert "databases" in shown.output
    assert "Estimates: typical of DRS" in shown.output
    assert "WARNING: 16 servers (" in shown.output
    strict = play(house, "playbooks/plan.yml", succeeds=False, dr_plan_strict=True)
    assert "plan lint (uncovered)" in strict.output
    assert house.table.list_plans() == []
    assert play(house, "playbooks/plan.yml").recap()["changed"] == 1
    assert play(house, "playbooks/plan.yml").recap()["changed"] == 0
    assert house.table.list_plans() == [{"name": "payments", "version": 1}]


def test_an_inventory_without_plans_is_told(house: Orchestrator) -> None:
    for name in ("disaster_recovery.aws.plan", "disaster_recovery.aws.drill"):
        refused = play(house, name, succeeds=False, dr_plans=[], dr_plan="payments")
        assert "The inventory declares no plan to run" in refused.output
        assert INVENTORY in refused.output


def test_a_failback_before_any_failover_is_told_where_its_servers_are(house: Orchestrator) -> None:
    house.deploy("failback")
    dry = play(house, "disaster_recovery.aws.failback", dr_plan="payments", dr_dry_run=True, succeeds=False)
    assert "pay-db-1.example.internal   cross region  at home, protected  nothing: it is home" in dry.output
    refused = play(house, "playbooks/failback.yml", dr_plan="payments", succeeds=False)
    assert "at home, protected" not in refused.output
    for outcome in (dry, refused):
        text = " ".join(outcome.output.split())
        assert "Plan 'payments' has nothing to fail back: none of its servers runs recovered (2 protected: " in text
        assert "Traceback" not in text
    assert house.table.list_plans() == []


def test_a_paused_run_is_shown_decided_and_stopped(house: Orchestrator) -> None:
    house.deploy("test", "wave")
    house.table.put_plan(PLAN, digest="a", by="test", at=AT)
    house.start("test", "r1")
    house.open_run("r1", status="waiting")
    house.pause("r1", house.task_token())
    assert "r1" in play(house, "disaster_recovery.aws.status").output
    status = play(house, "disaster_recovery.aws.status", dr_run="r1").output
    assert "skip      leaves out the servers that are not launched" in status

    refused = play(house, "disaster_recovery.aws.decide", succeeds=False, dr_run="r1", dr_decision="skip")
    assert "dr_reason is missing or empty" in refused.output
    cut = play(
        house, "playbooks/decide.yml", "-e", "dr_reason=two words", succeeds=False, dr_run="r1", dr_decision="skip"
    )
    assert "cut 'words' off" in cut.output
    decided = play(house, "disaster_recovery.aws.decide", dr_run="r1", dr_decision="skip", dr_reason="two words")
    assert "skip leaves out the servers" in decided.output
    assert house.table.get_pause("r1", "001")["decision_reason"] == "two words"
    assert house.ended("test", "r1")["status"] == "SUCCEEDED"

    stopped = play(house, "disaster_recovery.aws.stop", dr_run="r1", dr_reason="it never closed itself")
    assert "DRS jobs that go on: none" in stopped.output
    assert house.table.get_run("r1")["status"] == "aborted"
