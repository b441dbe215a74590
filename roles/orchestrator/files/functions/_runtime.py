# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every function is made of: event in, result out, errors with names that the state machines match.

A function is called again at any point, after any crash. So it looks at what is, appends events before it changes the
records that they tell of (an equal event is not written twice), and answers the same when there is nothing left to do.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from _clients import ONCE, PATIENT, client_at, forget_roles, own_client
from _errors import AwsRefused, Conflict, DrsNotInitialized, InvalidRequest, NotFound, Transient
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    TransientError,
    UninitializedError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import format_time, parse_time

Result = dict[str, Any]

LONGEST_TEXT = 2000
LONGEST_LISTED_TEXT = 300
"""Characters of a text, and of one of many, in what a function answers or raises: a state of a run stays below 8 KiB
however many servers there are. The log has the whole text, the records have it server by server."""

NAMES: Mapping[type[Exception], type[Exception]] = {
    DeclarationError: InvalidRequest,
    InvalidRequestError: InvalidRequest,
    TransientError: Transient,
    ConflictError: Conflict,
    NotFoundError: NotFound,
    UninitializedError: DrsNotInitialized,
    AwsError: AwsRefused,
}


@dataclass(frozen=True)
class Call:
    """One call of a function.

    Attributes:
        now: When the state was entered. A retried call has the same time, and so decides and records the same.
        event: The whole event. It may hold a task token, so it is never logged.
    """

    function: str
    run_id: str
    now: datetime
    event: Mapping[str, Any]

    @property
    def at(self) -> str:
        """The time of the call as records hold it."""
        return format_time(self.now)

    @property
    def wave(self) -> int | None:
        """Number of the wave, None for the whole run."""
        return self.event.get("wave")

    def log(self, message: str, **facts: Any) -> None:
        """Write one line of JSON to the function's log."""
        line = {"function": self.function, "run_id": self.run_id, "at": self.at, "message": message, **facts}
        sys.stdout.write(json.dumps(line, default=str) + "\n")


def client(service: str, *, place: Place | None = None, repeats: bool = True) -> Any:
    """Return the boto3 client of a service, made once for a call of the function.

    Args:
        service: botocore's name of the service.
        place: Account and Region, None for those of the orchestrator. Another account is reached with its role.
        repeats: Whether it repeats calls by itself: not where a repeat does a thing twice, for want of a client token.

    Raises:
        DeclarationError: The account is neither the orchestrator's own nor declared with a role.
        AwsError: The role cannot be assumed.
    """
    config = PATIENT if repeats else ONCE
    return own_client(service, None, config) if place is None else client_at(service, place, config)


@functools.cache
def runs() -> RunsTable:
    """Return the runs table."""
    return RunsTable(client("dynamodb"), os.environ["RUNS_TABLE"])


@functools.cache
def ip_map() -> IpMapTable:
    """Return the IP map table."""
    return IpMapTable(client("dynamodb"), os.environ["IP_MAP_TABLE"])


def _call(function: str, event: Mapping[str, Any], *, needs_run: bool) -> Call:
    try:
        run_id = str(event["run_id"] if needs_run else event.get("run_id") or "")
        now = parse_time(event["now"])
    except (KeyError, TypeError, ValueError) as error:
        needed = "run_id and now" if needs_run else "now"
        raise InvalidRequestError(f"{function}: the event needs {needed} (ISO 8601): {error!r}") from error
    return Call(function, run_id, now, event)


def _shortened(value: Any, longest: int = LONGEST_TEXT) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, dict):
        return {key: _shortened(item, longest) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, LONGEST_LISTED_TEXT) for item in value]
    return value


def function(
    name: str, *, needs_run: bool = True
) -> Callable[[Callable[[Call], Result]], Callable[[Mapping[str, Any], Any], Result]]:
    """Make a Lambda handler of C(body): reads the event, logs, gives errors their names.

    Args:
        name: Name of the function without the prefix (C(open-run)).
        needs_run: Whether it is only called by a run; C(run_id) is empty otherwise.
    """

    def decorate(body: Callable[[Call], Result]) -> Callable[[Mapping[str, Any], Any], Result]:
        @functools.wraps(body)
        def handler(event: Mapping[str, Any], _context: Any) -> Result:
            forget_roles()
            try:
                call = _call(name, event, needs_run=needs_run)
                call.log("called", wave=call.wave)
                result = body(call)
            except (AwsError, DeclarationError) as error:
                named = next(NAMES[kind] for kind in type(error).__mro__ if kind in NAMES)
                sys.stdout.write(json.dumps({"function": name, "message": "failed", "error": str(error)}) + "\n")
                raise named(_shortened(str(error))) from error
            call.log("done", **result)
            return dict(_shortened(result))

        return handler

    return decorate
