"""What a launch asks for: the request and its launch template together, checked before anything is made.

moto takes five keys of a launch template and ignores the rest (interfaces, subnet, profile, disks' default, tags of
volumes and interfaces …), and it makes half an instance before it finds out what is wrong with it.
"""

from __future__ import annotations

import copy
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.utils import convert_tag_spec, filter_iam_instance_profiles

from . import addresses, capacity, errors, flexible_types
from .lookups import check_instance_type

MOST_GROUPS = 5
"""Security groups an interface may have, a quota that AWS raises on request."""

_TEMPLATE_FLAGS = {
    "EbsOptimized": "ebs_optimized",
    "DisableApiTermination": "disable_api_termination",
    "DisableApiStop": "disable_api_stop",
    "InstanceInitiatedShutdownBehavior": "instance_initiated_shutdown_behavior",
    "MetadataOptions": "metadata_options",
    "HibernationOptions": "hibernation_options",
}


def merge_template(backend: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Return the tag specifications of the launch template; put its other data where the request says nothing."""
    if not request.get("launch_template"):
        return {}
    data = backend._get_template_from_args(request["launch_template"]).data
    if not request.get("nics") and not request.get("subnet_id"):
        request["nics"] = copy.deepcopy(data.get("NetworkInterfaces") or [])
    for key, option in _TEMPLATE_FLAGS.items():
        if not request.get(option) and data.get(key) is not None:
            request[option] = data[key]
    if data.get("Monitoring", {}).get("Enabled") and request.get("monitoring_state", "disabled") == "disabled":
        request["monitoring_state"] = "enabled"
    request["placement"] = request.get("placement") or data.get("Placement", {}).get("AvailabilityZone")
    request["template_placement"] = data.get("Placement", {})
    profile = data.get("IamInstanceProfile") or {}
    if not request.get("iam_instance_profile_name") and not request.get("iam_instance_profile_arn"):
        request["iam_instance_profile_name"] = profile.get("Name")
        request["iam_instance_profile_arn"] = profile.get("Arn")
    if "block_device_mappings" not in request and data.get("BlockDeviceMappings"):
        request["block_device_mappings"] = copy.deepcopy(data["BlockDeviceMappings"])
    if not request.get("security_group_ids") and data.get("SecurityGroupIds"):
        request["security_group_ids"] = list(data["SecurityGroupIds"])
    return convert_tag_spec(data.get("TagSpecifications", []))


def check_type(backend: Any, request: dict[str, Any]) -> None:
    """Choose the instance type where the template leaves it open; raise EC2's error unless it runs in the zone."""
    if request.get("launch_template") and request.get("is_instance_type_default", True):
        data = backend._get_template_from_args(request["launch_template"]).data
        chosen = data.get("InstanceType")
        if not chosen and data.get("InstanceRequirements"):
            place = _zone(backend, request) or f"{backend.region_name}a"
            chosen = flexible_types.choose(backend.region_name, place, data["InstanceRequirements"])
        if chosen:
            request["instance_type"], request["is_instance_type_default"] = chosen, False
    if not request.get("is_instance_type_default", True):
        check_instance_type(backend.region_name, request["instance_type"])
        zone = _zone(backend, request)
        if zone:
            capacity.check(backend.account_id, backend.region_name, zone, request["instance_type"])


def _zone(backend: Any, request: dict[str, Any]) -> str | None:
    """Return the zone of a launch, None when EC2 chooses it."""
    primary: dict[str, Any] = min(
        request.get("nics") or [{}], key=lambda item: int(item.get("DeviceIndex", 0)), default={}
    )
    subnet_id = primary.get("SubnetId") or request.get("subnet_id")
    zone: str | None
    if primary.get("NetworkInterfaceId"):
        zone = backend.get_network_interface(primary["NetworkInterfaceId"]).subnet.availability_zone
    elif subnet_id:
        zone = backend.get_subnet(subnet_id).availability_zone
    else:
        zone = request.get("placement")
    return zone


def check_interfaces(backend: Any, request: dict[str, Any], count: int) -> None:
    """Raise EC2's error unless the interfaces, their groups and their addresses can be had."""
    interfaces = request.get("nics") or []
    if interfaces and request.get("security_group_ids"):
        raise EC2ClientError(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level security groups may not be specified on the same request",
        )
    indexes = [int(item.get("DeviceIndex", 0)) for item in interfaces]
    if interfaces and (0 not in indexes or len(set(indexes)) < len(indexes)):
        raise EC2ClientError(
            "InvalidParameterValue",
            "Each network interface requires a device index of its own, and one of them must be 0.",
        )
    claimed: list[tuple[Any, str]] = []
    for interface in interfaces:
        if interface.get("NetworkInterfaceId"):
            existing = backend.get_network_interface(interface["NetworkInterfaceId"])
            if existing.instance is not None:
                raise errors.interface_in_use(existing.id)
        if len(interface.get("Groups") or []) > MOST_GROUPS:
            raise errors.too_many_groups()
        if interface.get("SubnetId"):
            subnet = backend.get_subnet(interface["SubnetId"])
            addresses.check_groups(backend, interface.get("Groups") or [], subnet)
            claimed += [(subnet, address) for address in static_addresses(interface)]
    if request.get("subnet_id") and request.get("private_ip"):
        claimed.append((backend.get_subnet(request["subnet_id"]), request["private_ip"]))
    for position, (subnet, address) in enumerate(claimed):
        addresses.check(subnet, address)
        if (subnet, address) in claimed[:position]:
            raise errors.address_in_use(address)
    if claimed and count > 1:
        raise EC2ClientError(
            "InvalidParameterCombination",
            "A private IP address may only be specified when a single instance is launched",
        )


def static_addresses(interface: dict[str, Any]) -> list[str]:
    """Return the addresses that a request names for an interface."""
    listed = [item["PrivateIpAddress"] for item in interface.get("PrivateIpAddresses") or []]
    single = interface.get("PrivateIpAddress")
    return [single, *(item for item in listed if item != single)] if single else listed


def check_profile(backend: Any, request: dict[str, Any]) -> None:
    """Raise EC2's error unless the instance profile exists."""
    name, arn = request.get("iam_instance_profile_name"), request.get("iam_instance_profile_arn")
    if name or arn:
        find_profile(backend.account_id, backend.partition, arn, name)


def find_profile(
    account_id: str, partition: str, iam_instance_profile_arn: str | None, iam_instance_profile_name: str | None
) -> Any:
    """Return an instance profile, or raise EC2's error."""
    try:
        found = filter_iam_instance_profiles(account_id, partition, iam_instance_profile_arn, iam_instance_profile_name)
    except ServiceException as error:
        parameter = "name" if iam_instance_profile_name else "arn"
        value = iam_instance_profile_name or iam_instance_profile_arn
        raise errors.profile_not_found(parameter, str(value)) from error
    return found
