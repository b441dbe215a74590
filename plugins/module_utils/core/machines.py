# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines: everything that AWS shows of one and the same server, under its server key.

What is observed comes from DescribeInstances, DescribeSourceServers and DescribeRecoveryInstances of many accounts and
Regions. What is known was stored by an earlier correlation (architecture, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from .ip_map import MapEntry
from .source_servers import KEY_TAG, SourceServer, device_index, instance_addresses

LAUNCH_INTO_TAG = ("AWSDRS", "AllowLaunchingIntoThisInstance")
"""Tag of an instance that DRS may launch into. Source: DRS User Guide, launching into an existing instance."""

MANAGED_TAG = "AWSElasticDisasterRecoveryManaged"
"""Tag of what DRS made itself: replication and conversion servers among others."""

FAILBACK = "FAILBACK"
"""Replication direction of a source server that replicates a recovery instance back to where the machine came from."""

ENDED = frozenset({"DISCONNECTED", "STOPPED"})
"""Replication states of a source server that DRS only remembers."""


class MatchedBy(StrEnum):
    """What a source server or an instance was recognised by, the strongest first."""

    KEY_TAG = "key_tag"
    AWS_INSTANCE_ID = "aws_instance_id"
    RECOVERY_INSTANCE = "recovery_instance"
    STAGING_ARN = "staging_arn"
    KNOWN_ID = "known_id"
    FQDN = "fqdn"
    HOSTNAME = "hostname"
    ADDRESS = "address"


class Role(StrEnum):
    """What an EC2 instance is to its machine."""

    SOURCE = "source"
    RECOVERY = "recovery"
    DRILL = "drill"
    FAILBACK = "failback"
    TARGET = "target"
    FORMER = "former"


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance; C(addresses) are pairs of subnet id and private IPv4 address."""

    instance_id: str
    account_id: str
    region: str
    state: str
    private_dns_name: str
    addresses: tuple[tuple[str, str], ...]
    tags: Mapping[str, str]
    item: Mapping[str, Any]

    @property
    def may_be_launched_into(self) -> bool:
        """Whether DRS may launch into it."""
        name, value = LAUNCH_INTO_TAG
        return self.tags.get(name) == value


@dataclass(frozen=True, slots=True)
class RecoveryInstance:
    """What DRS remembers of an instance that it launched; C(source_server) as L(server_reference) names it."""

    instance_id: str
    account_id: str
    region: str
    source_server: str
    is_drill: bool
    fqdn: str
    hostname: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An account and Region that could not be asked, and why."""

    account_id: str
    region: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What AWS shows now.

    Attributes:
        read: Account and Region of every place whose instances were read.
        unread: What could not be read; empty when everything was.
        uninitialised: Account and Region of every place where DRS was never used: it has no source servers there.
    """

    source_servers: tuple[SourceServer, ...] = ()
    instances: tuple[Instance, ...] = ()
    recovery_instances: tuple[RecoveryInstance, ...] = ()
    read: frozenset[tuple[str, str]] = frozenset()
    unread: tuple[Unread, ...] = ()
    uninitialised: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedServer:
    """A source server of a machine; C(matched_by) is None for the one that a new machine is named after."""

    source_server_id: str
    account_id: str
    region: str
    direction: str
    state: str
    aws_instance_id: str | None
    origin_account_id: str
    origin_region: str
    hostname: str
    matched_by: str | None

    @property
    def reference(self) -> str:
        """What names it among all accounts and Regions."""
        return server_reference(self.account_id, self.region, self.source_server_id)

    @property
    def ended(self) -> bool:
        """Whether DRS only remembers it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class MatchedInstance:
    """An instance of a machine; C(state) is empty when its account and Region were not read or do not show it."""

    instance_id: str
    account_id: str
    region: str
    role: str
    state: str
    matched_by: str


@dataclass(frozen=True, slots=True)
class Machine:
    """One server under its key.

    Attributes:
        key_from: What gave the key: C(key_tag); by what a known machine was recognised (C(known_id): the source server
            is the same); for a new one C(fqdn), C(hostname) or C(source_server_id).
        addresses: Private IPv4 addresses of the source, each as C(account/region/address).
    """

    server_key: str
    key_from: str
    fqdn: str
    hostname: str
    addresses: tuple[str, ...]
    source_servers: tuple[MatchedServer, ...]
    instances: tuple[MatchedInstance, ...]

    def source_server_in(self, account_id: str, region: str) -> MatchedServer | None:
        """Return the source server that is launched from in an account and Region; None when there is none."""
        for server in self.source_servers:
            if (server.account_id, server.region) == (account_id, region) and not server.ended:
                return server
        return None


@dataclass(frozen=True, slots=True)
class KnownMachine:
    """What was stored of a machine: the identities that it is recognised by when some of them have changed.

    Attributes:
        source_servers: As L(server_reference) names them.
        version: 0 when it is known from the IP map's entries only.
        content: The stored machine.
    """

    server_key: str
    source_servers: tuple[str, ...]
    instance_ids: tuple[str, ...]
    fqdn: str = ""
    hostname: str = ""
    addresses: tuple[str, ...] = ()
    version: int = 0
    content: Mapping[str, Any] | None = None


def server_reference(account_id: str, region: str, source_server_id: str) -> str:
    """Return what names a source server among all accounts and Regions."""
    return f"{account_id}/{region}/{source_server_id}"


def reference(server: SourceServer) -> str:
    """Return what names a source server among all accounts and Regions."""
    return server_reference(server.account_id, server.region, server.source_server_id)


def reference_of_arn(arn: str) -> str:
    """Return what names the source server of an ARN; see L(server_reference)."""
    parts = arn.split(":")
    return server_reference(parts[4], parts[3], arn.rsplit("/", 1)[-1])


def instance_from_ec2(item: Mapping[str, Any], *, account_id: str, region: str) -> Instance:
    """Build an instance from an item of DescribeInstances."""
    interfaces = sorted(item.get("NetworkInterfaces", []), key=device_index)
    return Instance(
        instance_id=item["InstanceId"],
        account_id=account_id,
        region=region,
        state=item.get("State", {}).get("Name", ""),
        private_dns_name=item.get("PrivateDnsName", ""),
        addresses=tuple(
            (interface.get("SubnetId", ""), address)
            for interface in interfaces
            for address in instance_addresses(interface)
        ),
        tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", [])},
        item=item,
    )


def recovery_instance_from_drs(item: Mapping[str, Any], *, account_id: str, region: str) -> RecoveryInstance:
    """Build what DRS remembers of a launched instance from an item of DescribeRecoveryInstances."""
    hints = item.get("recoveryInstanceProperties", {}).get("identificationHints", {})
    return RecoveryInstance(
        instance_id=item.get("ec2InstanceID") or item["recoveryInstanceID"],
        account_id=account_id,
        region=region,
        source_server=server_reference(account_id, region, item.get("sourceServerID", "")),
        is_drill=bool(item.get("isDrill")),
        fqdn=hints.get("fqdn", ""),
        hostname=hints.get("hostname", ""),
    )


def declared_key(tags: Mapping[str, str], name: str = KEY_TAG) -> str:
    """Return the server key that a tag gives, lower case; empty when there is none."""
    return tags.get(name, "").strip().lower()


def machine_to_item(machine: Machine) -> dict[str, Any]:
    """Return what is stored of a machine, without the table's keys, version and time; states change all the time."""
    content = asdict(machine)
    return {
        **content,
        "addresses": list(machine.addresses),
        "source_servers": [_without_state(server) for server in content["source_servers"]],
        "instances": [_without_state(instance) for instance in content["instances"]],
    }


def _without_state(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != "state"}


def known_from_item(item: Mapping[str, Any]) -> KnownMachine:
    """Build a known machine from a stored item."""
    content = {name: value for name, value in item.items() if name not in ("version", "updated_at", "updated_by")}
    return KnownMachine(
        server_key=item["server_key"],
        source_servers=tuple(
            server_reference(server["account_id"], server["region"], server["source_server_id"])
            for server in item["source_servers"]
        ),
        instance_ids=tuple(instance["instance_id"] for instance in item["instances"]),
        fqdn=item["fqdn"],
        hostname=item["hostname"],
        addresses=tuple(item["addresses"]),
        version=int(item["version"]),
        content=content,
    )


def known_from_entry(entry: MapEntry) -> KnownMachine:
    """Return what an entry of the IP map tells of a machine that no correlation has stored yet."""
    drs = entry.drs
    return KnownMachine(
        server_key=entry.server_key,
        source_servers=(server_reference(drs.account_id, drs.region, drs.source_server_id),),
        instance_ids=(entry.source.instance_id,) if entry.source.instance_id else (),
        hostname=entry.source.hostname.lower(),
    )
