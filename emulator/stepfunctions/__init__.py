"""Step Functions: moto's interpreter of state machines, switched on and completed.

One module a concern; each says which behaviour of AWS it restores.
"""

from __future__ import annotations

from moto.core.config import default_user_config

from emulator.stepfunctions import (
    api,
    children,
    clients,
    definitions,
    error_names,
    executions,
    json_path,
    jsonata,
    logs,
    machines,
    moments,
    sdk_names,
    threads,
    tokens,
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
    machines,
    executions,
    tokens,
    children,
    logs,
    api,
)


def install() -> None:
    """Switch the interpreter on and complete it."""
    default_user_config["stepfunctions"]["execute_state_machine"] = True
    for part in _PARTS:
        part.install()
