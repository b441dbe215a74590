# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says about the isolation of its drills (option C(gate.isolation))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

from .errors import Problems
from .fields import Fields, members_of
from .networks import Network

REFUSED = "refused"
ALLOWED = "allowed"
ISOLATION_FIELDS = ("internet", "accept", "production_cidrs")
ACCEPTABLE = r"(vpce|igw|eigw|nat|cagw|vgw|eni|i|subnet|tgw|pcx|lgw)-[0-9a-zA-Z]+"
"""Ids of what can open a way."""


@dataclass(frozen=True, slots=True)
class IsolationPolicy:
    """What may lead out of the test subnets.

    Attributes:
        internet: C(refused) or C(allowed): whether test servers may reach the internet.
        accept: Ids of gateways, endpoints and so on that the plan's owner has looked at. They open no way to known
            production ranges: such a way stays an error whatever is said here.
        production_cidrs: Networks of production, beside those that the IP map knows.
    """

    internet: str = REFUSED
    accept: tuple[str, ...] = ()
    production_cidrs: tuple[str, ...] = ()

    @property
    def production(self) -> tuple[Network, ...]:
        """The declared production ranges."""
        return tuple(ip_network(cidr) for cidr in self.production_cidrs)

    def with_production(self, cidrs: Iterable[str]) -> IsolationPolicy:
        """Return the policy with further production ranges, each once and in a fixed order."""
        return replace(self, production_cidrs=tuple(sorted({*self.production_cidrs, *cidrs})))

    def to_document(self) -> dict[str, Any]:
        """Return the policy as a plain dict that L(parse_isolation) reads, every default written out."""
        return {
            "internet": self.internet,
            "accept": list(self.accept),
            "production_cidrs": list(self.production_cidrs),
        }


DEFAULT_ISOLATION = IsolationPolicy()


def parse_isolation(raw: Any, where: str, problems: Problems) -> IsolationPolicy:
    """Read the option; None is the default.

    Args:
        raw: What was declared.
        where: Where it was declared, for messages.
        problems: Collects what is wrong.
    """
    fields = Fields(raw or {}, where, problems, ISOLATION_FIELDS)
    return IsolationPolicy(
        internet=fields.choice("internet", (REFUSED, ALLOWED), REFUSED),
        accept=fields.texts(
            "accept", (), pattern=ACCEPTABLE, remedy="must be the id of what opens the way, like vpce-… or igw-…"
        ),
        production_cidrs=read_cidrs(fields.value("production_cidrs"), fields.at("production_cidrs"), problems),
    )


def parse_production_cidrs(raw: Any, *, where: str = "dr_production_cidrs") -> tuple[str, ...]:
    """Read declared production ranges; None declares none.

    Raises:
        DeclarationError: Naming everything that is no network.
    """
    problems = Problems()
    cidrs = read_cidrs(raw, where, problems)
    problems.raise_if_any()
    return cidrs


def read_cidrs(raw: Any, where: str, problems: Problems) -> tuple[str, ...]:
    """Return the networks of a list in their normal form, each once; IPv4 and IPv6."""
    cidrs: set[str] = set()
    for place, member in members_of(raw, where, problems):
        try:
            network = ip_network(member) if isinstance(member, str) else None
        except ValueError as error:
            problems.add(member, place, f"is no network ({error}): write it like 10.10.0.0/16")
            continue
        if network is None:
            problems.add(member, place, "must be a text: a network like 10.10.0.0/16")
        elif network.prefixlen == 0:
            problems.add(member, place, "is every address there is: name the networks of production")
        else:
            cidrs.add(str(network))
    return tuple(sorted(cidrs))
