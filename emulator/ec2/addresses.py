"""Private addresses: who holds which, checked as EC2 checks.

moto accepts addresses outside the subnet, reserved ones and duplicates, and takes random ones that may be any of these.
Here each subnet keeps a book of the addresses held in it (moto's `_subnet_ips`): interfaces claim their addresses when
they are made and release them when they are deleted.
"""

from __future__ import annotations

import ipaddress
import threading
from functools import wraps
from typing import Any

import moto.ec2.models.vpcs
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.subnets import Subnet

from ..completion import replace
from . import errors

LOCK = threading.RLock()
"""Checking an address and claiming it is one step, whatever thread does it."""

RESERVED_FIRST = 4  # network, router, DNS, future use
RESERVED_LAST = 1  # broadcast


def check(subnet: Subnet, address: str) -> None:
    """Raise EC2's error unless an interface may take `address` in `subnet`."""
    try:
        wanted = ipaddress.IPv4Address(address)
    except ValueError as error:
        raise errors.not_an_address(address) from error
    if wanted not in subnet.cidr:
        raise errors.outside_subnet(address)
    offset = int(wanted) - int(subnet.cidr.network_address)
    if offset < RESERVED_FIRST or offset >= subnet.cidr.num_addresses - RESERVED_LAST:
        raise errors.reserved_address(address)
    if address in subnet._subnet_ips:
        raise errors.address_in_use(address)


def free_address(subnet: Subnet) -> str:
    """Return the lowest free address that EC2 may give out by itself."""
    first = int(subnet.cidr.network_address)
    held, kept_back = subnet._subnet_ips, subnet._reserved_ips
    for offset in range(RESERVED_FIRST, subnet.cidr.num_addresses - RESERVED_LAST):
        candidate = ipaddress.IPv4Address(first + offset)
        if str(candidate) not in held and candidate not in kept_back:
            return str(candidate)
    raise errors.subnet_full(subnet.id)


def addresses_of(interface: NetworkInterface) -> list[str]:
    """Return all private IPv4 addresses of an interface."""
    return [item["PrivateIpAddress"] for item in interface.private_ip_addresses]


def _claim(subnet: Subnet, addresses: list[str], holder: object) -> None:
    if len(set(addresses)) < len(addresses):
        raise errors.address_in_use(next(item for item in addresses if addresses.count(item) > 1))
    for address in addresses:
        check(subnet, address)
    for address in addresses:
        subnet._subnet_ips[address] = holder  # type: ignore[assignment]


def _release(subnet: Subnet, addresses: list[str]) -> None:
    for address in addresses:
        subnet._subnet_ips.pop(address, None)


def _request_ip(self: Subnet, ip: str, instance: Any) -> None:
    with LOCK:
        _claim(self, [ip], instance)


def _get_available_subnet_ip(self: Subnet, instance: Any) -> str:
    with LOCK:
        address = free_address(self)
        _claim(self, [address], instance)
        return address


def _del_subnet_ip(self: Subnet, ip: str) -> None:
    with LOCK:
        _release(self, [ip])


def _wanted_addresses(subnet: Subnet, primary: Any, listed: Any, automatic: int) -> list[dict[str, Any]]:
    """Return the complete address list of a new interface, exactly one of it primary."""
    wanted = [item if isinstance(item, dict) else {"PrivateIpAddress": item} for item in listed or []]
    primary = primary[0] if isinstance(primary, list) and primary else primary or None
    if primary and not any(item["PrivateIpAddress"] == primary for item in wanted):
        wanted.insert(0, {"PrivateIpAddress": primary})
    if not wanted:
        wanted.append({"PrivateIpAddress": free_address(subnet)})
    chosen = next(
        (item for item in wanted if item.get("Primary") or item["PrivateIpAddress"] == primary),
        wanted[0],
    )
    complete = [{"PrivateIpAddress": item["PrivateIpAddress"], "Primary": item is chosen} for item in wanted]
    taken = {item["PrivateIpAddress"] for item in complete}
    for _ in range(automatic):
        address = _free_besides(subnet, taken)
        taken.add(address)
        complete.append({"PrivateIpAddress": address, "Primary": False})
    return complete


def _free_besides(subnet: Subnet, taken: set[str]) -> str:
    borrowed = {address: None for address in taken if address not in subnet._subnet_ips}
    subnet._subnet_ips.update(borrowed)  # type: ignore[arg-type]
    try:
        return free_address(subnet)
    finally:
        _release(subnet, list(borrowed))


