"""IAM is enforced: sessions of roles may do what their policies allow, in every protocol, and all of it is recorded.

Facts: section 8 of the facts about DRS; the Service Authorization Reference; "Policy evaluation logic" of IAM's guide.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.emulator.engine.workflows import package
from tests.support.embedded import ACCOUNTS, STAGING, TARGET, EmbeddedAws

REGION = "us-west-2"
ESTATE = Path(__file__).resolve().parents[2] / "support" / "small_estate.yml"
SERVER = f"arn:aws:drs:{REGION}:{TARGET}:source-server/"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
DRS_CONSOLE = "arn:aws:iam::aws:policy/AWSElasticDisasterRecoveryConsoleFullAccess_v2"
TABLE = f"arn:aws:dynamodb:{REGION}:{TARGET}:table/"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    """The small estate with a default VPC to launch into, and a staging account."""
    estate = yaml.safe_load(ESTATE.read_text(encoding="utf-8"))
    estate["accounts"][STAGING] = ACCOUNTS[STAGING]
    estate["accounts"][TARGET]["regions"][REGION]["default_vpc"] = True
    running = EmbeddedAws(estate)
    yield running
    running.stop()


def allow(*actions: str, resource: str | list[str] = "*", **elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **elements}


def trusting(**principal: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Role:
    """A role with policies, and clients of a session of it."""

    def __init__(
        self,
        aws: EmbeddedAws,
        *statements: dict[str, Any],
        managed: str | None = None,
        trust: dict[str, Any] | None = None,
    ):
        self._aws = aws
        self.iam = aws.client("iam")
        self.name = f"role-{next(_NUMBERS)}"
        created = self.iam.create_role(
            RoleName=self.name, AssumeRolePolicyDocument=document(trust or trusting(AWS=TARGET))
        )
        self.arn: str = created["Role"]["Arn"]
        self.session = f"arn:aws:sts::{TARGET}:assumed-role/{self.name}/test"
        if statements:
            self.put("inline", *statements)
        if managed:
            self.iam.attach_role_policy(RoleName=self.name, PolicyArn=managed)

    def put(self, name: str, *statements: dict[str, Any]) -> None:
        """Write an inline policy."""
        self.iam.put_role_policy(RoleName=self.name, PolicyName=name, PolicyDocument=document(*statements))

    def client(self, service: str) -> Any:
        """Return a client of a new session."""
        return client_of(self._aws, service, self._aws.client("sts"), self.arn)


def client_of(aws: EmbeddedAws, service: str, sts: Any, role_arn: str, **request: Any) -> Any:
    keys = sts.assume_role(RoleArn=role_arn, RoleSessionName="test", **request)["Credentials"]
    return aws.client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def refusal(call: Callable[[], Any]) -> tuple[str, int, str]:
    """Code, HTTP status and text of a call that fails."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def code(call: Callable[[], Any]) -> str:
    """The code of a call that fails, "allowed" when it does not."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


PROTOCOLS = {
    "json": ("dynamodb", "list_tables", {}, "dynamodb:ListTables", "*", "AccessDeniedException", 400),
    "json 1.0": (
        "stepfunctions",
        "start_execution",
        {"stateMachineArn": f"arn:aws:states:{REGION}:{TARGET}:stateMachine:m"},
        "states:StartExecution",
        f"arn:aws:states:{REGION}:{TARGET}:stateMachine:m",
        "AccessDeniedException",
        400,
    ),
    "rest-json": ("drs", "describe_jobs", {}, "drs:DescribeJobs", "*", "AccessDeniedException", 403),
    "rest-json of Lambda": (
        "lambda",
        "invoke",
        {"FunctionName": "f"},
        "lambda:InvokeFunction",
        f"arn:aws:lambda:{REGION}:{TARGET}:function:f",
        "AccessDeniedException",
        403,
    ),
    "query": (
        "iam",
        "get_role",
        {"RoleName": "r"},
        "iam:GetRole",
        f"arn:aws:iam::{TARGET}:role/r",
        "AccessDenied",
        403,
    ),
    "query of SNS": (
        "sns",
        "publish",
        {"TopicArn": f"arn:aws:sns:{REGION}:{TARGET}:t", "Message": "m"},
        "SNS:Publish",
        f"arn:aws:sns:{REGION}:{TARGET}:t",
        "AuthorizationError",
        403,
    ),
    "rest-xml": (
        "s3",
        "get_object",
        {"Bucket": "b", "Key": "a/b c"},
        "s3:GetObject",
        '"arn:aws:s3:::b/a/b c"',
        "AccessDenied",
        403,
    ),
    "cbor": ("cloudwatch", "list_metrics", {}, "cloudwatch:ListMetrics", "*", "AccessDeniedException", 400),
}


@pytest.fixture(scope="module")
def powerless(aws: EmbeddedAws) -> Role:
    return Role(aws)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_missing_permission_is_an_error_in_the_words_of_aws(aws: EmbeddedAws, powerless: Role, protocol: str) -> None:
    service, operation, arguments, action, resource, name, status = PROTOCOLS[protocol]
    client = powerless.client(service)
    text = (
        f"User: {powerless.session} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
    assert refusal(lambda: getattr(client, operation)(**arguments)) == (name, status, text)
    permitted = Role(aws, allow(action)).client(service)
    assert code(lambda: getattr(permitted, operation)(**arguments)) != name


def test_ec2_has_a_code_and_a_text_of_its_own(aws: EmbeddedAws, powerless: Role) -> None:
    name, status, text = refusal(powerless.client("ec2").describe_instances)
    assert (name, status) == ("UnauthorizedOperation", 403)
    assert text == (
        f"You are not authorized to perform this operation. User: {powerless.session} is not authorized to perform: "
        "ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action"
    )


def test_the_error_of_drs_has_its_members(powerless: Role) -> None:
    drs = powerless.client("drs")
    with pytest.raises(drs.exceptions.AccessDeniedException) as caught:
        drs.describe_source_servers()
    assert caught.value.response["code"] == "AccessDeniedException"


def test_everybody_may_ask_who_they_are(powerless: Role) -> None:
    assert powerless.client("sts").get_caller_identity()["Arn"] == powerless.session


def test_permissions_are_those_of_the_moment(aws: EmbeddedAws) -> None:
    role = Role(aws)
    dynamodb = role.client("dynamodb")
    assert code(dynamodb.list_tables) == "AccessDeniedException"
    role.iam.attach_role_policy(RoleName=role.name, PolicyArn=ADMINISTRATOR)
    assert code(dynamodb.list_tables) == "allowed"
    role.put("less", {"Effect": "Deny", "Action": "dynamodb:List*", "Resource": "*"})
    assert refusal(dynamodb.list_tables)[2].endswith("with an explicit deny in an identity-based policy")
    role.iam.delete_role_policy(RoleName=role.name, PolicyName="less")
    assert code(dynamodb.list_tables) == "allowed"
    role.iam.detach_role_policy(RoleName=role.name, PolicyArn=ADMINISTRATOR)
    role.iam.delete_role(RoleName=role.name)
    assert code(dynamodb.list_tables) == "AccessDeniedException"


def test_a_permission_may_be_for_some_resources_only(aws: EmbeddedAws) -> None:
    dynamodb = Role(aws, allow("dynamodb:PutItem", "dynamodb:BatchGetItem", resource=f"{TABLE}mine")).client("dynamodb")
    for name in ("mine", "yours"):
        aws.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    item = {"pk": {"S": "1"}}
    put = {name: {"Put": {"TableName": name, "Item": item}} for name in ("mine", "yours")}
    dynamodb.transact_write_items(TransactItems=[put["mine"]])
    assert code(lambda: dynamodb.put_item(TableName="yours", Item=item)) == "AccessDeniedException"
    both = [put["mine"], put["yours"]]
    assert code(lambda: dynamodb.transact_write_items(TransactItems=both)) == "AccessDeniedException"
    wanted = {name: {"Keys": [item]} for name in ("mine", "yours")}
    assert code(lambda: dynamodb.batch_get_item(RequestItems=wanted)) == "AccessDeniedException"
    read = dynamodb.batch_get_item(RequestItems={"mine": wanted["mine"]})
    assert read["Responses"]["mine"] == [item]


def test_a_permission_may_be_for_resources_with_a_tag(aws: EmbeddedAws) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/Tier": "reporting"}}
    drs = Role(aws, allow("drs:TagResource", Condition=condition)).client("drs")
    drs.tag_resource(resourceArn=f"{SERVER}s-rep10000000000001", tags={"Seen": "yes"})
    other = f"{SERVER}s-db100000000000001"
    assert code(lambda: drs.tag_resource(resourceArn=other, tags={"Seen": "yes"})) == "AccessDeniedException"
    ec2 = Role(
        aws,
        allow("ec2:CreateLaunchTemplate", Condition={"StringEquals": {"aws:RequestTag/Owner": "dr"}}),
        allow("ec2:CreateTags", Condition={"StringEquals": {"ec2:CreateAction": "CreateLaunchTemplate"}}),
    ).client("ec2")
    data = {"LaunchTemplateName": "tagged", "LaunchTemplateData": {"InstanceType": "t3.small"}}
    tagged = [{"ResourceType": "launch-template", "Tags": [{"Key": "Owner", "Value": "dr"}]}]
    assert code(lambda: ec2.create_launch_template(**data)) == "UnauthorizedOperation"
    made = ec2.create_launch_template(**data, TagSpecifications=tagged)["LaunchTemplate"]["LaunchTemplateId"]
    tags = [{"Key": "Owner", "Value": "me"}]
    assert code(lambda: ec2.create_tags(Resources=[made], Tags=tags)) == "UnauthorizedOperation"


def test_recovery_plans_are_resources_with_tags_and_their_steps_are_none(aws: EmbeddedAws) -> None:
    """Facts 8.3: the resource types of DRS, all of which support aws:ResourceTag, have no steps."""
    mine = aws.client("drs")
    for tier in ("database", "web"):
        plan = mine.create_recovery_plan(name=f"of-{tier}", tags={"Tier": tier})["recoveryPlan"]["recoveryPlanArn"]
        wait = {"waitStepConfiguration": {"waitDurationMinutes": 1}}
        made = mine.create_recovery_plan_step(recoveryPlanArn=plan, stepName="wait", configuration=wait)
        step = made["recoveryPlanStep"]["recoveryPlanStepArn"]
        condition = {"StringEquals": {"aws:ResourceTag/Tier": "database"}}
        drs = Role(aws, allow("drs:GetRecoveryPlanStep", resource=plan, Condition=condition)).client("drs")
        expected = "allowed" if tier == "database" else "AccessDeniedException"
        assert code(lambda: drs.get_recovery_plan_step(recoveryPlanStepArn=step)) == expected  # noqa: B023 - at once


def test_users_are_checked_on_request(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="guest")
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    guest = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    dynamodb = aws.client("dynamodb", **guest)
    assert code(dynamodb.list_tables) == "allowed"
    try:
        assert aws.control("iam", {"enforce": "all"}) == {"enforce": "all"}
        assert f"User: arn:aws:iam::{TARGET}:user/guest is not" in refusal(dynamodb.list_tables)[2]
        assert code(aws.client("dynamodb").list_tables) == "allowed"  # the users of the estate are administrators
        iam.create_group(GroupName="readers")
        iam.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=document(allow("dynamodb:List*")))
        iam.add_user_to_group(GroupName="readers", UserName="guest")
        assert code(dynamodb.list_tables) == "allowed"
        aws.control("iam", {"enforce": "none"})
        assert code(Role(aws).client("dynamodb").list_tables) == "allowed"
    finally:
        aws.control("iam", {"enforce": "roles"})


def test_a_role_says_who_may_assume_it(aws: EmbeddedAws) -> None:
    target, staging = aws.client("sts"), aws.client("sts", account=STAGING)
    closed = Role(aws, trust=trusting(Service="lambda.amazonaws.com"))
    name, status, text = refusal(lambda: target.assume_role(RoleArn=closed.arn, RoleSessionName="test"))
    assert (name, status) == ("AccessDenied", 403)
    assert text == (
        f"User: arn:aws:iam::{TARGET}:user/dr-operator is not authorized to perform: sts:AssumeRole "
        f"on resource: {closed.arn}"
    )
    foreign = Role(
        aws, trust={**trusting(AWS=STAGING), "Condition": {"StringEquals": {"sts:ExternalId": "our-secret"}}}
    )
    assume = {"RoleArn": foreign.arn, "RoleSessionName": "test"}
    assert code(lambda: target.assume_role(**assume)) == "AccessDenied"
    assert code(lambda: staging.assume_role(**assume)) == "AccessDenied"
    session = client_of(aws, "sts", staging, foreign.arn, ExternalId="our-secret")
    assert session.get_caller_identity()["Account"] == TARGET


def test_a_role_that_assumes_another_needs_both_sides(aws: EmbeddedAws) -> None:
    first = Role(aws)
    named, account = Role(aws, trust=trusting(AWS=first.arn)), Role(aws)
    sts = first.client("sts")
    assert code(lambda: sts.assume_role(RoleArn=named.arn, RoleSessionName="test")) == "allowed"
    assert (
        "no identity-based policy" in refusal(lambda: sts.assume_role(RoleArn=account.arn, RoleSessionName="test"))[2]
    )
    first.put("assume", allow("sts:AssumeRole", resource=account.arn))
    assert code(lambda: sts.assume_role(RoleArn=account.arn, RoleSessionName="test")) == "allowed"


def test_handing_a_role_over_needs_pass_role_and_a_role_that_trusts_the_service(aws: EmbeddedAws) -> None:
    trust = trusting(Service=["lambda.amazonaws.com", "states.amazonaws.com"])
    passed, distrustful = Role(aws, trust=trust), Role(aws)
    deployer = Role(
        aws,
        allow("lambda:CreateFunction", "states:CreateStateMachine"),
        allow(
            "iam:PassRole",
            resource=[passed.arn, distrustful.arn],
            Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        ),
    )
    other = Role(aws, trust=trust)

    def create_function(name: str, role: Role) -> str:
        code_ = {"ZipFile": package({"main.py": "def handler(event, context): return 1"})}
        return code(
            lambda: deployer.client("lambda").create_function(
                FunctionName=name, Role=role.arn, Runtime="python3.12", Handler="main.handler", Code=code_
            )
        )

    def create_machine(role: Role) -> str:
        definition = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
        return code(
            lambda: deployer.client("stepfunctions").create_state_machine(
                name="passed", roleArn=role.arn, definition=json.dumps(definition)
            )
        )

    assert create_function("passed", passed) == "allowed"
    assert create_function("other", other) == "AccessDeniedException"
    assert create_function("distrustful", distrustful) == "InvalidParameterValueException"
    assert create_machine(passed) == "AccessDeniedException"
    deployer.put("more", allow("iam:PassRole"))
    assert create_machine(passed) == "allowed"
    assert create_machine(distrustful) == "AccessDeniedException"


def test_waiting_for_other_executions_needs_the_rule_that_tells_of_their_end(aws: EmbeddedAws) -> None:
    trust = trusting(Service="states.amazonaws.com")
    state = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True}
    state["Parameters"] = {"StateMachineArn": f"arn:aws:states:{REGION}:{TARGET}:stateMachine:child"}
    definition = json.dumps({"StartAt": "A", "States": {"A": state}})
    role = Role(aws, trust=trust)
    request = {"name": "parent", "roleArn": role.arn, "definition": definition}
    states = aws.client("stepfunctions")
    assert "managed-rule" in refusal(lambda: states.create_state_machine(**request))[2]
    rule = f"arn:aws:events:{REGION}:{TARGET}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    role.put("rule", allow("events:PutTargets", "events:PutRule", "events:DescribeRule", resource=rule))
    assert code(lambda: states.create_state_machine(**request)) == "allowed"


def test_a_task_with_credentials_calls_as_a_role_that_its_machine_may_assume(aws: EmbeddedAws) -> None:
    machine = Role(aws, trust=trusting(Service="states.amazonaws.com"))
    reader = Role(aws, allow("dynamodb:ListTables"), trust=trusting(AWS=TARGET))
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:listTables",
        "Credentials": {"RoleArn": reader.arn},
        "End": True,
    }
    states = aws.client("stepfunctions")
    created = states.create_state_machine(
        name="credentials", roleArn=machine.arn, definition=json.dumps({"StartAt": "A", "States": {"A": task}})
    )

    def run() -> dict[str, Any]:
        execution = states.start_execution(stateMachineArn=created["stateMachineArn"])["executionArn"]
        aws.control("clock", {"advance": 0})
        return dict(states.describe_execution(executionArn=execution))

    assert "is not authorized to assume the task state's role" in run()["cause"]
    machine.put("assume", allow("sts:AssumeRole", resource=reader.arn))
    assert run()["status"] == "SUCCEEDED"


SOURCE = """
import boto3

