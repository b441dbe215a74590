"""A Python for Ansible's modules that has boto3 loaded already, which is a third of what a module costs.

L(interpreter) is handed to Ansible as C(ansible_python_interpreter). What it is asked to run is run by a fork of a
parent process (C(parent.py)), on the standard streams, in the directory and with the environment of whoever asked
(C(client.py)). Nothing of Ansible is loaded beforehand: modules run from the archive that Ansible made, as always.
"""

from __future__ import annotations

import atexit
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def interpreter() -> Path:
    """Return the path of the interpreter; its parent process ends with this one."""
    directory = Path(tempfile.mkdtemp(prefix="warm-python-"))
    address = directory / "socket"
    parent = subprocess.Popen(
        [sys.executable, "-I", str(_HERE / "parent.py"), str(address)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(shutil.rmtree, directory)
    atexit.register(parent.communicate)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    path = directory / "python"
    client = shlex.join([sys.executable, "-I", "-S", str(_HERE / "client.py"), str(address)])
    path.write_text(f'#!/bin/sh\nexec {client} "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path
