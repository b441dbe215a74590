# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans as declared: ordered waves over groups of servers (L(resolved_plans) says which servers these are today).

Schema: architecture, section 3 (C(dr_plans)).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from typing import Any

from .canonical import canonical, plain
from .capacity import CAPACITY_CODES, read_codes
from .decisions import Decision
from .drill_policy import DEFAULT_DRILL, DrillPolicy, parse_drill
from .errors import DeclarationError, Problem, Problems
from .failback_policy import DEFAULT_FAILBACK, FailbackPolicy, Order, parse_failback
from .fields import Fields, members_of
from .isolation_policy import DEFAULT_ISOLATION, IsolationPolicy, parse_isolation
from .probes import Probe, read_probes
from .selectors import parse_selector
from .tag_policy import TagPolicy
from .tag_rules import GATE_FIELDS, TagRule, read_rules
from .wave_steps import NO_STEPS, PHASES, Steps, parse_steps
from .wave_steps import not_permitted as not_permitted_in_wave

LONGEST_WAVE = 7 * 86400
LONGEST_SOAK = 86400
LONGEST_PAUSE = 30 * 86400
LONGEST_OBJECTIVE = 30 * 86400
MOST_WAVES = 99

PLAN_FIELDS = (
    "name",
    "description",
    "groups",
    "waves",
    "optional_servers",
    "targets",
    "decision",
    "gate",
    "probes",
    "drill",
    "failback",
)
GATE_POLICY_FIELDS = ("max_lag", "mandatory_tags", "tags", "isolation")
WAVE_FIELDS = (
    "name",
    "groups",
    "depends_on",
    "max_failures",
    "timeout",
    "windows_timeout",
    "retries",
    "next_instance_type_on",
    "soak",
    *PHASES,
)
DECISION_FIELDS = ("timeout", "default", "four_eyes")
PERCENT = re.compile("([0-9]{1,2}|100)%")


@dataclass(frozen=True, slots=True)
class Wave:
    """Servers that are recovered together.

    Attributes:
        groups: Names of the plan's groups.
        depends_on: Names of the waves that must have ended before this one starts; where the plan does not say, the one
            before it.
        max_failures: Failed critical servers that the wave tolerates, a number or a share of them (C(10%)).
        timeout: Seconds from the wave's start until an unfinished server counts as failed.
        windows_timeout: The same for a wave as long as a Windows server of it is unfinished.
        retries: Further launches of a server whose launch failed.
        next_instance_type_on: Error codes of EC2 with which a launch fails for want of capacity: the next one takes the
            next of the server's alternative instance types; none: all launches take the declared one.
        soak: Seconds between the validation of its servers and the end of the wave.
        steps: What happens before its first launch and after its validation.
    """

    name: str
    groups: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    max_failures: int | str = 0
    timeout: int = 3600
    windows_timeout: int = 3600
    retries: int = 1
    next_instance_type_on: tuple[str, ...] = CAPACITY_CODES
    soak: int = 0
    steps: Steps = NO_STEPS

    def tolerated(self, critical_servers: int) -> int:
        """Return how many of that many critical servers may fail; a share is rounded down."""
        if isinstance(self.max_failures, int):
            return self.max_failures
        return critical_servers * int(self.max_failures.rstrip("%")) // 100


