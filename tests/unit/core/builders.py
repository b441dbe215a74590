"""Small things of the core's kind, for its tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import SubnetMap
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.network_targets import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.records import ServerRecord
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer, from_drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.subnet_map import parse_subnet_map

START = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return the moment C(seconds) after the start of all tests."""
    return START + timedelta(seconds=seconds)


def server_id(number: int) -> str:
    """Return a source server id."""
    return f"s-{number:017x}"


def drs_item(
    number: int = 1,
    *,
    name: str = "",
    tags: Mapping[str, str] | None = None,
    addresses: Iterable[str] = (),
    state: str = "CONTINUOUS",
    lag: str | None = "P0D",
    **members: Any,
) -> dict[str, Any]:
    """Return an item of DescribeSourceServers; C(addresses) is one for each network interface."""
    name = name or f"server-{number}"
    interfaces = [
        {"macAddress": f"02:00:00:00:00:{index:02x}", "ips": [address], "isPrimary": index == 0}
        for index, address in enumerate(addresses)
    ]
    replication = {"dataReplicationState": state}
    if lag is not None:
        replication["lagDuration"] = lag
    return {
        "sourceServerID": server_id(number),
        "arn": f"arn:aws:drs:us-west-2:222222222222:source-server/{server_id(number)}",
        "tags": dict(tags or {}),
        "dataReplicationInfo": replication,
        "lastLaunchResult": "NOT_STARTED",
        "lifeCycle": {"lastLaunch": {"initiated": {}}},
        "sourceProperties": {
            "identificationHints": {"hostname": name, "fqdn": name, "awsInstanceID": f"i-{number:017x}"},
            "networkInterfaces": interfaces,
            "os": {"fullString": "Linux version 4.14.299-223.520.amzn2.x86_64 (...)"},
            "recommendedInstanceType": "c5.large",
        },
        **members,
    }


def source_server(number: int = 1, **members: Any) -> SourceServer:
    """Return a source server; see L(drs_item)."""
    return from_drs(drs_item(number, **members), account_id="222222222222", region="us-west-2")


def target(subnet: str, cidr: str, address: str = "keep_host_part") -> dict[str, Any]:
    """Return the target of one profile in a declared subnet map."""
    return {"subnet_id": subnet, "cidr": cidr, "security_groups": ["sg-1"], "address": address}


def complete_map(raw: list[Any]) -> SubnetMap:
    """Return a declared map that names everything itself, so that AWS need not be asked."""
    return resolve(parse_subnet_map(raw), {}, Problems())


def subnet_map(*sources: str) -> SubnetMap:
    """Return a map of /24 source networks 10.10.n.0/24 to 10.20.n.0/24 (failover) and 10.99.n.0/24 (test)."""
    return complete_map(
        [
            {
                "source_cidr": source,
                "failover": target(f"subnet-f{index}", source.replace("10.10.", "10.20.")),
                "test": target(f"subnet-t{index}", source.replace("10.10.", "10.99.")),
            }
            for index, source in enumerate(sources or ("10.10.1.0/24", "10.10.2.0/24"))
        ]
    )


def record(number: int = 1, **members: Any) -> ServerRecord:
    """Return the record of a critical server of wave 1."""
    values = {
        "server_key": f"server-{number}",
        "wave": 1,
        "source_server_id": server_id(number),
        "critical": True,
        **members,
    }
    return ServerRecord(**values)