def handler(event, context):
    print("hello")
    return boto3.client("dynamodb").list_tables()["TableNames"]
"""


def test_a_function_has_the_permissions_of_its_role_and_logs_with_them_too(aws: EmbeddedAws) -> None:
    role = Role(aws, trust=trusting(Service="lambda.amazonaws.com"))
    functions, logs = aws.client("lambda"), aws.client("logs")
    functions.create_function(
        FunctionName="limited",
        Role=role.arn,
        Runtime="python3.12",
        Handler="main.handler",
        Timeout=10,
        Code={"ZipFile": package({"main.py": SOURCE})},
    )
    answer = json.loads(functions.invoke(FunctionName="limited")["Payload"].read())
    assert f"assumed-role/{role.name}/limited is not authorized to perform: dynamodb" in answer["errorMessage"]
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/limited")["logGroups"] == []
    role.put("more", allow("dynamodb:ListTables", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"))
    answer = json.loads(functions.invoke(FunctionName="limited")["Payload"].read())
    assert isinstance(answer, list)
    assert any(
        event["message"] == "hello" for event in logs.filter_log_events(logGroupName="/aws/lambda/limited")["events"]
    )


def recover(aws: EmbeddedAws, role: Role, server: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Start a drill of one server and return the participant and the log of its job."""
    job = role.client("drs").start_recovery(sourceServers=[{"sourceServerID": server}], isDrill=True, tags={"a": "b"})
    aws.control("clock", {"advance": 7200})
    drs, job_id = aws.client("drs"), job["job"]["jobID"]
    (ended,) = drs.describe_jobs(filters={"jobIDs": [job_id]})["items"]
    assert ended["status"] == "COMPLETED"
    return ended["participatingServers"][0], drs.describe_job_log_items(jobID=job_id)["items"]


