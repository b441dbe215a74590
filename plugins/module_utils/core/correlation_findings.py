# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a correlation could not match, or not for certain, told to a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .correlation_parts import Part, primary_server
from .machines import MANAGED_TAG, Instance, Machine, MatchedBy, Observed, reference
from .source_servers import KEY_TAG

AMBIGUOUS = "ambiguous"
UNMATCHED = "unmatched"
UNPROTECTED = "unprotected"

_REMEDY = (
    f"Give each machine a key of its own by tag {KEY_TAG} on its source server, or delete source servers that are not "
    "used any more"
)


NAMED = 10
"""Things that a message names; the others are counted, because messages go where there is little room."""


def named(names: Iterable[str]) -> str:
    """Return a list for a message."""
    names = list(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


@dataclass(frozen=True, slots=True)
class Finding:
    """What could not be matched, or not for certain.

    Attributes:
        kind: C(ambiguous) or C(unmatched).
        reason: One word for programs (C(two_machines), C(not_found), C(unprotected), …).
        server_keys: Keys of which it is not certain which server bears them.
        source_servers: Those that it is about, as L(machines.server_reference) names them.
        instances: Instances that it is about.
        message: What is the matter and what to do.
    """

    kind: str
    reason: str
    server_keys: tuple[str, ...]
    source_servers: tuple[str, ...]
    instances: tuple[str, ...]
    message: str


def told(findings: Iterable[Finding], observed: Observed) -> Iterator[str]:
    """Yield every problem as a line: what is not certain, what could not be read, what belongs to nobody.

    Instances that nobody protects come last: an estate may have many of them, and none is wrong.
    """
    findings = list(findings)
    yield from (finding.message for finding in findings if finding.kind == AMBIGUOUS)
    for unread in observed.unread:
        yield f"account {unread.account_id} in {unread.region}: {unread.what} could not be read: {unread.reason}"
    unmatched = [finding for finding in findings if finding.kind == UNMATCHED]
    yield from (finding.message for finding in sorted(unmatched, key=lambda finding: finding.reason == UNPROTECTED))


def same_key(key: str, parts: Sequence[Part], *, in_question: bool) -> Finding:
    servers = [server for part in parts for server in part.all_servers()]
    others = "" if in_question else ", which another machine has for certain"
    return Finding(
        kind=AMBIGUOUS,
        reason="same_key",
        server_keys=(key,) if in_question else (),
        source_servers=tuple(map(reference, servers)),
        instances=tuple(server.aws_instance_id for server in servers if server.aws_instance_id),
        message=f"{named(map(reference, servers))}: would have the server key {key}{others}. {_REMEDY}",
    )


def contradiction(part: Part) -> Finding:
    servers = part.all_servers()
    keys = part.tagged | {machine.server_key for machine in part.known}
    names = named(map(reference, servers)) or named(part.named_instance_ids())
    return Finding(
        kind=AMBIGUOUS,
        reason="contradiction",
        server_keys=tuple(sorted(keys or {server.key for server in servers})),
        source_servers=tuple(map(reference, servers)),
        instances=tuple(part.named_instance_ids()),
        message=f"{names}: their ids say that they are one machine, but a machine has only one "
        f"{named(part.clashes)}. {_REMEDY}",
    )


def uncertainty(
    family: Sequence[Part], wanting: Sequence[Part], level: MatchedBy, value: str, certain: set[str]
) -> Finding:
    servers = [server for part in wanting for server in part.all_servers()]
    open_ones = [part.all_servers() for part in wanting if part.needs_a_match and part.all_servers()]
    keys = {primary_server(found).key for found in open_ones} - certain
    keys |= {part.key for part in family if part.key and part.key not in certain}
    names = [_title(part) for part in family]
    return Finding(
        kind=AMBIGUOUS,
        reason=f"same_{level}",
        server_keys=tuple(sorted(keys)),
        source_servers=tuple(map(reference, servers)),
        instances=tuple(instance_id for part in family for instance_id in part.named_instance_ids()),
        message=f"{named(names)}: have the {level} {value} in common, but cannot all be one machine. {_REMEDY}",
    )


def lost(part: Part, observed: Observed, instances: Mapping[str, Instance]) -> Finding | None:
    """Return what to tell of things that no source server belongs to; None for servers that DRS runs for itself."""
    ids = tuple(part.named_instance_ids())
    found = [instances[instance_id] for instance_id in ids if instance_id in instances]
    if part.known:
        reason, message = "not_found", f"{part.key}: none of the source servers that it had is there any more"
        if observed.unread:
            message += "; not every account and Region could be read"
    elif part.recoveries:
        gone = named(recovery.source_server for recovery in part.recoveries)
        reason, message = "no_source_server", f"{named(ids)}: was launched from {gone}, which is not there any more"
    elif part.tagged:
        reason = "unknown_key"
        message = f"{named(ids)}: is tagged with the server key {named(part.tagged)}, which no source server has"
    elif any(instance.may_be_launched_into for instance in found):
        reason = "target_of_nobody"
        message = f"{named(ids)}: DRS may launch into it, but neither a tag with a server key nor its address says what"
    elif any(MANAGED_TAG in instance.tags for instance in found) or not found:
        return None
    else:
        reason, message = UNPROTECTED, f"{named(ids)}: no source server replicates it"
    return Finding(UNMATCHED, reason, (part.key,) if part.key else (), (), ids, message)


def missing_instances(machines: Mapping[str, Machine], observed: Observed) -> list[Finding]:
    """Return which instances that source servers replicate are not where EC2 was asked for them."""
    seen = {instance.instance_id for instance in observed.instances}
    findings = []
    for machine in machines.values():
        missing: dict[str, list[str]] = {}
        for server in machine.source_servers:
            place = (server.origin_account_id, server.origin_region)
            if server.aws_instance_id and server.aws_instance_id not in seen and place in observed.read:
                ref = server.reference
                missing.setdefault(server.aws_instance_id, []).extend([] if server.ended else [ref])
        for instance_id, refs in missing.items():
            if refs:
                message = (
                    f"{machine.server_key}: {named(refs)} replicates {instance_id}, which EC2 does not have (any more)"
                )
                findings.append(
                    Finding(UNMATCHED, "no_instance", (machine.server_key,), tuple(refs), (instance_id,), message)
                )
    return findings


def _title(part: Part) -> str:
    servers = part.all_servers()
    if servers:
        return named(map(reference, servers))
    return f"known machine {part.key}" if part.known else named(part.named_instance_ids())
