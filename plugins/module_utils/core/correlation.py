# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which source servers and instances of many accounts and Regions are one machine, and under which server key.

First everything that names another by its id is put together: a source server's C(awsInstanceID), what DRS launched,
what extends what, what was known before, and what bears one key tag. What is left without a known key is then compared
by FQDN, host name and address, in that order. Two things are one only where nothing speaks against it and nothing else
could be meant: the rest is reported, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .correlation_comparison import compare
from .correlation_findings import AMBIGUOUS, UNMATCHED, Finding, contradiction, lost, missing_instances, same_key
from .correlation_parts import SOURCE_INSTANCE, Links, Part, addresses_of, precedence, primary_server
from .machines import (
    FAILBACK,
    Instance,
    KnownMachine,
    Machine,
    MatchedBy,
    MatchedInstance,
    MatchedServer,
    Observed,
    Role,
    declared_key,
    reference,
    reference_of_arn,
)
from .source_servers import KEY_TAG, SourceServer, with_instance_interfaces


@dataclass(frozen=True, slots=True)
class Correlation:
    """All machines by key, and what could not be matched."""

    machines: Mapping[str, Machine]
    findings: tuple[Finding, ...]

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def counts(self) -> dict[str, int]:
        """Return how many there are of everything, and how many were matched by what."""
        matched: Counter[str] = Counter()
        for machine in self.machines.values():
            matched.update(f"by_{server.matched_by}" for server in machine.source_servers if server.matched_by)
            matched.update(f"by_{instance.matched_by}" for instance in machine.instances)
        return {
            "machines": len(self.machines),
            "source_servers": sum(len(machine.source_servers) for machine in self.machines.values()),
            "instances": sum(len(machine.instances) for machine in self.machines.values()),
            AMBIGUOUS: len(self.of_kind(AMBIGUOUS)),
            UNMATCHED: len(self.of_kind(UNMATCHED)),
            **dict(sorted(matched.items())),
        }


def correlate(
    observed: Observed,
    known: Iterable[KnownMachine] = (),
    *,
    planned: Mapping[tuple[str, str], str] | None = None,
    key_tag: str = KEY_TAG,
) -> Correlation:
    """Put everything that is observed and known together into machines.

    Args:
        observed: What AWS shows now.
        known: What earlier correlations found, one for each key.
        planned: Server keys by subnet id and address of the IP map, by which instances are recognised that were made
            for DRS to launch into.
        key_tag: Tag of instances that names their server key; source servers have C(dr:server-key).
    """
    instances = {instance.instance_id: instance for instance in observed.instances}
    servers = [_with_addresses(server, instances) for server in observed.source_servers]
    links = Links(servers, instances, observed.recovery_instances, tuple(known), planned or {}, key_tag)
    parts = links.parts()
    findings = [contradiction(part) for part in parts if part.clashes]
    parts = [part for part in parts if not part.clashes]
    findings += compare(parts)
    whole = [part for part in parts if part.owner is None and not part.uncertain]
    machines, doubled = _name([part for part in whole if part.all_servers()], links, findings)
    strays = [lost(part, observed, instances) for part in whole if not part.all_servers()]
    missing = missing_instances(machines, observed)
    return Correlation(machines, (*doubled, *filter(None, strays), *missing))


def _with_addresses(server: SourceServer, instances: Mapping[str, Instance]) -> SourceServer:
    instance = instances.get(server.aws_instance_id or "")
    return with_instance_interfaces(server, instance.item) if instance and server.lacks_addresses else server


def _name(parts: Iterable[Part], links: Links, findings: Iterable[Finding]) -> tuple[dict[str, Machine], list[Finding]]:
    """Give every machine its key; two that would have one are reported, unless the key is certain for one of them."""
    by_key: dict[str, list[Part]] = {}
    for part in parts:
        by_key.setdefault(part.key or primary_server(part.all_servers()).key, []).append(part)
    machines: dict[str, Machine] = {}
    found = list(findings)
    for key in sorted(by_key):
        owners = [part for part in by_key[key] if part.key]
        if len(by_key[key]) > 1:
            others = [part for part in by_key[key] if not part.key]
            found.append(same_key(key, others, in_question=not owners))
        if len(by_key[key]) == 1 or owners:
            part = (owners or by_key[key])[0]
            machines[key] = _machine(key, part, links)
    return machines, found


def _machine(key: str, part: Part, links: Links) -> Machine:
    primary = primary_server(part.all_servers())
    home = next(level for member, level in part.members() if primary in member.servers)
    key_from = _key_from(key, part, primary)
    servers: list[MatchedServer] = []
    instances: dict[str, MatchedInstance] = {}
    for member, level in part.members():
        by = None if level == home else level or home
        servers += [
            _matched_server(server, primary, member, by, key_from, new=not part.key) for server in member.servers
        ]
        for instance_id in member.named_instance_ids():
            instances[instance_id] = _matched_instance(instance_id, part, by, links)
    order = {reference(server): number for number, server in enumerate(sorted(part.all_servers(), key=precedence))}
    servers.sort(key=lambda server: order[server.reference])
    return Machine(
        server_key=key,
        key_from=key_from,
        fqdn=primary.fqdn.lower(),
        hostname=primary.hostname.lower(),
        addresses=addresses_of(primary),
        source_servers=tuple(servers),
        instances=tuple(sorted(instances.values(), key=lambda instance: (instance.role, instance.instance_id))),
    )


