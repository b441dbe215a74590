"""Recovery instances: terminate, disconnect, delete [facts 5.5]."""

from __future__ import annotations

import pytest

from tests.emulator.drs.support import RECOVERY_APP, RECOVERY_DB, Drs, seconds_after


def test_termination_is_a_job_that_frees_the_address(drs: Drs) -> None:
    server = "s-payapp10000000001"
    drs.launch_into(server, RECOVERY_DB, "10.20.1.41")
    drs.recover(server, isDrill=True)
    instance = drs.recovery_instance_of(server)["recoveryInstanceID"]
    response = drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200
    job = response["job"]
    assert (job["type"], job["initiatedBy"]) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES")
    with pytest.raises(drs.api.exceptions.ConflictException, match="already being terminated"):
        drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    drs.advance(30)
    assert drs.job(job["jobID"])["status"] == "STARTED"
    assert drs.instance(instance)["State"]["Name"] == "running"
    drs.advance(60)
    ended = drs.job(job["jobID"])
    assert ended["status"] == "COMPLETED"
    assert seconds_after(job["creationDateTime"], ended["endDateTime"]) == pytest.approx(60, abs=1)
    assert ended["participatingServers"][0]["launchStatus"] == "TERMINATED"
    assert drs.events(job["jobID"]) == ["JOB_START", "CLEANUP_START", "CLEANUP_END", "JOB_END"]
    assert drs.api.describe_recovery_instances(filters={"recoveryInstanceIDs": [instance]})["items"] == []
    assert "recoveryInstanceId" not in drs.server(server)
    terminated = drs.instance(instance)
    assert terminated["State"]["Name"] == "terminated"
    assert "PrivateIpAddress" not in terminated
    held = drs.ec2.describe_network_interfaces(
        Filters=[{"Name": "addresses.private-ip-address", "Values": ["10.20.1.41"]}]
    )
    assert held["NetworkInterfaces"] == []
    other = "s-payapp20000000001"
    drs.launch_into(other, RECOVERY_DB, "10.20.1.41")
    assert drs.status_of(drs.recover(other), other) == "LAUNCHED"


def test_an_unknown_instance_is_refused(drs: Drs) -> None:
    with pytest.raises(drs.api.exceptions.ConflictException, match="does not exist"):
        drs.api.terminate_recovery_instances(recoveryInstanceIDs=["i-00000000000000000"])


def test_an_instance_that_somebody_terminated_is_disconnected_and_deleted(drs: Drs) -> None:
    server = "s-payapp30000000001"
    drs.launch_into(server, RECOVERY_APP)
    drs.recover(server)
    instance = drs.recovery_instance_of(server)["recoveryInstanceID"]
    drs.ec2.terminate_instances(InstanceIds=[instance])
    assert drs.recovery_instance_of(server)["ec2InstanceState"] == "TERMINATED"
    with pytest.raises(drs.api.exceptions.ConflictException, match="must be disconnected"):
        drs.api.delete_recovery_instance(recoveryInstanceID=instance)
    drs.api.disconnect_recovery_instance(recoveryInstanceID=instance)
    assert drs.recovery_instance_of(server)["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    drs.api.delete_recovery_instance(recoveryInstanceID=instance)
    assert drs.api.describe_recovery_instances(filters={"sourceServerIDs": [server]})["items"] == []
    assert "recoveryInstanceId" not in drs.server(server)
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        drs.api.disconnect_recovery_instance(recoveryInstanceID=instance)


def test_a_deleted_record_does_not_save_the_instance_from_the_next_launch(drs: Drs) -> None:
    server = "s-payweb10000000001"
    drs.launch_into(server, RECOVERY_APP, "10.20.2.77")
    drs.recover(server, isDrill=True)
    instance = drs.recovery_instance_of(server)["recoveryInstanceID"]
    drs.api.disconnect_recovery_instance(recoveryInstanceID=instance)
    drs.api.delete_recovery_instance(recoveryInstanceID=instance)
    assert drs.instance(instance)["State"]["Name"] == "running"
    job_id = drs.recover(server)
    assert "CLEANUP_END" in drs.events(job_id)
    assert drs.instance(instance)["State"]["Name"] == "terminated"
    assert drs.instance(drs.recovery_instance_of(server)["ec2InstanceID"])["PrivateIpAddress"] == "10.20.2.77"


def test_termination_protection_keeps_the_instance(drs: Drs) -> None:
    server = "s-payapp40000000001"
    drs.launch_with(
        server, NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": RECOVERY_APP}], DisableApiTermination=True
    )
    drs.recover(server)
    instance = drs.recovery_instance_of(server)["recoveryInstanceID"]
    job_id = drs.api.terminate_recovery_instances(recoveryInstanceIDs=[instance])["job"]["jobID"]
    drs.advance(90)
    assert drs.status_of(job_id, server) == "FAILED"
    assert drs.events(job_id)[-2:] == ["CLEANUP_FAIL", "JOB_END"]
    assert drs.instance(instance)["State"]["Name"] == "running"
    assert drs.recovery_instance_of(server)["recoveryInstanceID"] == instance
