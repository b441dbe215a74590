"""The function correlate from the deployed archive: what it finds, remembers, corrects and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.disaster_recovery.aws.plugins.modules import ip_map

from tests.emulator.drs.support import Drs
from tests.support.embedded import STAGING, TARGET, EmbeddedAws
from tests.support.orchestrator import (
    ESTATE,
    IDS,
    KEYS,
    PREFIX,
    SUBNET_MAP,
    FunctionError,
    Orchestrator,
    deployed_roles,
    options,
    request,
)

TABLE = f"{PREFIX}-ip-map"
HOME_SUBNET = "subnet-0a10100000000d001"
STAGED = "s-staged00000000001"
STAGED_ARN = f"arn:aws:drs:us-west-2:{STAGING}:source-server/{STAGED}"


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """The small estate with a server of a staging account that may be extended."""
    document = yaml.safe_load(ESTATE.read_text(encoding="utf-8"))
    subnets = {"staged": {"id": "subnet-0a30000000000e002", "cidr": "10.30.0.0/24"}}
    network = {"id": "vpc-0a300000000000002", "cidr": "10.30.0.0/16", "subnets": subnets}
    sources = {
        "id": "vpc-0a100000000000002",
        "cidr": "10.10.0.0/16",
        "subnets": {"sources": {"id": "subnet-0a10100000000d002", "cidr": "10.10.1.0/24"}},
        "security_groups": {"sources": {"id": "sg-0a10100000000d002"}},
    }
    staging = document["accounts"][STAGING]
    staging["drs_target_accounts"] = [TARGET]
    staging["regions"]["us-west-2"]["networks"] = {"staged": network}
    staging["regions"]["us-east-1"] = {"networks": {"sources": sources}}
    document["servers"]["staged-1"] = {
        "id": STAGED,
        "addresses": {"sources": "10.10.1.51"},
        "security_groups": ["sources"],
        "source": {"account": STAGING},
        "replication": {"account": STAGING, "staging_subnet": "staged"},
    }
    aws = EmbeddedAws(document)
    try:
        yield Orchestrator(aws, tmp_path_factory.mktemp("archive"))
    finally:
        aws.stop()


def correlate(orchestrator: Orchestrator, run_id: str | None = None) -> dict[str, Any]:
    """Call the function as its schedule does, or as a run."""
    return orchestrator.invoke("correlate", run_id or "")


def item(orchestrator: Orchestrator, pk: str, sk: str) -> dict[str, Any]:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    found: dict[str, Any] = orchestrator.client("dynamodb").get_item(TableName=TABLE, Key=key).get("Item", {})
    return found


def machine(orchestrator: Orchestrator, key: str) -> dict[str, Any]:
    """What is stored of a machine: source server ids by direction, and instances by role."""
    stored = item(orchestrator, "machines", key)
    servers = [server["M"] for server in stored["source_servers"]["L"]]
    instances = [instance["M"] for instance in stored["instances"]["L"]]
    return {
        **{server["direction"]["S"]: server["source_server_id"]["S"] for server in servers},
        **{instance["role"]["S"]: instance["instance_id"]["S"] for instance in instances},
    }


def tag(orchestrator: Orchestrator, name: str, key: str | None, region: str = "us-west-2") -> None:
    """Give a source server a server key, or take it away."""
    drs, arn = orchestrator.client("drs"), f"arn:aws:drs:{region}:{TARGET}:source-server/{IDS[name]}"
    if key is None:
        drs.untag_resource(resourceArn=arn, tagKeys=["dr:server-key"])
    else:
        drs.tag_resource(resourceArn=arn, tags={"dr:server-key": key})


def test_it_remembers_machines_and_writes_only_what_changes(orchestrator: Orchestrator) -> None:
    correlate(orchestrator)
    stored = item(orchestrator, "machines", KEYS["app-1"])
    assert machine(orchestrator, KEYS["app-1"]) == {"FAILOVER": IDS["app-1"], "source": "i-0a1a0000000000001"}
    again = correlate(orchestrator)
    assert again["machines"] == 4
    assert again["written"] == {"stored": 0, "forgotten": 0, "entries": 0, "tagged": 0}
    assert (again["ambiguous"], again["unread"], again["problems"]) == (0, 0, [])
    assert item(orchestrator, "machines", KEYS["app-1"]) == stored


def test_it_corrects_what_the_ip_map_says_and_keeps_what_it_said(orchestrator: Orchestrator) -> None:
    place = (f"server#{KEYS['rep-1']}", "nic#0")
    before = item(orchestrator, *place)
    wrong = {**before, "drs": {"M": {**before["drs"]["M"], "source_server_id": {"S": "s-ofanotherextension"}}}}
    orchestrator.client("dynamodb").put_item(TableName=TABLE, Item=wrong)
    assert correlate(orchestrator)["written"]["entries"] == 1
    after = item(orchestrator, *place)
    assert after["drs"]["M"]["source_server_id"] == {"S": IDS["rep-1"]}
    assert int(after["version"]["N"]) == int(before["version"]["N"]) + 1
    assert f"{PREFIX}-correlate" in after["updated_by"]["S"]
    history = item(orchestrator, place[0], f"nic#0#v{int(before['version']['N']):08d}")
    assert history["drs"] == wrong["drs"]
    assert after["profiles"] == before["profiles"]


def test_a_plan_whose_servers_are_ambiguous_is_not_run(orchestrator: Orchestrator, new_run: Callable[[], str]) -> None:
    orchestrator.publish(
        name="databases", groups={"db": {"tags": {"Tier": "database"}}}, waves=[{"name": "db", "groups": ["db"]}],
        optional_servers=[],
    )  # fmt: skip
    tag(orchestrator, "app-1", KEYS["app-2"])
    try:
        refused, other = new_run(), new_run()
        execution = orchestrator.follow(orchestrator.start("test", refused))
        assert (execution["status"], execution["error"]) == ("FAILED", "failed")
        for name in ("app-1", "app-2"):
            assert IDS[name] in orchestrator.runs.get_run(refused)["error"]
        assert orchestrator.kinds(refused) == ["run_opened", "run_closed"]
        assert orchestrator.jobs(refused) == []

        orchestrator.invoke("open-run", other, **request(other, "test", "databases", orchestrator.now()))
        found = correlate(orchestrator, other)
        assert found["ambiguous"] == 1
        assert IDS["app-1"] in found["problems"][0]
        event = orchestrator.runs.events(other)[-1]
        assert (event["kind"], event["data"]["ambiguous"]) == ("servers_correlated", 1)
    finally:
        tag(orchestrator, "app-1", None)


def test_a_region_that_does_not_answer_stops_nothing_and_nothing_is_written(
    orchestrator: Orchestrator, new_run: Callable[[], str]
) -> None:
    run_id = new_run()
    orchestrator.invoke("open-run", run_id, **request(run_id, "failover", "small", orchestrator.now()))
    down = {"kind": "server_error", "region": "us-east-1", "operation": "Describe*", "times": None}
    for service in ("ec2", "drs"):
        orchestrator.aws.control("faults", {**down, "service": service})
    found = correlate(orchestrator, run_id)
    assert (found["machines"], found["ambiguous"]) == (4, 0)
    assert found["unread"] >= 1
    assert "us-east-1" in found["problems"][0]
    assert set(found["written"].values()) == {0}
    orchestrator.aws.control("faults", method="DELETE")

    here = {"kind": "denied", "service": "drs", "operation": "DescribeSourceServers", "region": "us-west-2", "times": 9}
    orchestrator.aws.control("faults", here)
    with pytest.raises(FunctionError) as failed:
        correlate(orchestrator, run_id)
    assert failed.value.name == "AwsRefused"


def test_another_account_is_read_by_the_role_that_it_declares(orchestrator: Orchestrator) -> None:
    iam, functions = orchestrator.client("iam"), orchestrator.client("lambda")
    arn = f"arn:aws:iam::{STAGING}:role/reader"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
    reads = {"Effect": "Allow", "Action": ["drs:Describe*", "ec2:DescribeInstances"], "Resource": "*"}
    there = orchestrator.aws.client("iam", account=STAGING)
    there.create_role(RoleName="reader", AssumeRolePolicyDocument=document(trust))
    there.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=document(reads))
    name = f"{PREFIX}-correlate"
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    declared = json.dumps([{"account_id": STAGING, "regions": ["us-west-2"], "role_arn": arn}])
    changed = {"Variables": {**variables, "ACCOUNTS": declared}}
    functions.update_function_configuration(FunctionName=name, Environment=changed)
    try:
        refused = correlate(orchestrator)
        assert (refused["machines"], refused["unread"]) == (4, 3)
        assert "sts:AssumeRole" in refused["problems"][0]
        assert STAGING in refused["problems"][0]

        _, policy = deployed_roles((arn,))["correlate"]
        iam.put_role_policy(RoleName=name, PolicyName="orchestrator", PolicyDocument=json.dumps(policy))
        allowed = correlate(orchestrator)
        assert (allowed["machines"], allowed["unread"], allowed["problems"]) == (5, 0, [])
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_key_of_a_machine_survives_its_failover_and_failback(orchestrator: Orchestrator) -> None:
    """facts 6.1, steps 1 to 13, with a key that only the tag of the first source server tells."""
    there, home = Drs(orchestrator.aws), Drs(orchestrator.aws, region="us-east-1")
    tag(orchestrator, "db-1", "pay-db")
    forward = IDS["db-1"]
    correlate(orchestrator)
    assert machine(orchestrator, "pay-db")["FAILOVER"] == forward

    there.recover(forward)
    there.advance(200)
    recovered = there.recovery_instance_of(forward)["recoveryInstanceID"]
    back = there.api.reverse_replication(recoveryInstanceID=recovered)["reversedDirectionSourceServerArn"].split("/")[1]
    there.advance(7200)
    first = correlate(orchestrator)
    assert machine(orchestrator, "pay-db") == {
        "FAILOVER": forward,
        "FAILBACK": back,
        "source": "i-0a1d0000000000001",
        "recovery": recovered,
    }
    assert first["written"]["tagged"] == 1
    assert home.server(back)["tags"]["dr:server-key"] == "pay-db"

    home.launch_into(back, HOME_SUBNET)
    home.recover(back)
    home.advance(200)
    returned = home.recovery_instance_of(back)["recoveryInstanceID"]
    correlate(orchestrator)
    assert machine(orchestrator, "pay-db")["failback"] == returned

    home.api.reverse_replication(recoveryInstanceID=returned)
    there.advance(1200)
    home.api.stop_replication(sourceServerID=back)
    there.api.terminate_recovery_instances(recoveryInstanceIDs=[recovered])
    there.advance(90)
    home.api.delete_recovery_instance(recoveryInstanceID=returned)
    home.api.disconnect_source_server(sourceServerID=back)
    home.api.delete_source_server(sourceServerID=back)
    tag(orchestrator, "db-1", None)
    last = correlate(orchestrator)
    assert (last["ambiguous"], last["written"]["tagged"]) == (0, 1)
    assert machine(orchestrator, "pay-db") == {
        "FAILOVER": forward,
        "source": returned,
        "former": "i-0a1d0000000000001",
    }
    assert there.server(forward)["tags"]["dr:server-key"] == "pay-db"


def test_the_key_of_a_machine_survives_a_new_extension(orchestrator: Orchestrator) -> None:
    """Only the tag of the first extension tells the key; the second one has a new id, and no tag."""
    drs = orchestrator.client("drs")

    def clients(service: str, *, region: str = "us-west-2", credentials: None = None) -> Any:
        assert credentials is None
        return orchestrator.client(service, region)

    def extend(**tags: str) -> str:
        answer = drs.create_extended_source_server(sourceServerArn=STAGED_ARN, tags=tags)
        return str(answer["sourceServer"]["sourceServerID"])

    def map_addresses() -> None:
        chosen = {"servers": ["warehouse-1"], "tags": None, "source_server_ids": None}
        given = options(ip_map, table=TABLE, subnet_map=SUBNET_MAP, source_region="us-east-1", match=chosen)
        ip_map.run(given, clients, False)

    first = extend(**{"dr:server-key": "warehouse-1"})
    try:
        map_addresses()
        correlate(orchestrator)
        before = item(orchestrator, "server#warehouse-1", "nic#0")
        assert before["drs"]["M"]["source_server_id"] == {"S": first}
        assert machine(orchestrator, "warehouse-1")["FAILOVER"] == first

        drs.delete_source_server(sourceServerID=first)
        second = extend()
        assert second != first
        written = correlate(orchestrator)["written"]
        assert (written["entries"], written["tagged"]) == (1, 1)
        after = item(orchestrator, "server#warehouse-1", "nic#0")
        assert after["drs"]["M"]["source_server_id"] == {"S": second}
        assert (after["profiles"], after["source"]) == (before["profiles"], before["source"])
        assert machine(orchestrator, "warehouse-1")["FAILOVER"] == second
        (extended,) = drs.describe_source_servers(filters={"sourceServerIDs": [second]})["items"]
        assert extended["tags"]["dr:server-key"] == "warehouse-1"
        assert item(orchestrator, "machines", "staged-1.example.internal") == {}
        assert set(correlate(orchestrator)["written"].values()) == {0}
    finally:
        absent = options(ip_map, table=TABLE, state="absent", servers=["warehouse-1"])
        ip_map.run(absent, clients, False)
        for server in drs.describe_source_servers(filters={"stagingAccountIDs": [STAGING]})["items"]:
            drs.delete_source_server(sourceServerID=server["sourceServerID"])
        correlate(orchestrator)
