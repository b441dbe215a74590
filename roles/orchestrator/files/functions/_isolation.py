# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is the network isolated that a drill launches in? What cannot be proved is a finding that stops the run."""

from __future__ import annotations

from collections.abc import Iterable

from _runtime import client, ip_map
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.isolation import read_network_facts
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation import gate_findings, judge
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_facts import drill_network
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.isolation_policy import IsolationPolicy
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.readiness import UNKNOWN, Finding
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord


def isolation_findings(records: Iterable[ServerRecord], policy: IsolationPolicy) -> list[Finding]:
    """Return what leads out of the test subnets of servers.

    Raises:
        TransientError: The same may succeed later.
    """
    try:
        entries = ip_map().read_entries(ip_map().entry_ids())
        network = drill_network(entries, policy, [record.server_key for record in records])
    except TransientError:
        raise
    except (AwsError, DeclarationError) as error:
        what = f"the isolation of the drill's network cannot be proved: {error}"
        return [Finding(UNKNOWN, "", what, "repair that, then retry")]
    return gate_findings(judge(network, read_network_facts(client("ec2"), network), policy))
