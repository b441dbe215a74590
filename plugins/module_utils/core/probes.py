# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes that a plan declares (option C(probes)): does what runs on a launched server answer?

Source: Systems Manager API Reference, SendCommand; document AWS-RunShellScript.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .canonical import plain
from .errors import Problem, Problems
from .fields import Fields, is_whole_number, members_of
from .runs import MODES
from .selectors import build_selector
from .source_servers import SourceServer, matches

TCP = "tcp"
HTTP = "http"
COMMAND = "command"
SSM_AGENT = "ssm_agent"
KINDS = (TCP, HTTP, COMMAND, SSM_AGENT)
NETWORK_KINDS = frozenset({TCP, HTTP})
NETWORK_MODES = ("test", "failover")
"""Where probes over the network take place unless they say so: what is at home may be out of their reach."""
"""Kinds that are made from inside the network of the servers."""

EXPECTED = "expected"
DOCUMENTS = ("AWS-RunShellScript", "AWS-RunPowerShellScript")
SCHEMES = ("http", "https")

PROBE_FIELDS = ("name", "groups", "servers", "modes", *KINDS, "timeout", "interval", "attempts")
HTTP_FIELDS = ("port", "scheme", "path", "status", "body", "verify_tls", "host")
MOST_PROBES = 20
LONGEST_BODY = 1000
LONGEST_COMMANDS = 8000

TIMEOUTS: Mapping[str, tuple[int, int, int]] = {TCP: (1, 5, 10), HTTP: (1, 5, 10), COMMAND: (5, 60, 3600)}
"""Least, default and most seconds that an attempt may take; an agent is only looked up."""

INTERVAL = 15
MOST_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True)
class Probe:
    """One question that launched servers must answer.

    Attributes:
        kind: One of L(KINDS).
        settings: What the kind needs, every default written out.
        groups: Groups of the plan whose servers are asked.
        servers: Server keys of further servers. Without groups and servers all servers of the plan are asked.
        modes: Modes of runs in which they are asked.
        timeout: Seconds that an attempt may take.
        interval: Seconds between two attempts, at least.
        attempts: Attempts after which the server has failed; 0 for as many as the wave's time allows.
    """

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    modes: tuple[str, ...] = MODES
    timeout: int = 0
    interval: int = INTERVAL
    attempts: int = 0

    @property
    def needs_network(self) -> bool:
        """Whether it is made from inside the network of the servers."""
        return self.kind in NETWORK_KINDS

    @property
    def target(self) -> str:
        """What it looks at, in a few words, without the address."""
        if self.kind == TCP:
            return f"tcp {self.settings['port']}"
        if self.kind == HTTP:
            return f"{self.settings['scheme']} {self.settings['port']}{self.settings['path']}"
        return str(self.settings["document"]) if self.kind == COMMAND else "SSM agent"

    def to_document(self) -> dict[str, Any]:
        """Return the probe as a plain dict that L(read_probes) reads, every default written out."""
        document: dict[str, Any] = {
            "name": self.name,
            self.kind: EXPECTED if self.kind == SSM_AGENT else plain(self.settings),
            "groups": list(self.groups),
            "servers": list(self.servers),
            "modes": list(self.modes),
            "interval": self.interval,
            "attempts": self.attempts,
        }
        return document if self.kind == SSM_AGENT else {**document, "timeout": self.timeout}


def read_probes(raw: Any, where: str, groups: Iterable[str], problems: Problems) -> tuple[Probe, ...]:
    """Read the probes of a plan; None declares none.

    Args:
        raw: What was declared.
        where: Where it was declared, for messages.
        groups: Names of the plan's groups.
        problems: Collects what is wrong.
    """
    known = tuple(groups)
    probes: list[Probe] = []
    for place, member in members_of(raw, where, problems):
        fields = Fields(member, place, problems, PROBE_FIELDS)
        probe = _read_probe(fields, known, problems)
        if probe.name and probe.name in {other.name for other in probes}:
            fields.reject("name", "is the name of two probes: rename one of them")
        probes.append(probe)
    if len(probes) > MOST_PROBES:
        problems.add(len(probes), where, f"are too many probes: declare {MOST_PROBES} at most")
    return tuple(probes)


def names_for(
    probes: Iterable[Probe], server: SourceServer, groups: Mapping[str, Mapping[str, Any]], mode: str
) -> list[str]:
    """Return the names of the probes that a server has to pass in a mode.

    Args:
        probes: Probes of the plan.
        server: A server of the plan.
        groups: The plan's groups, selectors by name.
        mode: Mode of the run.
    """
    return [probe.name for probe in probes if mode in probe.modes and _asks(probe, server, groups)]


def need_network(probes: Iterable[Probe], mode: str) -> list[str]:
    """Return the names of the probes that are made from inside the network of a mode."""
    return [probe.name for probe in probes if probe.needs_network and mode in probe.modes]


def parse_networks(text: str) -> dict[str, str]:
    """Return the Regions of the functions that look from inside networks, by network profile.

    Args:
        text: Environment variable C(PROBE_NETWORKS) of the functions: C(failback=us-east-1,test=us-west-2). Without a
            Region a function is where the orchestrator is.
    """
    pairs = (item.partition("=") for item in text.split(",") if item)
    return {profile: region for profile, _equals, region in pairs}


