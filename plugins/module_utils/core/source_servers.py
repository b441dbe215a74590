# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source servers: what DRS and EC2 know of a protected machine, and our identity for it.

Source: DRS API Reference, DescribeSourceServers. Enumerations are open: values that the model does not know are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .addresses import Origin, ipv4_addresses
from .errors import Problems
from .selectors import Selector, build_selector
from .timestamps import parse_duration

KEY_TAG = "dr:server-key"
"""Tag of a source server that gives its server key."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of a source machine.

    Attributes:
        index: Position on the machine, 0 for the primary one.
        addresses: IPv4 addresses, the primary one first; may be empty, DRS does not always report them.
        subnet_id: Source subnet, known only from EC2.
    """

    index: int
    mac_address: str
    addresses: tuple[str, ...]
    is_primary: bool
    subnet_id: str | None = None

    @property
    def address(self) -> str | None:
        """The primary IPv4 address, or None."""
        return self.addresses[0] if self.addresses else None


@dataclass(frozen=True, slots=True)
class SourceServer:
    """A source server as one account and Region sees it.

    Attributes:
        key: The server key (see L(server_key)).
        lag_seconds: Replication lag; None when DRS reports none (stopped, disconnected) or one that nobody can read.
        origin_account_id: Account of the machine itself, empty when DRS does not tell.
        staging_account_id: Staging account of an extended source server, else None.
        staging_arn: Source server in the staging account that this one extends, else None.
        extension_status: C(EXTENDED), C(EXTENSION_ERROR) or C(NOT_EXTENDED).
    """

    source_server_id: str
    arn: str
    account_id: str
    region: str
    key: str
    hostname: str
    fqdn: str
    aws_instance_id: str | None
    interfaces: tuple[Interface, ...]
    tags: Mapping[str, str]
    is_windows: bool
    replication_state: str
    lag_seconds: float | None
    last_launch_result: str
    recovery_instance_id: str | None
    origin_account_id: str
    origin_region: str
    staging_account_id: str | None
    staging_arn: str | None
    extension_status: str
    extension_error: str
    replication_direction: str
    recommended_instance_type: str
    agent_seen_at: str | None

    def origin_of(self, interface: Interface, source_region: str = "") -> Origin:
        """Return where an interface of the machine itself is.

        Args:
            interface: One of its interfaces.
            source_region: Region of machines of which DRS names none.
        """
        return Origin(
            self.origin_account_id or self.staging_account_id or self.account_id,
            self.origin_region or source_region,
            interface.subnet_id or "",
        )

    @property
    def is_extended(self) -> bool:
        """Whether it extends a source server of a staging account."""
        return self.staging_arn is not None

    @property
    def lacks_addresses(self) -> bool:
        """Whether the address of an interface is unknown, so that EC2 must be asked."""
        return not self.interfaces or any(interface.address is None for interface in self.interfaces)


def server_key(item: Mapping[str, Any]) -> str:
    """Return the key of a DescribeSourceServers item: tag C(dr:server-key), else FQDN hint, else host name, lower case.

    An item that has none of them gets its source server id, so that it can be named in a message.
    """
    hints = item.get("sourceProperties", {}).get("identificationHints", {})
    candidates = (
        item.get("tags", {}).get(KEY_TAG),
        hints.get("fqdn"),
        hints.get("hostname"),
        item.get("sourceServerID"),
    )
    return next((str(name).strip().lower() for name in candidates if name and str(name).strip()), "")


def from_drs(item: Mapping[str, Any], *, account_id: str, region: str) -> SourceServer:
    """Build a source server from an item of DescribeSourceServers (also C(sourceServer) of CreateExtendedSourceServer).

    Args:
        item: The item as boto3 returns it.
        account_id: Account that was asked.
        region: Region that was asked.
    """
    properties = item.get("sourceProperties", {})
    hints = properties.get("identificationHints", {})
    replication = item.get("dataReplicationInfo", {})
    staging = item.get("stagingArea", {})
    cloud = item.get("sourceCloudProperties", {})
    extends = staging.get("stagingSourceServerArn") or None
    return SourceServer(
        source_server_id=item["sourceServerID"],
        arn=item.get("arn", ""),
        account_id=account_id,
        region=region,
        key=server_key(item),
        hostname=hints.get("hostname", ""),
        fqdn=hints.get("fqdn", ""),
        aws_instance_id=hints.get("awsInstanceID") or None,
        interfaces=_drs_interfaces(properties.get("networkInterfaces", [])),
        tags=dict(item.get("tags", {})),
        is_windows="windows" in properties.get("os", {}).get("fullString", "").lower(),
        replication_state=replication.get("dataReplicationState", ""),
        lag_seconds=_lag_seconds(replication.get("lagDuration")),
        last_launch_result=item.get("lastLaunchResult", ""),
        recovery_instance_id=item.get("recoveryInstanceId") or None,
        origin_account_id=cloud.get("originAccountID", ""),
        origin_region=cloud.get("originRegion", ""),
        staging_account_id=staging.get("stagingAccountID") if extends else None,
        staging_arn=extends,
        extension_status=staging.get("status", "NOT_EXTENDED"),
        extension_error=staging.get("errorMessage", ""),
        replication_direction=item.get("replicationDirection", ""),
        recommended_instance_type=properties.get("recommendedInstanceType", ""),
        agent_seen_at=item.get("lifeCycle", {}).get("lastSeenByServiceDateTime") or None,
    )


