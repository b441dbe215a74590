"""Extended source servers: what is checked before, what is done, what is told. One emulator for the whole file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError

from tests.modules.staging_estate import FRESH, LARGE, REGION, SHARED, STRANGE, StagingEstate
from tests.support.embedded import TARGET
from tests.support.playbook import run_playbook

PLAIN = {"staging_account_id": SHARED, "tags": {"Application": "plain"}}
DEFAULT_KEY = {"staging_account_id": SHARED, "tags": {"Application": "default"}}
CUSTOM_KEY = {"staging_account_id": SHARED, "tags": {"Application": "custom"}}
ROLE = f"DRSStagingAccountRole_{TARGET}"


@pytest.fixture(scope="module")
def running() -> Iterator[StagingEstate]:
    """The staging accounts."""
    made = StagingEstate()
    yield made
    made.aws.stop()


@pytest.fixture
def estate(running: StagingEstate) -> Iterator[StagingEstate]:
    """The same, without any extension before and after a test."""
    yield running
    running.remove_all()


@pytest.fixture(scope="module")
def reader(running: StagingEstate) -> dict[str, Any]:
    """The account SHARED as it is declared with its reader role."""
    return running.reader(SHARED)


def results(answer: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return status and action of every server by its ARN."""
    return {item["staging_arn"]: (item["status"], item["action"]) for item in answer["extended_source_servers"]}


def found(answer: dict[str, Any]) -> dict[str, str]:
    """Return the results of the checks by their subjects."""
    return {check["subject"]: check["result"] for check in answer["checks"]}


def connection(estate: StagingEstate) -> dict[str, str]:
    """Return the variables of a playbook that say where AWS is."""
    return {"dr_region": REGION, "dr_endpoint_url": estate.aws.endpoint, "ansible_python_interpreter": sys.executable}


def test_check_mode_tells_what_a_run_does_and_a_second_run_changes_nothing(
    estate: StagingEstate, reader: dict[str, Any]
) -> None:
    elements = [PLAIN, {"staging_account_id": SHARED, "source_server_arns": [estate.arn("custom-1")]}]
    before = estate.calls()
    predicted = estate.run(*elements, accounts=[reader], check_mode=True)
    assert "CreateExtendedSourceServer" not in estate.calls()
    done = estate.run(*elements, accounts=[reader], tags={"Extended": "yes"})
    assert predicted["changed"] is done["changed"] is True
    assert predicted["diff"] == done["diff"]
    assert predicted["checks"] == done["checks"]
    assert found(done) == dict.fromkeys(("access", "role", "trust", "policy", "encryption", "key"), "passed")
    assert set(results(done).values()) == {("EXTENDED", "extended")}
    assert done["quota"] == {"source_servers": 0, "adding": 3, "limit": 4000, "source": "Service Quotas"}
    assert done["warnings"] == []
    assert estate.extended()[estate.arn("plain-1")]["tags"] == {
        "Name": "plain-1",
        "Application": "plain",
        "Extended": "yes",
    }
    written = estate.calls()
    again = estate.run(*elements, accounts=[reader])
    assert (again["changed"], set(results(again).values())) == (False, {("EXTENDED", "none")})
    assert estate.calls()["CreateExtendedSourceServer"] == written["CreateExtendedSourceServer"] == 3
    assert before.keys() <= written.keys()


def test_ansible_shows_first_then_extends_then_changes_nothing(estate: StagingEstate, tmp_path: Path) -> None:
    task = {"disaster_recovery.aws.drs_extended_source_server": {"extended_source_servers": [PLAIN]}}
    keys = estate.aws.credentials(TARGET)
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "module_defaults": {
            "group/disaster_recovery.aws.aws": {
                "region": REGION,
                "endpoint_url": estate.aws.endpoint,
                "access_key": keys["aws_access_key_id"],
                "secret_key": keys["aws_secret_access_key"],
            }
        },
        "tasks": [
            {"name": "Show", **task, "check_mode": True, "register": "shown"},
            {"name": "Extend", **task, "register": "done"},
            {"name": "Again", **task, "register": "again"},
            {
                "name": "Compare",
                "ansible.builtin.assert": {
                    "that": ["shown is changed", "done is changed", "again is not changed", "shown.diff == done.diff"]
                },
            },
        ],
    }
    playbook = tmp_path / "extend.yml"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    outcome = run_playbook(playbook, "--diff", inventory="localhost,", variables=connection(estate))
    assert outcome.output.count(f"{estate.arn('plain-1')}: EXTENDED") == 2
    assert "staging account 111111111111, encryption of 2 servers was not checked" in " ".join(outcome.output.split())
    assert len(estate.extended()) == 2


