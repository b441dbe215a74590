"""The playbook configure, from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.modules.estate import DECLARATION, INVENTORY, Estate
from tests.support.playbook import run_playbook

UNREACHABLE = {
    "dr_endpoint_url": "http://127.0.0.1:9",
    "dr_access_key": "AKIANOBODY0000000000",
    "dr_secret_key": "a-secret-key-that-nobody-has-00000000000",
}


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The sample estate, configured after a look at what that would do."""
    made = Estate(tmp_path_factory.mktemp("configured"))
    try:
        coming = {"server_key": "wh-db-1.example.internal", "profile": "failover", "address": "10.20.8.77"}
        shown = made.configure("--check", "--diff", dr_addresses=[*DECLARATION["dr_addresses"], coming])
        assert shown.recap()["changed"] == 4
        assert "+                address: 10.20.1.11" in shown.output
        assert "instanceType" not in shown.output
        assert made.writes() == {"CreateTable": 1}
        assert len(made.servers()) == 18
        first = made.configure()
        assert first.recap()["changed"] == 4
        assert "Launch configuration          24       24        0         0" in first.output
        yield made
    finally:
        made.stop()


def test_everything_is_written_once_and_a_second_run_changes_nothing(configured: Estate) -> None:
    assert len(configured.servers()) == 24
    _check_servers(configured)
    _check_launch_templates(configured)
    written = configured.writes()
    again = configured.configure("--diff")
    assert again.recap()["changed"] == 0
    assert configured.writes() == written


def _check_servers(estate: Estate) -> None:
    servers = estate.servers()
    for server in servers.values():
        assert server["tags"].items() >= {"Owner": "dr-team", "CostCenter": "4711"}.items()
    teams = {name: servers[name]["tags"]["Team"] for name in ("pay-db-1", "pay-db-2", "crm-db-1")}
    assert teams == {"pay-db-1": "payments-dba", "pay-db-2": "payments", "crm-db-1": "operations"}
    extended = servers["wh-db-1"]
    assert extended["stagingArea"]["status"] == "EXTENDED"
    assert extended["tags"]["Application"] == "warehouse"

    configuration = estate.aws.client("drs").get_launch_configuration(sourceServerID="s-paydb100000000001")
    assert configuration["targetInstanceTypeRightSizingMethod"] == "NONE"
    assert configuration["copyTags"] is True


def _check_launch_templates(estate: Estate) -> None:
    _template, versions = estate.template("pay-db-1")
    original, failover = versions[0]["LaunchTemplateData"], estate.default_data("pay-db-1")
    test = next(item for item in versions if "profile=test" in item["VersionDescription"])["LaunchTemplateData"]
    assert [(nic["SubnetId"], nic["PrivateIpAddress"]) for nic in failover["NetworkInterfaces"]] == [
        ("subnet-0a20100000000d001", "10.20.1.11"),
        ("subnet-0a20500000000b001", "10.20.5.11"),
    ]
    assert [(nic["SubnetId"], nic["PrivateIpAddress"]) for nic in test["NetworkInterfaces"]] == [
        ("subnet-0a99100000000d001", "10.99.1.11"),
        ("subnet-0a99500000000b001", "10.99.5.11"),
    ]
    assert failover["InstanceType"] == "r5.xlarge"
    assert failover["BlockDeviceMappings"] == original["BlockDeviceMappings"]
    assert failover["IamInstanceProfile"] == original["IamInstanceProfile"]
    tags = {
        item["ResourceType"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]}
        for item in failover["TagSpecifications"]
    }
    assert tags["network-interface"] == {"Owner": "dr-team", "CostCenter": "4711", "Team": "payments-dba"}
    assert tags["instance"]["AWSElasticDisasterRecoveryManaged"] == "drs.amazonaws.com"

    assert estate.default_data("pay-rep-1")["NetworkInterfaces"][0]["PrivateIpAddress"] == "10.20.2.77"
    drill = next(item for item in estate.template("pay-rep-1")[1] if "profile=test" in item["VersionDescription"])
    assert "PrivateIpAddress" not in drill["LaunchTemplateData"]["NetworkInterfaces"][0]


