"""Launch configurations of an estate on the embedded AWS: how many calls of which name, beside the budget.

Calls are not paced here: on AWS the published request buckets (five CreateLaunchTemplateVersion a second) say how long
it takes.
"""

from __future__ import annotations

import time
from typing import Any
from unittest import mock

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers
from ansible_collections.disaster_recovery.aws.plugins.modules import drs_launch_configuration_info

from tests.support.launches import Launches, writes

SETTINGS = {"target_instance_type_right_sizing_method": "NONE", "copy_private_ip": False, "instance_type": "m5.large"}
CHANGED = {**SETTINGS, "instance_type": "m5.xlarge", "copy_tags": True}
TAGS = {"Owner": "dr-team"}


def run(servers: int) -> dict[str, Any]:
    """Declare an estate, look at it, change everything, and switch the network profile.

    Raises:
        AssertionError: A step cost more calls than the budget, or an equal estate was written.
    """
    few = servers / 200 + 20
    estate = Launches(servers)
    pacing = mock.patch.object(Pacers, "take")
    pacing.start()
    try:
        result = {
            "servers": servers,
            "first": _step(estate, 5 * servers + few, defaults=SETTINGS),
            "equal": _step(estate, servers + few, defaults=SETTINGS),
            "drift": _step(estate, servers + few, drs_launch_configuration_info, defaults=SETTINGS),
            "change_of_everything": _step(estate, 5 * servers + few, defaults=CHANGED, mandatory_tags=TAGS),
            "equal_again": _step(estate, servers + few, defaults=CHANGED, mandatory_tags=TAGS),
        }
        for profile in ("test", "failover"):
            options = {"defaults": CHANGED, "mandatory_tags": TAGS, "default_profile": profile}
            result[f"switch_to_{profile}"] = _step(estate, 2 * servers + few, **options)
        for name in ("equal", "drift", "equal_again"):
            assert result[name]["writes"] == 0, f"{name} wrote"
        return result
    finally:
        pacing.stop()
        estate.aws.stop()


def _step(estate: Launches, budget: float, *module: Any, **options: Any) -> dict[str, Any]:
    begun = time.perf_counter()
    answer, calls = estate.run(*module, **options)
    seconds = time.perf_counter() - begun
    assert not answer.get("failed"), answer.get("msg")
    total = sum(calls.values())
    assert total <= budget, f"{total} calls, the budget is {budget}: {calls}"
    return {
        "calls": total,
        "budget": int(budget),
        "writes": sum(writes(calls).values()),
        "seconds": round(seconds, 1),
        "by_name": dict(sorted(calls.items())),
    }
