"""Launching: everything of the request and of its launch template counts, and is checked before anything is made.

moto takes five keys of a launch template and ignores the rest (interfaces, subnet, profile, disks' default, tags of
volumes and interfaces …), and it makes half an instance before it finds out what is wrong with it.
"""

from __future__ import annotations

import copy
from functools import wraps
from typing import Any

import moto.ec2.responses.instances
from moto.core.exceptions import ServiceException
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.utils import convert_tag_spec, filter_iam_instance_profiles

from ..completion import replace
from ..moto_time import utcnow
from . import addresses, capacity, errors, flexible_types, volumes
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


def _merge_template(backend: Any, request: dict[str, Any]) -> dict[str, Any]:
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


def _check_type(backend: Any, request: dict[str, Any]) -> None:
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


def _check_interfaces(backend: Any, request: dict[str, Any], count: int) -> None:
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
            claimed += [(subnet, address) for address in _static_addresses(interface)]
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


def _static_addresses(interface: dict[str, Any]) -> list[str]:
    listed = [item["PrivateIpAddress"] for item in interface.get("PrivateIpAddresses") or []]
    single = interface.get("PrivateIpAddress")
    return [single, *(item for item in listed if item != single)] if single else listed


def _check_profile(backend: Any, request: dict[str, Any]) -> None:
    name, arn = request.get("iam_instance_profile_name"), request.get("iam_instance_profile_arn")
    if name or arn:
        _find_profile(backend.account_id, backend.partition, arn, name)


def _find_profile(
    account_id: str, partition: str, iam_instance_profile_arn: str | None, iam_instance_profile_name: str | None
) -> Any:
    try:
        found = filter_iam_instance_profiles(account_id, partition, iam_instance_profile_arn, iam_instance_profile_name)
    except ServiceException as error:
        parameter, value = (
            ("name", iam_instance_profile_name)
            if iam_instance_profile_name
            else (
                "arn",
                iam_instance_profile_arn,
            )
        )
        raise errors.profile_not_found(parameter, str(value)) from error
    return found


def _completed_run(original: Any) -> Any:
    @wraps(original)
    def run_instances(
        self: Any, image_id: Any, count: int, user_data: Any, security_group_names: list[str], **request: Any
    ) -> Any:
        # moto's response class associates the profile that the request names itself, after this.
        own_profile = request.get("iam_instance_profile_name") or request.get("iam_instance_profile_arn")
        template_tags = _merge_template(self, request)
        _check_type(self, request)
        mappings = request.get("block_device_mappings") or []
        volumes.check(mappings)
        placement = request.pop("template_placement", {})
        if mappings:
            request["block_device_mappings"] = []  # moto makes none then
        with addresses.LOCK:
            _check_interfaces(self, request, count)
            _check_profile(self, request)
            windows = request.pop("platform", None)
            reservation = original(self, image_id, count, user_data, security_group_names, **request)
        tags = request.get("tags") or {}
        for instance in reservation.instances:
            instance.platform = windows or instance.platform
            instance.virtualization_type = "hvm"  # every type that is on offer runs no other
            volumes.attach(self, instance, mappings)
            _place(instance, placement)
            if not own_profile:
                _associate_profile(self, instance, request)
            _tag_parts(self, instance, {**template_tags.get("volume", {}), **tags.get("volume", {})}, "volume")
            interface_tags = {**template_tags.get("network-interface", {}), **tags.get("network-interface", {})}
            _tag_parts(self, instance, interface_tags, "network-interface")
        return reservation

    return run_instances


def _place(instance: Instance, placement: dict[str, Any]) -> None:
    instance.placement.tenancy = placement.get("Tenancy") or instance.placement.tenancy
    instance.placement.group_name = placement.get("GroupName") or instance.placement.group_name
    instance.placement.host_id = placement.get("HostId") or instance.placement.host_id


def _associate_profile(backend: Any, instance: Instance, request: dict[str, Any]) -> None:
    name, arn = request.get("iam_instance_profile_name"), request.get("iam_instance_profile_arn")
    if name or arn:
        backend.associate_iam_instance_profile(
            instance_id=instance.id,
            **({"iam_instance_profile_name": name} if name else {"iam_instance_profile_arn": arn}),
        )


