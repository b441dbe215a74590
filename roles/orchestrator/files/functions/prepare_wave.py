# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prepare: begin a wave, and make sure that its servers launch in the network of the run's mode."""

from __future__ import annotations

from _launch import set_profile
from _records import read_records, read_run, read_wave
from _runtime import Call, Result, function, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.runs import WaveStatus, profile_of


@function("prepare-wave")
def handler(call: Call) -> Result:
    """Return C({outcome}). The template versions are set and read back, whatever a drill that died may have left."""
    run, wave = read_run(call), read_wave(call)
    if run.get("aborting"):
        return {"outcome": "done"}
    records = read_records(call, call.wave)
    if not wave["started_at"]:
        begun = {"wave": wave["wave"], "name": wave["name"], "servers": len(records)}
        runs().append_event(call.run_id, EventKind.WAVE_STARTED.value, begun, call.now)
        runs().update_wave(
            call.run_id,
            wave["wave"],
            {"status": WaveStatus.RUNNING.value, "started_at": call.at, "timer_started_at": call.at},
        )
    profile = profile_of(run["mode"])
    settings = set_profile(records, profile, expected=True)
    prepared = {
        "wave": wave["wave"],
        "profile": profile,
        "versions": {key: f"{one.version.template_id}:{one.version.number}" for key, one in settings.items()},
    }
    runs().append_event(call.run_id, EventKind.TEMPLATES_PREPARED.value, prepared, call.now)
    return {"outcome": "done"}
