"""Extended source servers: two accounts, one role, two jobs [facts 4]."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.drs.support import RECOVERY_WAREHOUSE, STAGING, TARGET, Drs

ARN = f"arn:aws:drs:us-west-2:{STAGING}:source-server/"
POLICY = "arn:aws:iam::aws:policy/service-role/AWSElasticDisasterRecoveryStagingAccountPolicy_v2"
ROLE = f"DRSStagingAccountRole_{TARGET}"


def extend(drs: Drs, staging_server: str, **options: Any) -> dict[str, Any]:
    """Extend a server into the target account and return it."""
    response = drs.api.create_extended_source_server(sourceServerArn=f"{ARN}{staging_server}", **options)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 201
    return response["sourceServer"]


def test_a_server_is_extended_once_and_then_not_extensible_any_more(drs: Drs) -> None:
    def extensible() -> set[str]:
        pages = drs.api.get_paginator("list_extensible_source_servers").paginate(
            stagingAccountID=STAGING, PaginationConfig={"PageSize": 2}
        )
        return {item["arn"].rsplit("/", 1)[1] for page in pages for item in page["items"]}

    assert "s-whdb1000000000001" in extensible()
    server = extend(drs, "s-whdb1000000000001", tags={"Application": "warehouse"})
    assert server["sourceServerID"] != "s-whdb1000000000001"
    assert server["arn"].startswith(f"arn:aws:drs:us-west-2:{TARGET}:source-server/s-")
    assert server["tags"] == {"Application": "warehouse"}
    assert server["stagingArea"] == {
        "status": "EXTENDED",
        "stagingAccountID": STAGING,
        "stagingSourceServerArn": f"{ARN}s-whdb1000000000001",
    }
    assert server["sourceProperties"]["identificationHints"]["fqdn"] == "wh-db-1.example.internal"
    assert server["sourceCloudProperties"]["originAccountID"] == STAGING
    assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert "s-whdb1000000000001" not in extensible()
    assert drs.api.list_staging_accounts()["accounts"] == [{"accountID": STAGING}]
    filtered = drs.api.describe_source_servers(filters={"stagingAccountIDs": [STAGING]})["items"]
    assert server["sourceServerID"] in [item["sourceServerID"] for item in filtered]
    with pytest.raises(drs.api.exceptions.ValidationException, match="already extended"):
        extend(drs, "s-whdb1000000000001")
    drs.api.delete_source_server(sourceServerID=server["sourceServerID"])


def test_its_points_in_time_are_those_of_the_staging_server(drs: Drs) -> None:
    server = extend(drs, "s-whapp100000000001")["sourceServerID"]
    here = drs.api.describe_recovery_snapshots(sourceServerID=server)["items"]
    there = drs.staging_api.describe_recovery_snapshots(sourceServerID="s-whapp100000000001")["items"]
    assert [item["timestamp"] for item in here] == [item["timestamp"] for item in there]
    assert {item["sourceServerID"] for item in here} == {server}


def test_a_recovery_makes_a_second_job_in_the_staging_account(drs: Drs) -> None:
    server = extend(drs, "s-whapp200000000001")["sourceServerID"]
    drs.launch_into(server, RECOVERY_WAREHOUSE, "10.20.9.12")
    job_id = drs.start(server)
    staging_job = drs.staging_api.describe_jobs()["items"][0]
    assert (staging_job["type"], staging_job["initiatedBy"]) == ("CREATE_CONVERTED_SNAPSHOT", "TARGET_ACCOUNT")
    drs.finish(job_id)
    assert drs.status_of(job_id, server) == "LAUNCHED"
    log = drs.staging_api.describe_job_log_items(jobID=staging_job["jobID"])["items"]
    assert [item["event"] for item in log] == [
        "JOB_START",
        "SNAPSHOT_START",
        "SNAPSHOT_END",
        "CONVERSION_START",
        "CONVERSION_END",
        "JOB_END",
    ]
    assert {item["eventData"]["sourceServerID"] for item in log[1:-1]} == {"s-whapp200000000001"}
    converted = next(item for item in drs.log(job_id, server) if item["event"] == "CONVERSION_END")
    assert converted["eventData"]["conversionServerID"] == log[4]["eventData"]["conversionServerID"]
    instance = drs.instance(drs.recovery_instance_of(server)["ec2InstanceID"])
    assert instance["PrivateIpAddress"] == "10.20.9.12"


def test_a_failed_conversion_in_the_staging_account_fails_the_launch(drs: Drs) -> None:
    server = extend(drs, "s-whapp300000000001")["sourceServerID"]
    drs.launch_into(server, RECOVERY_WAREHOUSE)
    body = {
        "account": STAGING,
        "region": "us-west-2",
        "hostname": "wh-app-3",
        "fail_launch": {"phase": "CONVERSION", "times": 1, "raw_error": None},
    }
    drs.aws.control("drs/source-server", body)
    job_id = drs.recover(server)
    assert drs.status_of(job_id, server) == "FAILED"
    assert drs.events(job_id, server)[-1] == "CONVERSION_FAIL"


def test_replication_is_configured_in_the_staging_account_only(drs: Drs) -> None:
    server = extend(drs, "s-whweb100000000001")["sourceServerID"]
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        drs.api.get_replication_configuration(sourceServerID=server)
    with pytest.raises(drs.api.exceptions.ConflictException):
        drs.api.disconnect_source_server(sourceServerID=server)
    configuration = drs.staging_api.get_replication_configuration(sourceServerID="s-whweb100000000001")
    assert configuration["ebsEncryption"] == "NONE"
    assert len(configuration["pitPolicy"]) == 3


@pytest.mark.parametrize(
    ("arn", "code", "text"),
    [
        (f"{ARN}s-00000000000000000", "ResourceNotFoundException", "not found"),
        (
            f"arn:aws:drs:us-east-1:{STAGING}:source-server/s-whweb200000000001",
            "ValidationException",
            "only servers of us-west-2 can be extended",
        ),
        (
            f"arn:aws:drs:us-west-2:{TARGET}:source-server/s-paydb100000000001",
            "ValidationException",
            "belongs to this account",
        ),
        (
            "arn:aws:drs:us-west-2:333333333333:source-server/s-whweb200000000001",
            "AccessDeniedException",
            "Error in Authorization",
        ),
    ],
)
def test_what_cannot_be_extended(drs: Drs, arn: str, code: str, text: str) -> None:
    with pytest.raises(ClientError, match=text) as error:
        drs.api.create_extended_source_server(sourceServerArn=arn)
    assert error.value.response["Error"]["Code"] == code


def test_without_the_role_of_the_staging_account_nothing_is_offered_and_extensions_break(drs: Drs) -> None:
    server = extend(drs, "s-whweb200000000001")["sourceServerID"]
    iam = drs.aws.client("iam", account=STAGING)
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=POLICY)
    iam.delete_role(RoleName=ROLE)
    try:
        with pytest.raises(drs.api.exceptions.AccessDeniedException, match="Error in Authorization"):
            drs.api.list_extensible_source_servers(stagingAccountID=STAGING)
        area = drs.server(server)["stagingArea"]
        assert area["status"] == "EXTENSION_ERROR"
        assert area["errorMessage"]
        with pytest.raises(drs.api.exceptions.ConflictException):
            drs.start(server)
    finally:
        iam.create_role(RoleName=ROLE, Path="/service-role/", AssumeRolePolicyDocument=json.dumps(trust))
        assert "may not describe source servers" in drs.server(server)["stagingArea"]["errorMessage"]
        iam.attach_role_policy(RoleName=ROLE, PolicyArn=POLICY)
        other = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps({**trust, "Statement": [other]}))
        assert "does not trust drs.amazonaws.com" in drs.server(server)["stagingArea"]["errorMessage"]
        iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust))
    assert drs.server(server)["stagingArea"]["status"] == "EXTENDED"
    response = drs.api.delete_source_server(sourceServerID=server)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert drs.staging_api.describe_source_servers(filters={"sourceServerIDs": ["s-whweb200000000001"]})["items"]


def test_a_launch_needs_a_key_that_is_shared_with_the_role_and_the_target_account(drs: Drs) -> None:
    kms, server = drs.aws.client("kms", account=STAGING), "s-whdb1000000000001"
    key = kms.create_key()["KeyMetadata"]["Arn"]
    drs.staging_api.update_replication_configuration(
        sourceServerID=server, ebsEncryption="CUSTOM", ebsEncryptionKeyArn=key
    )
    drs.advance(24 * 3600)
    extended = extend(drs, server)["sourceServerID"]
    drs.launch_into(extended, RECOVERY_WAREHOUSE)
    via = {"kms:ViaService": "ec2.us-west-2.amazonaws.com"}
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{STAGING}:root"}, "Action": "kms:*", "Resource": "*"}
    principals = (f"{STAGING}:role/service-role/{ROLE}", f"{TARGET}:root")
    shares = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{principal}"},
            "Action": "kms:ReEncrypt*",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:CallerAccount": principal.split(":")[0], **via}},
        }
        for principal in principals
    ]
    for given, lacking in ((0, "DRSStagingAccountRole"), (1, f"account {TARGET}"), (2, None)):
        policy = {"Version": "2012-10-17", "Statement": [root, *shares[:given]]}
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
        job_id = drs.recover(extended)
        assert drs.status_of(job_id, extended) == ("FAILED" if lacking else "LAUNCHED")
        if lacking:
            failed = next(item for item in drs.log(job_id, extended) if item["event"] == "CONVERSION_FAIL")
            assert lacking in failed["eventData"]["rawError"]
    drs.api.delete_source_server(sourceServerID=extended)


@pytest.mark.parametrize(
    "policy",
    [
        "no policy",
        json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": "nobody"}, "Action": "*", "Resource": "*"}}),
        json.dumps(
            {
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{STAGING}:role/nobody"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            }
        ),
    ],
)
def test_a_key_policy_names_principals_that_exist(drs: Drs, policy: str) -> None:
    kms = drs.aws.client("kms", account=STAGING)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.create_key(Policy=policy)
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == before