@dataclass(frozen=True, slots=True)
class Targets:
    """Recovery objectives in seconds; None when the plan has none."""

    rto: int | None = None
    rpo: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """How long a paused run waits for a person (seconds), what it decides then, and who may decide.

    Attributes:
        four_eyes: Whoever requested the run may abort it, and decide nothing else.
    """

    timeout: int = 14400
    default: str = "abort"
    four_eyes: bool = False


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What must hold before a run may start.

    Attributes:
        max_lag: Seconds that a server's data may lag.
        mandatory_tags: Whether a server that does not keep C(tags) stops the run (C(fail)) or is told of (C(report)).
        tags: Rules of the tag policy, without their sources.
        isolation: What may lead out of the test subnets, in mode test.
    """

    max_lag: int = 900
    mandatory_tags: str = "report"
    tags: tuple[TagRule, ...] = ()
    isolation: IsolationPolicy = DEFAULT_ISOLATION


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as declared. Build it with L(parse_plan)."""

    name: str
    description: str
    groups: Mapping[str, Mapping[str, Any]]
    waves: tuple[Wave, ...]
    optional_servers: tuple[str, ...]
    targets: Targets
    decision: DecisionPolicy
    gate: GatePolicy
    probes: tuple[Probe, ...] = ()
    drill: DrillPolicy = DEFAULT_DRILL
    failback: FailbackPolicy = DEFAULT_FAILBACK

    def to_document(self) -> dict[str, Any]:
        """Return the plan as a plain dict that L(parse_plan) reads, every default written out."""
        return {
            "name": self.name,
            "description": self.description,
            "groups": {name: plain(selector) for name, selector in self.groups.items()},
            "waves": [
                {
                    "name": wave.name,
                    "groups": list(wave.groups),
                    "depends_on": list(wave.depends_on),
                    "max_failures": wave.max_failures,
                    "timeout": wave.timeout,
                    "windows_timeout": wave.windows_timeout,
                    "retries": wave.retries,
                    "next_instance_type_on": list(wave.next_instance_type_on),
                    "soak": wave.soak,
                    **wave.steps.to_document(),
                }
                for wave in self.waves
            ],
            "optional_servers": list(self.optional_servers),
            "targets": {"rto": self.targets.rto, "rpo": self.targets.rpo},
            "decision": {
                "timeout": self.decision.timeout,
                "default": self.decision.default,
                "four_eyes": self.decision.four_eyes,
            },
            "gate": {
                "max_lag": self.gate.max_lag,
                "mandatory_tags": self.gate.mandatory_tags,
                "tags": [rule.to_document() for rule in self.gate.tags],
                "isolation": self.gate.isolation.to_document(),
            },
            "probes": [probe.to_document() for probe in self.probes],
            "drill": self.drill.to_document(),
            "failback": self.failback.to_document(),
        }


DEFAULT_WAVE = Wave(name="", groups=())
DEFAULT_DECISION = DecisionPolicy()
DEFAULT_GATE = GatePolicy()
FAIL = "fail"
REPORT = "report"


def parse_plan(raw: Any, *, where: str = "dr_plans") -> Plan:
    """Read one plan.

    Args:
        raw: The plan as declared, or as L(Plan.to_document) wrote it.
        where: Where it came from, for messages; the plan's name is added.

    Raises:
        DeclarationError: Naming every problem: unknown keys, bad types and ranges, a wave that names no known group,
            empty waves, duplicate names, a group in two waves or in none, waves that depend on each other in a circle.
    """
    problems = Problems()
    plan = _read_plan(raw, where, problems)
    problems.raise_if_any()
    return plan


def parse_plans(raw: Any, *, where: str = "dr_plans") -> tuple[Plan, ...]:
    """Read all declared plans.

    Raises:
        DeclarationError: Naming every problem of every plan, two plans of one name included.
    """
    problems = Problems()
    declared: dict[str, Plan] = {}
    for place, member in members_of(raw, where, problems):
        plan = _read_plan(member, place, problems)
        if plan.name in declared:
            problems.add(plan.name, place, "is the name of two plans: rename one of them")
        declared[plan.name] = plan
    problems.raise_if_any()
    return tuple(declared.values())


def with_tag_policy(plan: Plan, policy: TagPolicy) -> Plan:
    """Return the plan with a gate that asks for the tags of the policy, unless it names tags of its own.

    Raises:
        DeclarationError: The gate shall fail for want of tags, and there are none to ask for.
    """
    tags = plan.gate.tags or tuple(rule.for_gate() for rule in policy.rules)
    if plan.gate.mandatory_tags == FAIL and not tags:
        remedy = "there are no tags to ask for: declare them in dr_tag_policy or dr_mandatory_tags"
        raise DeclarationError([Problem(FAIL, f"gate.mandatory_tags of plan {plan.name}", remedy)])
    return replace(plan, gate=replace(plan.gate, tags=tags))