def test_what_a_person_changed_is_kept_or_put_right(configured: Estate) -> None:
    ec2 = configured.aws.client("ec2")
    template_id, versions = configured.template("pay-web-1")
    made = ec2.create_launch_template_version(
        LaunchTemplateId=template_id,
        SourceVersion=str(versions[-1]["VersionNumber"]),
        LaunchTemplateData={"KeyName": "rescue", "InstanceType": "t3.nano", "NetworkInterfaces": [{"DeviceIndex": 0}]},
    )["LaunchTemplateVersion"]
    ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(made["VersionNumber"]))
    drs = configured.aws.client("drs")
    drs.update_launch_configuration(sourceServerID="s-payweb20000000001", copyTags=False)
    overrides = [{"match": {"tags": {"Tier": "web"}}, "settings": {"instance_type": "t3.small"}}]

    configured.configure(dr_launch_overrides=overrides)
    now = configured.default_data("pay-web-1")
    assert now["KeyName"] == "rescue"
    assert now["InstanceType"] == "t3.small"
    assert now["NetworkInterfaces"][0]["PrivateIpAddress"] == "10.20.4.11"
    assert drs.get_launch_configuration(sourceServerID="s-payweb20000000001")["copyTags"] is True


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"dr_subnet_map": []}, "The inventory declares no disaster recovery estate"),
        ({"dr_region": ""}, "The inventory declares no disaster recovery estate"),
        ({"dr_region": "cn-north-1"}, "Region cn-north-1: Elastic Disaster Recovery is not offered there"),
        ({}, 'Could not connect to the endpoint URL: "http://127.0.0.1:9/'),
        ({"dr_endpoint_url": "not-a-url"}, "Invalid endpoint: not-a-url"),
    ],
)
def test_wrong_input_is_one_clear_message_within_seconds(variables: dict[str, object], message: str) -> None:
    started = time.monotonic()
    outcome = run_playbook(
        "disaster_recovery.aws.configure",
        inventory=INVENTORY,
        variables={**UNREACHABLE, **variables},
        succeeds=False,
    )
    assert message in " ".join(outcome.output.split())
    assert outcome.recap()["failed"] == 1
    assert outcome.recap()["changed"] == 0
    assert "Traceback" not in outcome.output
    assert time.monotonic() - started < 30


def test_refused_credentials_name_the_key_and_say_what_to_do(estate: Estate) -> None:
    outcome = estate.configure(succeeds=False, dr_access_key="AKIANOBODY0000000000")
    text = " ".join(outcome.output.split())
    assert "AWS does not accept these credentials" in text
    assert "access key AKIANOBODY0000000000" in text
    assert "Traceback" not in text


def test_every_mistake_of_a_declaration_is_named_where_aws_cannot_be_asked() -> None:
    outcome = run_playbook(
        "disaster_recovery.aws.configure",
        inventory=INVENTORY,
        variables={
            **UNREACHABLE,
            "dr_launch_defaults": {"launch_disposition": "RUNNING", "colour": "red"},
            "dr_mandatory_tags": {"aws:owner": "x"},
            "dr_tag_policy": {"tags": [{"key": "Env", "default": "x", "allowed": ["y"]}]},
            "dr_extended_source_servers": [{"staging_account_id": "1111", "tags": {"A": "b"}}],
            "dr_addresses": [{"server_key": "a", "interface": 0, "profile": "holiday", "address": "10.20.2.30"}],
        },
        succeeds=False,
    )
    for message in (
        "dr_launch_defaults.launch_disposition",
        "colour",
        "aws:owner",
        "dr_tag_policy.tags[0] (Env).default",
        "dr_extended_source_servers[0].staging_account_id",
        "dr_addresses[0]",
        "holiday",
    ):
        assert message in outcome.output
    text = " ".join(outcome.output.split())
    assert "the declaration was not compared with AWS" in text
    assert text.count("Could not connect to the endpoint URL") >= 1


def test_addresses_that_cannot_be_are_named_together_and_nothing_is_written(estate: Estate) -> None:
    outcome = estate.configure(
        succeeds=False,
        dr_extended_source_servers=[],
        dr_mandatory_tags={},
        dr_tag_policy={},
        dr_addresses=[
            {**DECLARATION["dr_addresses"][0], "address": "10.20.2.0"},
            {**DECLARATION["dr_addresses"][0], "server_key": "nobody"},
            {**DECLARATION["dr_addresses"][0], "server_key": "pay-app-1.example.internal", "address": "10.20.2.12"},
        ],
    )
    for message in ("10.20.2.0", "AWS reserves", "dr_addresses[1]", "pay-app-2.example.internal"):
        assert message in outcome.output
    assert estate.writes() == {"CreateTable": 1}
