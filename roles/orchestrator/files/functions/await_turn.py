# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AwaitTurn: let a wave wait until the waves that it depends on have ended, or the run is being aborted.

A wave that soaks waits for nothing but that.

The token is stored before the records are read, and whoever ends a wave writes its record before it reads the tokens:
so one of the two sees that it is the wave's turn, whichever comes first.
"""

from __future__ import annotations

from _records import read_wave
from _runtime import Call, Result, function, runs
from _turns import wake_waves


@function("await-turn")
def handler(call: Call) -> Result:
    """Return C({}); the state ends when its token is answered with C({turn, soak, steps})."""
    number = read_wave(call)["wave"]
    waits = {"turn_token": call.event["task_token"], "soaking": bool(call.event.get("soaking"))}
    runs().update_wave(call.run_id, number, waits)
    wake_waves(call)
    return {}
