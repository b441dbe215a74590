# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long earlier runs of a plan took.

This module util is private to the collection.
"""

from __future__ import annotations

from ..core.events import EventKind
from ..core.records import record_from_item
from ..core.runs import RUN_SUCCESSFUL
from ..core.timeline import Typical, typical_of_run
from .runs_table import RunsTable

LATEST_RUNS = 5
"""Runs that are looked at for one that succeeded."""


def typical_of_plan(table: RunsTable, plan_name: str) -> Typical:
    """Return how long things took in the latest run of a plan that succeeded; without one, what is typical of DRS."""
    for found in table.list_runs(plan_name, limit=LATEST_RUNS):
        run = table.get_run(found["run_id"])
        if run is not None and run["status"] in RUN_SUCCESSFUL:
            jobs = {
                event["data"]["job_id"]: event["data"]["created_at"]
                for event in table.events(found["run_id"])
                if event["kind"] == EventKind.JOB_STARTED and event["data"].get("created_at")
            }
            servers = [record_from_item(item) for item in table.get_servers(found["run_id"])]
            return typical_of_run(found["run_id"], servers, jobs)
    return Typical()
