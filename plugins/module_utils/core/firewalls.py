# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do network ACLs or security groups keep a subnet's servers from a network?

Every protocol and port counts: one that is let through is enough. Sources: VPC User Guide, "Network ACL rules" (in the
order of their numbers, the first that fits decides) and "Security group rules" (what is not allowed is refused; answers
to what was allowed in go out).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from .networks import Network, common, without

Item = Mapping[str, Any]

ALL_PROTOCOLS = "-1"


def acl_lets_out(acl: Item, networks: Iterable[Network]) -> bool:
    """Whether a network ACL lets any packet out of its subnets to any address of C(networks)."""
    left = list(networks)
    entries = [entry for entry in acl["Entries"] if entry["Egress"]]
    for entry in sorted(entries, key=lambda entry: entry["RuleNumber"]):
        cidr = ip_network(entry.get("CidrBlock") or entry["Ipv6CidrBlock"])
        if entry["RuleAction"] == "allow" and common(left, [cidr]):
            return True
        if entry["RuleAction"] == "deny" and entry["Protocol"] == ALL_PROTOCOLS:
            left = without(left, [cidr])
    return False


def groups_let_through(
    groups: Iterable[Item],
    networks: Collection[Network],
    harmless_groups: Collection[str],
    prefix_lists: Mapping[str, Sequence[Network]],
) -> bool:
    """Whether security groups let anything through to, or from, any address of C(networks).

    Args:
        groups: Items of DescribeSecurityGroups: all of a server.
        networks: Where to, or from.
        harmless_groups: Groups that no server in C(networks) is in. A rule for any other group is taken for one that
            opens the way: who its members are changes at any time.
        prefix_lists: Networks of the prefix lists that are known; one that is not is taken for all there are.
    """
    for group in groups:
        for rule in [*group.get("IpPermissionsEgress", []), *group.get("IpPermissions", [])]:
            if common(networks, _networks_of(rule, networks, prefix_lists)):
                return True
            if any(pair.get("GroupId") not in harmless_groups for pair in rule.get("UserIdGroupPairs", [])):
                return True
    return False


def prefix_list_ids(groups: Iterable[Item]) -> set[str]:
    """Return the prefix lists that rules of security groups name."""
    return {
        entry["PrefixListId"]
        for group in groups
        for rule in [*group.get("IpPermissionsEgress", []), *group.get("IpPermissions", [])]
        for entry in rule.get("PrefixListIds", [])
    }


def _networks_of(
    rule: Item, everything: Collection[Network], prefix_lists: Mapping[str, Sequence[Network]]
) -> Iterator[Network]:
    for entry in rule.get("IpRanges", []):
        yield ip_network(entry["CidrIp"])
    for entry in rule.get("Ipv6Ranges", []):
        yield ip_network(entry["CidrIpv6"])
    for entry in rule.get("PrefixListIds", []):
        yield from prefix_lists.get(entry["PrefixListId"], everything)
