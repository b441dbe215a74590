"""Launches where public sources are silent: each setting of `emulator.drs.settings`, turned from its default."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from yaml import safe_load

from emulator.drs.errors import ServiceQuotaExceededError
from emulator.drs.job_flow import TERMINATE, new_job
from emulator.drs.models import DRSBackend
from emulator.drs.operations.jobs import check_job_quotas
from emulator.drs.quotas import CONCURRENT_JOBS
from emulator.drs.settings import SETTINGS
from emulator.drs.state import Participant
from tests.emulator.drs.support import SAMPLE, Drs, frozen

SUBNET = "subnet-0a20100000000d001"
SERVERS = ("s-db100000000000001", "s-app10000000000001", "s-app20000000000001")


@pytest.fixture(scope="module")
def drs() -> Iterator[Drs]:
    """The small estate with other settings than the defaults."""
    estate = safe_load((SAMPLE.parents[2] / "tests" / "support" / "small_estate.yml").read_text())
    estate["drs_settings"] = {
        "fast_mode_converts": True,
        "empty_launch_into_clears": False,
        "launch_into_keeps_old_volumes": False,
        "launch_into_requires_profile": True,
        "relaunch_of_protected": "skipped",
    }
    estate["accounts"]["222222222222"]["regions"]["us-west-2"]["drs_quotas"] = {"L-E28BE5E0": 5000}
    estate["servers"]["rep-1"]["boot_mode"] = "uefi"
    with frozen(estate) as running:
        yield running


def test_the_fast_mode_may_convert(drs: Drs) -> None:
    """Facts 3.2 and 10.2: the job log of FAST is not known."""
    server = SERVERS[0]
    drs.launch_into(server, SUBNET)
    drs.api.update_launch_configuration(sourceServerID=server, recoveryMode="FAST")
    assert "CONVERSION_END" in drs.events(drs.recover(server), server)


def test_a_relaunch_of_a_protected_instance_may_be_skipped(drs: Drs) -> None:
    """Facts 5.5: "the job fails or skips"."""
    server = SERVERS[1]
    drs.launch_into(server, SUBNET)
    drs.recover(server)
    instance = drs.recovery_instance_of(server)["ec2InstanceID"]
    drs.ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    job_id = drs.recover(server)
    assert drs.events(job_id, server) == ["CLEANUP_START", "SERVER_SKIPPED"]
    assert drs.status_of(job_id, server) == "FAILED"
    assert drs.recovery_instance_of(server)["ec2InstanceID"] == instance


def test_an_instance_that_is_launched_into_may_need_a_profile_and_lose_its_volumes(drs: Drs) -> None:
    """Facts 3.6: the policies of its profile; what becomes of its volumes is not known."""
    server = SERVERS[2]
    iam = drs.aws.client("iam")
    iam.create_role(RoleName="own", AssumeRolePolicyDocument="{}")
    for policy in ("service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy", "AmazonSSMManagedInstanceCore"):
        iam.attach_role_policy(RoleName="own", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    iam.create_instance_profile(InstanceProfileName="own")
    iam.add_role_to_instance_profile(InstanceProfileName="own", RoleName="own")
    tags = [{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}]
    instance = drs.ec2.run_instances(
        ImageId="ami-00000000000000000",
        MinCount=1,
        MaxCount=1,
        SubnetId=SUBNET,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]
    drs.ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    old = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    properties = {"launchIntoEC2InstanceID": instance["InstanceId"]}
    with pytest.raises(drs.api.exceptions.ValidationException, match="has no instance profile for DRS"):
        drs.api.update_launch_configuration(sourceServerID=server, launchIntoInstanceProperties=properties)
    drs.ec2.associate_iam_instance_profile(IamInstanceProfile={"Name": "own"}, InstanceId=instance["InstanceId"])
    drs.api.update_launch_configuration(sourceServerID=server, launchIntoInstanceProperties=properties)
    assert drs.status_of(drs.recover(server), server) == "LAUNCHED"
    assert drs.ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [old]}])["Volumes"] == []
    with pytest.raises(drs.api.exceptions.ValidationException, match="launchIntoEC2InstanceID must not be empty"):
        drs.api.update_launch_configuration(
            sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": ""}
        )


def test_a_boot_mode_that_the_instance_type_lacks_is_refused_at_the_start(drs: Drs) -> None:
    """Facts 5.1: the template must not conflict in boot mode and instance type; the text is the emulator's."""
    server = "s-rep10000000000001"
    drs.api.update_launch_configuration(sourceServerID=server, targetInstanceTypeRightSizingMethod="NONE")
    drs.launch_with(server, InstanceType="t2.small", NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": SUBNET}])
    with pytest.raises(drs.api.exceptions.ValidationException, match="boot mode uefi, which instance type t2"):
        drs.start(server)
    drs.launch_with(server, InstanceType="t3.small")
    assert drs.start(server)


def test_service_quotas_tells_what_the_estate_has_raised(drs: Drs) -> None:
    """Facts 2.1: L-E28BE5E0 is adjustable, and its default stays what it is."""
    quotas = drs.aws.client("service-quotas")
    applied = quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-E28BE5E0")["Quota"]["Value"]
    listed = {item["QuotaCode"]: item["Value"] for item in quotas.list_service_quotas(ServiceCode="drs")["Quotas"]}
    defaults = quotas.list_aws_default_service_quotas(ServiceCode="drs")["Quotas"]
    assert (applied, listed["L-E28BE5E0"]) == (5000, 5000)
    assert {item["Value"] for item in defaults if item["QuotaCode"] == "L-E28BE5E0"} == {4000}


@pytest.mark.parametrize("counted", [True, False])
def test_terminate_jobs_count_as_jobs_by_a_setting(monkeypatch: pytest.MonkeyPatch, *, counted: bool) -> None:
    """Facts 2.1 and 10.2: whether TERMINATE jobs count is not known."""
    monkeypatch.setattr(SETTINGS, "terminate_jobs_count", counted)
    backend = DRSBackend("us-west-2", "222222222222")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(backend.quota(CONCURRENT_JOBS)):
        new_job(backend, TERMINATE, "TERMINATE_RECOVERY_INSTANCES", now, [Participant(f"s-{number}")])
    if counted:
        with pytest.raises(ServiceQuotaExceededError):
            check_job_quotas(backend, ["s-new"])
    else:
        check_job_quotas(backend, ["s-new"])
        check_job_quotas(backend, ["s-other"], TERMINATE)


def test_the_id_of_a_job_follows_from_its_servers() -> None:
    """Issue 3: what other servers' jobs came before, in whatever order, does not matter."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def ids(*members: tuple[str, ...]) -> dict[tuple[str, ...], str]:
        backend = DRSBackend("us-west-2", "222222222222")
        jobs = {
            names: new_job(backend, "LAUNCH", "START_DRILL", now, [Participant(name) for name in names])
            for names in members
        }
        return {names: job.job_id for names, job in jobs.items()}

    first = ids(("s-1", "s-2"), ("s-3",))
    assert ids(("s-3",), ("s-1", "s-2")) == first
    assert len(set(first.values())) == 2
