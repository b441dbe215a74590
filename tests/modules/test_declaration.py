"""One mistake of every kind in one inventory: one failure that lists them all with their lines, nothing written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.modules.estate import DECLARATION, INVENTORY, TABLE, Estate
from tests.support.embedded import STAGING
from tests.support.playbook import run_playbook

DATABASES, APPLICATIONS, WEB, *REST = DECLARATION["dr_subnet_map"]

MISTAKES: dict[str, Any] = {
    "dr_accounts": [
        {"account_id": "111111111111", "regions": ["us-west-2"], "rol_arn": "arn:aws:iam::111111111111:role/reader"}
    ],
    "dr_subnet_map": [
        DATABASES | {"falover": {}},
        APPLICATIONS | {"failover": APPLICATIONS["failover"] | {"adress": "dynamic"}},
        {**WEB, "source_cidr": "10.10.4.0/33"},
        WEB | {"test": WEB["test"] | {"subnet_id": "subnet-0123456789abcdef0"}},
        REST[0] | {"failover": REST[0]["failover"] | {"security_groups": ["no-such-group"]}},
        "10.10.7.0/24",
        *REST[1:],
    ],
    "dr_addresses": [
        {"server_key": "pay-rep-1.example.internal", "profile": "holiday", "address": "10.20.2.77"},
        {"server_key": "nobody-1.example.internal", "profile": "failover", "address": "10.20.2.78"},
    ],
    "dr_production_cidrs": ["10.10.0.0/40"],
    "dr_imported_addresses": "forget",
    "dr_launch_defaults": {**DECLARATION["dr_launch_defaults"], "launch_disposition": "RUNNING", "colour": "red"},
    "dr_launch_overrides": [
        {"match": {"tags": {"Tier": "cellar"}}, "settings": {"instance_type": "m5.large"}},
        {"match": {"servers": ["nobody-2.example.internal"]}, "settings": {"instance_type": "m5.large"}},
        {"match": {"source_server_ids": ["s-0123456789abcdef0"]}, "settings": {"instance_type": "m5.large"}},
        {"match": {"tier": "web"}, "settings": {"instance_type": "m5.large"}},
        {
            "match": {"tags": {"Tier": "web"}},
            "settings": {"instance_type": "m99.huge", "target_instance_type_right_sizing_method": "NONE"},
        },
    ],
    "dr_mandatory_tags": {"aws:owner": "x"},
    "dr_tag_policy": {"tags": [{"key": "Env", "default": "x", "allowed": ["y"]}]},
    "dr_server_variables": {"pay-db-2": {"team": 7}},
    "dr_extended_source_servers": [
        {"staging_account_id": "1111", "tags": {"A": "b"}},
        {"staging_account_id": "111111111111", "tags": {"Application": "nonsense"}},
        {"staging_account_id": "333333333333", "all": True},
    ],
}

FOUND = {
    "dr_accounts[0]": "'rol_arn': unknown key",
    "dr_subnet_map[0]": "'falover': unknown key",
    "dr_subnet_map[1].failover": "'adress': unknown key",
    "dr_subnet_map[2].source_cidr": "'10.10.4.0/33': is no IPv4 network",
    "dr_subnet_map[3].test.subnet_id": "'subnet-0123456789abcdef0': no such subnet",
    "dr_subnet_map[4].failover.security_groups[0]": "'no-such-group': no such security group",
    "dr_subnet_map[5]": "'10.10.7.0/24': must be a mapping",
    "dr_addresses[0].profile": "'holiday': must be one of",
    "dr_addresses[1].server_key": "'nobody-1.example.internal': is the key of no source server",
    "dr_production_cidrs[0]": "'10.10.0.0/40'",
    "dr_imported_addresses": "'forget': must be keep or replace",
    "dr_launch_defaults": "'colour': unknown key",
    "dr_launch_defaults.launch_disposition": "'RUNNING': must be one of STARTED, STOPPED",
    "dr_launch_overrides[0].match.tags": "{'Tier': 'cellar'}: selects no source server",
    "dr_launch_overrides[1].match.servers": "'nobody-2.example.internal': is the key of no source server",
    "dr_launch_overrides[2].match.source_server_ids": "'s-0123456789abcdef0': is no source server",
    "dr_launch_overrides[3].match": "'tier': unknown key",
    "dr_launch_overrides[4].settings.instance_type": "'m99.huge': instance type of ",
    "dr_mandatory_tags.aws:owner": "",
    "dr_tag_policy.tags[0] (Env).default": "'x'",
    "dr_server_variables.pay-db-2.team": "7: must be a text",
    "dr_extended_source_servers[0].staging_account_id": "'1111': must be an account id",
    "dr_extended_source_servers[1].tags": "{'Application': 'nonsense'}: no source server of 111111111111 has these",
    "dr_extended_source_servers[2].staging_account_id": "'333333333333': staging account 333333333333, access",
}
SHARED_KEY = r"source servers s-\w+ and s-\w+: 'pay-app-2.example.internal': is the server key of both"


READER = {
    "account_id": STAGING,
    "regions": ["us-west-2"],
    "role_arn": f"arn:aws:iam::{STAGING}:role/disaster-recovery-reader",
}


def checked(*accounts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a task that checks the declaration with changes."""
    declaration = {**DECLARATION, **changes, "dr_accounts": list(accounts)}
    return {"declaration_info": {"declaration": declaration, "table": TABLE}}