def test_a_recovery_needs_permissions_of_drs_at_once(aws: EmbeddedAws) -> None:
    start = {"sourceServers": [{"sourceServerID": "s-app10000000000001"}], "tags": {"a": "b"}}
    role = Role(aws, allow("drs:StartRecovery"))
    drs = role.client("drs")
    for missing in ("drs:TagResource", "drs:CreateRecoveryInstanceForDrs", "drs:ListTagsForResource"):
        assert f"to perform: {missing} on" in refusal(lambda: drs.start_recovery(**start))[2]
        role.put(missing.partition(":")[2], allow(missing))
    assert drs.start_recovery(**start)["job"]["status"] == "PENDING"


def test_a_recovery_fails_later_when_its_caller_may_not_launch(aws: EmbeddedAws) -> None:
    role = Role(aws, allow("drs:*"), allow("ec2:*"), {**allow("ec2:StartInstances"), "Effect": "Deny"})
    part, log = recover(aws, role, "s-db100000000000001")
    assert part["launchStatus"] == "FAILED"
    failed = next(item for item in log if item["event"] == "CONVERSION_FAIL")
    error = failed["eventData"]["rawError"]
    assert "(UnauthorizedOperation) when calling the RunInstances operation" in error
    assert "iam:PassRole on resource" in error
    role.put("pass", allow("iam:PassRole"))
    part, log = recover(aws, role, "s-db100000000000001")
    failed = next(item for item in log if item["event"] == "LAUNCH_FAILED")
    assert "calling the StartInstances operation: You are not authorized" in failed["eventData"]["rawError"]
    template = aws.client("drs").get_launch_configuration(sourceServerID="s-db100000000000001")["ec2LaunchTemplateID"]
    version = aws.client("ec2").create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="$Default", LaunchTemplateData={"DisableApiTermination": True}
    )["LaunchTemplateVersion"]["VersionNumber"]
    aws.client("ec2").modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(version))
    part, log = recover(aws, role, "s-db100000000000001")
    assert [item["event"] for item in log][-2:] == ["LAUNCH_FAILED", "JOB_END"]  # the protected instance stays


