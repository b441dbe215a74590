"""Check the state machine definitions: grammar (by cfn-lint, from outside), graph, JSONata expressions."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata

DEFINITIONS = Path(__file__).resolve().parent.parent / "roles" / "orchestrator" / "files" / "state_machines"
PLACEHOLDERS = {
    "${Mode}": "failover",
    "${Partition}": "aws",
    "${FunctionArnPrefix}": "arn:aws:lambda:us-west-2:123456789012:function:disaster-recovery-",
    "${WaveStateMachineArn}": "arn:aws:states:us-west-2:123456789012:stateMachine:disaster-recovery-wave",
    "${FollowStateMachineArn}": "arn:aws:states:us-west-2:123456789012:stateMachine:disaster-recovery-follow",
}
TERMINAL = ("Succeed", "Fail")


def load(path: Path) -> dict[str, Any]:
    """Read one definition as it is deployed: anchors resolved, placeholders replaced."""
    text = path.read_text(encoding="utf-8")
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    definition = yaml.safe_load(text)
    if not isinstance(definition, dict):
        raise SystemExit(f"{path}: expected a mapping with StartAt and States")
    return definition


def workflows(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a definition and those inside its Map and Parallel states."""
    yield definition
    for state in definition["States"].values():
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from workflows(inner)


def targets(state: dict[str, Any]) -> set[str]:
    """Return the names of the states that may follow a state."""
    branches = [state, *state.get("Catch", []), *state.get("Choices", [])]
    return {branch[key] for branch in branches for key in ("Next", "Default") if key in branch}


def graph_problems(definition: dict[str, Any]) -> list[str]:
    """Find transitions to nowhere, states that nothing leads to, states without a way out, tasks without care."""
    states = definition["States"]
    problems = []
    reached, to_visit = set(), {definition["StartAt"]}
    while to_visit:
        name = to_visit.pop()
        reached.add(name)
        if name not in states:
            problems.append(f"no state is named {name}")
            continue
        to_visit |= targets(states[name]) - reached
    problems += [f"{name}: nothing leads to this state" for name in states if name not in reached]
    for name, state in states.items():
        if state["Type"] not in TERMINAL and not targets(state) and not state.get("End"):
            problems.append(f"{name}: nothing follows and it does not end")
        if state["Type"] == "Task":
            problems += [
                f"{name}: a Task needs {key}" for key in ("TimeoutSeconds", "Retry", "Catch") if key not in state
            ]
            if not any(catcher["ErrorEquals"] == ["States.ALL"] for catcher in state.get("Catch", [])):
                problems.append(f"{name}: no Catch of States.ALL")
        problems += retry_problems(name, state)
    return problems


def retry_problems(name: str, state: dict[str, Any]) -> list[str]:
    """Find retriers that leave backoff, jitter, cap or count to the service's defaults."""
    needed = ("IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "MaxAttempts", "JitterStrategy")
    return [
        f"{name}: the retrier of {', '.join(retrier['ErrorEquals'])} needs {key}"
        for retrier in state.get("Retry", [])
        for key in needed
        if key not in retrier
    ]


def strings(value: Any) -> Iterator[str]:
    """Yield every string inside a value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def expression_problems(definition: dict[str, Any]) -> list[str]:
    """Find expressions that are not JSONata."""
    problems = []
    for name, state in definition["States"].items():
        for text in strings(state):
            if "{%" not in text and "%}" not in text:
                continue
            if not (text.startswith("{%") and text.endswith("%}")):
                problems.append(f"{name}: an expression is the whole string, from {{% to %}}: {text}")
                continue
            try:
                Jsonata(text[2:-2])
            except JException as error:
                problems.append(f"{name}: {error}: {text}")
    return problems


def with_constant_timeouts(definition: dict[str, Any]) -> dict[str, Any]:
    """Replace TimeoutSeconds that are expressions: JSONata allows them, cfn-lint's schema does not know it."""
    constant = copy.deepcopy(definition)
    for workflow in workflows(constant):
        for state in workflow["States"].values():
            if isinstance(state.get("TimeoutSeconds"), str):
                state["TimeoutSeconds"] = 60
    return constant


def template(definition: dict[str, Any]) -> dict[str, Any]:
    """Wrap a definition in the smallest CloudFormation template that deploys it."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/disaster-recovery-machine",
                    "Definition": definition,
                },
            }
        },
    }


def cfn_lint(definitions: dict[str, dict[str, Any]]) -> int:
    """Run cfn-lint over all definitions and return its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, definition in definitions.items():
            file = Path(folder) / f"{name}.json"
            file.write_text(json.dumps(template(with_constant_timeouts(definition)), indent=1), encoding="utf-8")
            files.append(str(file))
        command = [str(Path(sys.executable).with_name("cfn-lint")), "--region", "us-west-2", "--", *files]
        return subprocess.run(command, check=False).returncode


def main() -> int:
    definitions = {path.name.removesuffix(".asl.yml"): load(path) for path in sorted(DEFINITIONS.glob("*.asl.yml"))}
    if not definitions:
        print(f"no definitions in {DEFINITIONS}", file=sys.stderr)
        return 1
    problems = [
        f"{name}.asl.yml: {problem}"
        for name, definition in definitions.items()
        for workflow in workflows(definition)
        for problem in graph_problems(workflow) + expression_problems(workflow)
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    return cfn_lint(definitions) or bool(problems)


if __name__ == "__main__":
    sys.exit(main())
