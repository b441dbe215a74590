"""Every role may do what its function or machine does and no more: a drill with trouble under enforcement, and what the
policies allow beyond what it used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.customer import automation, deploy_automations, deploy_function
from tests.support.embedded import STAGING, TARGET, EmbeddedAws
from tests.support.orchestrator import (
    ESTATE,
    IDS,
    PLAN,
    PREFIX,
    STEP_FUNCTIONS,
    Orchestrator,
    deployed_roles,
    launch_home,
    request,
)

NOT_USED_BY_EVERY_LAUNCH = {
    "ec2:AssociateIamInstanceProfile",
    "ec2:CreateFleet",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteLaunchTemplateVersions",
    "ec2:DeleteSnapshot",
    "ec2:GetConsoleOutput",
    "ec2:GetConsoleScreenshot",
    "ec2:GetInstanceTypesFromInstanceRequirements",
}
"""What DRS needs of its caller in EC2 for some templates, instance types and accounts, by its documentation."""

NEEDED_BY_DRS = {"drs:ListTagsForResource", "drs:TagResource"}
"""What AWS lists beside the operations that read and terminate; the emulator does not know at which of them."""

NEEDED_IN_A_NETWORK = {"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"}
"""What Lambda needs of the role of a function in a VPC beside what it uses at once, by its documentation."""

STEPS = [
    {"name": "freeze", "modes": ["test"], "lambda": {"function": STEP_FUNCTIONS[0]}},
    {"name": "copy", "modes": ["test"], "automation": automation()},
]

ONLY_IN_TROUBLE = {
    ("apply-decision", "states:SendTaskSuccess"),
    ("clean-up", "drs:GetLaunchConfiguration"),
    ("ask-operator", "states:SendTaskSuccess"),
    ("close-run", "drs:GetLaunchConfiguration"),
    ("close-run", "ec2:DescribeLaunchTemplateVersions"),
    ("close-run", "ec2:DescribeLaunchTemplates"),
    ("close-run", "ec2:ModifyLaunchTemplate"),
    ("correlate", "dynamodb:DeleteItem"),
    ("gate", "ec2:GetManagedPrefixListEntries"),
    ("gate", "dynamodb:BatchWriteItem"),
    ("gate", "iam:GetRole"),
    ("prepare-failback", "drs:StopFailback"),
    ("prepare-failback", "ec2:DeleteLaunchTemplateVersions"),
    ("prepare-wave", "ec2:GetManagedPrefixListEntries"),
    ("protect-again", "drs:StopFailback"),
    ("reconcile-wave", "drs:GetLaunchConfiguration"),
    ("reconcile-wave", "ec2:ModifyLaunchTemplate"),
    ("run-step", "ssm:StopAutomationExecution"),
    ("validate", "ssm:ListCommands"),
    *((machine, "states:StopExecution") for machine in ("failover", "test", "failback")),
}
"""Calls that repair what a drill that was aborted left, or what somebody changed during a wave (the template is gone,
too), or that end waves or forget servers; a look for a command whose sender died; the answer to a pause that begins
while its run is being aborted; prefix lists, where routes or security groups of the drill network name them; servers
whose way home has changed since they were discovered, or leads to another account."""

OF_OTHER_WAYS_HOME = {
    ("discover", "ec2:DescribeSubnets"),
    ("prepare-failback", "dynamodb:BatchGetItem"),
    ("prepare-failback", "drs:GetFailbackReplicationConfiguration"),
    ("prepare-failback", "drs:GetReplicationConfiguration"),
    ("prepare-failback", "drs:UpdateFailbackReplicationConfiguration"),
    ("prepare-failback", "drs:UpdateReplicationConfiguration"),
    ("prepare-failback", "ec2:DescribeSubnets"),
    ("protect-again", "dynamodb:BatchGetItem"),
    ("protect-again", "drs:GetReplicationConfiguration"),
    ("protect-again", "drs:UpdateReplicationConfiguration"),
    ("protect-again", "ec2:DescribeSubnets"),
    ("reconcile-wave", "drs:StartFailbackLaunch"),
    ("validate", "drs:DescribeRecoveryInstances"),
    ("validate", "drs:DescribeSourceServers"),
    ("validate", "dynamodb:BatchGetItem"),
}
"""Calls for machines that are at home on premises or in another zone: test_failback_places.py walks them."""

LAUNCHING_INTO = {
    ("gate", "iam:GetInstanceProfile"),
    ("gate", "iam:ListAttachedRolePolicies"),
    ("prepare-wave", "drs:UpdateLaunchConfiguration"),
    ("prepare-wave", "ec2:CreateTags"),
    ("prepare-wave", "iam:GetInstanceProfile"),
    ("prepare-wave", "iam:ListAttachedRolePolicies"),
}
"""What a failback needs to launch servers into their originals: test_original_instance, test_failback_cycles."""

NOT_OF_THIS_DRILL = {"failover", "failback", "follow", "probe-failback", "probe-failover"}
"""Roles of other modes; where they do what those of a drill do, they have the same policies."""

ENDS_ORIGINAL = {"original_instance": "terminate"}

PROBES: list[dict[str, Any]] = [
    {"name": "postgres", "groups": ["db"], "tcp": {"port": 5432}},
    {"name": "service", "groups": ["db"], "command": {"commands": ["systemctl is-active postgresql"]}},
]


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    aws = EmbeddedAws(ESTATE)
    try:
        deployed = Orchestrator(aws, tmp_path_factory.mktemp("archive"), probe_networks=("test",))
        deploy_function(deployed)
        deploy_automations(deployed)
        databases, *others = PLAN["waves"]
        deployed.publish(failback=ENDS_ORIGINAL, probes=PROBES, waves=[{**databases, "before": STEPS}, *others])
        deployed.change_source_server("db-1", listens=[{"port": 5432}], ssm_agent=True)
        yield deployed
    finally:
        aws.stop()


def allowed() -> dict[str, set[str]]:
    """The actions that the policy of each role allows."""
    found: dict[str, set[str]] = {}
    for name, (_, policy) in deployed_roles().items():
        actions = [statement["Action"] for statement in policy["Statement"]]
        found[name] = {action for item in actions for action in ([item] if isinstance(item, str) else item)}
    return found


def used(orchestrator: Orchestrator) -> tuple[dict[str, set[str]], list[str]]:
    """The actions that each role used, directly or through DRS, and those that it lacked."""
    found: dict[str, set[str]] = defaultdict(set)
    lacking = []
    for entry in orchestrator.aws.control("permissions")["permissions"]:
        prefix = f"arn:aws:iam::{TARGET}:role/{PREFIX}-"
        if entry["identity"].startswith(prefix):
            found[entry["identity"].removeprefix(prefix)].add(entry["action"])
            if entry["result"] != "allowed":
                lacking.append(f"{entry['identity']}: {entry['action']} on {entry['resource']}")
    return found, lacking


def bring_home(orchestrator: Orchestrator, run_id: str) -> None:
    """Recover a server for good, replicate it home, launch it there, protect it again and tidy."""
    orchestrator.publish(failback={"original_instance": "replace"})
    orchestrator.client("drs").start_recovery(sourceServers=[{"sourceServerID": IDS["db-1"]}], isDrill=False)
    orchestrator.aws.control("clock", {"advance": 3600})
    asked: dict[str, Any] = request(run_id, "failback", "small", orchestrator.now())
    orchestrator.invoke("open-run", run_id, **asked)
    for function in ("discover", "gate"):
        orchestrator.invoke(function, run_id)
    follow(orchestrator, "prepare-failback", run_id)
    follow(orchestrator, "prepare-wave", run_id, wave=1)
    (going,) = [item for item in orchestrator.runs.get_servers(run_id) if item["status"] == "pending"]
    (instance_id,) = launch_home(orchestrator, [going["source_server_id"]]).values()
    arrived = {"status": "validated", "validated_at": orchestrator.now(), "instance_id": instance_id}
    orchestrator.runs.put_servers(run_id, [{**going, **arrived}])
    follow(orchestrator, "protect-again", run_id)
    assert orchestrator.client("drs").describe_recovery_instances(filters={})["items"] == []


def follow(orchestrator: Orchestrator, function: str, run_id: str, **event: Any) -> None:
    """Call a function until there is nothing to wait for."""
    while (answer := orchestrator.invoke(function, run_id, **event))["outcome"] == "wait":
        orchestrator.aws.control("clock", {"advance": 1800})
    assert answer["outcome"] == "done", answer


def test_policies_allow_what_a_run_does_and_no_more(orchestrator: Orchestrator, new_run: Callable[[], str]) -> None:
    first, second = new_run(), new_run()
    fault = {"phase": "LAUNCH", "times": 1, "raw_error": "InsufficientInstanceCapacity"}
    orchestrator.change_source_server("db-1", fail_launch=fault)
    arn = orchestrator.start("test", first, hold=600)
    orchestrator.follow(arn, until_paused=True)
    orchestrator.follow(orchestrator.start("test", second))
    orchestrator.decide(first, "retry")
    orchestrator.follow(arn, until_paused=True)
    orchestrator.decide(first, "continue")
    assert orchestrator.follow(arn)["status"] == "SUCCEEDED"
    bring_home(orchestrator, new_run())
    found, lacking = used(orchestrator)
    assert lacking == []
    unused = {
        (name, action)
        for name, actions in allowed().items()
        for action in actions - found[name] - NOT_USED_BY_EVERY_LAUNCH - NEEDED_BY_DRS - NEEDED_IN_A_NETWORK
        if name not in NOT_OF_THIS_DRILL
    }
    assert unused - ONLY_IN_TROUBLE - OF_OTHER_WAYS_HOME - LAUNCHING_INTO == set()
    assert orchestrator.aws.control("permissions")["not_understood"] == []


def test_a_role_reaches_the_accounts_that_its_function_works_in() -> None:
    reader, failback = (f"arn:aws:iam::{STAGING}:role/{name}" for name in ("reader", "failback"))
    other = "arn:aws:iam::333333333333:role/reader"
    roles = deployed_roles((reader, other), (failback,))
    reached = {
        name: statement["Resource"]
        for name, (_, policy) in roles.items()
        for statement in policy["Statement"]
        if statement["Action"] == "sts:AssumeRole"
    }
    assert reached.pop("correlate") == [reader, other]
    assert "reconcile-wave" in reached
    assert set(map(tuple, reached.values())) == {(failback,)}
    assert not any("sts:AssumeRole" in str(policy) for _, policy in deployed_roles().values())
