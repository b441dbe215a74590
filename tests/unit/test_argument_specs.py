"""Every module takes what its documentation says: options, types, defaults, choices, suboptions."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.disaster_recovery.aws.plugins"
CALLING = sorted(
    path for path in (ROOT / "plugins/modules").glob("*.py") if "_module import" in path.read_text(encoding="utf-8")
)


def argument_spec(name: str) -> Mapping[str, Any]:
    """Return the argument specification of a module."""
    module = importlib.import_module(f"{COLLECTION}.modules.{name}")
    with mock.patch.object(module, "run_module") as run_module:
        module.main()
    spec: Mapping[str, Any] = run_module.call_args.args[0]
    return spec


def documented(name: str) -> Mapping[str, Any]:
    """Return the documented options of a module, those of the collection's fragments among them."""
    doc = yaml.safe_load(importlib.import_module(f"{COLLECTION}.modules.{name}").DOCUMENTATION)
    options = dict(doc.get("options", {}))
    for fragment in doc["extends_documentation_fragment"]:
        if fragment.startswith("disaster_recovery.aws."):
            shared = importlib.import_module(f"{COLLECTION}.doc_fragments.{fragment.rsplit('.', 1)[1]}")
            for option, text in yaml.safe_load(shared.ModuleDocFragment.DOCUMENTATION).get("options", {}).items():
                options[option] = {**text, **options.get(option, {})}
    return options


def facts(option: Mapping[str, Any], suboptions: str) -> dict[str, Any]:
    """Return what an option says in a form that documentation and specification share."""
    nested = option.get(suboptions) or {}
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": sorted(option.get("choices") or []),
        "suboptions": {name: facts(one, suboptions) for name, one in nested.items()},
    }


@pytest.mark.parametrize("path", CALLING, ids=lambda path: path.stem)
def test_a_module_takes_what_its_documentation_says(path: Path) -> None:
    taken = {name: facts(option, "options") for name, option in argument_spec(path.stem).items()}
    assert taken == {name: facts(option, "suboptions") for name, option in documented(path.stem).items()}
