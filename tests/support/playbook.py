"""Run ansible-playbook as a person would, and look at what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .warm_python import interpreter

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Outcome:
    """What a playbook did: exit status and everything it printed."""

    returncode: int
    output: str

    def recap(self, host: str = "localhost") -> dict[str, int]:
        """Return the numbers of PLAY RECAP (ok, changed, failed, …) of one host."""
        for line in self.output.splitlines():
            name, _, numbers = line.partition(":")
            if name.strip() == host and "ok=" in numbers:
                return {key: int(value) for key, value in (pair.split("=") for pair in numbers.split())}
        raise AssertionError(f"no recap of {host} in:\n{self.output}")


def run_playbook(
    playbook: str | Path,
    *arguments: str,
    inventory: str | Path | None = None,
    variables: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    succeeds: bool = True,
    timeout: float = 560,
) -> Outcome:
    """Run a playbook (a path, or a name such as C(disaster_recovery.aws.failover)) and check how it ended.

    Its modules run in a L(warm_python); those of L(playbook_process) start a Python each, as everywhere else.

    Args:
        playbook: Path or full name.
        arguments: More command line arguments (C(--check), C(-vv)).
        inventory: Path of the inventory.
        variables: Extra variables, handed over as JSON.
        environment: More environment variables.
        succeeds: Whether exit status 0 is expected.
        timeout: Seconds until the run is killed.
    """
    variables = {"ansible_python_interpreter": str(interpreter()), **(variables or {})}
    process = playbook_process(playbook, *arguments, inventory=inventory, variables=variables, environment=environment)
    try:
        output, _ = process.communicate(timeout=timeout)
    finally:
        process.kill()
    outcome = Outcome(process.returncode, output)
    assert (outcome.returncode == 0) is succeeds, outcome.output
    return outcome


def playbook_process(
    playbook: str | Path,
    *arguments: str,
    inventory: str | Path | None = None,
    variables: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a playbook and return its process, which writes everything to its standard output; see L(run_playbook)."""
    command = [str(BIN / "ansible-playbook"), str(playbook), *arguments]
    if inventory is not None:
        command += ["-i", str(inventory)]
    if variables:
        command += ["-e", json.dumps(dict(variables))]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """The caller's environment without its own AWS and Ansible settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
    return {**kept, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **(more or {})}
