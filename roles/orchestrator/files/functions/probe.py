# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe: look from inside the network of the servers. Deployed once for each network; asked by validate."""

from __future__ import annotations

from _runtime import Call, Result, function
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import network_probes


@function("probe", needs_run=False)
def handler(call: Call) -> Result:
    """Return C({seen}) for the event's C(targets), in their order. Needs nothing of AWS, and remembers nothing."""
    return {"seen": network_probes.look(call.event["targets"])}
