"""Every function may do what it does and no more: its calls in a drill with trouble, against the policy of its role."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import yaml

from tests.support.orchestrator import FUNCTIONS, PREFIX, ROLE, Orchestrator

ACTIONS = {"TransactWriteItems": ("PutItem", "UpdateItem")}
"""Actions of an operation that is not its own action."""

SERVICES = {"service-quotas": "servicequotas"}

NEEDED_BY_DRS = {
    "drs:CreateRecoveryInstanceForDrs",
    "drs:DescribeSourceServers",
    "drs:ListTagsForResource",
    "drs:TagResource",
    "ec2:DescribeInstances",
}
"""Actions that DRS's own operations need of their caller beside themselves; no call shows them."""

ONLY_IN_TROUBLE = {("close-run", "ec2:ModifyLaunchTemplate"), ("reconcile-wave", "ec2:ModifyLaunchTemplate")}
"""Calls that repair what a drill that was aborted left, or what somebody changed during a wave."""


def policies() -> dict[str, set[str]]:
    """The actions that each function may call itself, not through a service."""
    document = yaml.safe_load((ROLE / "vars" / "policies.yml").read_text(encoding="utf-8"))
    allowed: dict[str, set[str]] = {}
    for name, statements in document["orchestrator_function_policies"].items():
        own = [statement for statement in statements if "Bool" not in statement.get("Condition", {})]
        actions = [statement["Action"] for statement in own if statement["Action"] != "iam:PassRole"]
        allowed[name] = {action for item in actions for action in ([item] if isinstance(item, str) else item)}
    return allowed


def calls(orchestrator: Orchestrator) -> dict[str, set[str]]:
    """The actions that each function called, by its role's sessions."""
    called: dict[str, set[str]] = defaultdict(set)
    for call in orchestrator.aws.control("calls")["calls"]:
        role = call["principal"].split("/")[1] if ":assumed-role/" in call["principal"] else ""
        for action in ACTIONS.get(call["operation"], (call["operation"],)):
            called[role.removeprefix(f"{PREFIX}-")].add(f"{SERVICES.get(call['service'], call['service'])}:{action}")
    return called


def test_policies_allow_what_the_functions_call_and_no_more(
    orchestrator: Orchestrator, new_run: Callable[[], str]
) -> None:
    first, second = new_run(), new_run()
    fault = {"phase": "LAUNCH", "times": 1, "raw_error": "InsufficientInstanceCapacity"}
    orchestrator.change_source_server("db-1", fail_launch=fault)
    arn = orchestrator.start("test", first)
    orchestrator.follow(arn, until_paused=True)
    orchestrator.follow(orchestrator.start("test", second))
    orchestrator.decide(first, "retry")
    assert orchestrator.follow(arn)["status"] == "SUCCEEDED"
    allowed, called = policies(), calls(orchestrator)
    assert set(FUNCTIONS) <= called.keys()
    assert {name: called[name] - allowed[name] for name in FUNCTIONS if called[name] - allowed[name]} == {}
    unused = {(name, action) for name in FUNCTIONS for action in allowed[name] - called[name] - NEEDED_BY_DRS}
    assert unused - ONLY_IN_TROUBLE == set()
