"""The module drs_launch_configuration, run by Ansible against the embedded AWS."""

from __future__ import annotations

from typing import Any

from tests.modules.estate import DECLARATION, TABLE, Estate

WEB = {"tags": {"Tier": "web", "Application": "payments"}}
IP_MAP = {"ip_map": {"table": TABLE, "subnet_map": DECLARATION["dr_subnet_map"], "match": WEB}}


def launch(**options: Any) -> dict[str, Any]:
    """Return a task that declares the web servers."""
    settings = {"ip_map_table": TABLE, "match": WEB, "defaults": DECLARATION["dr_launch_defaults"]}
    return {"drs_launch_configuration": {**settings, **options}}


def launch_info(**options: Any) -> dict[str, Any]:
    """Return a task that looks where the web servers drifted."""
    return {"drs_launch_configuration_info": launch(**options)["drs_launch_configuration"]}


def addresses(estate: Estate) -> list[str]:
    """Return what the web servers would be launched with."""
    names = ("pay-web-1", "pay-web-2", "pay-web-3")
    return [estate.default_data(name)["NetworkInterfaces"][0]["PrivateIpAddress"] for name in names]


def test_the_default_profile_decides_where_a_launch_goes(estate: Estate) -> None:
    _mapped, done, drill, back, again, same, drifted, crossed, wrong, last = estate.tasks(
        IP_MAP,
        launch(),
        launch(default_profile="test"),
        launch(),
        launch(),
        launch_info(),
        launch_info(default_profile="test"),
        launch(ip_map_entries=[]),
        launch(defaults={"launch_disposition": "RUNNING", "volumes": [{"iops": 1}]}, servers={"x": {"colour": "red"}}),
        launch(default_profile="test"),
    )
    assert [server["versions"] for server in done["servers"]] == [{"failover": 2, "test": 3}] * 3
    assert drill["changed"] is True
    assert [server["versions"] for server in drill["servers"]] == [{"failover": 2, "test": 3}] * 3
    assert back["changed"] is True
    assert again["changed"] is False
    assert estate.writes()["CreateLaunchTemplateVersion"] == 6
    assert (same["changed"], same["drifted"]) == (False, [])
    assert drifted["drifted"] == [server["server_key"] for server in done["servers"]]
    assert drifted["servers"][0]["drift"] == [{"where": "default_profile", "desired": "test", "live": "failover"}]
    assert "mutually exclusive" in crossed["msg"]
    assert [problem["where"] for problem in wrong["problems"]] == [
        "dr_launch_defaults.launch_disposition",
        "dr_launch_defaults.volumes[0].iops",
        "servers.x",
    ]
    assert last["changed"] is True
    assert addresses(estate) == ["10.99.4.11", "10.99.4.12", "10.99.4.13"]


def test_one_server_that_cannot_be_configured_is_named_and_the_others_are_done(estate: Estate) -> None:
    ec2 = estate.aws.client("ec2")
    template_id, _versions = estate.template("pay-web-2")
    ec2.create_launch_template_version(
        LaunchTemplateId=template_id,
        LaunchTemplateData={"SecurityGroupIds": ["sg-0a20400000000c001"]},
    )
    ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion="2")
    _mapped, partly = estate.tasks(IP_MAP, launch())
    assert partly["failed"] is True
    assert partly["changed"] is True
    assert "1 of 3 servers were not configured: pay-web-2.example.internal" in partly["msg"]
    assert "SecurityGroupIds" in partly["msg"]
    assert [("error" in server, server["changed"]) for server in partly["servers"]] == [
        (False, True),
        (True, False),
        (False, True),
    ]
    assert estate.default_data("pay-web-3")["NetworkInterfaces"][0]["PrivateIpAddress"] == "10.20.4.13"


def test_contradictions_are_named_before_anything_is_written(estate: Estate) -> None:
    unmapped, _mapped, copied, sized = estate.tasks(
        launch(),
        IP_MAP,
        launch(defaults={"copy_private_ip": True}),
        launch(defaults={"target_instance_type_right_sizing_method": "BASIC", "instance_type": "m5.large"}),
    )
    assert "has no entry in the IP map" in unmapped["msg"]
    assert "copy_private_ip" in copied["msg"]
    assert "BASIC" in sized["msg"]
    assert estate.writes().keys() == {"CreateTable", "TransactWriteItems"}


def test_throttles_are_waited_out(estate: Estate) -> None:
    for service, operation, error, status in (
        ("drs", "GetLaunchConfiguration", "ThrottlingException", 429),
        ("drs", "UpdateLaunchConfiguration", "InternalServerException", 500),
        ("ec2", "CreateLaunchTemplateVersion", "RequestLimitExceeded", 503),
        ("ec2", "DescribeLaunchTemplateVersions", "RequestLimitExceeded", 503),
        ("dynamodb", "TransactWriteItems", "ThrottlingException", 400),
    ):
        fault = {"service": service, "operation": operation, "error": error, "status": status, "times": 2}
        estate.aws.control("faults", fault)
    lost = {"kind": "timeout_after", "service": "ec2", "operation": "CreateLaunchTemplateVersion"}
    estate.aws.control("faults", lost)
    mapped, done, again = estate.tasks(IP_MAP, launch(), launch())
    assert len(mapped["changes"]["created"]) == 3
    assert [server["versions"] for server in done["servers"]] == [{"failover": 2, "test": 3}] * 3
    assert again["changed"] is False
    assert addresses(estate) == ["10.20.4.11", "10.20.4.12", "10.20.4.13"]
