"""EC2: the resources that a call names by id; what a call creates is a resource of its type named `*`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from emulator.auth import PARTITION
from emulator.iam.request import Need, Request, pass_role

SERVICE = "ec2.amazonaws.com"

_TYPES = {
    "InstanceId": "instance",
    "VolumeId": "volume",
    "SnapshotId": "snapshot",
    "ImageId": "image",
    "SubnetId": "subnet",
    "VpcId": "vpc",
    "GroupId": "security-group",
    "SecurityGroupId": "security-group",
    "NetworkInterfaceId": "network-interface",
    "LaunchTemplateId": "launch-template",
    "RouteTableId": "route-table",
    "InternetGatewayId": "internet-gateway",
    "AllocationId": "elastic-ip",
}
_OF_PREFIX = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "ami": "image",
    "subnet": "subnet",
    "vpc": "vpc",
    "sg": "security-group",
    "eni": "network-interface",
    "lt": "launch-template",
    "rtb": "route-table",
    "igw": "internet-gateway",
    "eipalloc": "elastic-ip",
}
_CREATED = {
    "AllocateAddress": ("elastic-ip",),
    "CreateFleet": ("fleet", "instance"),
    "CreateImage": ("image",),
    "CreateInternetGateway": ("internet-gateway",),
    "CreateLaunchTemplate": ("launch-template",),
    "CreateNetworkInterface": ("network-interface",),
    "CreateRouteTable": ("route-table",),
    "CreateSecurityGroup": ("security-group",),
    "CreateSnapshot": ("snapshot",),
    "CreateSubnet": ("subnet",),
    "CreateVolume": ("volume",),
    "CreateVpc": ("vpc",),
    "RunInstances": ("instance", "volume", "network-interface"),
}
OWNED_BY_NOBODY = frozenset({"image", "snapshot"})
_NAMED = re.compile(r"(?:.*\.)?([A-Za-z]+Id)s?(?:\.\d+)?")
_TAG = re.compile(r"(TagSpecifications?\.\d+)\.Tags?\.\d+\.Key")


def needs(request: Request) -> list[Need]:
    """Return the permissions that an EC2 operation needs."""
    operation = request.operation
    action = f"ec2:{operation}"
    if operation.startswith(("Describe", "Get", "Search", "List")):
        return [Need(action)]
    specified = _specified_tags(request)
    if operation in ("CreateTags", "DeleteTags"):
        tags = request.form_tags()
        return [Need(action, arn_of(request, value), tags=tags) for value in request.listed("ResourceId")]
    created = _CREATED.get(operation, ())
    own = [Need(action, _arn(request, kind, "*"), tags=specified.get(kind)) for kind in created]
    own += [Need(action, arn) for arn in sorted(set(_named(request)))]
    tagging = [
        Need("ec2:CreateTags", _arn(request, kind, "*"), {"ec2:createaction": (operation,)}, tags)
        for kind, tags in specified.items()
    ]
    return [*(own or [Need(action, None)]), *tagging, *pass_role(_role(request), SERVICE)]


def arn_of(request: Request, identifier: str) -> str | None:
    """Return the ARN of a resource by its id, None when its type is not known."""
    kind = _OF_PREFIX.get(identifier.partition("-")[0])
    return _arn(request, kind, identifier) if kind else None


def _arn(request: Request, kind: str, identifier: str) -> str:
    return request.arn("ec2", f"{kind}/{identifier}", account=kind not in OWNED_BY_NOBODY)


def _named(request: Request) -> Iterator[str]:
    for name, value in request.form.items():
        match = _NAMED.fullmatch(name)
        kind = _TYPES.get(match.group(1)) if match else None
        if kind is None and name.startswith("SecurityGroupId"):
            kind = "security-group"
        if kind and value and not name.startswith("LaunchTemplateData"):
            yield _arn(request, kind, value)
    template = request.form.get("LaunchTemplateName") or request.form.get("LaunchTemplate.LaunchTemplateName")
    if template and request.operation != "CreateLaunchTemplate":
        known = ec2_backends[request.account][request.region].launch_template_name_to_ids
        yield _arn(request, "launch-template", known.get(template, "*"))


def _specified_tags(request: Request) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, key in request.form.items():
        match = _TAG.fullmatch(name)
        if match:
            kind = request.form.get(f"{match.group(1)}.ResourceType", "")
            found.setdefault(kind, {})[key] = request.form.get(f"{name.removesuffix('Key')}Value", "")
    return found


def _role(request: Request) -> str | None:
    form = request.form
    profile = form.get("IamInstanceProfile.Name") or form.get("IamInstanceProfile.Arn", "").rsplit("/", 1)[-1]
    return role_of_profile(request.account, profile) if profile else None


def role_of_profile(account: str, profile: str) -> str | None:
    """Return the ARN of the role in an instance profile, None when there is no such profile or it is empty."""
    for known in list(iam_backends[account][PARTITION].instance_profiles.values()):
        if known.name == profile and known.roles:
            return str(known.roles[0].arn)
    return None
