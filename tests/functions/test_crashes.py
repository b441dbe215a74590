"""Every function, killed at every point of its body and called again: nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.orchestrator import FUNCTIONS, ROOT


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    """What came of all attempts; see tests/support/crashes.py."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.crash_scenarios"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'collections'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert [report["problems"] for report in found if not report["function"]] == []
    return found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_crash_and_repeat_at_every_point_ends_as_if_nothing_had_happened(
    reports: list[dict[str, Any]], function: str
) -> None:
    own = [report for report in reports if report["function"] == function]
    assert any(report["points"] for report in own), f"tests/support/crash_scenarios.py does not call {function}"
    assert [f"{report['case']} {problem}" for report in own for problem in report["problems"]] == []
