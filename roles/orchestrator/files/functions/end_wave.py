# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EndWave: give a wave its final status, and start the waves that waited for it."""

from __future__ import annotations

from _records import end_wave, read_plan, read_run, read_wave
from _runtime import Call, Result, function
from _turns import wake_waves


@function("end-wave")
def handler(call: Call) -> Result:
    """Return C({status})."""
    number = read_wave(call)["wave"]
    status = end_wave(call, read_plan(read_run(call)), number)
    wake_waves(call)
    return {"status": status}
