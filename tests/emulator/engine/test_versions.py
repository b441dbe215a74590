"""The emulator completes pinned packages from the inside, and starts with no other version of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.embedded import ROOT


def test_another_version_of_moto_is_refused_in_one_line(tmp_path: Path) -> None:
    other = tmp_path / "moto-5.2.4.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: moto\nVersion: 5.2.4\n", encoding="utf-8")
    command = ["start", "--estate", "emulator/estate/sample.yml", "--port", "0", "--state-dir", str(tmp_path / "state")]
    done = subprocess.run(
        [sys.executable, "-m", "emulator", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines() == [
        "error: moto 5.2.5 is needed, 5.2.4 is installed: pip install -r emulator/requirements.txt"
    ]
