# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source servers: what DRS and EC2 know of a protected machine, and our identity for it.

Source: DRS API Reference, DescribeSourceServers. Enumerations are open: values that the model does not know are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KEY_TAG = "dr:server-key"
"""Tag of a source server that gives its server key."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of a source machine.

    Attributes:
        index: 0 for the primary one; the device index where EC2 told it.
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
        lag_seconds: Replication lag; None when DRS does not report one (stopped, disconnected).
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

    @property
    def is_extended(self) -> bool:
        """Whether it extends a source server of a staging account."""
        return self.staging_arn is not None


def server_key(item: Mapping[str, Any]) -> str:
    """Return the key of a DescribeSourceServers item: tag C(dr:server-key), else FQDN hint, else host name, lower case.

    An item that has none of them gets its source server id, so that it can be named in a message.
    """
    raise NotImplementedError


def from_drs(item: Mapping[str, Any], *, account_id: str, region: str) -> SourceServer:
    """Build a source server from an item of DescribeSourceServers (also C(sourceServer) of CreateExtendedSourceServer).

    Args:
        item: The item as boto3 returns it.
        account_id: Account that was asked.
        region: Region that was asked.
    """
    raise NotImplementedError


def with_instance_interfaces(server: SourceServer, instance: Mapping[str, Any]) -> SourceServer:
    """Return C(server) with the interfaces that EC2 knows of its source instance (an item of DescribeInstances).

    DRS may report no addresses, and a lone interface that is not primary; EC2 knows both, and the subnet.
    """
    raise NotImplementedError


def index_by_key(servers: Iterable[SourceServer]) -> dict[str, SourceServer]:
    """Return the servers by their key.

    Raises:
        DeclarationError: Two source servers have one key; names both.
    """
    raise NotImplementedError


def matches(server: SourceServer, selector: Mapping[str, Any]) -> bool:
    """Whether a selector holds: C({tags: {…}}) all of them, C({servers: [keys]}) or C({source_server_ids: […]}).

    Several of the three in one selector must all hold. Check the selector with L(parse_selector) first.
    """
    raise NotImplementedError