def test_a_recovery_fails_when_its_caller_may_not_end_the_conversion_server(aws: EmbeddedAws) -> None:
    forbidden = {**allow("ec2:TerminateInstances"), "Effect": "Deny"}
    role = Role(aws, allow("drs:*"), allow("ec2:*"), allow("iam:PassRole"), forbidden)
    part, log = recover(aws, role, "s-app20000000000001")
    assert part["launchStatus"] == "FAILED"
    assert [item["event"] for item in log][-2:] == ["CONVERSION_FAIL", "JOB_END"]
    assert "calling the TerminateInstances operation" in log[-2]["eventData"]["rawError"]
    filters = [{"Name": "tag:drs.amazonaws.com-source-server", "Values": ["s-app20000000000001"]}]
    assert aws.client("ec2").describe_instances(Filters=filters)["Reservations"] == []  # DRS ended it by its own role


def test_the_policy_that_aws_manages_for_the_console_is_enough_for_a_drill(aws: EmbeddedAws) -> None:
    role = Role(aws, managed=DRS_CONSOLE)
    part, _ = recover(aws, role, "s-rep10000000000001")
    assert part["launchStatus"] == "LAUNCHED"
    instance = part["recoveryInstanceID"]
    ec2 = role.client("ec2")
    assert code(lambda: ec2.terminate_instances(InstanceIds=[instance])) == "UnauthorizedOperation"
    role.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[instance])
    aws.control("clock", {"advance": 3600})
    assert aws.client("drs").describe_recovery_instances(filters={})["items"] == []
    used = {item["action"]: item for item in aws.control("permissions")["permissions"] if item["identity"] == role.arn}
    assert used["ec2:RunInstances"]["via"] == "drs.amazonaws.com"
    assert {"drs:StartRecovery", "iam:PassRole", "ec2:StartInstances", "ec2:DeleteVolume"} <= used.keys()


