"""What DRS does in EC2 with its caller's permissions, and when it notices that one is missing.

AWS documents which actions StartRecovery and TerminateRecoveryInstances need, not at which moment each is used; they
are assigned to the steps of a job by what a step does. Background replication and clean-up after a failure use DRS's
own role.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..auth import PARTITION
from ..iam.denials import Denial
from ..iam.enforcement import ENFORCEMENT
from ..iam.request import Need, pass_role
from ..iam.services.drs import MANAGED, SERVICE
from ..iam.services.ec2 import OWNED_BY_NOBODY, role_of_profile
from ..iam.services.ec2 import SERVICE as EC2
from .models import DRSBackend

CONVERT = (
    "DescribeAccountAttributes",
    "DescribeAvailabilityZones",
    "DescribeImages",
    "DescribeInstanceTypes",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSubnets",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "RevokeSecurityGroupEgress",
    "CreateSnapshot",
    "CreateVolume",
    "RunInstances",
    "CreateTags",
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeVolumes",
    "AttachVolume",
)
LAUNCH = (
    "DescribeLaunchTemplates",
    "DescribeLaunchTemplateVersions",
    "CreateLaunchTemplateVersion",
    "ModifyLaunchTemplate",
    "DescribeSubnets",
    "CreateVolume",
    "RunInstances",
    "CreateTags",
    "DescribeInstances",
    "DescribeInstanceAttribute",
    "ModifyInstanceAttribute",
    "StopInstances",
    "DetachVolume",
    "AttachVolume",
)
SWAP = ("CreateVolume", "CreateTags", "DescribeInstances", "DescribeVolumes", "DetachVolume", "AttachVolume")
START = ("StartInstances", "DescribeInstances")
TERMINATE = ("DescribeInstances", "DescribeVolumes", "TerminateInstances", "DeleteVolume")


_OF_TEMPLATES = frozenset({"CreateLaunchTemplateVersion", "ModifyLaunchTemplate"})
_LAUNCHED_WITH = ("image", "network-interface", "subnet", "volume")


def missing(
    backend: DRSBackend,
    actions: Iterable[str],
    *,
    instance_id: str = "*",
    template_id: str = "*",
    profile: str | None = None,
) -> Denial | None:
    """Return which permission the caller of the job at work lacks, None when it has all or DRS acts by its own role.

    Args:
        backend: the store of the job.
        actions: names of EC2 operations.
        instance_id: the instance that they are about.
        template_id: the launch template that they are about.
        profile: the instance profile that a launch gives to its instance.
    """
    caller = ENFORCEMENT.principal
    if caller is None:
        return None
    needs = [need for action in actions for need in _needs(backend, action, instance_id, template_id)]
    role = role_of_profile(backend.account_id, profile) if profile else None
    passed = [replace(need, via=SERVICE) for need in pass_role(role, EC2)]
    return ENFORCEMENT.require([*needs, *passed], caller, backend.region_name)


def _needs(backend: DRSBackend, action: str, instance_id: str, template_id: str) -> Iterator[Need]:
    """Yield what an EC2 operation of DRS needs: it tags all that it makes, and works on what it has tagged."""

    def need(kind: str, identifier: str = "*", **members: Any) -> Need:
        place = f"{backend.region_name}:" + ("" if kind in OWNED_BY_NOBODY else backend.account_id)
        return Need(f"ec2:{action}", f"arn:{PARTITION}:ec2:{place}:{kind}/{identifier}", via=SERVICE, **members)

    if action.startswith("Describe"):
        yield Need(f"ec2:{action}", via=SERVICE)
    elif action == "RunInstances":
        yield need("instance", tags=MANAGED)
        yield from (need(kind) for kind in _LAUNCHED_WITH)
    elif action == "CreateTags":
        yield need("instance", keys={"ec2:createaction": ("RunInstances",)}, tags=MANAGED)
    elif action == "CreateSecurityGroup":
        yield need("security-group", tags=MANAGED)
        yield need("vpc")
    elif action == "CreateVolume":
        yield need("volume", tags=MANAGED)
    elif action == "CreateSnapshot":
        yield need("volume", resource_tags=MANAGED)
        yield need("snapshot", tags=MANAGED)
    elif action in _OF_TEMPLATES:
        yield need("launch-template", template_id)
    elif "SecurityGroup" in action:
        yield need("security-group", resource_tags=MANAGED)
    else:
        if action != "DeleteVolume":
            yield need("instance", instance_id, resource_tags=MANAGED)
        if "Volume" in action:
            yield need("volume", resource_tags=MANAGED)
