"""The AWS CLI works against the emulator as against AWS: commands, output formats, exit status, errors.

The commands are those of docs.aws.amazon.com/cli/latest/reference for drs, ec2, sts and stepfunctions.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.emulator.conformance.aws_cli import HOME, AwsCli
from tests.emulator.conformance.roles import TRUST
from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs

pytestmark = pytest.mark.xdist_group("conformance")

PASS = {
    "StartAt": "Only",
    "States": {"Only": {"Type": "Pass", "Result": {"answer": 42}, "End": True}},
}


def test_the_program_itself_reads_the_endpoint_from_the_environment(aws: AwsCli) -> None:
    """AWS SDKs and tools reference, service-specific endpoints: AWS_ENDPOINT_URL."""
    command = [str(HOME / "bin" / "aws"), "sts", "get-caller-identity", "--query", "Account", "--output", "text"]
    done = subprocess.run(command, env=aws.environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [TARGET]


def test_the_endpoint_and_the_region_are_options_too(aws: AwsCli, drs: Drs) -> None:
    """AWS CLI, global options: --endpoint-url and --region win over the environment."""
    elsewhere = aws("--endpoint-url", drs.aws.endpoint, "--region", "eu-west-1", "drs", "describe-source-servers")
    assert elsewhere.status == 255
    assert "(UninitializedAccountException) when calling the DescribeSourceServers operation" in elsewhere.error


def test_describe_source_servers_in_each_output_format(aws: AwsCli) -> None:
    """AWS CLI, output formats: json, text (tab-separated), table."""
    command = ("drs", "describe-source-servers", "--filters", "sourceServerIDs=s-crmdb100000000001")
    query = ("--query", "items[].[sourceServerID,dataReplicationInfo.dataReplicationState]")
    row = ["s-crmdb100000000001", "CONTINUOUS"]
    assert aws(*command, *query, "--output", "json").json() == [row]
    assert aws(*command, *query, "--output", "text").output.rstrip("\n").split("\t") == row
    assert "|  s-crmdb100000000001|  CONTINUOUS |".replace(" ", "") in aws(
        *command, *query, "--output", "table"
    ).output.replace(" ", "")


def test_the_cli_pages_through_a_list(aws: AwsCli, drs: Drs) -> None:
    """AWS CLI, pagination: --page-size, --max-items, --starting-token; facts 1.0, paginators."""
    everything = [server["sourceServerID"] for server in drs.api.describe_source_servers()["items"]]
    command = ("drs", "describe-source-servers", "--page-size", "2", "--max-items", "5")
    first = aws.json(*command)
    second = aws.json(*command, "--starting-token", first["NextToken"])
    seen = [server["sourceServerID"] for page in (first, second) for server in page["items"]]
    assert len(everything) > 10
    assert seen == everything[:10]


def test_a_drill_from_start_to_termination(aws: AwsCli, drs: Drs) -> None:
    """Facts 5.1, 5.2 and 5.5: start-recovery, describe-jobs, describe-job-log-items, terminate-recovery-instances."""
    server = "s-crmdb200000000001"
    drs.launch_into(server, RECOVERY_APP)
    started = aws.json(
        *("drs", "start-recovery", "--is-drill"),
        *("--source-servers", f"sourceServerID={server}", "--tags", "dr:run=cli"),
    )["job"]
    assert (started["status"], started["initiatedBy"], started["tags"]) == ("PENDING", "START_DRILL", {"dr:run": "cli"})
    again = aws("drs", "start-recovery", "--source-servers", f"sourceServerID={server}")
    assert again.status == 255
    assert "(ConflictException) when calling the StartRecovery operation" in again.error

    drs.finish(started["jobID"])
    [job] = aws.json("drs", "describe-jobs", "--filters", f"jobIDs={started['jobID']}")["items"]
    assert (job["status"], job["participatingServers"][0]["launchStatus"]) == ("COMPLETED", "LAUNCHED")
    log = aws.json("drs", "describe-job-log-items", "--job-id", job["jobID"], "--query", "items[].event")
    assert (log[0], log[-1]) == ("JOB_START", "JOB_END")

    filters = ("--filters", f"sourceServerIDs={server}")
    [instance] = aws.json("drs", "describe-recovery-instances", *filters)["items"]
    in_ec2 = ("ec2", "describe-instances", "--instance-ids", instance["ec2InstanceID"])
    state = ("--query", "Reservations[].Instances[].State.Name", "--output", "text")
    assert aws(*in_ec2, *state).output.split() == ["running"]

    ended = aws.json("drs", "terminate-recovery-instances", "--recovery-instance-ids", instance["recoveryInstanceID"])
    assert ended["job"]["type"] == "TERMINATE"
    drs.finish(ended["job"]["jobID"])
    assert aws.json("drs", "describe-recovery-instances", *filters)["items"] == []
    assert aws(*in_ec2, *state).output.split() == ["terminated"]


def test_tags_are_put_listed_and_taken(aws: AwsCli, drs: Drs) -> None:
    """Facts 1.0: TagResource POST, UntagResource DELETE with ?tagKeys=, ListTagsForResource GET on /tags/{arn}."""
    arn = drs.server("s-crmweb10000000001")["arn"]
    before = aws.json("drs", "list-tags-for-resource", "--resource-arn", arn)["tags"]
    aws.json("drs", "tag-resource", "--resource-arn", arn, "--tags", "dr:wave=1,dr:note=a b & c")
    tagged = aws.json("drs", "list-tags-for-resource", "--resource-arn", arn)["tags"]
    assert tagged == {**before, "dr:wave": "1", "dr:note": "a b & c"}
    aws.json("drs", "untag-resource", "--resource-arn", arn, "--tag-keys", "dr:wave", "dr:note")
    assert aws.json("drs", "list-tags-for-resource", "--resource-arn", arn)["tags"] == before


def test_launch_settings_are_read_and_changed(aws: AwsCli) -> None:
    """Facts 3.2: Get- and UpdateLaunchConfiguration, with a boolean option in both forms."""
    server = ("--source-server-id", "s-crmweb20000000001")
    changed = aws.json("drs", "update-launch-configuration", *server, "--copy-tags", "--launch-disposition", "STOPPED")
    assert (changed["copyTags"], changed["launchDisposition"]) == (True, "STOPPED")
    assert aws.json("drs", "update-launch-configuration", *server, "--no-copy-tags")["copyTags"] is False
    read = aws.json("drs", "get-launch-configuration", *server)
    assert (read["copyTags"], read["launchDisposition"]) == (False, "STOPPED")
    versions = aws.json(
        *("ec2", "describe-launch-template-versions", "--launch-template-id", read["ec2LaunchTemplateID"]),
        *("--versions", "$Default", "--query", "LaunchTemplateVersions[].DefaultVersion"),
    )
    assert versions == [True]


def test_a_bad_request_tells_the_error_and_the_exit_status(aws: AwsCli) -> None:
    """AWS CLI, return codes; facts 1.4: enumerations are checked by the service, not by the CLI."""
    server = ("--source-server-id", "s-crmweb20000000001")
    refused = aws("drs", "update-launch-configuration", *server, "--launch-disposition", "FLYING")
    assert refused.status in (252, 255)
    assert "(ValidationException) when calling the UpdateLaunchConfiguration operation" in refused.error
    assert "launchDisposition" in refused.error


def test_a_state_machine_is_made_run_and_read(aws: AwsCli, drs: Drs) -> None:
    """Step Functions API reference: CreateStateMachine, StartExecution, DescribeExecution, GetExecutionHistory."""
    role = aws.json(
        *("iam", "create-role", "--role-name", "cli-machine", "--query", "Role.Arn"),
        *("--assume-role-policy-document", TRUST),
    )
    machine = aws.json(
        *("stepfunctions", "create-state-machine", "--name", "cli", "--definition", json.dumps(PASS)),
        *("--role-arn", role, "--query", "stateMachineArn"),
    )
    execution = aws.json(
        *("stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", "{}"),
        *("--query", "executionArn"),
    )
    drs.advance(0)
    ended = aws.json("stepfunctions", "describe-execution", "--execution-arn", execution)
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"answer": 42})
    history = aws.json(
        *("stepfunctions", "get-execution-history", "--execution-arn", execution, "--query", "events[].type")
    )
    assert history == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
