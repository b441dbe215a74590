"""Runs in the environment of the AWS CLI: each line of standard input is the arguments of one command."""

from __future__ import annotations

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver


def run(arguments: list[str]) -> dict[str, object]:
    """Run one command as the program `aws` does."""
    output, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
        try:
            status = create_clidriver().main(arguments)
        except SystemExit as end:
            status = end.code
    return {"status": status, "output": output.getvalue(), "error": error.getvalue()}


for line in sys.stdin:
    sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
    sys.stdout.flush()