def with_instance_interfaces(server: SourceServer, instance: Mapping[str, Any]) -> SourceServer:
    """Return C(server) with the interfaces that EC2 knows of its source instance (an item of DescribeInstances).

    DRS may report no addresses, and a lone interface that is not primary; EC2 knows both, and the subnet. An instance
    without interfaces (a terminated one) tells nothing new.
    """
    attached = sorted(instance.get("NetworkInterfaces", []), key=device_index)
    if not attached:
        return server
    interfaces = tuple(
        Interface(
            index=position,
            mac_address=interface.get("MacAddress", ""),
            addresses=instance_addresses(interface),
            is_primary=position == 0,
            subnet_id=interface.get("SubnetId"),
        )
        for position, interface in enumerate(attached)
    )
    return replace(server, interfaces=interfaces)


def with_source_subnets(server: SourceServer, instance: Mapping[str, Any]) -> SourceServer:
    """Return C(server) with the subnets that EC2 knows of its interfaces, which are recognised by their addresses."""
    subnets = {
        address: interface.get("SubnetId")
        for interface in instance.get("NetworkInterfaces", [])
        for address in instance_addresses(interface)
    }
    interfaces = tuple(
        replace(interface, subnet_id=interface.subnet_id or subnets.get(interface.address or ""))
        for interface in server.interfaces
    )
    return replace(server, interfaces=interfaces)


def device_index(interface: Mapping[str, Any]) -> int:
    """Return the device index of a network interface as DescribeInstances shows it."""
    return int(interface.get("Attachment", {}).get("DeviceIndex", 0))


def instance_addresses(interface: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the private IPv4 addresses of a network interface as DescribeInstances shows it, the primary one first."""
    assigned = sorted(interface.get("PrivateIpAddresses", []), key=lambda address: not address.get("Primary", False))
    addresses = [address["PrivateIpAddress"] for address in assigned if address.get("PrivateIpAddress")]
    return tuple(addresses) or ipv4_addresses([interface.get("PrivateIpAddress", "")])


def index_by_key(servers: Iterable[SourceServer]) -> dict[str, SourceServer]:
    """Return the servers by their key.

    Raises:
        DeclarationError: Two source servers have one key; names both.
    """
    problems = Problems()
    index: dict[str, SourceServer] = {}
    for server in servers:
        other = index.setdefault(server.key, server)
        if other.source_server_id != server.source_server_id:
            problems.add(
                server.key,
                f"source servers {other.source_server_id} and {server.source_server_id}",
                f"is the server key of both: tag at least one of them with a {KEY_TAG} of its own",
            )
    problems.raise_if_any()
    return index


def matches(server: SourceServer, selector: Selector | Mapping[str, Any]) -> bool:
    """Whether a selector holds: C({tags: {…}}) all of them, C({servers: [keys]}) or C({source_server_ids: […]}).

    Several of the three in one selector must all hold. To ask for many servers, build the selector once with
    L(selectors.build_selector).
    """
    wanted = selector if isinstance(selector, Selector) else build_selector(selector)
    return (
        (wanted.servers is None or server.key in wanted.servers)
        and (wanted.source_server_ids is None or server.source_server_id in wanted.source_server_ids)
        and all(server.tags.get(name) == value for name, value in wanted.tags.items())
    )


def _drs_interfaces(interfaces: Sequence[Mapping[str, Any]]) -> tuple[Interface, ...]:
    primary_first = sorted(interfaces, key=lambda interface: not interface.get("isPrimary", False))
    return tuple(
        Interface(
            index=position,
            mac_address=interface.get("macAddress", ""),
            addresses=ipv4_addresses(interface.get("ips", [])),
            is_primary=position == 0,
        )
        for position, interface in enumerate(primary_first)
    )


def _lag_seconds(lag: str | None) -> float | None:
    try:
        return parse_duration(lag) if lag else None
    except ValueError:
        return None
