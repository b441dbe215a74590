# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSM Automation: start one, look at one, stop one.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .dynamodb import call
from .errors import AwsError

ENDED_ALREADY = "InvalidAutomationStatusUpdateException"


def start(client: Any, *, document: str, version: str, parameters: Mapping[str, Sequence[str]], token: str) -> str:
    """Start an automation and return its execution's id; the same token again is the same execution.

    Args:
        client: boto3 SSM client.
        document: Name or ARN of the document.
        version: Version of it.
        parameters: Values by name.
        token: Client token.
    """
    arguments: dict[str, Any] = {"DocumentName": document, "DocumentVersion": version, "ClientToken": token}
    if parameters:
        arguments["Parameters"] = {name: list(values) for name, values in parameters.items()}
    answer = call(client.start_automation_execution, f"start automation {document}", **arguments)
    return str(answer["AutomationExecutionId"])


def get(client: Any, execution_id: str) -> dict[str, Any]:
    """Return C(AutomationExecution) of an execution."""
    what = f"look at automation execution {execution_id}"
    answer = call(client.get_automation_execution, what, AutomationExecutionId=execution_id)
    return dict(answer["AutomationExecution"])


def stop(client: Any, execution_id: str) -> None:
    """Cancel an execution; one that has ended stays as it is."""
    what = f"stop automation execution {execution_id}"
    try:
        call(client.stop_automation_execution, what, AutomationExecutionId=execution_id, Type="Cancel")
    except AwsError as error:
        if error.code != ENDED_ALREADY:
            raise
