"""What a plan says about its drills, and what a report says of what one left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import report
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.decisions import (
    default_for,
    effect,
    options_for,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.drill_policy import check_hold
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import FIRST_HASH, EventKind, chain
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.progress import Progress, pause_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

PLAN: dict[str, Any] = {"name": "p", "groups": {"g": {"servers": ["a"]}}, "waves": [{"name": "w", "groups": ["g"]}]}
AT = parse_time("2026-11-23T10:00:00Z")
LEFT = [
    {"kind": "volume", "id": f"vol-{number:02d}", "server_key": "a" if number else "", "state": "available"}
    for number in range(25)
]


def test_a_plan_holds_its_drills_as_long_as_it_says_and_an_older_document_not_at_all() -> None:
    held = parse_plan({**PLAN, "drill": {"hold": 604800}})
    assert held.drill.hold == 604800
    assert parse_plan(held.to_document()) == held
    older = parse_plan(PLAN).to_document()
    del older["drill"]
    assert parse_plan(older).drill.hold == 0


@pytest.mark.parametrize("hold", [604801, -1, "an hour", True])
def test_a_hold_that_cannot_be_is_refused(hold: Any) -> None:
    with pytest.raises(DeclarationError, match="hold"):
        parse_plan({**PLAN, "drill": {"hold": hold}})
    with pytest.raises(DeclarationError, match=r"option\.hold"):
        check_hold(hold, "option")


def test_a_hold_ends_by_itself_whatever_the_plan_decides_otherwise() -> None:
    assert options_for("hold") == ("continue", "abort")
    assert default_for("hold", "abort") == "continue"
    assert all("terminate" in effect("hold", option) for option in options_for("hold"))
    pause = {
        "pause_id": "001",
        "step": "hold",
        "wave": None,
        "reason": "held for testers",
        "options": ["continue", "abort"],
        "deadline": "2026-11-23T10:00:00.000Z",
        "default": "continue",
        "details": {"instances": ["a: i-1, 10.99.1.11"]},
    }
    assert "  a: i-1, 10.99.1.11" in pause_lines(pause, "decide")


def test_what_a_drill_left_is_in_report_and_summary_and_it_did_not_simply_succeed() -> None:
    record = ServerRecord("a", 1, "s-1", critical=True, status="cleaned_up", validated_at="2026-11-23T10:30:00.000Z")
    assert report.final_status([record]) == "succeeded"
    assert report.final_status([record], leaves_something=True) == "succeeded_with_failures"
    assert report.final_status([replace(record, status="failed")], leaves_something=True) == "failed"
    ended = {"instances": 1, "profile": "failover", "left_behind": LEFT}
    event = chain(FIRST_HASH, 1, AT, EventKind.CLEAN_UP_ENDED, ended)
    run = {
        "run_id": "r",
        "plan_name": "p",
        "plan": parse_plan(PLAN).to_document(),
        "mode": "test",
        "status": "succeeded_with_failures",
        "requested_at": "2026-11-23T10:00:00.000Z",
        "templates_left": "lt-1: no",
    }
    document = report.build_report(run, [], [record], [event], [], now=AT)
    assert document["left_behind"] == LEFT
    lines = report.summary_lines(document)
    assert "Left behind by the drill, to be deleted by hand: volume vol-00 (available)" in lines
    assert "Left behind by the drill, to be deleted by hand: volume vol-19 of a (available)" in lines
    assert "and 5 more left behind, in the report" in lines
    assert "Launch templates that are not set back after the drill: lt-1: no" in lines
    shown = Progress().lines([{"at": event.at, "kind": event.kind, "data": event.data}])
    assert "LEFT BEHIND: 25" in shown[0]
