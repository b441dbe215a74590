# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readiness of a failback: may the plan's servers go home now? As L(readiness), it fails closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .failback_facts import RUNNING
from .failback_networks import Home, check_network
from .failback_policy import FailbackPolicy, OriginalInstance
from .ip_map import MapEntry
from .plans import FAIL, GatePolicy
from .readiness import ERROR, UNKNOWN, WARNING, Finding, Unknown
from .tag_rules import judge

NEEDS_HOME = "a failback makes a source server there for every server that comes home"


@dataclass(frozen=True, slots=True)
class Traveller:
    """What is known of one server that is to go home.

    Attributes:
        kind: How it goes home, a value of L(failback_words.Kind).
        refusal: Why it cannot go on without a person; empty where it can.
        home: Where it came from in EC2; None for one that goes back to a failback client.
        recovered_id: The recovery instance that runs production.
        recovered_state: Its state, as L(failback_facts.MachineFacts.state_of) says; None when there is none.
        original_id: The instance that it was before its failover; None when nobody knows.
        tags: Tags of the source server that protects it.
        jobs: Jobs that hold it now, on either side.
        entries: Its IP map entries.
        stays: Whether it never leaves its Region, and goes home by the source server that protects it.
    """

    server_key: str
    critical: bool
    is_windows: bool
    kind: str
    refusal: str
    home: str | None
    recovered_id: str | None
    recovered_state: str | None
    original_id: str | None
    tags: Mapping[str, str]
    jobs: Sequence[str]
    entries: Sequence[MapEntry]
    stays: bool = False


BESIDE_PRODUCTION = Finding(
    WARNING,
    "",
    "a drill of the failback launches in the home network itself: nothing keeps its servers from what they reach there",
    "make sure that what they do at home harms nobody, or name a failback network of its own in dr_subnet_map",
)


def evaluate(
    travellers: Iterable[Traveller],
    homes: Mapping[str, Home | Unknown],
    gate: GatePolicy,
    failback: FailbackPolicy,
    *,
    profile: str,
    drill: bool,
) -> list[Finding]:
    """Return all findings, blocking ones first, then by server key.

    Args:
        travellers: The servers that are not at home yet, those that are refused included.
        homes: What their origin accounts and Regions show, by name.
        gate: The plan's gate policy.
        failback: What the plan says about its way home.
        profile: Network profile of the mode.
        drill: Whether it is a drill of the failback, which takes no addresses and leaves the original instances alone.
    """
    travellers = list(travellers)
    findings = [BESIDE_PRODUCTION] if drill and any(not traveller.refusal for traveller in travellers) else []
    for name in sorted({traveller.home for traveller in travellers if traveller.home}):
        findings += _check_home(name, homes[name])
    for traveller in travellers:
        if traveller.refusal:
            remedy = "put that right and retry; to continue leaves the server out"
            findings.append(Finding(ERROR, traveller.server_key, f"it cannot go home: {traveller.refusal}", remedy))
            continue
        findings += _check_recovered(traveller)
        findings += _check_jobs(traveller)
        findings += _check_choice(traveller, failback, drill)
        findings += _check_tags(traveller, gate)
        home = homes[traveller.home] if traveller.home else None
        if isinstance(home, Home):
            original = None if drill else failback.original_of(traveller.kind)
            findings += check_network(
                traveller.server_key,
                traveller.entries,
                home,
                profile=profile,
                original_id=traveller.original_id,
                is_windows=traveller.is_windows,
                original=original,
            )
    return sorted(findings, key=lambda finding: (not finding.blocking, finding.server_key))


def _check_home(name: str, home: Home | Unknown) -> list[Finding]:
    if isinstance(home, Unknown):
        what = f"{name}, where servers are to go home to, could not be read: {home.reason}"
        return [Finding(UNKNOWN, "", what, "let the orchestrator reach it (dr_accounts), then retry")]
    if isinstance(home.roles_lacking, Unknown):
        what = f"whether DRS may fail back to {name} could not be read: {home.roles_lacking.reason}"
        return [Finding(UNKNOWN, "", what, "let the orchestrator read the roles (iam:GetRole), then retry")]
    if home.roles_lacking:
        what = f"DRS may not fail back to {name}: there is no {', no '.join(home.roles_lacking)}"
        return [Finding(ERROR, "", what, "run playbook accounts.yml in both accounts (failback_accounts), then retry")]
    if home.replication_templates is None:
        what = f"DRS is not initialised in {name}: {NEEDS_HOME}"
        return [Finding(ERROR, "", what, "initialise it there, with a replication configuration template")]
    if not home.replication_templates:
        what = f"DRS has no replication configuration template in {name}: {NEEDS_HOME}"
        return [Finding(ERROR, "", what, "create one there, with a staging subnet of that Region")]
    return []


def _check_recovered(traveller: Traveller) -> list[Finding]:
    if traveller.recovered_state == RUNNING:
        return []
    if traveller.recovered_state is None:
        what = "DRS does not show its recovery instance"
        return [Finding(UNKNOWN, traveller.server_key, what, "look at the server in the DRS console")]
    what = f"its recovery instance {traveller.recovered_id} is {traveller.recovered_state}, not running"
    return [Finding(ERROR, traveller.server_key, what, "start it: only what runs can be replicated back")]


def _check_choice(traveller: Traveller, failback: FailbackPolicy, drill: bool) -> list[Finding]:
    if drill or not traveller.stays or failback.original_instance != OriginalInstance.LAUNCH_INTO:
        return []
    what = "it goes home by the source server that protects it, which would launch into its original in a failover, too"
    remedy = "set failback.original_instance of the plan to replace, terminate or keep"
    return [Finding(ERROR, traveller.server_key, what, remedy)]


def _check_jobs(traveller: Traveller) -> list[Finding]:
    return [
        Finding(
            ERROR,
            traveller.server_key,
            f"job {job_id}, which is not this run's, is at work on it",
            "wait until the job has completed",
        )
        for job_id in traveller.jobs
    ]


def _check_tags(traveller: Traveller, gate: GatePolicy) -> list[Finding]:
    severity = ERROR if gate.mandatory_tags == FAIL else WARNING
    found = judge(gate.tags, traveller.tags, "the source server")
    return [Finding(severity, traveller.server_key, finding.what, finding.remedy) for finding in found]