def digest(plan: Plan) -> str:
    """Return a SHA-256 hexadecimal digest that changes when the plan's document changes."""
    return sha256(canonical(plan.to_document()).encode()).hexdigest()


def with_production(plan: Plan, cidrs: Iterable[str]) -> Plan:
    """Return the plan with further networks of production, which its drills must not reach."""
    return replace(plan, gate=replace(plan.gate, isolation=plan.gate.isolation.with_production(cidrs)))


def not_permitted(plan: Plan, functions: Collection[str], documents: Collection[str]) -> list[Problem]:
    """Return a problem for every step of the plan that the orchestrator may not take (L(wave_steps.not_permitted))."""
    return [
        problem
        for wave in plan.waves
        for problem in not_permitted_in_wave(wave.steps, functions, documents, f"wave {wave.name} of plan {plan.name}")
    ]


def start_order(plan: Plan) -> list[int]:
    """Return the numbers of the waves (from 1), each after those that it depends on."""
    numbers = {wave.name: number for number, wave in enumerate(plan.waves, start=1)}
    return [numbers[name] for name in TopologicalSorter({w.name: w.depends_on for w in plan.waves}).static_order()]


def for_mode(plan: Plan, mode: str) -> Plan:
    """Return the plan as a mode runs it: in a failback whose plan says so a wave begins after those that wait for it.

    The waves keep their numbers. The plan that is published, and that a run's record keeps, is the declared one.
    """
    if mode != "failback" or plan.failback.order != Order.REVERSED:
        return plan
    waiting: dict[str, list[str]] = {wave.name: [] for wave in plan.waves}
    for wave in plan.waves:
        for name in wave.depends_on:
            waiting[name].append(wave.name)
    return replace(plan, waves=tuple(replace(wave, depends_on=tuple(waiting[wave.name])) for wave in plan.waves))


def unknown_plan(name: str, known: Sequence[str]) -> DeclarationError:
    """Return the error for a plan that nobody published."""
    remedy = f"no such plan: use one of {', '.join(sorted(known))}" if known else "no plan is published: run configure"
    return DeclarationError([Problem(repr(name), "plan", remedy)])


def _read_plan(raw: Any, where: str, problems: Problems) -> Plan:
    name = raw.get("name") if isinstance(raw, Mapping) else None
    fields = Fields(raw, f"{where} ({name})" if name else where, problems, PLAN_FIELDS)
    groups = _read_groups(fields, problems)
    waves = _read_waves(fields, groups, problems)
    targets = Fields(fields.value("targets") or {}, fields.at("targets"), problems, ("rto", "rpo"))
    decision = Fields(fields.value("decision") or {}, fields.at("decision"), problems, DECISION_FIELDS)
    gate = Fields(fields.value("gate") or {}, fields.at("gate"), problems, GATE_POLICY_FIELDS)
    return Plan(
        name=fields.given_name(),
        description=fields.text("description", "", pattern=r"(?s).*"),
        groups=groups,
        waves=waves,
        optional_servers=tuple(key.lower() for key in fields.texts("optional_servers", ())),
        targets=Targets(_objective(targets, "rto"), _objective(targets, "rpo")),
        decision=DecisionPolicy(
            timeout=decision.integer("timeout", DEFAULT_DECISION.timeout, minimum=60, maximum=LONGEST_PAUSE),
            default=decision.choice("default", [str(choice) for choice in Decision], DEFAULT_DECISION.default),
            four_eyes=decision.boolean("four_eyes", DEFAULT_DECISION.four_eyes),
        ),
        gate=GatePolicy(
            max_lag=gate.integer("max_lag", DEFAULT_GATE.max_lag, minimum=0, maximum=LONGEST_OBJECTIVE),
            mandatory_tags=gate.choice("mandatory_tags", (FAIL, REPORT), DEFAULT_GATE.mandatory_tags),
            tags=read_rules(gate.value("tags"), gate.at("tags"), problems, known=GATE_FIELDS),
            isolation=parse_isolation(gate.value("isolation"), gate.at("isolation"), problems),
        ),
        probes=read_probes(fields.value("probes"), fields.at("probes"), groups, problems),
        drill=parse_drill(fields.value("drill"), fields.at("drill"), problems),
        failback=parse_failback(fields.value("failback"), fields.at("failback"), problems),
    )