def address_of(key: str, address: str) -> dict[str, Any]:
    """Return an explicit address."""
    return {"server_key": key, "profile": "failover", "address": address}


@pytest.fixture(scope="module")
def answers(shared_estate: Estate) -> list[dict[str, Any]]:
    """What the module says of servers that are still to be extended or to be deleted, and of one that will never be."""
    drs = shared_estate.aws.client("drs")
    staging_arn = f"arn:aws:drs:us-west-2:{STAGING}:source-server/s-whweb200000000001"
    twin = {"dr:server-key": "pay-app-1.example.internal"}
    extended = drs.create_extended_source_server(sourceServerArn=staging_arn, tags=twin)["sourceServer"]
    alone = checked(dr_extended_source_servers=[])
    purging = {"declaration_info": {**alone["declaration_info"], "extension_purge": True}}
    twins = shared_estate.tasks(alone, purging)
    drs.delete_source_server(sourceServerID=extended["sourceServerID"])
    known = [address_of("wh-db-1.example.internal", "10.20.8.77")]
    unknown = [*known, address_of("wh-nobody-1.example.internal", "10.20.8.78")]
    overrides = [{"match": {"tags": {"Application": "warehouse"}}, "settings": {"launch_disposition": "STOPPED"}}]
    return twins + shared_estate.tasks(
        checked(dr_addresses=unknown, dr_launch_overrides=overrides),
        checked(READER, dr_addresses=known, dr_launch_overrides=overrides),
        checked(READER, dr_addresses=unknown, dr_launch_overrides=overrides),
        checked(READER, dr_extended_source_servers=[], dr_launch_overrides=overrides),
    )


def test_servers_that_are_to_be_extended_are_known_as_far_as_they_can_be_seen(answers: list[dict[str, Any]]) -> None:
    unseen, right, wrong, without = ([one["where"] for one in answer["problems"]] for answer in answers[2:])
    assert unseen == right == []
    assert wrong == ["dr_addresses[1].server_key"]
    assert without == ["dr_launch_overrides[0].match.tags"]
    assert {answer["changed"] for answer in answers} == {False}


def test_a_server_that_is_to_be_deleted_shares_its_key_with_nobody(answers: list[dict[str, Any]]) -> None:
    (shared,) = answers[0]["problems"]
    assert shared["value"] == "'pay-app-1.example.internal'"
    assert answers[1]["problems"] == []


@pytest.fixture(scope="module")
def told(shared_estate: Estate, answers: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What configure said of an inventory with all mistakes: lines after the first, of its one failure."""
    assert answers
    server = shared_estate.servers()["pay-app-1"]
    shared_estate.aws.client("drs").tag_resource(
        resourceArn=server["arn"], tags={"dr:server-key": "pay-app-2.example.internal"}
    )
    directory = tmp_path_factory.mktemp("mistakes")
    (directory / "hosts.yml").write_text((INVENTORY / "hosts.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (directory / "group_vars").mkdir()
    declared = yaml.safe_dump({**DECLARATION, **MISTAKES}, sort_keys=False, width=200)
    (directory / "group_vars/all.yml").write_text(declared, encoding="utf-8")
    before = shared_estate.writes()
    outcome = run_playbook(
        "disaster_recovery.aws.configure", inventory=directory, variables=shared_estate.connection, succeeds=False
    )
    assert outcome.recap()["changed"] == 0
    assert outcome.recap()["failed"] == 1
    assert shared_estate.writes() == before
    assert "Traceback" not in outcome.output
    message = outcome.output.split("    msg: |-\n")[1].split("    problems:\n")[0]
    return [line.strip() for line in message.splitlines()]


def test_every_mistake_is_listed_in_one_failure_and_nothing_is_written(told: list[str]) -> None:
    text = "\n".join(told)
    for where, reason in FOUND.items():
        assert [line for line in told if line.startswith(f"{where}: {reason}")], f"{where}: {reason}\nnot in\n{text}"
    assert re.search(SHARED_KEY, text), text
    extra = [line for line in told if line.split(": ")[0] not in FOUND and not re.match(SHARED_KEY, line)]
    assert extra == []


def test_every_mistake_of_an_inventory_names_its_line(told: list[str]) -> None:
    for line in told:
        if re.match(SHARED_KEY, line):
            continue
        found = re.search(r" \((/\S+/all\.yml):(\d+):\d+\)$", line)
        assert found, line
        written = Path(found[1]).read_text(encoding="utf-8").splitlines()[int(found[2]) - 1]
        value = line.split(": ")[1].strip("'")
        if value in (
            "10.10.4.0/33",
            "10.10.7.0/24",
            "holiday",
            "forget",
            "RUNNING",
            "m99.huge",
            "1111",
            "333333333333",
        ):
            assert value in written
