"""Step Functions: moto's interpreter of state machines, switched on and completed.

One module a concern; each says which behaviour of AWS it restores.
"""

from __future__ import annotations

from moto.core.config import default_user_config

from emulator.stepfunctions import (
    api,
    branches,
    children,
    choices,
    clients,
    definitions,
    durations,
    error_names,
    executions,
    json_path,
    jsonata,
    limits,
    logs,
    lost_answers,
    machines,
    moments,
    progress,
    redrive,
    requests,
    roles,
    sdk_names,
    tags,
    threads,
    tokens,
    variables,
)

_PARTS = (
    threads,
    moments,
    jsonata,
    json_path,
    sdk_names,
    clients,
    definitions,
    error_names,
    lost_answers,
    durations,
    choices,
    limits,
    variables,
    progress,
    branches,
    machines,
    tags,
    roles,
    executions,
    tokens,
    children,
    logs,
    redrive,
    api,
    requests,
)


def install() -> None:
    """Switch the interpreter on and complete it."""
    default_user_config["stepfunctions"]["execute_state_machine"] = True
    for part in _PARTS:
        part.install()
