# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prepare: begin a wave, and make sure that its servers launch in the network of the run's mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from _isolation import isolation_findings
from _launch import LOOKED_AT, SWITCHED, pause, set_profile, with_settings
from _original_instance import settle_originals
from _records import begin_wave, read_plan, read_records, read_run, read_wave
from _runtime import Call, Result, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Outcomes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import readiness
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_facts import TEST_PROFILE
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import record_to_item
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import ServerStatus, launch_profile_of

FINDINGS_IN_EVENT = 50

NOT_TO_LAUNCH = frozenset(
    {ServerStatus.SKIPPED, ServerStatus.LAUNCHED, ServerStatus.VALIDATED, ServerStatus.CLEANED_UP}
)
"""Statuses of servers whose templates are left alone: an earlier failback may have brought them home already."""


def _ways_out(call: Call, run: Mapping[str, Any]) -> str:
    """Prove the isolation of a drill's network anew: hours may have passed since the gate, or since the latest wave.

    Returns:
        What leads out of it now and did not when the gate let the run pass; empty when nothing does.
    """
    findings = isolation_findings(read_records(call), read_plan(run).gate.isolation)
    new = [finding for finding in findings if finding.blocking and finding.what not in run.get("known_paths", [])]
    told = {"wave": call.wave, "findings": [asdict(finding) for finding in new[:FINDINGS_IN_EVENT]]}
    runs().append_event(call.run_id, EventKind.ISOLATION_CHECKED.value, told, call.now)
    return f"the drill's network is not isolated any more: {readiness.summary(new)}" if new else ""


@function("prepare-wave")
def handler(call: Call) -> Result:
    """Return C({outcome, seconds, reason}): wait as long as there are servers whose template was not looked at yet, or
    whose original instance is not ready for a failback; ask where that cannot be made ready, and where the network of a
    drill is not isolated any more.

    The template versions are set and read back, whatever a drill that died may have left. What is done is in the
    records, so a call that was cut short, or refused for some servers, is gone on with.
    """
    run, wave = read_run(call), read_wave(call)
    if run.get("aborting"):
        return {"outcome": "done", "seconds": 0, "reason": ""}
    records = read_records(call, call.wave)
    begin_wave(call, wave, records)
    if not wave.get("timer_started_at"):
        runs().update_wave(call.run_id, wave["wave"], {"timer_started_at": call.at})
    originals = settle_originals(call, run, read_plan(run), records)
    if originals.reason or originals.seconds:
        outcome = "ask" if originals.reason else "wait"
        reason = originals.reason or "the original instances are not ready for the launch yet"
        return {"outcome": outcome, "seconds": originals.seconds, "reason": reason}
    profile = launch_profile_of(run)
    launched = [record for record in originals.records if not record.by_failback_client]
    left = [record for record in launched if not record.prepared and record.status not in NOT_TO_LAUNCH]
    outcomes = set_profile(left[:LOOKED_AT], profile, most=SWITCHED)
    if outcomes.results:
        versions = {key: f"{one.version.template_id}:{one.version.number}" for key, one in outcomes.results.items()}
        prepared = {"wave": wave["wave"], "profile": profile, "versions": versions}
        runs().append_event(call.run_id, EventKind.TEMPLATES_PREPARED.value, prepared, call.now)
        done = [
            with_settings(record, outcomes.results[record.server_key])
            for record in left
            if record.server_key in outcomes.results
        ]
        runs().put_servers(call.run_id, [record_to_item(record) for record in done])
    Outcomes({}, dict(outcomes.errors)).raise_if_any(f"set launch template versions of profile {profile}")
    seconds = pause(len(left) - len(outcomes.results), outcomes.switched)
    if seconds:
        return {"outcome": "wait", "seconds": seconds, "reason": "more templates are to be set"}
    reason = _ways_out(call, run) if profile == TEST_PROFILE else ""
    return {"outcome": "ask" if reason else "done", "seconds": 0, "reason": reason}