def test_every_call_is_recorded_with_what_it_needed(aws: EmbeddedAws) -> None:
    role = Role(aws, allow("dynamodb:ListTables"))
    dynamodb = role.client("dynamodb")
    dynamodb.list_tables()
    dynamodb.list_tables()
    code(lambda: dynamodb.describe_table(TableName="t"))
    calls = [call for call in aws.control("calls")["calls"] if call["principal"] == role.session]
    assert [call["permissions"] for call in calls[1:]] == [
        [{"action": "dynamodb:ListTables", "resource": "*", "result": "allowed"}],
        [{"action": "dynamodb:DescribeTable", "resource": f"{TABLE}t", "result": "denied"}],
    ]
    permissions = [item for item in aws.control("permissions")["permissions"] if item["identity"] == role.arn]
    assert [(item["action"], item["resource"], item["result"], item["count"]) for item in permissions] == [
        ("dynamodb:DescribeTable", f"{TABLE}t", "denied", 1),
        ("dynamodb:ListTables", "*", "allowed", 2),
    ]


def test_what_is_not_emulated_is_refused(aws: EmbeddedAws) -> None:
    role = Role(aws)
    sts, iam = aws.client("sts"), role.iam
    limited = {"RoleArn": role.arn, "RoleSessionName": "test", "Policy": document(allow("s3:*"))}
    assert refusal(lambda: sts.assume_role(**limited))[:2] == ("NotImplemented", 501)
    boundary = {"RoleName": role.name, "PermissionsBoundary": ADMINISTRATOR}
    assert refusal(lambda: iam.put_role_permissions_boundary(**boundary))[:2] == ("NotImplemented", 501)
    unclear = Role(aws, allow("s3:ListAllMyBuckets", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}}))
    assert code(unclear.client("s3").list_buckets) == "AccessDenied"
    assert any("IpAddress" in text for text in aws.control("permissions")["not_understood"])
