"""Which source servers a call is about: those whose ids, or whose recovery instances' ids, are in its request."""

from __future__ import annotations

import re
from urllib.parse import unquote

from emulator.apicall import ApiCall
from emulator.drs.models import drs_backends
from emulator.drs.state import SourceServer

_IDS = re.compile(r"\bs-[0-9a-zA-Z]{17}\b|\bi-[0-9a-f]{8,17}\b")


def servers(call: ApiCall, account: str) -> set[str]:
    """Return the names (id, host name, FQDN) of the source servers that a call names, in any service."""
    found = set(_IDS.findall(f"{unquote(call.path)} {call.body.decode('utf-8', 'replace')}"))
    names = {item for item in found if item.startswith("s-")}
    if account in drs_backends and call.region in drs_backends[account].keys():  # noqa: SIM118 - the other creates
        backend = drs_backends[account][call.region]
        for server in list(backend.servers.values()):
            if server.server_id in found or server.recovery_instance_id in found:
                names |= names_of(server)
    return names


def names_of(server: SourceServer) -> set[str]:
    """Return what a source server may be called in a rule."""
    return {server.server_id, server.machine.hostname, server.machine.fqdn}
