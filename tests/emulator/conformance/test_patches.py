"""Every change of moto stands in a file that says why, and has a test that fails without it (see `patches.py`)."""

from __future__ import annotations

import ast

import pytest

from tests.emulator.conformance.patches import PROOFS, patched_files
from tests.support.embedded import ROOT

FILES = patched_files()


def test_every_file_that_changes_moto_is_listed_with_its_test() -> None:
    assert set(FILES) == set(PROOFS)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_change_has_a_reason_and_a_test(name: str) -> None:
    reason = ast.get_docstring(FILES[name])
    assert reason
    assert len(reason.split()) >= 10
    path, _, test = PROOFS[name].partition("::")
    tests = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert test in {node.name for node in tests.body if isinstance(node, ast.FunctionDef)}


def test_moto_is_changed_through_completion_only() -> None:
    """No module of the emulator assigns attributes of moto's modules and classes itself."""
    assigned = []
    for path in sorted((ROOT / "emulator").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            alias.asname or alias.name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom | ast.Import)
            for alias in node.names
            if (getattr(node, "module", None) or alias.name).startswith("moto")
        }
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            assigned += [
                f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(target)}"
                for target in targets
                if isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id in imported
            ]
    assert assigned == []