def unplanned_servers(probes: Iterable[Probe], planned: Iterable[str], where: str) -> list[Problem]:
    """Return a problem for every server key of a probe that is in no wave of the plan."""
    known = frozenset(planned)
    remedy = "is in no wave of the plan: correct the server key, or take it out"
    return [
        Problem(repr(key), f"probe {probe.name} of {where}", remedy)
        for probe in probes
        for key in probe.servers
        if key not in known
    ]


def _asks(probe: Probe, server: SourceServer, groups: Mapping[str, Mapping[str, Any]]) -> bool:
    if not probe.groups and not probe.servers:
        return True
    return server.key in probe.servers or any(matches(server, build_selector(groups[name])) for name in probe.groups)


def _read_probe(fields: Fields, groups: tuple[str, ...], problems: Problems) -> Probe:
    kinds = [kind for kind in KINDS if kind in fields]
    if len(kinds) != 1:
        problems.add(", ".join(kinds), fields.where, f"must have exactly one of {', '.join(KINDS)}")
    kind = kinds[0] if kinds else SSM_AGENT
    named = fields.texts("groups", ())
    for group in named:
        if group not in groups:
            problems.add(group, fields.at("groups"), f"no such group: use {', '.join(groups) or 'a declared group'}")
    usual = NETWORK_MODES if kind in NETWORK_KINDS else MODES
    modes = fields.texts("modes", usual)
    for mode in modes:
        if mode not in MODES:
            problems.add(mode, fields.at("modes"), f"unknown mode: use {', '.join(MODES)}")
    return Probe(
        name=fields.given_name(),
        kind=kind,
        settings=_READERS[kind](fields, problems),
        groups=named,
        servers=tuple(key.lower() for key in fields.texts("servers", ())),
        modes=modes or usual,
        timeout=_timeout(fields, kind),
        interval=fields.integer("interval", INTERVAL, minimum=INTERVAL, maximum=3600),
        attempts=fields.integer("attempts", 0, minimum=0, maximum=MOST_ATTEMPTS),
    )


def _timeout(fields: Fields, kind: str) -> int:
    if kind in TIMEOUTS:
        least, default, most = TIMEOUTS[kind]
        return fields.integer("timeout", default, minimum=least, maximum=most)
    if "timeout" in fields:
        fields.reject("timeout", "an agent is only looked up: take it out")
    return 0


def _tcp(probe: Fields, problems: Problems) -> dict[str, Any]:
    fields = Fields(probe.value(TCP), probe.at(TCP), problems, ("port",))
    return {"port": fields.integer("port", minimum=1, maximum=65535)}


def _http(probe: Fields, problems: Problems) -> dict[str, Any]:
    fields = Fields(probe.value(HTTP), probe.at(HTTP), problems, HTTP_FIELDS)
    scheme = fields.choice("scheme", SCHEMES, SCHEMES[0])
    return {
        "scheme": scheme,
        "port": fields.integer("port", 443 if scheme == "https" else 80, minimum=1, maximum=65535),
        "path": fields.text("path", "/", pattern=r"/[!-~]*", remedy="must begin with / and have no spaces"),
        "status": _statuses(fields, problems),
        "body": fields.text("body", "", pattern=rf"(?s).{{0,{LONGEST_BODY}}}", remedy="must be a text that appears"),
        "verify_tls": fields.boolean("verify_tls", True),
        "host": fields.text("host", "", pattern=r"[A-Za-z0-9.-]{0,253}", remedy="must be a host name"),
    }


def _statuses(fields: Fields, problems: Problems) -> list[int]:
    raw = fields.value("status")
    for place, status in members_of(raw, fields.at("status"), problems):
        if not is_whole_number(status) or not 100 <= status <= 599:
            problems.add(status, place, "must be a status of HTTP, from 100 to 599")
    listed = [int(status) for status in raw if is_whole_number(status)] if isinstance(raw, (list, tuple)) else []
    return listed or [200]


def _command(probe: Fields, problems: Problems) -> dict[str, Any]:
    fields = Fields(probe.value(COMMAND), probe.at(COMMAND), problems, ("document", "commands"))
    lines = members_of(fields.value("commands"), fields.at("commands"), problems)
    for place, line in lines:
        if not isinstance(line, str):
            problems.add(line, place, "must be a text: a line of the script")
    commands = [str(line) for _place, line in lines]
    if not commands:
        fields.reject("commands", "is empty: give at least one line")
    if sum(map(len, commands)) > LONGEST_COMMANDS:
        fields.reject("commands", f"are longer than {LONGEST_COMMANDS} characters: put a script on the servers")
    return {"document": fields.choice("document", DOCUMENTS, DOCUMENTS[0]), "commands": commands}


def _agent(probe: Fields, _problems: Problems) -> dict[str, Any]:
    probe.choice(SSM_AGENT, (EXPECTED,), EXPECTED)
    return {}


_READERS = {TCP: _tcp, HTTP: _http, COMMAND: _command, SSM_AGENT: _agent}
