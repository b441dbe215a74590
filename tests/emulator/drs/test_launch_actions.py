"""Launch actions: stored, listed and limited [facts 1.1, 1.4, 2.1], and at work after a launch [facts 1.3, 3.2, M]."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.drs.support import RECOVERY_APP, TARGET, Drs, seconds_after

FIRST, SECOND, THIRD = (f"0000000{number}-0000-0000-0000-000000000000" for number in (1, 2, 3))


def put(drs: Drs, server: str, action_id: str, **members: Any) -> dict[str, Any]:
    """Put an action; all that is not said is plain."""
    action = {
        "actionCode": "AWS-RunShellScript",
        "order": 1000,
        "optional": False,
        "active": True,
        "name": "Check the application",
        "actionVersion": "$DEFAULT",
        "category": "VALIDATION",
        "description": "Asks its health page",
        **members,
    }
    return drs.api.put_launch_action(resourceId=server, actionId=action_id, **action)


def ids_of(drs: Drs, server: str, **options: Any) -> list[str]:
    pages = drs.api.get_paginator("list_launch_actions").paginate(resourceId=server, **options)
    return [item["actionId"] for page in pages for item in page["items"]]


def control(drs: Drs, server: str, **changes: Any) -> None:
    body = {"account": TARGET, "region": "us-west-2", "source_server_id": server, **changes}
    drs.aws.control("drs/source-server", body)


def run_of(drs: Drs, job_id: str) -> dict[str, Any]:
    return drs.job(job_id)["participatingServers"][0]


def test_actions_are_listed_in_the_order_in_which_they_run(drs: Drs) -> None:
    """PutLaunchAction, ListLaunchActions and its paginator, DeleteLaunchAction [facts 1.0, 1.1]."""
    server = "s-payapp10000000001"
    assert ids_of(drs, server) == []
    put(drs, server, SECOND, order=7)
    put(drs, server, FIRST, order=2, parameters={"path": {"type": "SSM_STORE", "value": "app.check"}})
    put(drs, server, THIRD, order=9)
    assert ids_of(drs, server, PaginationConfig={"PageSize": 1}) == [FIRST, SECOND, THIRD]
    assert ids_of(drs, server, filters={"actionIds": [THIRD]}) == [THIRD]
    answer = put(drs, server, THIRD, order=3, name="Changed")
    assert (answer["resourceId"], answer["order"], answer["name"]) == (server, 3, "Changed")
    assert ids_of(drs, server) == [FIRST, THIRD, SECOND]
    deleted = drs.api.delete_launch_action(resourceId=server, actionId=FIRST)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert ids_of(drs, server) == [THIRD, SECOND]
    for resource_id, action_id in ((server, FIRST), ("s-00000000000000000", FIRST), ("lct-00000000000000000", FIRST)):
        with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
            drs.api.delete_launch_action(resourceId=resource_id, actionId=action_id)


def test_the_type_is_that_of_the_document(drs: Drs) -> None:
    """SSM_AUTOMATION or SSM_COMMAND [facts 1.2]; putting an action describes its document [facts 8.2]."""
    ssm = drs.aws.client("ssm")
    steps = [{"name": "sleep", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}]
    for name, kind, version in (("dr-check", "Automation", "0.3"), ("dr-script", "Command", "2.2")):
        content = json.dumps({"schemaVersion": version, "description": name, "mainSteps": steps})
        ssm.create_document(Name=name, Content=content, DocumentType=kind, DocumentFormat="JSON")
    server = "s-payapp20000000001"
    assert put(drs, server, FIRST, actionCode="dr-check")["type"] == "SSM_AUTOMATION"
    arn = f"arn:aws:ssm:us-west-2:{TARGET}:document/dr-script"
    assert put(drs, server, FIRST, actionCode=arn)["type"] == "SSM_COMMAND"
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException, match="SSM document dr-other not found"):
        put(drs, server, FIRST, actionCode="dr-other")


def test_a_server_has_200_actions(drs: Drs) -> None:
    """Quota L-0588D03B [facts 2.1]."""
    server = "s-payapp30000000001"
    for number in range(200):
        put(drs, server, f"{number:08}-0000-0000-0000-000000000000")
    with pytest.raises(drs.api.exceptions.ServiceQuotaExceededException) as error:
        put(drs, server, "00000200-0000-0000-0000-000000000000")
    assert error.value.response["quotaCode"] == "L-0588D03B"
    put(drs, server, "00000199-0000-0000-0000-000000000000", order=2)
    assert len(ids_of(drs, server)) == 200


def test_a_launch_configuration_template_has_actions_of_its_own(drs: Drs) -> None:
    """The resource is a source server or a launch configuration template [facts 1.4, M]."""
    template = drs.api.create_launch_configuration_template()["launchConfigurationTemplate"]
    template_id = template["launchConfigurationTemplateID"]
    put(drs, template_id, FIRST)
    assert ids_of(drs, template_id) == [FIRST]
    drs.api.delete_launch_configuration_template(launchConfigurationTemplateID=template_id)
    with pytest.raises(drs.api.exceptions.ResourceNotFoundException):
        ids_of(drs, template_id)


def test_active_actions_run_after_the_launch_one_after_the_other(drs: Drs) -> None:
    """LaunchActionsStatus and LaunchActionRun [facts 1.3]; postLaunchEnabled, a running instance [facts 3.2]."""
    server = "s-payapp40000000001"
    drs.launch_into(server, RECOVERY_APP)
    put(drs, server, FIRST, order=9)
    put(drs, server, SECOND, order=2)
    put(drs, server, THIRD, active=False)
    assert "launchActionsStatus" not in run_of(drs, drs.recover(server))

    drs.api.update_launch_configuration(sourceServerID=server, postLaunchEnabled=True)
    job_id = drs.start(server)
    seen: list[list[str]] = []
    for _ in range(100):
        drs.advance(10)
        part = run_of(drs, job_id)
        runs = part.get("launchActionsStatus", {}).get("runs", [])
        seen += [[run["status"] for run in runs]]
        if drs.job(job_id)["status"] == "COMPLETED":
            break
    assert [item for number, item in enumerate(seen) if item not in seen[:number]] == [
        [],
        ["IN_PROGRESS"],
        ["SUCCEEDED", "IN_PROGRESS"],
        ["SUCCEEDED", "SUCCEEDED"],
    ]
    status = run_of(drs, job_id)["launchActionsStatus"]
    assert [run["action"]["actionId"] for run in status["runs"]] == [SECOND, FIRST]
    assert len({run["runId"] for run in status["runs"]}) == 2
    launched = drs.log(job_id, server)[-1]["logDateTime"]
    assert seconds_after(launched, status["ssmAgentDiscoveryDatetime"]) > 0
    assert drs.server(server)["lastLaunchResult"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("server", "optional", "result"),
    [("s-payweb10000000001", True, "SUCCEEDED"), ("s-payweb20000000001", False, "FAILED")],
)
def test_an_action_that_fails_fails_the_launch_unless_it_is_optional(
    drs: Drs, server: str, optional: bool, result: str
) -> None:
    """`optional`: whether the launch will not be marked as failed if this action fails [M]."""
    drs.launch_into(server, RECOVERY_APP)
    put(drs, server, FIRST, optional=optional)
    drs.api.update_launch_configuration(sourceServerID=server, postLaunchEnabled=True)
    control(drs, server, fail_launch={"phase": "LAUNCH_ACTION", "times": 1, "raw_error": 'no "port" 8080'})
    job_id = drs.recover(server)
    (run,) = run_of(drs, job_id)["launchActionsStatus"]["runs"]
    assert (run["status"], run["failureReason"]) == ("FAILED", "no  port  8080")
    assert drs.status_of(job_id, server) == {"SUCCEEDED": "LAUNCHED", "FAILED": "FAILED"}[result]
    assert drs.server(server)["lastLaunchResult"] == result
    assert drs.recovery_instance_of(server)["ec2InstanceState"] == "RUNNING"


def test_a_stopped_instance_runs_no_actions(drs: Drs) -> None:
    """Post-launch actions need a running instance [facts 3.2]."""
    server = "s-payweb30000000001"
    drs.launch_into(server, RECOVERY_APP)
    put(drs, server, FIRST)
    drs.api.update_launch_configuration(sourceServerID=server, postLaunchEnabled=True, launchDisposition="STOPPED")
    assert "launchActionsStatus" not in run_of(drs, drs.recover(server))
