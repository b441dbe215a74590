"""DRS: resource types as in its page of the Service Authorization Reference; actions that an operation needs beside
its own, and those of EC2 that it makes with its caller's permissions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from emulator.iam.request import Need, Request, pass_role, tags_of

SERVICE = "drs.amazonaws.com"
MANAGED = {"AWSElasticDisasterRecoveryManaged": SERVICE}
CONVERSION_ROLE = "AWSElasticDisasterRecoveryConversionServerRole"

# Operations that name one resource, or several, by id.
_IDS = {
    "sourceServerID": "source-server",
    "recoveryInstanceID": "recovery-instance",
    "recoveryInstanceIDs": "recovery-instance",
    "jobID": "job",
    "sourceNetworkID": "source-network",
    "launchConfigurationTemplateID": "launch-configuration-template",
    "replicationConfigurationTemplateID": "replication-configuration-template",
}
# Recovery plans are named by ARN; the resources are the plan and the execution, not their steps.
_ARNS = (
    "recoveryPlanArn",
    "recoveryPlanStepArn",
    "recoveryPlanExecutionArn",
    "recoveryPlanExecutionStepArn",
    "resourceArn",
)
_TAGGED = {
    "CreateExtendedSourceServer": "source-server",
    "CreateLaunchConfigurationTemplate": "launch-configuration-template",
    "CreateRecoveryPlan": "recovery-plan",
    "CreateReplicationConfigurationTemplate": "replication-configuration-template",
    "CreateSourceNetwork": "source-network",
    "StartFailbackLaunch": "job",
    "StartRecovery": "job",
    "StartRecoveryPlanExecution": "recovery-plan-execution",
    "StartSourceNetworkRecovery": "job",
}
_ALSO_NEEDED = {
    "DescribeRecoveryInstances": ("drs:DescribeSourceServers", "ec2:DescribeInstances"),
    "ReverseReplication": (
        "drs:DescribeReplicationConfigurationTemplates",
        "drs:DescribeSourceServers",
        "ec2:DescribeInstances",
    ),
    "StartRecovery": ("drs:ListTagsForResource",),
    "TerminateRecoveryInstances": ("drs:DescribeSourceServers",),
    "UpdateLaunchConfiguration": ("ec2:DescribeInstances",),
}


def needs(request: Request) -> list[Need]:
    """Return the permissions that a DRS operation needs when it is called."""
    operation = request.operation
    tags = _request_tags(request)
    own = [Need(f"drs:{operation}", resource, tags=tags) for resource in _resources(request)]
    return [*own, *_tagging(request, tags), *_special(request, own), *_others(operation)]


def _resources(request: Request) -> Iterator[str]:
    if request.operation == "ListTagsForResource" or request.operation.startswith("Create"):
        yield "*"
        return
    found = list(_named(request))
    yield from found or ["*"]


def _named(request: Request) -> Iterator[str]:
    if len(request.path) > 1 and request.path[0] == "tags":
        yield "/".join(request.path[1:])
    for entry in _dicts(request.json.get("sourceServers")):
        if request.operation != "StartRecoveryPlanExecution":
            yield request.arn("drs", f"source-server/{entry.get('sourceServerID')}")
    for name, kind in _IDS.items():
        for identifier in _texts(request.json.get(name)):
            yield request.arn("drs", f"{kind}/{identifier}")
    for name in _ARNS:
        yield from (arn.partition("/step/")[0] for arn in _texts(request.json.get(name)))
    resource = request.json.get("resourceId")
    if isinstance(resource, str) and resource.startswith("s-"):
        yield request.arn("drs", f"source-server/{resource}")


def _request_tags(request: Request) -> dict[str, str] | None:
    if request.operation == "UntagResource":
        return {value: "" for name, value in request.pairs if name == "tagKeys"}
    return tags_of(request.json.get("tags"))


def _tagging(request: Request, tags: dict[str, str] | None) -> list[Need]:
    kind = _TAGGED.get(request.operation)
    if kind is None or not tags:
        return []
    resource = request.arn("drs", f"{kind}/*")
    return [Need("drs:TagResource", resource, {"drs:createaction": (request.operation,)}, tags)]


def _special(request: Request, own: list[Need]) -> Iterator[Need]:
    if request.operation == "StartRecovery":
        for need in own:
            yield Need("drs:CreateRecoveryInstanceForDrs", need.resource, tags=need.tags)
    elif request.operation == "InitializeService":
        role = request.arn("iam", f"role/aws-service-role/{SERVICE}/*", region=False)
        profile = request.arn("iam", "instance-profile/*", region=False)
        yield Need("iam:CreateServiceLinkedRole", role, {"iam:awsservicename": (SERVICE,)})
        for action in ("CreateInstanceProfile", "AddRoleToInstanceProfile", "GetInstanceProfile"):
            yield Need(f"iam:{action}", profile)
        conversion = request.arn("iam", f"role/service-role/{CONVERSION_ROLE}", region=False)
        yield from pass_role(conversion, "ec2.amazonaws.com")


def _others(operation: str) -> Iterator[Need]:
    for action in _ALSO_NEEDED.get(operation, ()):
        yield Need(action, via=SERVICE if action.startswith("ec2:") else None)


def _texts(value: Any) -> Iterable[str]:
    listed = value if isinstance(value, list) else [value]
    return [item for item in listed if isinstance(item, str)]


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
