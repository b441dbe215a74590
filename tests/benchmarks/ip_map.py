"""The IP map table: what it takes to write, read and change the addresses of a large estate, in calls and seconds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.clients import client_config
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import MapEntry, compare, plan_entries
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_csv import parse_plan, render_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_review import review
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_search import Search

from tests.support.embedded import EmbeddedAws
from tests.unit.core.builders import source_server, subnet_map

TABLE = "ip-map"
WHO = {"updated_by": "arn:aws:iam::222222222222:user/dr-operator", "updated_at": "2026-11-23T12:00:00+00:00"}


def entries(count: int) -> list[MapEntry]:
    """Return the entries of so many servers, 200 to a subnet, away from the reserved addresses."""
    networks = subnet_map(*(f"10.10.{number}.0/24" for number in range(256)))
    servers = [source_server(n, addresses=[f"10.10.{n // 200}.{n % 200 + 10}"]) for n in range(count)]
    return plan_entries(servers, networks)


def review_plan(count: int) -> Callable[[], object]:
    """Read an address plan of so many servers, with two addresses each, and compare it with the map."""
    stored = entries(count)
    content = render_plan(stored)

    def work() -> None:
        problems = Problems()
        assert review(parse_plan(content, "plan.csv", problems), stored, problems) == []

    return work


def table(count: int) -> dict[str, Any]:
    """Bring the map of so many servers to an empty table; then find it equal, change all of it, read it, export it."""
    aws = EmbeddedAws()
    try:
        aws.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        ip_map = IpMapTable(aws.client("dynamodb", config=client_config()), TABLE)
        wanted, steps = entries(count), {}
        renamed = [replace(entry, source=replace(entry.source, hostname="renamed")) for entry in wanted]
        for name, state in (("create", wanted), ("equal", wanted), ("change", renamed)):
            with _measured(aws, steps, name):
                _bring(ip_map, state)
        with _measured(aws, steps, "read_all"):
            assert len(ip_map.find(Search())) == count
        with _measured(aws, steps, "by_subnet"):
            ip_map.find(Search(subnet_id="subnet-f0"))
        with _measured(aws, steps, "by_address_of_a_subnet"):
            ip_map.find(Search(subnet_id="subnet-f0", address="10.20.0.10"))
        return {"servers": count, **steps}
    finally:
        aws.stop()


def _bring(ip_map: IpMapTable, wanted: list[MapEntry]) -> None:
    changes = ip_map.check(compare(wanted, ip_map.read(entry.server_key for entry in wanted)))
    ip_map.write(changes, **WHO).raise_if_any("write")


@contextmanager
def _measured(aws: EmbeddedAws, steps: dict[str, Any], name: str) -> Iterator[None]:
    before, begun = _calls(aws), time.perf_counter()
    yield
    seconds = time.perf_counter() - begun
    steps[name] = {"seconds": round(seconds, 2), "calls": dict(_calls(aws) - before)}


def _calls(aws: EmbeddedAws) -> Counter[str]:
    return Counter({entry["operation"]: entry["count"] for entry in aws.control("calls")["counts"]})
