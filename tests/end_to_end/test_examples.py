"""The examples in the documentation of every module run, in check mode, on the sample estate after its failover."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.embedded import ROOT
from tests.support.playbook import run_playbook

from .conftest import INVENTORY, House

pytestmark = pytest.mark.xdist_group("deployed")

MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))

REFUSED = {
    "Launch the failed servers again": "has not asked for any decision",
    "Stop extending one server": "its recovery instance",
    "Show what an address plan would change": "cannot be read",
    "Show what differs between two versions": "has no such version",
    "Write it": "cannot be read",
}
"""Tasks that need what the sample estate does not have after its failover, and what they must say then."""


def examples(module: str) -> list[dict[str, Any]]:
    """Return the tasks in the documentation of a module."""
    tree = ast.parse((ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8"))
    texts = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "EXAMPLES"
        and isinstance(node.value, ast.Constant)
    ]
    tasks: list[dict[str, Any]] = yaml.safe_load(str(texts[0]))
    return tasks


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_an_example(module: str) -> None:
    tasks = examples(module)
    assert tasks
    assert any(f"disaster_recovery.aws.{module}" in task for task in tasks)


def test_the_examples_run(deployed_house: House, failed_over: object, tmp_path: Path) -> None:
    play = yaml.safe_load((ROOT / "playbooks/configure.yml").read_text(encoding="utf-8"))[0]
    del play["roles"]
    tasks = []
    for module in MODULES:
        for task in examples(module):
            if task["name"] in REFUSED:
                task |= {"register": "refused", "failed_when": f"'{REFUSED[task['name']]}' not in refused.msg"}
            tasks.append(task)
    for folder in ("plugins", "roles"):  # examples name them from where the playbook is
        (tmp_path / folder).symlink_to(ROOT / folder)
    playbook = tmp_path / "examples.yml"
    playbook.write_text(
        yaml.safe_dump([{**play, "check_mode": True, "tasks": tasks}], sort_keys=False), encoding="utf-8"
    )
    recap = run_playbook(playbook, inventory=INVENTORY, environment=deployed_house.environment).recap()
    empty_loops = 1  # no address of the sample estate falls under more than one rule
    assert (recap["ok"], recap["skipped"]) == (len(tasks) - empty_loops, empty_loops)