def _tag_parts(backend: Any, instance: Instance, tags: dict[str, str], kind: str) -> None:
    if kind == "volume":
        for _, device in instance.get_block_device_mapping:
            backend.volumes[device.volume_id].add_tags(tags)
    else:
        for interface in instance.nics.values():
            interface.add_tags(tags)


def _prep_nics(
    self: Instance,
    nic_spec: list[dict[str, Any]],
    private_ip: str | None = None,
    associate_public_ip: bool | None = None,
    security_groups: list[Any] | None = None,
    ipv6_address_count: int | None = None,
) -> None:
    """Give an instance its interfaces, exactly those that were asked for, or one in its own or the default subnet."""
    self.nics = {}
    wanted = sorted(nic_spec, key=lambda item: int(item.get("DeviceIndex", 0))) or [{"DeviceIndex": 0}]
    if private_ip and not _static_addresses(wanted[0]):
        wanted[0]["PrivateIpAddress"] = private_ip
    for item in wanted:
        index = int(item.get("DeviceIndex", 0))
        if item.get("NetworkInterfaceId"):
            interface = self.ec2_backend.get_network_interface(item["NetworkInterfaceId"])
            self.attach_eni(interface, index)
            continue
        public = item.get("AssociatePublicIpAddress", associate_public_ip if index == 0 else None)
        groups = list(item.get("Groups") or []) + [group.id for group in security_groups or []]
        interface = self.ec2_backend.create_network_interface(
            _subnet_for(self, item),
            item.get("PrivateIpAddress"),
            copy.deepcopy(item.get("PrivateIpAddresses")),
            groups,
            item.get("Description") or ("Primary network interface" if index == 0 else ""),
            device_index=index,
            public_ip_auto_assign=bool(public),
            delete_on_termination=item.get("DeleteOnTermination", True) is not False,
            ipv6_address_count=ipv6_address_count,
            secondary_ips_count=item.get("SecondaryPrivateIpAddressCount"),
        )
        self.attach_eni(interface, index)
    if not self._subnet_id:
        self._subnet_id = self.nics[0].subnet.id
        self._placement.zone = self.nics[0].subnet.availability_zone


def _subnet_for(instance: Instance, item: dict[str, Any]) -> Any:
    backend = instance.ec2_backend
    if item.get("SubnetId") or instance._subnet_id:
        return backend.get_subnet(item.get("SubnetId") or instance._subnet_id)
    if backend.get_default_vpc() is None:
        raise EC2ClientError(
            "VPCIdNotSpecified",
            "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.",
        )
    default_vpc = backend.get_default_vpc().id
    subnets = {zone: item for zone, item in backend.get_default_subnets().items() if item.vpc_id == default_vpc}
    zone = instance._placement.zone
    if zone not in subnets:
        raise EC2ClientError("MissingInput", f"No default subnet for availability zone: '{zone}'.")
    return subnets[zone]


def _completed_start(original: Any) -> Any:
    @wraps(original)
    def start(self: Instance) -> Any:
        previous = original(self)
        if previous.name != "running":
            self.launch_time = utcnow()
        return previous

    return start


def _completed_terminate(original: Any) -> Any:
    @wraps(original)
    def terminate(self: Instance) -> Any:
        previous = original(self)
        for interface in [item for item in self.nics.values() if not item.delete_on_termination]:
            self.detach_eni(interface)
        self.nics = {}
        self._subnet_id = None
        return previous

    return terminate


def _without_network(name: str) -> property:
    """Return a property that is None once the instance has no interfaces any more; moto breaks on that."""
    original: Any = vars(Instance)[name]
    return property(lambda self: original.fget(self) if self.nics else None)


def install() -> None:
    """Patch moto's instances."""
    if Instance.prep_nics is _prep_nics:
        return
    backend: Any = InstanceBackend
    backend.run_instances = _completed_run(backend.run_instances)
    instance: Any = Instance
    instance.prep_nics = _prep_nics
    instance.start = _completed_start(instance.start)
    instance.terminate = _completed_terminate(instance.terminate)
    for name in ("private_ip", "private_ip_address", "private_dns_name", "public_ip", "public_ip_address"):
        setattr(instance, name, _without_network(name))
    replace(moto.ec2.responses.instances, filter_iam_instance_profiles=_find_profile)
    # moto releases addresses when Python forgets an instance, which may be somebody else's by then.
    del instance.__del__
