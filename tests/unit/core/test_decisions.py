"""Decisions: who may decide what, and when it is too late."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import (
    DecisionError,
    Pause,
    check_decision,
    default_for,
    effect,
    options_for,
    pause_from_item,
    pause_to_item,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time

from tests.unit.core.builders import at

STEPS = (
    "open-run",
    "discover",
    "gate",
    "prepare-wave",
    "reconcile-wave",
    "wave",
    "validate",
    "final-validation",
    "clean-up",
    "close-run",
    "something-new",
)
PAUSE = Pause("001", "reconcile-wave", 1, "2 failed", ("continue", "retry", "abort"), "abort", format_time(at(600)))


@pytest.mark.parametrize("step", STEPS)
def test_every_option_of_every_step_is_explained_and_abort_is_one(step: str) -> None:
    options = options_for(step)
    assert "abort" in options
    assert all(len(effect(step, option)) > 10 for option in options)


def test_options_depend_on_the_step() -> None:
    assert options_for("gate") == ("continue", "retry", "abort")
    assert options_for("reconcile-wave") == ("continue", "retry", "skip", "abort")
    assert options_for("something-new") == ("retry", "abort")
    with pytest.raises(DecisionError, match="'skip' cannot be decided at gate: use continue, retry, abort"):
        effect("gate", "skip")


def test_a_default_that_the_step_does_not_have_becomes_abort() -> None:
    assert default_for("validate", "skip") == "skip"
    assert default_for("gate", "skip") == "abort"
    assert default_for("approve-failback", "continue") == "abort", "silence approves nothing"
    assert default_for("prepare-failback", "continue") == "abort", "what is not in sync is never launched"
    assert default_for("protect-again", "retry") == "retry"


def test_a_decision_in_time_is_taken() -> None:
    assert check_decision(PAUSE, "retry", by="me", now=at(599)) == "retry"


@pytest.mark.parametrize(
    ("pause", "decision", "seconds", "reason"),
    [
        (PAUSE, "retry", 600, "expired at 2026-11-23T10:10:00.000Z: its default, abort, was decided"),
        (replace(PAUSE, status="expired"), "retry", 1, "expired at"),
        (PAUSE, "skip", 1, "'skip' cannot be decided for pause 001 of reconcile-wave: use continue, retry, abort"),
        (PAUSE, "shrug", 1, "'shrug' cannot be decided"),
        (
            replace(PAUSE, status="answered", decision="retry", decided_by="arn:me", decided_at="then"),
            "abort",
            1,
            "was answered with retry by arn:me at then",
        ),
    ],
)
def test_a_decision_that_cannot_be_taken_says_why(pause: Pause, decision: str, seconds: int, reason: str) -> None:
    with pytest.raises(DecisionError, match=reason):
        check_decision(pause, decision, by="me", now=at(seconds))


def test_a_pause_survives_the_table_without_its_token() -> None:
    item = {**pause_to_item(PAUSE), "wave": Decimal(1), "task_token": "secret", "pk": "x", "asked_at": "y"}
    assert "secret" not in str(pause_from_item(item))
    assert pause_from_item(item) == PAUSE


def test_four_eyes_let_the_one_who_asked_only_abort() -> None:
    pause = replace(PAUSE, not_by="arn:aws:iam::1:user/me")
    with pytest.raises(DecisionError, match=r"user/me requested the run.*somebody else"):
        check_decision(pause, "retry", by="arn:aws:iam::1:user/me", now=at(1))
    assert check_decision(pause, "abort", by="arn:aws:iam::1:user/me", now=at(1)) == "abort"
    assert check_decision(pause, "retry", by="arn:aws:iam::1:user/you", now=at(1)) == "retry"