def test_first_page_only_201_staging_servers(estate: StagingEstate) -> None:
    offered = estate.run({"staging_account_id": LARGE, "all": True}, check_mode=True)["extended_source_servers"]
    assert len({item["staging_arn"] for item in offered}) == 201
    listed = {"staging_account_id": LARGE, "source_server_arns": [item["staging_arn"] for item in offered[-7:]]}
    assert estate.run(listed)["summary"]["changed"] == len(estate.extended()) == 7
    again = estate.run(listed)
    assert again["summary"] == {"servers": 7, "changed": 0, "skipped": 0, "problems": []}


def test_default_ebs_key_on_extension(estate: StagingEstate, reader: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError) as error:
        estate.run(PLAIN, DEFAULT_KEY, accounts=[reader])
    assert estate.arn("default-1") in str(error.value)
    assert "customer managed key" in str(error.value)
    assert estate.extended() == {}

    told = estate.run(PLAIN, DEFAULT_KEY, check_mode=True)
    assert estate.extended() == {}
    assert "failed" not in told
    unseen = estate.run(PLAIN, DEFAULT_KEY)
    for answer in (told, unseen):
        assert found(answer) == {"access": "passed", "policy": "not_checked", "encryption": "not_checked"}
        (warning,) = [text for text in answer["warnings"] if "encryption" in text]
        assert (
            "encryption of 3 servers was not checked: DRS refuses each of them whose volumes use the default" in warning
        )
        assert "account 111111111111 is not declared in dr_accounts with the role_arn of a role" in warning
    assert unseen["failed"] is True
    assert estate.arn("default-1") in unseen["msg"]
    assert "default EBS encryption key" in unseen["msg"]
    assert "customer managed key" in unseen["msg"]
    assert set(estate.extended()) == {estate.arn("plain-1"), estate.arn("plain-2")}


