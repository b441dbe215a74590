"""SSM Automation through boto3: documents run on virtual time, once for a client token, until they end."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.estate import EstateError
from emulator.estate.document import parse
from tests.support.embedded import ACCOUNTS, TARGET, EmbeddedAws

NAME = "Switch-Zone"
DOCUMENT = {
    "schemaVersion": "0.3",
    "parameters": {"Zone": {"type": "StringList"}, "Pause": {"type": "String", "default": "PT1M"}},
    "mainSteps": [
        {"name": "first", "action": "aws:sleep", "inputs": {"Duration": "{{ Pause }}"}},
        {"name": "second", "action": "aws:sleep", "inputs": {"Duration": "PT1H2S"}},
    ],
}


@pytest.fixture(scope="module")
def ssm(embedded: EmbeddedAws) -> Any:
    client = embedded.client("ssm")
    create(client, NAME, DOCUMENT)
    return client


def create(client: Any, name: str, content: dict[str, Any]) -> None:
    client.create_document(Content=json.dumps(content), Name=name, DocumentType="Automation", DocumentFormat="JSON")


def start(client: Any, document: str = NAME, zone: str = "example.org", **more: Any) -> str:
    given = {"DocumentName": document, **({"Parameters": {"Zone": [zone]}} if document == NAME else {}), **more}
    return str(client.start_automation_execution(**given)["AutomationExecutionId"])


def get(client: Any, execution_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get_automation_execution(AutomationExecutionId=execution_id)
    return answer["AutomationExecution"]


def code(function: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        function(**arguments)
    return str(error.value.response["Error"]["Code"])


def test_steps_follow_one_another_on_virtual_time(embedded: EmbeddedAws, ssm: Any) -> None:
    embedded.control("clock", {"pace": 0.01})
    execution = start(ssm)
    begun = get(ssm, execution)
    assert (begun["AutomationExecutionStatus"], begun["Parameters"]) == (
        "InProgress",
        {"Zone": ["example.org"], "Pause": ["PT1M"]},
    )
    embedded.control("clock", {"advance": 60})
    assert [step["StepStatus"] for step in get(ssm, execution)["StepExecutions"]] == ["Success", "InProgress"]
    embedded.control("clock", {"pace": None, "advance": 3602})
    ended = get(ssm, execution)
    assert ended["AutomationExecutionStatus"] == "Success"
    assert 3662 <= (ended["ExecutionEndTime"] - ended["ExecutionStartTime"]).total_seconds() < 3663
    assert ssm.describe_automation_executions()["AutomationExecutionMetadataList"][0]["AutomationExecutionId"] == (
        execution
    )


def test_a_client_token_starts_one_automation(ssm: Any) -> None:
    token = str(uuid.uuid4())
    first = start(ssm, ClientToken=token)
    assert start(ssm, ClientToken=token.upper()) == first
    assert start(ssm) != first
    refused = code(ssm.start_automation_execution, DocumentName=NAME, Parameters={"Zone": ["other"]}, ClientToken=token)
    assert refused == "IdempotentParameterMismatch"


def test_an_automation_can_be_stopped_and_fails_by_rule(embedded: EmbeddedAws, ssm: Any) -> None:
    create(ssm, "Wait-For-Signal", {"schemaVersion": "0.3", "mainSteps": [{"name": "hold", "action": "aws:pause"}]})
    held = start(ssm, "Wait-For-Signal")
    assert get(ssm, held)["AutomationExecutionStatus"] == "Waiting"
    ssm.stop_automation_execution(AutomationExecutionId=held, Type="Cancel")
    embedded.control("clock", {"advance": 10})
    assert get(ssm, held)["AutomationExecutionStatus"] == "Cancelled"
    again = code(ssm.stop_automation_execution, AutomationExecutionId=held)
    assert again == "InvalidAutomationStatusUpdateException"
    embedded.control("faults", {"kind": "automation_failure", "document": NAME, "step": "second", "message": "no zone"})
    failing = start(ssm)
    embedded.control("clock", {"advance": 4000})
    failed = get(ssm, failing)
    assert (failed["AutomationExecutionStatus"], failed["FailureMessage"][-7:]) == ("Failed", "no zone")


def test_what_cannot_be_started_is_refused(ssm: Any) -> None:
    begin = ssm.start_automation_execution
    assert code(begin, DocumentName="Not-There") == "AutomationDefinitionNotFoundException"
    unknown = {"DocumentName": NAME, "Parameters": {"Zone": ["a"], "Zones": ["a"]}}
    assert code(begin, **unknown) == "InvalidAutomationExecutionParametersException"
    assert code(begin, DocumentName=NAME) == "InvalidAutomationExecutionParametersException"
    version = {"DocumentName": NAME, "DocumentVersion": "7", "Parameters": {"Zone": ["a"]}}
    assert code(begin, **version) == "AutomationDefinitionVersionNotFoundException"
    assert code(begin, DocumentName=NAME, ClientToken="x" * 36) == "ValidationException"
    assert code(begin, DocumentName=NAME, MaxErrors="1", Parameters={"Zone": ["a"]}) == "NotImplemented"
    script = {"schemaVersion": "0.3", "mainSteps": [{"name": "run", "action": "aws:executeScript"}]}
    create(ssm, "Run-Script", script)
    assert code(begin, DocumentName="Run-Script") == "NotImplemented"
    lost = code(ssm.get_automation_execution, AutomationExecutionId=str(uuid.uuid4()))
    assert lost == "AutomationExecutionNotFoundException"


def test_an_estate_declares_automations_that_only_take_time() -> None:
    def estate(automations: dict[str, Any]) -> dict[str, Any]:
        return {"accounts": {TARGET: {**ACCOUNTS[TARGET], "regions": {"us-west-2": {"automations": automations}}}}}

    assert parse(estate({"Switch-DNS": 120})).accounts[TARGET].regions["us-west-2"].automations == {"Switch-DNS": 120}
    with pytest.raises(EstateError, match="the name of a document"):
        parse(estate({"a b": 1}))
