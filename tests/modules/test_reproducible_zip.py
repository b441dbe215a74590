"""Module reproducible_zip through ansible, and its bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.modules import reproducible_zip

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "package").mkdir(parents=True)
    (folder / "main.py").write_text("import package\n", encoding="utf-8")
    (folder / "package" / "part.py").write_text("ANSWER = 42\n", encoding="utf-8")
    (folder / "package" / "part.pyc").write_bytes(b"compiled")
    return folder


def ad_hoc(arguments: dict[str, Any], *options: str) -> dict[str, Any]:
    """Run the module as ansible does and return its result."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible")),
            "localhost",
            "-m",
            "disaster_recovery.aws.reproducible_zip",
            "-a",
            json.dumps(arguments),
            *options,
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout
    return dict(json.loads(text[text.index("{") :]))


def test_through_ansible_it_changes_once_and_check_mode_writes_nothing(source: Path, tmp_path: Path) -> None:
    arguments = {"path": str(tmp_path / "out.zip"), "sources": [{"src": str(source)}]}
    assert ad_hoc(arguments, "--check")["changed"]
    assert not (tmp_path / "out.zip").exists()
    first = ad_hoc(arguments)
    assert (first["changed"], first["names"]) == (True, ["main.py", "package/part.py"])
    again = ad_hoc(arguments)
    assert (again["changed"], again["sha256"]) == (False, first["sha256"])


def run(path: Path, *sources: dict[str, Any], packages: bool = False) -> dict[str, Any]:
    complete = [{"prefix": "", "patterns": ["**/*"], **source} for source in sources]
    return reproducible_zip.run(str(path), complete, packages=packages, check_mode=False)


def test_bytes_depend_on_content_alone(source: Path, tmp_path: Path) -> None:
    first = run(tmp_path / "a.zip", {"src": str(source)})
    os.utime(source / "main.py", (1, 1))
    (source / "main.py").chmod(0o755)
    assert run(tmp_path / "b.zip", {"src": str(source)})["sha256"] == first["sha256"]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    (source / "main.py").write_text("changed\n", encoding="utf-8")
    assert run(tmp_path / "b.zip", {"src": str(source)})["changed"]


def test_packages_can_be_imported_below_a_prefix(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    run(archive, {"src": str(source / "package"), "prefix": "outer/inner", "patterns": ["*.py"]}, packages=True)
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == ["outer/__init__.py", "outer/inner/__init__.py", "outer/inner/part.py"]
    code = "from outer.inner.part import ANSWER; print(ANSWER)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(archive)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "42\n"


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        ([{"src": "/nowhere"}], "'/nowhere' is not a directory"),
        ([{"patterns": ["*.txt"]}], r"pattern '\*.txt' finds no file"),
        ([{}, {}], "two files want the name"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(
    source: Path, tmp_path: Path, sources: list[dict[str, Any]], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        run(tmp_path / "a.zip", *({"src": str(source), **item} for item in sources))
    assert not (tmp_path / "a.zip").exists()
