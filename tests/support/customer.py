"""What steps of waves call in tests: a function and automations as a customer has them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.support.orchestrator import STEP_DOCUMENTS, STEP_FUNCTIONS, STEP_ROLE, Orchestrator

AUTOMATION_SECONDS = 120

_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_CODE = """
import json

def handler(event, context):
    print("CALLED " + json.dumps(event))
    if event["dr"]["attempt"] <= event.get("failures", 0):
        raise ValueError(f"attempt {event['dr']['attempt']} fails")
    return {"step": event["dr"]["step"], "text": "x" * event.get("answer", 0)}
"""
_STEPS = (
    {"name": "work", "action": "aws:sleep", "inputs": {"Duration": f"PT{AUTOMATION_SECONDS}S"}},
    {"name": "work", "action": "aws:pause"},
)


def deploy_function(orchestrator: Orchestrator) -> None:
    """Make the function that C(STEP_FUNCTIONS) names, and its role."""
    (function,) = STEP_FUNCTIONS
    _role(
        orchestrator,
        function,
        "lambda.amazonaws.com",
        ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("freeze.py", _CODE)
    orchestrator.client("lambda").create_function(
        FunctionName=function,
        Runtime="python3.12",
        Role=f"{STEP_ROLE.rsplit('/', 1)[0]}/{function}",
        Handler="freeze.handler",
        Code={"ZipFile": archive.getvalue()},
    )


def deploy_automations(orchestrator: Orchestrator) -> None:
    """Make the documents that C(STEP_DOCUMENTS) names, and the role that they assume."""
    _role(orchestrator, STEP_ROLE.rsplit("/", 1)[1], "ssm.amazonaws.com", [])
    for name, step in zip(STEP_DOCUMENTS, _STEPS, strict=True):
        document = {
            "schemaVersion": "0.3",
            "assumeRole": "{{ AutomationAssumeRole }}",
            "parameters": {"AutomationAssumeRole": {"type": "String"}},
            "mainSteps": [step],
        }
        orchestrator.client("ssm").create_document(
            Content=json.dumps(document), Name=name, DocumentType="Automation", DocumentFormat="JSON"
        )


def automation(document: str = STEP_DOCUMENTS[0], timeout: int = 600) -> dict[str, Any]:
    """Return what a step that runs one of the documents declares."""
    return {"document": document, "parameters": {"AutomationAssumeRole": [STEP_ROLE]}, "timeout": timeout}


def calls_of(orchestrator: Orchestrator, run_id: str) -> list[dict[str, Any]]:
    """Return what the function was handed in a run, call by call."""
    group = f"/aws/lambda/{STEP_FUNCTIONS[0]}"
    logs = orchestrator.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    lines = [event["message"] for page in pages for event in page["events"]]
    called = [json.loads(line.removeprefix("CALLED ")) for line in lines if line.startswith("CALLED ")]
    return [event for event in called if event["dr"]["run_id"] == run_id]


def _role(orchestrator: Orchestrator, name: str, service: str, actions: list[str]) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    iam = orchestrator.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    if actions:
        allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [allowed]}
        iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=json.dumps(document))
