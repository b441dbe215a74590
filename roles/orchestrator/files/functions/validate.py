# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate: are the launched instances what the plan expects? For one wave, or once more for the whole plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from _instances import read_instances, read_statuses
from _premises import check
from _probes import Look, probe_servers
from _records import declared_wave, read_plan, read_records, read_run, read_wave, store, timer_started, tolerated
from _runtime import Call, Result, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import (
    probe_results,
    validation,
    wave_validation,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import Plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus, profile_of
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.validation import OK, CheckResult
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.wave_validation import ValidationStep
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import ABORT, DONE

FINAL_TIMEOUT = 900
"""Seconds that the final validation of the whole plan may take."""


def _check(
    records: Sequence[ServerRecord], found: Mapping[str, Any], statuses: Mapping[str, Any]
) -> dict[str, CheckResult]:
    return {
        record.server_key: validation.check_server(
            record, found.get(record.instance_id or ""), statuses.get(record.instance_id or ""), record.expected
        )
        for record in records
    }


def _with_probes(
    look: Look, plan: Plan, results: Mapping[str, CheckResult], records: Iterable[ServerRecord]
) -> tuple[list[ServerRecord], dict[str, CheckResult]]:
    """Ask the probes, and return the records with what they saw, and the results with what that means."""
    probed = {record.server_key: record for record in probe_servers(look, plan.probes)}
    after = [probed.get(record.server_key, record) for record in records]
    both = dict(results)
    for key, record in probed.items():
        asked = [probe for probe in plan.probes if probe.name in record.expected.get("probes", ())]
        both[key] = probe_results.with_probes(results[key], record, asked, look.since)
    return after, both


def _step(
    call: Call,
    run: Mapping[str, Any],
    before: Sequence[ServerRecord],
    checked: frozenset[str],
    max_failures: int,
    timeout: int,
    began: str,
) -> ValidationStep:
    records = [record for record in before if record.status in checked]
    instances = [record for record in records if not record.by_failback_client]
    found = read_instances(instances)
    results = {
        **_check(instances, found, read_statuses(instances)),
        **check([record for record in records if record.by_failback_client]),
    }
    passed = [record for record in records if results[record.server_key].outcome == OK]
    look = Look(call, profile_of(run["mode"]), began, found, passed)
    after, results = _with_probes(look, read_plan(run), results, before)
    step = wave_validation.step(
        after, results, max_failures=max_failures, timeout=timeout, started_at=parse_time(began), now=call.now
    )
    updates = {record.server_key: record for record in (*after, *step.updates)}
    store(call, before, list(updates.values()))
    return step


def _validate_wave(call: Call) -> ValidationStep:
    run, wave = read_run(call), read_wave(call)
    if run.get("aborting"):
        return ValidationStep((), ABORT, 0, "the run is being aborted")
    number = wave["wave"]
    declared = declared_wave(read_plan(run), number)
    records = read_records(call, number)
    return _step(
        call,
        run,
        records,
        frozenset({ServerStatus.LAUNCHED}),
        tolerated(declared, records),
        declared.timeout,
        format_time(timer_started(wave)),
    )


def _validate_plan(call: Call) -> ValidationStep:
    run = read_run(call)
    if run.get("aborting"):
        return ValidationStep((), ABORT, 0, "the run is being aborted")
    began = run.get("validation_started_at")
    if not began:
        began = call.at
        runs().update_run(call.run_id, {"validation_started_at": began})
    checked = frozenset({ServerStatus.LAUNCHED, ServerStatus.VALIDATED})
    step = _step(call, run, read_records(call), checked, 0, FINAL_TIMEOUT, began)
    if step.outcome == DONE:
        runs().update_run(call.run_id, {"validation_ended_at": call.at})
    return step


@function("validate")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason})."""
    step = _validate_plan(call) if call.wave is None else _validate_wave(call)
    return {"outcome": step.outcome, "seconds": step.seconds, "reason": step.reason}
