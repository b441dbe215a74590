# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps of waves in the runs table.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.step_records import StepRecord, in_order, step_from_item, step_to_item
from .table import Table


class StepItems(Table):
    """Step items of the runs table."""

    def put_steps(self, run_id: str, records: Iterable[StepRecord]) -> None:
        """Write steps of a run. What was there is replaced whole."""
        self._put_all(
            [
                {
                    "pk": f"RUN#{run_id}",
                    "sk": f"STEP#{record.wave:02d}#{record.phase}#{record.number:02d}",
                    **step_to_item(record),
                }
                for record in records
            ],
            f"write steps of run {run_id}",
        )

    def get_steps(self, run_id: str, wave: int | None = None) -> list[StepRecord]:
        """Return the steps that began or were left out, of one wave or of the whole run, as they take place."""
        prefix = "STEP#" if wave is None else f"STEP#{wave:02d}#"
        found = self._query(f"RUN#{run_id}", prefix, what=f"read steps of run {run_id}")
        return in_order(step_from_item(item) for item in found)
