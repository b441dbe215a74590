# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands on instances by Systems Manager: whose agent is online, send, find again, read what came of them.

Source: Systems Manager API Reference, DescribeInstanceInformation, SendCommand, ListCommands, ListCommandInvocations.
This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .dynamodb import call, chunks
from .errors import AwsError
from .paging import read_pages

INSTANCES = 50
"""Instances of one SendCommand."""

AGENTS = 50
"""Instances asked about in one DescribeInstanceInformation, and its largest page."""

LEAST_DELIVERY = 30
"""Seconds, the least that SendCommand takes for the time until a command must have begun."""

CLOCKS_DIFFER = timedelta(minutes=5)

UNDER_WAY = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
UNREACHABLE = "InvalidInstanceId"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a command came to on one instance; C(status) is kept as it is, also one that nobody knows yet."""

    status: str
    output: str

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status not in UNDER_WAY

    @property
    def succeeded(self) -> bool:
        """Whether the command ended with exit status 0."""
        return self.status == "Success"


def read_agents(client: Any, instance_ids: Iterable[str]) -> dict[str, str]:
    """Return the ping status of the agents by instance id; instances that never had one are left out."""
    return {
        item["InstanceId"]: item["PingStatus"]
        for piece in chunks(sorted(set(instance_ids)), AGENTS)
        for item in read_pages(
            client,
            "describe_instance_information",
            "read which agents are online",
            key="InstanceInformationList",
            Filters=[{"Key": "InstanceIds", "Values": list(piece)}],
            PaginationConfig={"PageSize": AGENTS},
        )
    }


def send(client: Any, settings: Mapping[str, Any], timeout: int, token: str, instance_ids: Sequence[str]) -> str | None:
    """Send a command to at most L(INSTANCES) instances.

    Args:
        client: boto3 SSM client.
        settings: C(document) and C(commands).
        timeout: Seconds that the commands may run.
        token: Comment by which the command is found again.
        instance_ids: Where it runs.

    Returns:
        The command's id; None when one of the instances has no agent (any more), and nothing was sent.
    """
    try:
        answer = call(
            client.send_command,
            "send a command",
            DocumentName=settings["document"],
            InstanceIds=list(instance_ids),
            Comment=token,
            TimeoutSeconds=max(LEAST_DELIVERY, timeout),
            Parameters={"commands": list(settings["commands"]), "executionTimeout": [str(timeout)]},
        )
    except AwsError as error:
        if error.code == UNREACHABLE:
            return None
        raise
    return str(answer["Command"]["CommandId"])


def find(client: Any, token: str, after: datetime) -> str | None:
    """Return the id of the command with this comment, None when it was not sent.

    Args:
        client: boto3 SSM client.
        token: Its comment.
        after: When it was about to be sent.
    """
    moment = (after - CLOCKS_DIFFER).strftime("%Y-%m-%dT%H:%M:%SZ")
    what, filters = "look for a command that was sent", [{"key": "InvokedAfter", "value": moment}]
    for item in read_pages(client, "list_commands", what, key="Commands", Filters=filters):
        if item.get("Comment") == token:
            return str(item["CommandId"])
    return None


def read_invocations(client: Any, command_id: str) -> dict[str, Invocation]:
    """Return what a command came to by instance id; instances that it has not reached yet are left out."""
    what = f"read what command {command_id} came to"
    found = read_pages(
        client, "list_command_invocations", what, key="CommandInvocations", CommandId=command_id, Details=True
    )
    return {item["InstanceId"]: Invocation(item["Status"], _output(item)) for item in found}


def _output(item: Mapping[str, Any]) -> str:
    """Return the last lines that a command wrote, its exit status first."""
    plugins = item.get("CommandPlugins") or []
    if not plugins:
        return str(item.get("StatusDetails") or "")
    plugin = plugins[-1]
    return f"exit status {plugin.get('ResponseCode')}: {str(plugin.get('Output') or '').strip()}"
