"""How DRS answers: HTTP status, error header and members, validation on the server's side [facts 1.0, 1.4]."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from emulator.drs.operations import OPERATIONS, WITHOUT_INITIALISATION
from tests.emulator.drs.support import Drs

MODEL = botocore.session.get_session().get_service_model("drs")
SAMPLES: dict[str, Any] = {
    "SourceServerID": "s-00000000000000000",
    "JobID": "drsjob-00000000000000000",
    "LaunchConfigurationTemplateID": "lct-00000000000000000",
    "RecoveryInstanceID": "i-00000000000000000",
    "SourceServerARN": "arn:aws:drs:us-west-2:111111111111:source-server/s-00000000000000000",
    "AccountID": "111111111111",
    "StrictDRSARN": "arn:aws:drs:us-west-2:222222222222:recovery-plan/rp-00000000000000000",
    "LaunchActionResourceId": "s-00000000000000000",
    "LaunchActionId": "00000000-0000-0000-0000-000000000000",
    "LaunchActionVersion": "1",
    "RecoveryPlanStepConfiguration": {"waitStepConfiguration": {"waitDurationMinutes": 1}},
    "SubnetID": "subnet-00000000000000000",
    "SecurityGroupID": "sg-00000000000000000",
    "ReplicationConfigurationTemplateID": "rct-00000000000000000",
}


def post(drs: Drs, path: str, body: object, method: str = "POST") -> tuple[int, dict[str, str], Any]:
    """Send a request that boto3 would not send and return status, headers (lower case) and body."""
    keys = drs.aws.credentials()
    request = AWSRequest(
        method=method,
        url=f"{drs.aws.endpoint}{path}",
        data=body if isinstance(body, str) else json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    SigV4Auth(credentials, "drs", "us-west-2").add_auth(request)
    response = URLLib3Session().send(request.prepare())
    headers = {name.lower(): value for name, value in response.headers.items()}
    return response.status_code, headers, json.loads(response.text) if response.text else None


def minimal_request(name: str) -> dict[str, Any]:
    """Return an input with the required members only."""
    shape = MODEL.operation_model(name).input_shape
    return {member: sample(shape.members[member]) for member in shape.required_members} if shape else {}


def sample(shape: Any) -> Any:
    if shape.name in SAMPLES:
        return SAMPLES[shape.name]
    if shape.type_name == "structure":
        return {name: sample(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [sample(shape.member)] * max(1, shape.metadata.get("min", 0))
    if shape.type_name == "map":
        return {}
    if shape.type_name in ("integer", "long"):
        return shape.metadata.get("min", 1)
    if shape.type_name == "boolean":
        return True
    return shape.metadata["enum"][0] if "enum" in shape.metadata else "x" * max(20, shape.metadata.get("min", 1))


@pytest.mark.parametrize("name", sorted(set(MODEL.operation_names) - set(OPERATIONS)))
def test_an_operation_that_is_not_emulated_says_so(drs: Drs, name: str) -> None:
    operation = MODEL.operation_model(name)
    status, headers, body = post(drs, operation.http["requestUri"], minimal_request(name), operation.http["method"])
    assert (status, headers["x-amzn-errortype"]) == (501, "NotEmulatedException")
    assert body["message"] == f"DRS operation {name} is not emulated yet"


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - WITHOUT_INITIALISATION))
def test_an_account_is_uninitialised_until_initialize_service(drs: Drs, name: str) -> None:
    elsewhere = drs.aws.client("drs", region="eu-west-1")
    method = next(key for key, value in elsewhere.meta.method_to_api_mapping.items() if value == name)
    with pytest.raises(elsewhere.exceptions.UninitializedAccountException) as error:
        getattr(elsewhere, method)(**minimal_request(name))
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_initialize_service_makes_the_roles_and_profiles_of_drs(drs: Drs) -> None:
    elsewhere = drs.aws.client("drs", region="eu-central-1")
    answer = elsewhere.initialize_service()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert elsewhere.describe_source_servers()["items"] == []
    profile = drs.aws.client("iam").get_instance_profile(
        InstanceProfileName="AWSElasticDisasterRecoveryRecoveryInstanceRole"
    )["InstanceProfile"]
    assert [role["Path"] for role in profile["Roles"]] == ["/service-role/"]


def test_a_region_without_drs_is_refused(drs: Drs) -> None:
    nowhere = drs.aws.client("drs", region="us-moon-1")
    with pytest.raises(ClientError, match="AWS has no Elastic Disaster Recovery in Region us-moon-1"):
        nowhere.describe_source_servers()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/StartRecovery", {}, "sourceServers"),
        ("/StartRecovery", {"sourceServers": []}, "sourceServers"),
        ("/StartRecovery", {"sourceServers": [{"sourceServerID": "s-1"}]}, "sourceServers.1.member.sourceServerID"),
        (
            "/StartRecovery",
            {"sourceServers": [{"sourceServerID": f"s-{number:017}"} for number in range(201)]},
            "sourceServers",
        ),
        ("/StartRecovery", {"sourceServers": "all"}, "sourceServers"),
        ("/DescribeJobs", {"filters": {"fromDate": "2026-01-01T00:00:00+00:00"}}, "filters.fromDate"),
        ("/DescribeSourceServers", {"maxResults": 0}, "maxResults"),
        ("/DescribeSourceServers", {"everything": True}, "everything"),
        (
            "/UpdateLaunchConfiguration",
            {"sourceServerID": "s-paydb100000000001", "launchDisposition": "FLYING"},
            "launchDisposition",
        ),
        (
            "/UpdateLaunchConfiguration",
            {"sourceServerID": "s-paydb100000000001", "copyTags": "yes"},
            "copyTags",
        ),
    ],
)
def test_the_service_validates_what_botocore_does_not(drs: Drs, path: str, body: dict[str, Any], field: str) -> None:
    status, headers, answer = post(drs, path, body)
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert answer["code"] == "ValidationException"
    assert answer["reason"] == "fieldValidationFailed"
    assert field in [item["name"] for item in answer["fieldList"]]
    assert f"'{field}'" in answer["message"]


def test_a_body_that_is_no_json_cannot_be_parsed(drs: Drs) -> None:
    status, _, answer = post(drs, "/DescribeJobs", "{")
    assert (status, answer["reason"]) == (400, "cannotParse")


@pytest.mark.parametrize("text", ["2026-02-31T00:00:00Z", "9999999-12-31T23:59:59Z"])
def test_a_date_that_is_none_is_refused(drs: Drs, text: str) -> None:
    status, _, answer = post(drs, "/DescribeJobs", {"filters": {"fromDate": text}})
    assert (status, answer["message"]) == (400, f"{text} is not a date")


def test_an_unknown_operation_is_refused(drs: Drs) -> None:
    status, headers, answer = post(drs, "/StartLunch", {})
    assert (status, headers["x-amzn-errortype"], answer["reason"]) == (400, "ValidationException", "unknownOperation")


def test_not_found_names_the_resource(drs: Drs) -> None:
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException) as error:
        drs.api.get_launch_configuration(sourceServerID="s-00000000000000000")
    answer = error.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert answer["resourceId"] == "s-00000000000000000"
    assert answer["resourceType"] == "AWS::DRS::SourceServer"


def test_a_token_of_nothing_is_refused(drs: Drs) -> None:
    with pytest.raises(drs.api.exceptions.ValidationException, match="Invalid nextToken"):
        drs.api.describe_source_servers(nextToken="bm9uc2Vuc2U=")