def test_what_is_missing_in_a_staging_account_is_named_with_what_to_do(
    estate: StagingEstate, reader: dict[str, Any]
) -> None:
    strange = {"staging_account_id": STRANGE, "all": True}
    unknown = {"staging_account_id": "555555555555", "all": True}
    with pytest.raises(DeclarationError) as error:
        estate.run(PLAIN, strange, unknown)
    for account in (STRANGE, "555555555555"):
        assert f"staging account {account}, access" in str(error.value)
    assert f"disaster_recovery.aws.accounts with credentials of {STRANGE}" in str(error.value)
    with pytest.raises(DeclarationError, match=f"service-role/{ROLE} does not exist"):
        estate.run(PLAIN, strange, accounts=[estate.reader(STRANGE), reader])
    assert estate.extended() == {}


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"staging_account_id": SHARED}, "give one of all: true, tags and source_server_arns"),
        ({**PLAIN, "all": True}, "give one of all: true, tags and source_server_arns"),
        ({**PLAIN, "staging_account_id": "1111"}, "must be an account id of 12 digits"),
        ({**PLAIN, "staging_account_id": TARGET}, "is the account of these credentials"),
        ({"staging_account_id": SHARED, "tags": {"Application": "bakery"}}, "has these"),
        (
            {
                "staging_account_id": SHARED,
                "source_server_arns": [f"arn:aws:drs:us-east-1:{SHARED}:source-server/s-00000000000000000"],
            },
            "only servers that replicate to us-west-2",
        ),
        (
            {
                "staging_account_id": SHARED,
                "source_server_arns": [f"arn:aws:drs:us-west-2:{SHARED}:source-server/s-00000000000000000"],
            },
            "does not offer this source server",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    estate: StagingEstate, element: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        estate.run(PLAIN, element)
    assert estate.extended() == {}


def test_undeclared_extensions_are_deleted_only_when_asked_and_by_the_tags_of_the_staging_servers(
    estate: StagingEstate, reader: dict[str, Any]
) -> None:
    arns = [estate.arn("plain-1"), estate.arn("plain-2")]
    listed = {"staging_account_id": SHARED, "source_server_arns": arns}
    estate.run(listed)
    one = {**listed, "source_server_arns": arns[:1]}
    assert estate.run(one)["changed"] is False
    target_arn = estate.extended()[arns[0]]["arn"]
    estate.target.untag_resource(resourceArn=target_arn, tagKeys=["Application"])
    with pytest.raises(DeclarationError, match="purge needs the tags of the servers in the staging account"):
        estate.run(PLAIN, purge=True)
    assert estate.run(PLAIN, purge=True, accounts=[reader])["changed"] is False

    predicted = estate.run(one, purge=True, check_mode=True)
    assert len(estate.extended()) == 2
    purged = estate.run(one, purge=True)
    assert predicted["diff"] == purged["diff"]
    assert results(purged) == {arns[0]: ("EXTENDED", "none"), arns[1]: ("absent", "deleted")}
    assert set(estate.extended()) == {arns[0]}
    gone = estate.run({**listed, "source_server_arns": arns}, state="absent")
    assert results(gone) == {arns[0]: ("absent", "deleted")}
    assert estate.run(listed, state="absent")["changed"] is False
    assert estate.arn("plain-1") == arns[0]


def test_quotas_are_checked_before(estate: StagingEstate) -> None:
    with pytest.raises(DeclarationError, match=r"2 staging accounts.*at most 1 trusted accounts"):
        estate.run(PLAIN, {"staging_account_id": LARGE, "all": True}, max_staging_accounts=1)
    assert estate.extended() == {}


def test_the_server_that_fails_is_named_and_the_others_are_done(estate: StagingEstate) -> None:
    call = {"service": "drs", "operation": "CreateExtendedSourceServer"}
    estate.aws.control("faults", {**call, "kind": "error", "error": "ServiceQuotaExceededException"})
    answer = estate.run(PLAIN)
    assert (answer["failed"], answer["changed"]) == (True, True)
    assert sorted(status for status, _action in results(answer).values()) == ["EXTENDED", "absent"]
    assert "ServiceQuotaExceededException" in answer["msg"]
    assert len(answer["summary"]["problems"]) == len(estate.extended()) == 1

    estate.aws.control("faults", {**call, "kind": "timeout_after"})
    answered = estate.run(PLAIN)
    assert (answered["summary"]["changed"], "failed" in answered) == (1, False)
    assert len(estate.extended()) == 2


def test_broken_extensions_are_reported_and_repaired_when_asked(estate: StagingEstate, reader: dict[str, Any]) -> None:
    gone = {"staging_account_id": SHARED, "source_server_arns": [estate.arn("gone-1")]}
    estate.run(PLAIN, gone, tags={"Extended": "yes"})
    before = estate.extended()
    with estate.role_revoked(SHARED):
        assert {item["stagingArea"]["status"] for item in estate.extended().values()} == {"EXTENSION_ERROR"}
        with pytest.raises(DeclarationError, match=f"service-role/{ROLE} does not exist"):
            estate.run(PLAIN, gone, repair=True, accounts=[reader])
    server_id = gone["source_server_arns"][0].rsplit("/", 1)[1]
    estate.staging("drs").disconnect_source_server(sourceServerID=server_id)
    estate.staging("drs").delete_source_server(sourceServerID=server_id)

    reported = estate.run(PLAIN, gone)
    assert (reported["changed"], set(results(reported).values())) == (False, {("EXTENSION_ERROR", "none")})
    assert len(reported["warnings"]) == len(reported["summary"]["problems"]) == 3
    assert "does not exist" in reported["warnings"][0]
    blind = estate.run(PLAIN, repair=True)
    assert "cannot be repaired without a look into its staging account" in blind["msg"]
    assert estate.extended().keys() == before.keys()

    predicted = estate.run(PLAIN, gone, repair=True, accounts=[reader], check_mode=True)
    repaired = estate.run(PLAIN, gone, repair=True, accounts=[reader])
    assert predicted["diff"] == repaired["diff"]
    plain = [estate.arn("plain-1"), estate.arn("plain-2")]
    assert results(repaired) == {
        **dict.fromkeys(plain, ("EXTENDED", "repaired")),
        gone["source_server_arns"][0]: ("absent", "deleted"),
    }
    after = estate.extended()
    assert set(after) == set(plain)
    assert all(after[arn]["tags"] == before[arn]["tags"] for arn in plain)
    assert all(after[arn]["sourceServerID"] != before[arn]["sourceServerID"] for arn in plain)


def test_a_key_that_is_not_shared_is_found_before_and_named_by_drs_without_a_look(estate: StagingEstate) -> None:
    with estate.key_of("custom-1") as key_id:
        with pytest.raises(DeclarationError) as error:
            estate.run(CUSTOM_KEY, accounts=[estate.reader(SHARED)])
        assert key_id in str(error.value)
        assert f"does not let the role {ROLE} and account {TARGET} use it" in str(error.value)
        unseen = estate.run(CUSTOM_KEY)
        assert (unseen["failed"], unseen["changed"]) == (True, False)
        assert key_id in unseen["msg"]
        estate.staging("kms").disable_key(KeyId=key_id)
        with pytest.raises(DeclarationError, match="is Disabled: enable it"):
            estate.run(CUSTOM_KEY, accounts=[estate.reader(SHARED)])


def test_the_playbook_accounts_makes_what_an_extension_needs_and_then_changes_nothing(
    estate: StagingEstate, tmp_path: Path
) -> None:
    setup = [
        {
            "account_id": FRESH,
            "target_accounts": [TARGET],
            "kms_keys": ["alias/aws-embedded-drs"],
            "reader_trusted": [f"arn:aws:iam::{TARGET}:root"],
            "reader_external_id": "warehouse",
            "failback_accounts": [TARGET],
            "failback_trusted": [f"arn:aws:iam::{TARGET}:root"],
        },
        {"account_id": TARGET},
    ]
    iam = estate.staging("iam", FRESH)
    of_the_console = f"DRSCrossAccountAgentRole_{TARGET}"
    iam.create_role(RoleName=of_the_console, Path="/service-role/", AssumeRolePolicyDocument="{}")
    plays = [
        {
            "import_playbook": "disaster_recovery.aws.accounts",
            "vars": {"dr_access_key": keys["aws_access_key_id"], "dr_secret_key": keys["aws_secret_access_key"]},
        }
        for keys in map(estate.aws.credentials, (FRESH, TARGET))
    ]
    playbook = tmp_path / "both.yml"
    playbook.write_text(json.dumps(plays), encoding="utf-8")
    variables = {**connection(estate), "dr_account_setup": setup}
    kms = estate.staging("kms", FRESH)
    key_id = kms.describe_key(KeyId="alias/aws-embedded-drs")["KeyMetadata"]["KeyId"]
    kept = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])["Statement"]
    first, second = (run_playbook(playbook, inventory="localhost,", variables=variables) for _ in range(2))
    assert first.recap()["changed"] == 8
    assert second.recap()["changed"] == 0

    assert iam.get_role(RoleName=of_the_console)["Role"]["AssumeRolePolicyDocument"] == {}
    agents, replication = (f"DRSCrossAccount{name}_{TARGET}" for name in ("AgentAuthorizedRole", "ReplicationRole"))
    (policy,) = iam.list_attached_role_policies(RoleName=replication)["AttachedPolicies"]
    assert policy["PolicyName"] == "AWSElasticDisasterRecoveryCrossAccountReplicationPolicy"
    role = iam.get_role(RoleName=replication)["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (role["Path"], trust["Principal"]) == ("/service-role/", {"Service": "drs.amazonaws.com"})
    assert {arn.split(":")[4] for arn in trust["Condition"]["StringLike"]["aws:SourceArn"]} == {TARGET}
    inline = iam.get_role_policy(RoleName=agents, PolicyName="agent")["PolicyDocument"]["Statement"]
    theirs = f"arn:aws:iam::{TARGET}:role/service-role/DRSCrossAccountAgentRole_{FRESH}"
    assert {statement["Resource"] for statement in inline} == {theirs}
    (trust,) = iam.get_role(RoleName="disaster-recovery-failback")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": [f"arn:aws:iam::{TARGET}:root"]}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": "warehouse"}}

    policy = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
    assert policy["Statement"][: len(kept)] == kept
    reader = {
        "account_id": FRESH,
        "regions": [REGION],
        "role_arn": f"arn:aws:iam::{FRESH}:role/disaster-recovery-reader",
    }
    everything = {"staging_account_id": FRESH, "all": True}
    without_id = estate.run(everything, accounts=[reader], check_mode=True)
    assert found(without_id) == {"access": "passed", "policy": "not_checked", "encryption": "not_checked"}
    done = estate.run(everything, accounts=[{**reader, "external_id": "warehouse"}])
    assert found(done) == dict.fromkeys(("access", "role", "trust", "policy", "key"), "passed")
    assert results(done) == {estate.arn("fresh-1", FRESH): ("EXTENDED", "extended")}


def test_an_account_that_is_not_declared_is_not_set_up(estate: StagingEstate) -> None:
    keys = estate.aws.credentials(STRANGE)
    variables = {
        **connection(estate),
        "dr_access_key": keys["aws_access_key_id"],
        "dr_secret_key": keys["aws_secret_access_key"],
        "dr_account_setup": [
            {
                "account_id": FRESH,
                "target_accounts": ["22"],
                "reader_trusted": ["everybody"],
                "failback_accounts": [FRESH],
                "failback_trusted": ["anybody"],
            }
        ],
    }
    outcome = run_playbook(
        "disaster_recovery.aws.accounts", inventory="localhost,", variables=variables, succeeds=False
    )
    for message in (STRANGE, "dr_account_setup[0].target_accounts[0]", "everybody", "anybody", "failback_accounts"):
        assert message in outcome.output
    assert outcome.recap()["changed"] == 0
