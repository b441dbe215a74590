# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notices to people, through the notice topic."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from _runtime import Call, client, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import call as aws_call
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, TransientError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.events import EventKind

SUBJECT_LENGTH = 100
"""Characters of a notice's subject. Source: SNS API Reference, Publish."""


def error_text(error: Mapping[str, Any]) -> str:
    """Return what a person needs of an error that a state machine caught: name and message, no stack trace."""
    cause = error.get("Cause") or ""
    try:
        message = json.loads(cause)["errorMessage"]
    except (ValueError, TypeError, KeyError):
        message = cause
    return f"{error.get('Error')}: {message}"


def publish(call: Call, kind: str, subject: str, text: str) -> None:
    """Publish a notice. One that AWS refuses is told of in the events and ends nothing: the run's record says it all.

    Raises:
        TransientError: It may work later.
    """
    try:
        aws_call(
            client("sns").publish,
            "publish the notice",
            TopicArn=os.environ["TOPIC_ARN"],
            Subject=subject[:SUBJECT_LENGTH],
            Message=text,
            MessageAttributes={
                "kind": {"DataType": "String", "StringValue": kind},
                "run_id": {"DataType": "String", "StringValue": call.run_id},
            },
        )
    except TransientError:
        raise
    except AwsError as error:
        call.log("notice refused", kind=kind, error=error.message)
        runs().append_event(
            call.run_id, EventKind.NOTICE_FAILED.value, {"kind": kind, "error": error.message}, call.now
        )