def _key_from(key: str, part: Part, primary: SourceServer) -> str:
    if declared_key(primary.tags) == key:
        return MatchedBy.KEY_TAG
    home = next(level for member, level in part.members() if primary in member.servers)
    for member, level in part.members():
        for known in member.known:
            if level != home:
                return level or home or MatchedBy.KNOWN_ID
            if reference(primary) in known.source_servers:
                return MatchedBy.KNOWN_ID
            if primary.aws_instance_id in known.instance_ids:
                return MatchedBy.AWS_INSTANCE_ID
    if any(member.tagged for member, _level in part.members()):
        return MatchedBy.KEY_TAG
    if part.key:
        return MatchedBy.RECOVERY_INSTANCE
    if primary.fqdn.strip():
        return MatchedBy.FQDN
    return MatchedBy.HOSTNAME if primary.hostname.strip() else "source_server_id"


def _matched_server(
    server: SourceServer, primary: SourceServer, part: Part, compared_by: MatchedBy | None, key_from: str, *, new: bool
) -> MatchedServer:
    own = None if new else key_from
    matched_by = own if server is primary else _server_link(server, part, compared_by)
    return MatchedServer(
        source_server_id=server.source_server_id,
        account_id=server.account_id,
        region=server.region,
        direction=server.replication_direction,
        state=server.replication_state,
        aws_instance_id=server.aws_instance_id,
        origin_account_id=server.origin_account_id,
        origin_region=server.origin_region,
        hostname=server.hostname,
        matched_by=matched_by,
    )


def _server_link(server: SourceServer, part: Part, compared_by: MatchedBy | None) -> str:
    """Return what ties a source server to the others of its machine."""
    ref = reference(server)
    others = [other for other in part.servers if other is not server]
    if declared_key(server.tags):
        return MatchedBy.KEY_TAG
    if compared_by:
        return compared_by
    mentioned = {other.aws_instance_id for other in others}
    mentioned |= {recovery.instance_id for recovery in part.recoveries}
    mentioned.update(*(known.instance_ids for known in part.known))
    if server.aws_instance_id and server.aws_instance_id in mentioned:
        return MatchedBy.AWS_INSTANCE_ID
    arns = {reference_of_arn(other.staging_arn) for other in others if other.staging_arn}
    if server.staging_arn or ref in arns:
        return MatchedBy.STAGING_ARN
    if any(recovery.source_server == ref for recovery in part.recoveries):
        return MatchedBy.RECOVERY_INSTANCE
    return MatchedBy.KNOWN_ID


def _matched_instance(instance_id: str, part: Part, compared_by: MatchedBy | None, links: Links) -> MatchedInstance:
    servers = part.all_servers()
    instance, recovery = links.instances.get(instance_id), links.launched.get(instance_id)
    replicating = [server for server in servers if server.aws_instance_id == instance_id]
    if instance:
        account_id, region = instance.account_id, instance.region
    elif recovery:
        account_id, region = recovery.account_id, recovery.region
    else:
        account_id, region = replicating[0].origin_account_id, replicating[0].origin_region
    return MatchedInstance(
        instance_id=instance_id,
        account_id=account_id,
        region=region,
        role=_role(part, instance_id, replicating, links),
        state=instance.state if instance else "",
        matched_by=_instance_link(instance_id, replicating, compared_by, links),
    )


def _role(part: Part, instance_id: str, replicating: Sequence[SourceServer], links: Links) -> Role:
    recovery = links.launched.get(instance_id)
    if part.slots.get(SOURCE_INSTANCE) == instance_id:
        return Role.SOURCE
    if any(server.replication_direction != FAILBACK for server in replicating) and not recovery:
        return Role.SOURCE
    if recovery and recovery.is_drill:
        return Role.DRILL
    if recovery:
        launcher = links.servers.get(recovery.source_server)
        return Role.FAILBACK if launcher and launcher.replication_direction == FAILBACK else Role.RECOVERY
    if replicating:
        return Role.RECOVERY
    return Role.TARGET if links.instances[instance_id].may_be_launched_into else Role.FORMER


def _instance_link(
    instance_id: str, replicating: Sequence[SourceServer], compared_by: MatchedBy | None, links: Links
) -> str:
    """Return what ties an instance to its machine."""
    if replicating:
        return MatchedBy.AWS_INSTANCE_ID
    if instance_id in links.launched:
        return MatchedBy.RECOVERY_INSTANCE
    if instance_id in links.tag_of_instance:
        return MatchedBy.KEY_TAG
    if instance_id in links.by_plan:
        return MatchedBy.ADDRESS
    return compared_by or MatchedBy.KNOWN_ID
