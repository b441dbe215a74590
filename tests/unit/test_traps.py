"""Each trap that orchestrators of this kind fell into has a regression test of its name where it belongs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

TRAPS = (
    "job_completed_is_not_launched",
    "exception_turned_into_failed",
    "invented_job_status",
    "only_first_group_of_a_wave",
    "depends_on_ignored",
    "pause_on_first_wave_ignored",
    "cancelled_reported_as_success",
    "quota_error_is_valid",
    "initial_sync_is_ready",
    "unpaginated_job_log",
    "state_over_256_kib",
    "token_in_a_mail",
    "unknown_enum_value",
)


def test_every_trap_has_one_test_of_its_name() -> None:
    found = Counter(
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"def test_trap_(\w+)\(", path.read_text(encoding="utf-8"))
    )
    assert found == Counter(TRAPS)