def _completed_create(original: Any) -> Any:
    @wraps(original)
    def create_network_interface(
        self: Any,
        subnet: Any,
        private_ip_address: Any,
        private_ip_addresses: Any = None,
        group_ids: list[str] | None = None,
        *arguments: Any,
        **options: Any,
    ) -> Any:
        subnet = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
        check_groups(self, group_ids or [], subnet)
        with LOCK:
            secondary = int(options.pop("secondary_ips_count", None) or 0)
            wanted = _wanted_addresses(subnet, private_ip_address, private_ip_addresses, secondary)
            held = [item["PrivateIpAddress"] for item in wanted]
            _claim(subnet, held, "interface")
            try:
                primary = next(item["PrivateIpAddress"] for item in wanted if item["Primary"])
                return original(self, subnet, primary, wanted, group_ids, *arguments, **options)
            except Exception:
                _release(subnet, held)
                raise

    return create_network_interface


def check_groups(backend: Any, group_ids: list[str], subnet: Subnet) -> None:
    """Raise EC2's error unless the security groups exist in the subnet's VPC. moto makes up unknown ones."""
    for group_id in group_ids:
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            raise errors.group_not_found(group_id)
        if group.vpc_id != subnet.vpc_id:
            raise errors.group_of_other_network(group_id, subnet.id)


def _completed_delete(original: Any) -> Any:
    @wraps(original)
    def delete_network_interface(self: Any, eni_id: str) -> None:
        interface = self.enis.get(eni_id)
        original(self, eni_id)
        with LOCK:
            _release(interface.subnet, addresses_of(interface))

    return delete_network_interface


def _completed_assign(original: Any) -> Any:
    @wraps(original)
    def assign_private_ip_addresses(
        self: Any,
        eni_id: str,
        private_ip_addresses: list[str] | None = None,
        secondary_ips_count: int | None = None,
    ) -> Any:
        interface = self.get_network_interface(eni_id)
        with LOCK:
            new = [item for item in private_ip_addresses or [] if item not in addresses_of(interface)]
            _claim(interface.subnet, new, "interface")
            for _ in range(int(secondary_ips_count or 0)):
                new.append(free_address(interface.subnet))
                _claim(interface.subnet, new[-1:], "interface")
        return original(self, eni_id, new, None)

    return assign_private_ip_addresses


def _completed_unassign(original: Any) -> Any:
    @wraps(original)
    def unassign_private_ip_addresses(self: Any, eni_id: str, private_ip_address: list[str] | None = None) -> Any:
        interface = self.get_network_interface(eni_id)
        before = addresses_of(interface)
        original(self, eni_id, private_ip_address)
        with LOCK:
            _release(interface.subnet, [item for item in before if item not in addresses_of(interface)])
        return interface

    return unassign_private_ip_addresses


def _completed_filter(original: Any) -> Any:
    @wraps(original)
    def get_filter_value(self: NetworkInterface, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "addresses.private-ip-address":
            return addresses_of(self)
        if filter_name == "status":
            return self.status
        return original(self, filter_name, method_name)

    return get_filter_value


def _delete_interface(self: NetworkInterface) -> None:
    self.ec2_backend.delete_network_interface(eni_id=self.id)


def install() -> None:
    """Patch moto's subnets and interfaces."""
    if Subnet.request_ip is _request_ip:
        return
    replace(
        Subnet,
        request_ip=_request_ip,
        get_available_subnet_ip=_get_available_subnet_ip,
        del_subnet_ip=_del_subnet_ip,
    )
    backend: Any = NetworkInterfaceBackend
    replace(
        backend,
        create_network_interface=_completed_create(backend.create_network_interface),
        delete_network_interface=_completed_delete(backend.delete_network_interface),
        assign_private_ip_addresses=_completed_assign(backend.assign_private_ip_addresses),
        unassign_private_ip_addresses=_completed_unassign(backend.unassign_private_ip_addresses),
    )
    replace(NetworkInterface, get_filter_value=_completed_filter(NetworkInterface.get_filter_value))
    replace(NetworkInterface, delete=_delete_interface)
    # An interface endpoint would ask for a random address of anywhere: let the subnet choose.
    replace(moto.ec2.models.vpcs, random_private_ip=lambda *_, **__: None)
