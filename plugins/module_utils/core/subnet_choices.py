# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rule of the subnet map every address falls under, for people to review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .addresses import AddressError, Origin, SubnetMap, SubnetRule
from .ip_map import MapEntry
from .source_servers import SourceServer

NAMED = 5
"""Interfaces that a line names; more are only counted."""


def rule_choices(
    servers: Iterable[SourceServer], subnet_map: SubnetMap, entries: Iterable[MapEntry]
) -> list[dict[str, Any]]:
    """Return what became of every interface of every server.

    Args:
        servers: Source servers with their interfaces.
        subnet_map: The complete subnet map.
        entries: What was planned.

    Returns:
        Server key, interface, source address and where it is, the rule that wins (None when none does, or two have the
        same right), further rules that hold it and lost, each with why, and the address in each profile; ordered by
        key and interface.
    """
    planned = {entry.id: entry for entry in entries}
    choices: list[dict[str, Any]] = []
    for server in sorted(servers, key=lambda server: server.key):
        for interface in server.interfaces:
            origin = server.origin_of(interface, subnet_map.source_region)
            winner, losers = _rules(subnet_map, interface.address, origin)
            entry = planned.get((server.key, interface.index))
            profiles = {
                profile: {
                    "subnet_id": target.subnet_id,
                    "cidr": target.cidr,
                    "address": target.address,
                    "rule": target.rule,
                }
                for profile, target in (entry.profiles if entry else {}).items()
            }
            choices.append(
                {
                    "server_key": server.key,
                    "source_server_id": server.source_server_id,
                    "interface": interface.index,
                    "address": interface.address,
                    "origin": origin._asdict(),
                    "chosen": _named(winner) if winner else None,
                    "shadowed": [{**_named(rule), "reason": _reason(winner, rule)} for rule in losers if winner],
                    "profiles": profiles,
                }
            )
    return choices


def choice_lines(choices: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one line for every rule that won over another, with the interfaces that it won.

    Args:
        choices: What L(rule_choices) returns.
    """
    won: dict[tuple[str, str, str], list[str]] = {}
    for choice in choices:
        for loser in choice["shadowed"]:
            names = won.setdefault((_text(choice["chosen"]), _text(loser), loser["reason"]), [])
            names.append(f"{choice['server_key']}/{choice['interface']}")
    return [
        f"{winner} wins over {loser}, because {reason}, for {len(names)} interfaces: {', '.join(names[:NAMED])}"
        + (", …" if len(names) > NAMED else "")
        for (winner, loser, reason), names in sorted(won.items())
    ]


def to_declaration(subnet_map: SubnetMap) -> list[dict[str, Any]]:
    """Return a complete map in the form of C(dr_subnet_map), with everything that may be left out."""
    return [
        {
            "source_cidr": str(rule.source_cidr),
            **{
                f"source_{name}": value
                for name, value in rule.source._asdict().items()
                if value and name in ("account_id", "region")
            },
            **{
                profile: {
                    "subnet_id": target.subnet_id,
                    "cidr": str(target.cidr),
                    "security_groups": list(target.security_groups),
                    "address": str(target.rule),
                    "account_id": target.account_id,
                    "region": target.region,
                }
                for profile, target in rule.targets.items()
            },
        }
        for rule in subnet_map.rules
    ]


def _rules(
    subnet_map: SubnetMap, address: str | None, origin: Origin
) -> tuple[SubnetRule | None, tuple[SubnetRule, ...]]:
    """Return the rule that wins and those that lose; L(ip_map.collect_entries) tells why there may be none."""
    try:
        winner = subnet_map.find(address or "", origin)
    except AddressError:
        return None, ()
    return winner, subnet_map.find_all(address or "", origin)[1:]


def _reason(winner: SubnetRule, loser: SubnetRule) -> str:
    """Return why a rule wins over another."""
    if winner.source_cidr.prefixlen > loser.source_cidr.prefixlen:
        return "its source prefix is longer"
    names = {"account_id": "account", "region": "Region", "subnet_id": "subnet"}
    theirs = loser.source._asdict()
    named = [names[name] for name, value in winner.source._asdict().items() if value and not theirs[name]]
    return f"it names the source {', '.join(named[:-1])}{' and ' if named[1:] else ''}{named[-1]}"


def _text(rule: Mapping[str, str]) -> str:
    return f"{rule['where']} ({rule['source_cidr']})"


def _named(rule: SubnetRule) -> dict[str, str]:
    return {"where": rule.where, "source_cidr": str(rule.source_cidr)}
