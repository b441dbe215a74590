# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a server launches at home: are its subnets and groups there, its addresses free, its old instance fit for it?

Sources: EC2 API Reference (Subnet, SecurityGroup, NetworkInterface, Instance); DRS User Guide, launch settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from .failback_policy import OriginalInstance
from .ip_map import MapEntry, ProfileAddress
from .launch_checks import remedies_once_allowed
from .readiness import ERROR, WARNING, Finding, Unknown

Item = Mapping[str, Any]

REPLACEABLE = "set failback.original_instance of the plan to replace (it is terminated just before the launch) or to "
REPLACEABLE += "launch_into (it is launched into), or declare another address in dr_addresses"


@dataclass(frozen=True, slots=True)
class Home:
    """What an account and Region shows that servers go home to, as EC2 and DRS answer.

    Attributes:
        replication_templates: How many replication configuration templates DRS has there; None where it is not
            initialised.
        subnets: Those that the IP map names, by id, as far as they exist.
        security_groups: The same.
        interfaces: What is in these subnets, by subnet id and address.
        instances: Original instances, by id, as far as they exist.
        policies: Names of the managed policies of the instance profiles of those that are launched into, by their ARN.
        roles_lacking: Roles of DRS that are not there, which a failback to another account needs on both sides.
    """

    replication_templates: int | None
    subnets: Mapping[str, Item]
    security_groups: Mapping[str, Item]
    interfaces: Mapping[tuple[str, str], Item]
    instances: Mapping[str, Item]
    policies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    roles_lacking: Sequence[str] | Unknown = ()


@dataclass(frozen=True, slots=True)
class _Server:
    key: str
    home: Home
    original: Item | None
    choice: OriginalInstance | None
    """None for a drill, which has addresses of AWS's choice and leaves the original instance alone."""

    @property
    def launches_into(self) -> bool:
        return self.choice == OriginalInstance.LAUNCH_INTO and self.original is not None

    def error(self, what: str, remedy: str) -> Finding:
        return Finding(ERROR, self.key, what, remedy)


def check_network(
    server_key: str,
    entries: Sequence[MapEntry],
    home: Home,
    *,
    profile: str,
    original_id: str | None,
    is_windows: bool,
    original: OriginalInstance | None,
) -> list[Finding]:
    """Return what keeps a server from launching at home as the IP map says.

    Args:
        server_key: The server.
        entries: Its IP map entries.
        home: What is there.
        profile: Network profile of the mode.
        original_id: The instance that it was before its failover, None when nobody knows.
        is_windows: Whether it runs Windows.
        original: What becomes of that instance; None for a drill.
    """
    found = home.instances.get(original_id or "")
    there = found if found and found["State"]["Name"] not in {"terminated", "shutting-down"} else None
    server = _Server(server_key, home, there, original)
    mapped = [entry for entry in entries if profile in entry.profiles]
    findings: list[Finding] = []
    if not mapped or len(mapped) < len(entries):
        what = f"an interface has no IP map entry for profile {profile}" if mapped else f"no IP map entry for {profile}"
        remedy = f"declare {profile} in dr_subnet_map, and run configure: nobody knows where it came from"
        findings.append(server.error(what, remedy))
    for entry in mapped:
        findings += _check_target(server, entry.interface, entry.profiles[profile])
    if server.launches_into and server.original is not None:
        findings += _check_instance(server, server.original, is_windows)
    return findings


def _check_target(server: _Server, interface: int, target: ProfileAddress) -> Iterator[Finding]:
    name = f"interface {interface}"
    subnet = server.home.subnets.get(target.subnet_id)
    if subnet is None:
        yield server.error(f"{name}: subnet {target.subnet_id} does not exist at home", _networks_remedy())
        return
    yield from _check_groups(server, name, subnet, target.security_groups)
    if server.choice is None:
        if not subnet.get("AvailableIpAddressCount", 1):
            yield server.error(f"{name}: subnet {target.subnet_id} has no free address", "free some, then retry")
    elif target.address is not None:
        if ip_address(target.address) not in ip_network(subnet["CidrBlock"]):
            what = f"{name}: address {target.address} is not in {target.subnet_id} ({subnet['CidrBlock']})"
            yield server.error(what, _networks_remedy())
        yield from _check_free(server, name, target.subnet_id, target.address)


def _check_groups(server: _Server, name: str, subnet: Item, group_ids: Iterable[str]) -> Iterator[Finding]:
    for group_id in group_ids:
        group = server.home.security_groups.get(group_id)
        if group is None:
            yield server.error(f"{name}: security group {group_id} does not exist at home", _networks_remedy())
        elif group["VpcId"] != subnet["VpcId"]:
            what = f"{name}: security group {group_id} is in {group['VpcId']}, its subnet in {subnet['VpcId']}"
            yield server.error(what, _networks_remedy())


def _check_free(server: _Server, name: str, subnet_id: str, address: str) -> Iterator[Finding]:
    holder = server.home.interfaces.get((subnet_id, address))
    own = server.original["InstanceId"] if server.original else None
    if holder is None:
        if server.launches_into:
            what = f"{name}: {own} is launched into and keeps its address, which is not {address}"
            yield server.error(what, "map the address that it has, or set failback.original_instance to replace")
        return
    instance = (holder.get("Attachment") or {}).get("InstanceId")
    if instance is not None and instance == own:
        if server.choice is None or not server.choice.gives_its_address:
            what = f"{name}: its original instance {own} still has address {address} of {subnet_id}"
            yield server.error(what, REPLACEABLE)
        return
    interface = holder["NetworkInterfaceId"]
    by = f"{interface} of {instance}" if instance else interface
    what = f"{name}: address {address} of {subnet_id} is in use by {by}"
    yield server.error(what, "free it, or declare another address in dr_addresses")


def _check_instance(server: _Server, instance: Item, is_windows: bool) -> Iterator[Finding]:
    """Judge whether DRS launches into an instance. Its tag and that it is stopped are seen to before the launch."""
    name = instance["InstanceId"]
    otherwise = "or set failback.original_instance to replace or keep"
    for remedy in remedies_once_allowed(instance, server.home.policies, is_windows=is_windows, byol=False):
        yield server.error(
            f"DRS cannot launch into its original instance: {name} {remedy}", f"see to that, {otherwise}"
        )
    if not is_windows and not instance.get("CurrentInstanceBootMode"):
        what = f"EC2 does not tell how its original instance {name} boots: DRS launches Linux into legacy BIOS only"
        yield Finding(WARNING, server.key, what, f"look at it, {otherwise}")


def _networks_remedy() -> str:
    return "correct dr_subnet_map (or dr_addresses), and run configure"
