"""The rules of docs/design/architecture.md that a machine can check."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
COLLECTION = "ansible_collections.disaster_recovery.aws"
FUNCTIONS = ROOT / "roles" / "orchestrator" / "files" / "functions"


def python_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the full names that a file imports; relative ones from their package."""
    package = f"{COLLECTION}." + ".".join(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            module = f"{base}.{node.module}" if node.level and node.module else node.module or base
            yield from (f"{module}.{alias.name}" for alias in node.names)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", python_files(PLUGINS / "module_utils" / "core"), ids=relative)
def test_core_imports_the_standard_library_and_core_alone(path: Path) -> None:
    for name in imported(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names or name.startswith(f"{COLLECTION}.plugins.module_utils.core"), name


@pytest.mark.parametrize("path", python_files(PLUGINS / "module_utils" / "core"), ids=relative)
def test_core_reads_no_clock(path: Path) -> None:
    assert not re.search(r"\b(now|utcnow|today)\(\)|time\.time\(|monotonic\(", path.read_text())


@pytest.mark.parametrize("path", python_files(PLUGINS / "module_utils" / "aws", FUNCTIONS), ids=relative)
def test_what_runs_in_a_function_knows_no_ansible(path: Path) -> None:
    for name in imported(path):
        assert name.split(".")[0] not in {"ansible", "emulator"}, name
        assert not name.startswith("ansible_collections.amazon"), name


@pytest.mark.parametrize("path", python_files(ROOT / "emulator"), ids=relative)
def test_the_emulator_knows_nothing_of_the_collection(path: Path) -> None:
    assert "ansible" not in {name.split(".")[0] for name in imported(path)}
    assert "ansible_collections" not in path.read_text()


@pytest.mark.parametrize("path", python_files(PLUGINS, FUNCTIONS), ids=relative)
def test_the_product_does_not_know_the_emulator(path: Path) -> None:
    assert not re.search(r"\bemulator\b|embedded AWS|_embedded/", path.read_text())


@pytest.mark.parametrize("path", [p for p in python_files(PLUGINS, FUNCTIONS) if p.read_text()], ids=relative)
def test_every_file_of_the_collection_carries_its_licence(path: Path) -> None:
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in "".join(path.read_text().splitlines(keepends=True)[:6])


def test_every_module_that_calls_aws_is_in_the_action_group() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    listed = {entry for entry in groups["aws"] if isinstance(entry, str)}
    calling = {
        path.stem for path in (PLUGINS / "modules").glob("*.py") if "amazon.aws.common.modules" in path.read_text()
    }
    assert listed == calling


def test_every_role_states_its_arguments() -> None:
    roles = [path for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir()]
    assert roles
    assert [path.name for path in roles if not (path / "meta" / "argument_specs.yml").is_file()] == []


def test_playbooks_say_what_they_change_and_what_they_need() -> None:
    for playbook in (ROOT / "playbooks").glob("*.yml"):
        head = "\n".join(line for line in playbook.read_text().splitlines()[:12] if line.startswith("#"))
        assert "Changes" in head, playbook
        assert "Needs" in head, playbook
