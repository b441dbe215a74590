# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person looks at when replication stalls, by the error that DRS tells.

Source: DRS API Reference, DataReplicationError and RecoveryInstanceDataReplicationError, and the DRS User Guide.
"""

from __future__ import annotations

from collections.abc import Mapping

NOT_SEEN = "AGENT_NOT_SEEN"
"""DRS does not hear of the agent, as for some minutes after its machine was pointed elsewhere."""

_DATA_PATH = "look whether the machine reaches the replication server in the staging subnet (TCP 1500)"
_STAGING_PATH = "look whether the staging subnet reaches DRS, EC2 and S3 (TCP 443)"

_REMEDIES: Mapping[str, str] = {
    NOT_SEEN: "look whether the machine runs, and reaches DRS (TCP 443) and the replication server (TCP 1500)",
    "FAILBACK_CLIENT_NOT_SEEN": "look at the failback client on the machine, and whether it reaches DRS (TCP 443)",
    "SNAPSHOTS_FAILURE": "look at the quota of EBS snapshots, and at the key that encrypts the staging disks",
    "NOT_CONVERGING": "raise the bandwidth of its replication, or take a larger replication server",
    "UNSTABLE_NETWORK": "look at the network between the machine and its replication server",
    "FAILED_TO_CREATE_SECURITY_GROUP": (
        "look whether the staging subnet of its replication configuration still exists, and correct it there"
    ),
    "FAILED_TO_LAUNCH_REPLICATION_SERVER": "look at the staging subnet, its free addresses, and the quotas of EC2",
    "FAILED_TO_BOOT_REPLICATION_SERVER": _STAGING_PATH,
    "FAILED_TO_AUTHENTICATE_WITH_SERVICE": _STAGING_PATH,
    "FAILED_TO_DOWNLOAD_REPLICATION_SOFTWARE": _STAGING_PATH,
    "FAILED_TO_CREATE_STAGING_DISKS": "look at the quotas of EBS volumes, and at the key that encrypts the disks",
    "FAILED_TO_ATTACH_STAGING_DISKS": "look at the replication server and its volumes in EC2",
    "FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT": _DATA_PATH,
    "FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER": _DATA_PATH,
    "FAILED_TO_START_DATA_TRANSFER": _DATA_PATH,
}


def remedy_of(error: str) -> str:
    """Return what to do about an error of DRS; of one that this version does not know, where to look."""
    return _REMEDIES.get(error, "look at the server in the DRS console")
