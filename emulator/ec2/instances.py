"""Instances: a launch makes all that it was asked for; starts, ends and addresses as EC2 has them.

moto gives every instance one interface and one volume of its own making, and breaks on one that has no interface.
"""

from __future__ import annotations

import copy
from functools import wraps
from typing import Any

import moto.ec2.responses.instances
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend

from ..completion import replace
from ..moto_time import utcnow
from . import addresses, volumes
from .launch_requests import (
    check_interfaces,
    check_profile,
    check_type,
    find_profile,
    merge_template,
    static_addresses,
)


def _completed_run(original: Any) -> Any:
    @wraps(original)
    def run_instances(
        self: Any, image_id: Any, count: int, user_data: Any, security_group_names: list[str], **request: Any
    ) -> Any:
        # moto's response class associates the profile that the request names itself, after this.
        own_profile = request.get("iam_instance_profile_name") or request.get("iam_instance_profile_arn")
        template_tags = merge_template(self, request)
        check_type(self, request)
        mappings = request.get("block_device_mappings") or []
        volumes.check(mappings)
        placement = request.pop("template_placement", {})
        if mappings:
            request["block_device_mappings"] = []  # moto makes none then
        with addresses.LOCK:
            check_interfaces(self, request, count)
            check_profile(self, request)
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
    if private_ip and not static_addresses(wanted[0]):
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
    replace(InstanceBackend, run_instances=_completed_run(InstanceBackend.run_instances))
    addresses_shown = ("private_ip", "private_ip_address", "private_dns_name", "public_ip", "public_ip_address")
    replace(
        Instance,
        prep_nics=_prep_nics,
        start=_completed_start(Instance.start),
        terminate=_completed_terminate(Instance.terminate),
        **{name: _without_network(name) for name in addresses_shown},
    )
    replace(moto.ec2.responses.instances, filter_iam_instance_profiles=find_profile)
    # moto releases addresses when Python forgets an instance, which may be somebody else's by then.
    del Instance.__del__