def _objective(targets: Fields, name: str) -> int | None:
    return targets.integer(name, minimum=1, maximum=LONGEST_OBJECTIVE) if name in targets else None


def _read_groups(plan: Fields, problems: Problems) -> dict[str, dict[str, Any]]:
    raw = plan.value("groups")
    if not isinstance(raw, Mapping) or not raw:
        plan.reject("groups", "must be a mapping of group names to selectors, with at least one group")
        return {}
    return {
        str(name): parse_selector(selector, f"{plan.at('groups')}.{name}", problems) for name, selector in raw.items()
    }


def _read_waves(plan: Fields, groups: Mapping[str, Any], problems: Problems) -> tuple[Wave, ...]:
    members = members_of(plan.value("waves"), plan.at("waves"), problems)
    if not 1 <= len(members) <= MOST_WAVES:
        plan.reject("waves", f"must be a list of 1 to {MOST_WAVES} waves")
    waves: list[Wave] = []
    wave_of_group: dict[str, str] = {}
    for place, member in members:
        fields = Fields(member, place, problems, WAVE_FIELDS)
        wave = _read_wave(fields, problems, after=waves[-1].name if waves else None)
        if wave.name in {other.name for other in waves}:
            fields.reject("name", "is the name of two waves: rename one of them")
        for group in wave.groups:
            if group not in groups:
                problems.add(
                    group, fields.at("groups"), f"no such group: use {', '.join(groups) or 'a declared group'}"
                )
            elif group in wave_of_group:
                problems.add(group, fields.at("groups"), f"is in wave {wave_of_group[group]} already: name it once")
            wave_of_group.setdefault(group, wave.name)
        waves.append(wave)
    for group in groups:
        if group not in wave_of_group:
            problems.add(group, plan.at("groups"), "is in no wave: name it in a wave, or take it out")
    _check_dependencies(waves, plan.at("waves"), problems)
    return tuple(waves)


def _read_wave(fields: Fields, problems: Problems, after: str | None) -> Wave:
    """Read one wave; C(after) is the name of the one before it in the list."""
    timeout = fields.integer("timeout", DEFAULT_WAVE.timeout, minimum=60, maximum=LONGEST_WAVE)
    return Wave(
        name=fields.given_name(),
        groups=fields.texts("groups"),
        depends_on=fields.texts("depends_on", (after,) if after else ()),
        max_failures=_max_failures(fields),
        timeout=timeout,
        windows_timeout=fields.integer("windows_timeout", timeout, minimum=timeout, maximum=LONGEST_WAVE),
        retries=fields.integer("retries", DEFAULT_WAVE.retries, minimum=0, maximum=10),
        next_instance_type_on=read_codes(fields, "next_instance_type_on"),
        soak=fields.integer("soak", DEFAULT_WAVE.soak, minimum=0, maximum=LONGEST_SOAK),
        steps=parse_steps(fields, problems),
    )


def _max_failures(fields: Fields) -> int | str:
    if isinstance(fields.value("max_failures"), str):
        return fields.text(
            "max_failures", pattern=PERCENT.pattern, remedy="must be a number of servers, or a share (10%)"
        )
    return fields.integer("max_failures", 0, minimum=0, maximum=10_000)


def _check_dependencies(waves: Sequence[Wave], where: str, problems: Problems) -> None:
    names = [wave.name for wave in waves]
    for number, wave in enumerate(waves):
        for name in wave.depends_on:
            if name not in names:
                problems.add(name, f"{where}[{number}].depends_on", f"no such wave: use {', '.join(names)}")
    try:
        TopologicalSorter({wave.name: wave.depends_on for wave in waves}).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        problems.add(circle, where, "wait for each other in a circle: take one of these dependencies out")
