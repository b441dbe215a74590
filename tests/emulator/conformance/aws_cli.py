"""The AWS CLI for tests: many commands in one process, since most of the time of a command is the start of Python."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.embedded import ROOT

HOME = ROOT / ".venv" / "aws-cli"
SHELL = Path(__file__).with_name("aws_cli_shell.py")


@dataclass(frozen=True)
class Result:
    """What a command did: exit status, standard output, standard error."""

    status: int
    output: str
    error: str

    def json(self) -> Any:
        """Return the output as JSON."""
        return json.loads(self.output)


class AwsCli:
    """The command `aws` with an environment."""

    def __init__(self, environment: Mapping[str, str]):
        assert (HOME / "bin" / "aws").exists(), f"the AWS CLI is not in {HOME}: `make test` installs it"
        own = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        self.environment = {**own, **files, **environment}
        self._process = subprocess.Popen(
            [str(HOME / "bin" / "python"), str(SHELL)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str) -> Result:
        """Run `aws` with these arguments."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return Result(**json.loads(self._process.stdout.readline()))

    def json(self, *arguments: str) -> Any:
        """Run a command that has to succeed and return its output."""
        result = self(*arguments, "--output", "json")
        assert result.status == 0, result.error
        return result.json() if result.output.strip() else None

    def stop(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)
