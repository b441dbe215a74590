# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does a declaration fit the source servers that there are, and where was it made?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .addresses import AddressOverride
from .errors import Problem, Problems
from .launch_settings import Override
from .source_servers import KEY_TAG, SourceServer, from_drs, matches

NO_SUCH_KEY = (
    "is the key of no source server of this account and Region, nor of one that is to be extended, as far as can be "
    "seen: correct or remove it"
)


def announced(item: Mapping[str, Any], *, account_id: str, region: str) -> SourceServer:
    """Return the source server that will be there when an item of ListExtensibleSourceServers is extended.

    Its key is that of its tag or host name: DRS does not offer the FQDN.

    Args:
        item: The item; tags of staging servers are copied.
        account_id: Account that extends.
        region: Its Region.
    """
    hints = {"hostname": item.get("hostname", "")}
    return from_drs(
        {
            "sourceServerID": item["arn"].rsplit("/", 1)[1],
            "arn": item["arn"],
            "tags": item.get("tags", {}),
            "sourceProperties": {"identificationHints": hints},
        },
        account_id=account_id,
        region=region,
    )


def has_certain_key(server: SourceServer) -> bool:
    """Whether the key of an L(announced) server is the one that it will have."""
    return KEY_TAG in server.tags


def missing_keys(
    overrides: Iterable[Override], addresses: Iterable[AddressOverride], keys: Collection[str]
) -> set[str]:
    """Return the server keys that a declaration names and nobody has."""
    named = {key for override in overrides for key in override.match.servers or ()}
    return (named | {address.server_key for address in addresses}) - set(keys)


def check_overrides(
    overrides: Iterable[Override], servers: Sequence[SourceServer], missing: Collection[str], problems: Problems
) -> None:
    """Find the overrides of launch settings that select nothing, or name servers that do not exist.

    Args:
        overrides: The declared overrides.
        servers: Source servers that there are or will be.
        missing: Keys that no server has or will have.
        problems: Collects what is found.
    """
    ids = {server.source_server_id for server in servers}
    for override in overrides:
        match, where = override.match, f"{override.where}.match"
        before = len(problems)
        for key in sorted(set(match.servers or ()) & set(missing)):
            problems.add(key, f"{where}.servers", NO_SUCH_KEY)
        for server_id in sorted((match.source_server_ids or frozenset()) - ids):
            remedy = "is no source server of this account and Region: correct or remove it"
            problems.add(server_id, f"{where}.source_server_ids", remedy)
        by_tags = replace(match, servers=None, source_server_ids=None)
        if match.tags and len(problems) == before and not any(matches(server, by_tags) for server in servers):
            remedy = "selects no source server of this account and Region: correct or remove it"
            problems.add(dict(match.tags), f"{where}.tags", remedy)


def check_addresses(addresses: Iterable[AddressOverride], missing: Collection[str], problems: Problems) -> None:
    """Find the explicit addresses of servers that do not exist.

    Args:
        addresses: The declared addresses.
        missing: Keys that no server has or will have.
        problems: Collects what is found.
    """
    for address in addresses:
        if address.server_key in missing:
            problems.add(address.server_key, f"{address.where}.server_key", NO_SUCH_KEY)


def declared_at(found: Iterable[Problem], declaration: Mapping[str, Any], names: Sequence[str]) -> list[Problem]:
    """Return problems with the variable and key that declares their value, as far as one does.

    Args:
        found: Problems that say whom they are about instead of where the value is from.
        declaration: Inventory variables by name.
        names: Variables that may declare it, the one that wins first.
    """
    places: dict[str, str] = {}
    for name in names:
        for place, value in _leaves(declaration.get(name), name):
            places.setdefault(repr(value), place)
    return [
        Problem(problem.value, places[problem.value], f"{problem.where}: {problem.remedy}")
        if problem.value in places
        else problem
        for problem in found
    ]


def _leaves(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _leaves(member, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, member in enumerate(value):
            yield from _leaves(member, f"{where}[{number}]")
    else:
        yield where, value
