"""Requests are limited by token buckets, for each account, Region and operation [facts 2.1, 2.3, 2.2]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulator.throttling.buckets import Bucket, Limit, Moment
from tests.support.embedded import ACCOUNTS, STAGING, ControlError, EmbeddedAws

SLOW = 0.001  # tokens a second: none comes back while a test runs
START = Moment(datetime(2026, 1, 1, tzinfo=UTC), 0.0)


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    """An estate that limits DRS and loses the second list of queues."""
    running = EmbeddedAws(
        {
            "accounts": ACCOUNTS,
            "faults": [{"id": "second", "kind": "throttle", "service": "sqs", "operation": "ListQueues", "skip": 1}],
            "throttling": {"drs": {"DescribeJobs": [2, SLOW], "Describe*": [3, SLOW]}},
        }
    )
    yield running
    running.stop()


def refusals(function: Any, times: int, **arguments: Any) -> list[dict[str, Any]]:
    """Call so often and return the answers of the calls that were throttled."""
    found = []
    for _ in range(times):
        try:
            function(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "UninitializedAccountException":
                found.append(error.response)
    return found


def test_an_estate_sets_limits_and_faults(aws: EmbeddedAws) -> None:
    """Facts 1.0 and 2.1: DRS publishes no limits; a throttled call is a 429 that says when to come again."""
    (refusal,) = refusals(aws.client("drs", "eu-west-1").describe_jobs, 3)
    assert refusal["Error"]["Code"] == "ThrottlingException"
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert int(refusal["retryAfterSeconds"]) > 900
    assert [item["id"] for item in aws.control("faults")["faults"]] == ["second"]
    assert len(refusals(aws.client("sqs").list_queues, 3)) == 1


def test_each_account_region_and_operation_has_a_bucket_of_its_own(aws: EmbeddedAws) -> None:
    for place in (("us-east-1",), ("us-east-2",), ("us-east-1", STAGING)):
        assert len(refusals(aws.client("drs", *place).describe_jobs, 3)) == 1
        assert len(refusals(aws.client("drs", *place).describe_source_servers, 4)) == 1
        assert len(refusals(aws.client("drs", *place).describe_recovery_instances, 3)) == 0


def test_a_bucket_fills_with_virtual_time(aws: EmbeddedAws) -> None:
    jobs = aws.client("drs", "ap-south-1").describe_jobs
    assert len(refusals(jobs, 3)) == 1
    aws.control("clock", {"advance": 1 / SLOW + 1})
    assert len(refusals(jobs, 2)) == 1


def test_a_caller_that_backs_off_in_real_time_gets_through(aws: EmbeddedAws) -> None:
    """The clock stands still while nobody waits for a moment; the bucket fills all the same."""
    aws.control("throttling", {"sns": {"*": [1, 20]}})
    patient = aws.client("sns", config=Config(retries={"mode": "standard", "max_attempts": 6}))
    for _ in range(3):
        patient.list_topics()
    refused = [item for item in aws.control("throttling")["refused"] if item["service"] == "sns"]
    assert refused
    aws.control("throttling", {"sns": False})


def test_ec2_limits_requests_and_instances_as_published(aws: EmbeddedAws) -> None:
    """Facts 2.3: RunInstances 5 requests, 1,000 instances; unfiltered Describe calls 50; RequestLimitExceeded 503."""
    aws.control("throttling", {"ec2": "published"})
    ec2 = aws.client("ec2", "eu-central-1")
    (refusal, *_) = refusals(ec2.describe_instances, 70)
    assert refusal["Error"]["Code"] == "RequestLimitExceeded"
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 503
    buckets = {item["bucket"]: item for item in aws.control("throttling")["buckets"] if item["service"] == "ec2"}
    unfiltered = buckets["DescribeInstances unfiltered"]
    assert (unfiltered["burst"], unfiltered["rate"]) == (50, 10)
    assert refusals(ec2.describe_instances, 1, Filters=[{"Name": "instance-id", "Values": ["i-0"]}]) == []
    launch = {"ImageId": "ami-12345678", "MinCount": 1, "DryRun": True}
    refusals(ec2.run_instances, 1, **launch, MaxCount=900)
    buckets = {item["bucket"]: item for item in aws.control("throttling")["buckets"] if item["service"] == "ec2"}
    assert (buckets["DescribeInstances"]["burst"], buckets["DescribeInstances"]["rate"]) == (100, 20)
    assert (buckets["RunInstances"]["burst"], buckets["RunInstances"]["rate"]) == (5, 2)
    assert 100 <= buckets["RunInstances resources"]["tokens"] < 900
    aws.control("throttling", {"ec2": False})
    assert refusals(ec2.describe_instances, 5) == []


@pytest.mark.parametrize(("region", "burst", "rate"), [("us-west-2", 1300, 300), ("eu-north-1", 800, 150)])
def test_step_functions_limits_by_region_as_published(aws: EmbeddedAws, region: str, burst: int, rate: int) -> None:
    """Facts 2.2: three large Regions have more."""
    aws.control("throttling", {"stepfunctions": "published"})
    arn = f"arn:aws:states:{region}:222222222222:stateMachine:none"
    refusals(aws.client("stepfunctions", region).start_execution, 1, stateMachineArn=arn)
    (bucket,) = [item for item in aws.control("throttling")["buckets"] if item["service"] == "stepfunctions"]
    assert (bucket["bucket"], bucket["burst"], bucket["rate"]) == ("StartExecution", burst, rate)
    aws.control("throttling", {"stepfunctions": False})


def test_limits_that_cannot_be_are_refused(aws: EmbeddedAws) -> None:
    with pytest.raises(ControlError, match="AWS publishes no limits of it") as error:
        aws.control("throttling", {"drs": "published"})
    assert error.value.status == 400


@given(
    burst=st.integers(1, 50),
    rate=st.floats(0.1, 50),
    steps=st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), max_size=40),
)
def test_a_bucket_never_gives_more_than_its_size_and_what_came_in(
    burst: int, rate: float, steps: list[tuple[float, float]]
) -> None:
    bucket = Bucket(Limit(burst, rate), START)
    virtual, real, passed, taken = 0.0, 0.0, 0.0, 0
    for more_virtual, more_real in steps:
        virtual, real = virtual + more_virtual, real + more_real
        passed += max(more_virtual, more_real)
        bucket.fill(Moment(START.virtual + timedelta(seconds=virtual), real))
        if not bucket.lacks(1):
            bucket.spend(1)
            taken += 1
        else:
            assert bucket.seconds_for(1) >= 1
    assert taken <= burst + passed * rate + 0.01
    assert 0 <= bucket.tokens <= burst
