"""`make bench` prints JSON: how the decisions grow with the estate, and what the embedded AWS takes for its work.

Names of cases after the command choose some of them: `python -m tests.benchmarks reads failover`.

`ratio` is the time for twice as many servers over the time for as many: near 2 is linear, near 4 quadratic.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import tag_policy
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.addresses import translate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.correlation import correlate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extensions import make_plan, parse_extensions
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import compare, plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.waves import WavePolicy, reconcile

from tests.benchmarks import correlation, embedded, failover, ip_map, large_run, launches, waves
from tests.unit.core.builders import START, at, complete_map, record, source_server, subnet_map, target

RUNS = 5
Work = Callable[[], object]

NETWORKS = [f"10.10.{number}.0/24" for number in range(256)]


def _servers(count: int) -> list[Any]:
    """One address each, 200 to a subnet, away from the reserved ones."""
    return [
        source_server(n, addresses=[f"10.10.{n // 200}.{n % 200 + 10}"], tags={"Application": f"app-{n % 20}"})
        for n in range(count)
    ]


def translate_addresses(count: int) -> Work:
    """Find the rule of every address among a thousand that lie in each other, and translate it by that."""
    everything = ["10.0.0.0/8", *(f"10.{high}.0.0/16" for high in range(4))]
    networks = [f"10.{high}.{low}.0/24" for high in range(4) for low in range(250)]
    subnets = complete_map(
        [
            *({"source_cidr": cidr, "failover": target("subnet-w", "172.16.0.0/16", "dynamic")} for cidr in everything),
            *(
                {"source_cidr": cidr, "failover": target("subnet-n", "172" + cidr.removeprefix("10"))}
                for cidr in networks
            ),
        ]
    )
    addresses = [f"10.{n % 4}.{n % 250}.{4 + n % 250}" for n in range(count)]

    def work() -> list[str | None]:
        found = [(address, rule) for address in addresses if (rule := subnets.find(address)) is not None]
        return [translate(address, rule.source_cidr, rule.targets["failover"]) for address, rule in found]

    return work


def map_addresses(count: int) -> Work:
    """Translate every address into two networks and check that no two servers hold one."""
    servers, networks = _servers(count), subnet_map(*NETWORKS)
    return lambda: plan_entries(servers, networks)


def compare_map(count: int) -> Work:
    """Compare an IP map with an equal one."""
    entries = plan_entries(_servers(count), subnet_map(*NETWORKS))
    return lambda: compare(entries, entries)


def resolve_plan(count: int) -> Work:
    """Find the servers of a plan of 20 groups by their tags."""
    servers = _servers(count)
    groups = {f"group-{n}": {"tags": {"Application": f"app-{n}"}} for n in range(20)}
    waves = [{"name": f"wave-{n}", "groups": [f"group-{n}"]} for n in range(20)]
    plan = parse_plan({"name": "bench", "groups": groups, "waves": waves})
    return lambda: resolve(plan, servers)


def reconcile_wave(count: int) -> Work:
    """Decide the first step of a wave."""
    records = [record(n) for n in range(count)]
    arguments: dict[str, Any] = {"run_id": "bench", "wave": 1, "now": at(60), "wave_started_at": START}
    return lambda: reconcile(records, [], {None: Quotas()}, WavePolicy(), **arguments)


def correlate_new(count: int) -> Work:
    """Put the servers and instances of ten accounts together for the first time, by ids."""
    seen = correlation.observed(count, with_ids=True)
    return lambda: correlate(seen)


def correlate_known(count: int) -> Work:
    """The same, every machine known from before."""
    seen = correlation.observed(count, with_ids=True)
    known = correlation.known(seen)
    return lambda: correlate(seen, known)


def correlate_by_name(count: int) -> Work:
    """The same where no source server tells its instance: by names and addresses."""
    seen = correlation.observed(count, with_ids=False)
    return lambda: correlate(seen)


def resolve_tags(count: int) -> Work:
    """Resolve a policy of ten tags for every server, with thirty tags on its EC2 instance, and judge the outcome."""
    rules = [{"key": f"Key-{n}", "variable": f"key_{n}", "ec2_tag": f"Key-{n}", "allowed": ["a"]} for n in range(10)]
    policy = tag_policy.parse_tag_policy({"tags": rules, "copy_ec2_tags": True, "purge_tags": True})
    instance = {f"Key-{n}": "a" for n in range(30)}
    servers = _servers(count)

    def work() -> None:
        for server in servers:
            resolution = tag_policy.resolve(policy, server.tags, variables={}, ec2=instance, where=server.key)
            tag_policy.findings(policy, resolution, resolution.changes.applied(server.tags))

    return work


def plan_extensions(count: int) -> Work:
    """Compare what is declared with what ten staging accounts offer, none of it extended yet, in 200 declarations."""
    offered = {}
    for n in range(count):
        arn = f"arn:aws:drs:us-west-2:{n % 10:012d}:source-server/s-{n:017d}"
        offered[arn] = {"arn": arn, "tags": {"Application": f"app-{n // 10 % 20}"}}
    wanted = parse_extensions(
        [{"staging_account_id": f"{n % 10:012d}", "tags": {"Application": f"app-{n // 10}"}} for n in range(200)]
    )
    return lambda: make_plan(wanted, {}, offered, {})


CASES: dict[str, tuple[Callable[[int], Work], int]] = {
    "translate_addresses": (translate_addresses, 10_000),
    "map_addresses": (map_addresses, 10_000),
    "compare_map": (compare_map, 10_000),
    "review_address_plan": (ip_map.review_plan, 3_000),
    "resolve_plan": (resolve_plan, 4_000),
    "reconcile_wave": (reconcile_wave, 4_000),
    "plan_extensions": (plan_extensions, 4_000),
    "resolve_tags": (resolve_tags, 4_000),
    "correlate_new": (correlate_new, 4_000),
    "correlate_known": (correlate_known, 4_000),
    "correlate_by_name": (correlate_by_name, 4_000),
}


def _median(work: Work) -> float:
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _growth(case: Callable[[int], Work], count: int) -> dict[str, Any]:
    single, double = _median(case(count)), _median(case(2 * count))
    return {
        "servers": count,
        "median_seconds": round(single, 4),
        "median_seconds_twice_as_many": round(double, 4),
        "ratio": round(double / single, 2),
    }


EMBEDDED: dict[str, Callable[[], dict[str, Any]]] = {
    "start": embedded.start,
    "large_estate": lambda: embedded.large_estate(3000),
    "reads": embedded.reads,
    "ip_map": lambda: ip_map.table(3000),
    "failover": lambda: failover.run(300),
    "launches": lambda: launches.run(300),
    "launches_default_only": lambda: launches.run(300, both_ends=False),
    "wave-1000": lambda: waves.run(1000),
    "run-3000": lambda: large_run.run(3000),
}


def main() -> None:
    known = [*CASES, *EMBEDDED]
    unknown = [name for name in sys.argv[1:] if name not in known]
    if unknown:
        sys.exit(f"no case {unknown[0]}; there are: {', '.join(known)}")
    results = {}
    for name in sys.argv[1:] or known:
        results[name] = _growth(*CASES[name]) if name in CASES else EMBEDDED[name]()
    json.dump({"python": sys.version.split()[0], "runs": RUNS, "cases": results}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
