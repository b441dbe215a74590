"""Check the state machine definitions with an outside validator (cfn-lint), wrapped as CloudFormation resources."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

DEFINITIONS = Path(__file__).resolve().parent.parent / "roles" / "orchestrator" / "files" / "state_machines"
PLACEHOLDERS = {
    "${Mode}": "failover",
    "${Partition}": "aws",
    "${FunctionArnPrefix}": "arn:aws:lambda:us-west-2:123456789012:function:disaster-recovery-",
    "${WaveStateMachineArn}": "arn:aws:states:us-west-2:123456789012:stateMachine:disaster-recovery-wave",
}


def load(path: Path) -> dict[str, Any]:
    """Read one definition as it is deployed: anchors resolved, placeholders replaced."""
    text = path.read_text(encoding="utf-8")
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    definition = yaml.safe_load(text)
    if not isinstance(definition, dict):
        raise SystemExit(f"{path}: expected a mapping with StartAt and States")
    return definition


def with_constant_timeouts(definition: dict[str, Any]) -> dict[str, Any]:
    """Replace TimeoutSeconds that are expressions: the language allows them under JSONata, cfn-lint's schema does not know it."""
    states = {
        name: {**state, "TimeoutSeconds": 60} if isinstance(state.get("TimeoutSeconds"), str) else state
        for name, state in definition["States"].items()
    }
    return {**definition, "States": states}


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


def main() -> int:
    paths = sorted(DEFINITIONS.glob("*.asl.yml"))
    if not paths:
        print(f"no definitions in {DEFINITIONS}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for path in paths:
            file = Path(folder) / path.name.replace(".yml", ".json")
            file.write_text(json.dumps(template(with_constant_timeouts(load(path))), indent=1), encoding="utf-8")
            files.append(str(file))
        command = [str(Path(sys.executable).with_name("cfn-lint")), "--region", "us-west-2", "--", *files]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
