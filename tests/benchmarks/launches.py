"""Launch configurations of an estate on the embedded AWS: how many calls of which name, beside the budget.

Calls are not paced here: on AWS the published request buckets (five CreateLaunchTemplateVersion a second) say how long
it takes.
"""

from __future__ import annotations

import time
from typing import Any
from unittest import mock

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import launch_looks
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.pacing import Pacers
from ansible_collections.disaster_recovery.aws.plugins.modules import drs_launch_configuration_info

from tests.support.launch_budget import BOTH_ENDS_UP_TO, budget, changing, looking
from tests.support.launches import Launches, writes

SETTINGS = {"target_instance_type_right_sizing_method": "NONE", "copy_private_ip": False, "instance_type": "m5.large"}
CHANGED = {**SETTINGS, "instance_type": "m5.xlarge", "copy_tags": True}
TAGS = {"Owner": "dr-team"}


def run(servers: int, *, both_ends: bool = True) -> dict[str, Any]:
    """Declare an estate, look at it, change everything, and switch the network profile.

    Args:
        servers: How many, up to 1,000.
        both_ends: False looks at default versions alone, as the module does where there are more than 1,000.

    Raises:
        AssertionError: A step cost more calls than the budget, or others than counted beforehand.
    """
    equal, everything = budget(servers, 1), budget(servers, 5)
    # Beside the budget: the nightly look reads the versions of both profiles, and a switch looks before it moves.
    drift, switch = equal + servers / 200, 2 * servers + 3 * servers / 200 + 20
    changed = {"defaults": CHANGED, "mandatory_tags": TAGS}
    estate = Launches(servers)
    unpaced = mock.patch.object(Pacers, "take")
    limit = mock.patch.object(launch_looks, "BOTH_ENDS_UP_TO", BOTH_ENDS_UP_TO if both_ends else 0)
    unpaced.start()
    limit.start()
    try:
        steps = {
            "first": _step(estate, everything, defaults=SETTINGS),
            "equal": _step(estate, equal, defaults=SETTINGS),
            "drift": _step(estate, drift, drs_launch_configuration_info, defaults=SETTINGS),
            "change_of_everything": _step(estate, everything, **changed),
            "equal_again": _step(estate, equal, **changed),
        }
        assert steps["equal"]["by_name"] == steps["equal_again"]["by_name"] == looking(servers, both_ends=both_ends)
        assert steps["change_of_everything"]["by_name"] == changing(servers, both_ends=both_ends)
        for profile in ("test", "failover"):
            steps[f"switch_to_{profile}"] = _step(estate, switch, **changed, default_profile=profile)
            steps[f"equal_in_{profile}"] = _step(estate, equal, **changed, default_profile=profile)
        for name, step in steps.items():
            assert step["writes"] == 0 or not name.startswith(("equal", "drift")), f"{name} wrote"
        return {"servers": servers, **steps}
    finally:
        limit.stop()
        unpaced.stop()
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
