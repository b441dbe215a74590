"""The playbook deploy from outside: everything is there, a second run changes nothing, the archive is reproducible."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.embedded import TARGET
from tests.support.orchestrator import FUNCTIONS, ROLE, build_archive

from .conftest import SCHEDULE, House

pytestmark = pytest.mark.xdist_group("deployed")

PREFIX = "disaster-recovery"
MACHINES = ("failover", "test", "failback", "wave", "follow")


def test_a_second_run_changes_nothing(deployed_house: House) -> None:
    recap = deployed_house.play("deploy", dr_correlation_schedule=SCHEDULE).recap()
    assert (recap["changed"], recap["failed"]) == (0, 0)


def test_the_schedule_calls_the_correlation_and_tells_it_the_time(deployed_house: House) -> None:
    events, function = deployed_house.aws.client("events"), f"{PREFIX}-correlate"
    (rule,) = [rule for rule in events.list_rules()["Rules"] if rule["Name"] == function]
    (target,) = events.list_targets_by_rule(Rule=function)["Targets"]
    assert (rule["ScheduleExpression"], rule["State"]) == (SCHEDULE, "ENABLED")
    assert target["Arn"].endswith(f":function:{function}")
    assert target["InputTransformer"] == {"InputPathsMap": {"now": "$.time"}, "InputTemplate": '{"now": "<now>"}'}
    policy = json.loads(deployed_house.aws.client("lambda").get_policy(FunctionName=function)["Policy"])
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rule["Arn"]}}


def test_tables_can_neither_be_lost_nor_read_by_whoever_finds_the_disk(deployed_house: House) -> None:
    tables = deployed_house.aws.client("dynamodb")
    for name in (f"{PREFIX}-ip-map", f"{PREFIX}-runs"):
        table = tables.describe_table(TableName=name)["Table"]
        assert (table["DeletionProtectionEnabled"], table["SSEDescription"]["SSEType"]) == (True, "KMS")
        backups = tables.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_every_function_has_a_role_a_policy_and_a_log_group_of_its_own(deployed_house: House) -> None:
    iam, logs = deployed_house.aws.client("iam"), deployed_house.aws.client("logs")
    groups = {group["logGroupName"]: group for group in logs.describe_log_groups()["logGroups"]}
    for name in FUNCTIONS:
        function = deployed_house.aws.client("lambda").get_function(FunctionName=f"{PREFIX}-{name}")
        configuration = function["Configuration"]
        assert configuration["Role"] == f"arn:aws:iam::{TARGET}:role/{PREFIX}-{name}"
        assert (configuration["Timeout"], configuration["MemorySize"]) == (120, 512)
        assert configuration["Environment"]["Variables"]["RUNS_TABLE"] == f"{PREFIX}-runs"
        assert groups[f"/aws/lambda/{PREFIX}-{name}"]["retentionInDays"] == 90
        policy = iam.get_role_policy(RoleName=f"{PREFIX}-{name}", PolicyName="orchestrator")["PolicyDocument"]
        assert not wildcards(policy)


def wildcards(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """Statements that allow every action of a service, or of all."""
    return [
        statement
        for statement in policy["Statement"]
        if any(
            action.endswith("*")
            for action in [*([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])]
        )
    ]


def test_the_functions_answer(deployed_house: House) -> None:
    event = {"run_id": "nobody", "now": "2026-01-01T00:00:00Z", "wave": 1}
    # These two have nothing to do for a run that was never opened.
    for name in set(FUNCTIONS) - {"clean-up", "close-run"}:
        answer = deployed_house.aws.client("lambda").invoke(FunctionName=f"{PREFIX}-{name}", Payload=json.dumps(event))
        error = json.loads(answer["Payload"].read())
        assert error["errorType"] in {"InvalidRequest", "NotFound"}, name
        assert "nobody" in error["errorMessage"] or "request" in error["errorMessage"]


def test_the_machines_have_the_mode_in_them_and_no_placeholder(deployed_house: House) -> None:
    machines = deployed_house.aws.client("stepfunctions")
    definitions = {}
    for name in MACHINES:
        arn = f"arn:aws:states:us-west-2:{TARGET}:stateMachine:{PREFIX}-{name}"
        definitions[name] = machines.describe_state_machine(stateMachineArn=arn)["definition"]
        assert "${" not in definitions[name]
    assert '\\"mode\\": \\"failover\\"' in definitions["failover"]
    assert '\\"mode\\": \\"test\\"' in definitions["test"]


def test_the_evidence_bucket_is_private_versioned_and_encrypted(deployed_house: House) -> None:
    s3, bucket = deployed_house.aws.client("s3"), f"{PREFIX}-evidence-{TARGET}-us-west-2"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def test_the_archive_has_the_same_bytes_whenever_and_wherever_it_is_built(tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "elsewhere.zip"
    build_archive(first)
    time.sleep(2.1)  # the format counts two seconds at a time
    build_archive(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as packed:
        names = packed.namelist()
    assert names == sorted(names)
    assert {"open_run.py", "ansible_collections/__init__.py"} <= set(names)
    assert "ansible_collections/disaster_recovery/aws/plugins/module_utils/core/waves.py" in names
    assert not [name for name in names if "modules" in name.split("/") or name.endswith(".pyc")]


def test_policies_name_only_the_functions_and_machines_that_exist() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    policies = yaml.safe_load((ROLE / "vars" / "policies.yml").read_text(encoding="utf-8"))
    assert set(policies["orchestrator_function_policies"]) == set(variables["orchestrator_functions"])
    assert set(policies["orchestrator_machine_policies"]) == {
        item["name"] for item in variables["orchestrator_machines"]
    }
    called = {
        "run": set(variables["orchestrator_run_functions"]),
        "wave": set(variables["orchestrator_wave_functions"]),
    }
    for source, functions in called.items():
        text = (ROLE / "files" / "state_machines" / f"{source}.asl.yml").read_text(encoding="utf-8")
        assert {name for name in variables["orchestrator_functions"] if f"Prefix}}{name}\n" in text} == functions


def test_a_wrong_endpoint_ends_with_one_clear_error(deployed_house: House) -> None:
    outcome = deployed_house.play("deploy", succeeds=False, dr_endpoint_url="http://127.0.0.1:9")
    assert "127.0.0.1:9" in outcome.output
    assert outcome.recap()["changed"] == 0
