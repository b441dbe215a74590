# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EndWave: give a wave its final status, and start the waves that waited for it."""

from __future__ import annotations

from _records import end_wave, read_plan, read_run, read_wave
from _runtime import Call, Result, function
from _turns import wake_waves
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import turns


@function("end-wave")
def handler(call: Call) -> Result:
    """Return C({outcome}): done, or abort when the run is being aborted."""
    run = read_run(call)
    aborting = bool(run.get("aborting"))
    end_wave(call, read_plan(run), read_wave(call)["wave"], aborted=aborting)
    wake_waves(call)
    return {"outcome": turns.ABORT if aborting else turns.DONE}
