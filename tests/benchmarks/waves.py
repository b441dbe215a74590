"""A wave of 1,000 servers with jobs of others in the account: what it takes, and how near it comes to the quotas."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import pacing
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timestamps import parse_time

from emulator.estate.generator import generate
from tests.benchmarks.process import cpu_seconds, resident_mebibytes
from tests.support.embedded import TARGET, EmbeddedAws
from tests.support.histories import histories, largest_state
from tests.support.launches import subnet_map
from tests.support.orchestrator import REGION, Orchestrator

RUN = "bench"
FOREIGN_JOBS, SERVERS_OF_A_FOREIGN_JOB = 5, 20
SERVERS_AFTERWARDS = 12
SLOW = 6
"""How many times longer than usual the foreign jobs take: they last while most of the wave starts."""

AT_ONCE = (1_000_000, 1_000_000.0)
"""A request bucket that makes nobody wait."""


def split(document: dict[str, Any], servers: int) -> tuple[list[str], list[str], list[str]]:
    """Return the names of those in the wave, of those in the wave after it, and of those of others."""
    names = list(document["servers"])
    after = servers + SERVERS_AFTERWARDS
    return names[:servers], names[servers:after], names[after:]


def run(servers: int) -> dict[str, Any]:
    """Fail two waves over, the first one with so many servers, while others recover theirs."""
    document = generate(servers + SERVERS_AFTERWARDS + FOREIGN_JOBS * SERVERS_OF_A_FOREIGN_JOB)
    first, second, foreign = split(document, servers)
    aws = EmbeddedAws(document)
    try:
        with TemporaryDirectory() as folder:
            extend_all(aws, document)
            ids = ids_of(aws)
            orchestrator = configured(aws, Path(folder), document, _plan(ids, first, second))
            aws.control("calls", method="DELETE")
            used, begun = cpu_seconds(aws.pid), time.perf_counter()
            _recover_others(aws, [ids[name] for name in foreign])
            execution = orchestrator.follow(orchestrator.start("failover", RUN, "bench"), timeout=1800)
            seconds = time.perf_counter() - begun
            return {
                "servers": servers,
                "status": execution["status"],
                "validated": list(orchestrator.statuses(RUN).values()).count("validated"),
                "jobs_of_the_wave": sum(job["tags"]["dr:wave"] == "1" for job in orchestrator.jobs(RUN)),
                **_peaks(aws),
                "seconds_between_waves": _between(orchestrator),
                **states(orchestrator),
                "virtual_minutes": round((execution["stopDate"] - execution["startDate"]).total_seconds() / 60, 1),
                "seconds": round(seconds, 1),
                "emulator_cpu_seconds": round(cpu_seconds(aws.pid) - used, 1),
                "emulator_mebibytes": resident_mebibytes(aws.pid),
                "calls": calls(aws),
            }
    finally:
        aws.stop()


def extend_all(aws: EmbeddedAws, document: dict[str, Any]) -> None:
    """Extend every server of a staging account."""
    for account in document["accounts"]:
        if account == TARGET:
            continue
        pages = aws.client("drs", account=account).get_paginator("describe_source_servers").paginate(filters={})
        for server in [server for page in pages for server in page["items"]]:
            aws.client("drs").create_extended_source_server(sourceServerArn=server["arn"], tags=server["tags"])


def ids_of(aws: EmbeddedAws) -> dict[str, str]:
    """Return the ids of the target account's source servers by host name."""
    pages = aws.client("drs").get_paginator("describe_source_servers").paginate(filters={})
    servers = [server for page in pages for server in page["items"]]
    return {
        server["sourceProperties"]["identificationHints"]["hostname"]: server["sourceServerID"] for server in servers
    }


def configured(aws: EmbeddedAws, folder: Path, document: dict[str, Any], plan: dict[str, Any]) -> Orchestrator:
    """Deploy, and configure the estate without waiting for request buckets: that is not measured here."""
    with mock.patch.dict(pacing.BUCKETS, dict.fromkeys(pacing.BUCKETS, AT_ONCE)):
        return Orchestrator(aws, folder, subnet_map(document), plan)


def _plan(ids: dict[str, str], first: list[str], second: list[str]) -> dict[str, Any]:
    return {
        "name": "bench",
        "groups": {
            "first": {"source_server_ids": [ids[name] for name in first]},
            "second": {"source_server_ids": [ids[name] for name in second]},
        },
        "waves": [{"name": name, "groups": [name], "timeout": 21600} for name in ("first", "second")],
        "decision": {"timeout": 3600, "default": "abort"},
    }


def _recover_others(aws: EmbeddedAws, ids: list[str]) -> None:
    for server_id in ids:
        aws.control(
            "drs/source-server", {"account": TARGET, "region": REGION, "source_server_id": server_id, "slow": SLOW}
        )
    for number in range(FOREIGN_JOBS):
        own = ids[number * SERVERS_OF_A_FOREIGN_JOB : (number + 1) * SERVERS_OF_A_FOREIGN_JOB]
        aws.client("drs").start_recovery(sourceServers=[{"sourceServerID": one} for one in own], isDrill=True)


def _peaks(aws: EmbeddedAws) -> dict[str, int]:
    """Return how many jobs there were at once, and how many servers in them, those of others among them."""
    moments: list[tuple[datetime, int, int]] = []
    most_in_one = 0
    for page in aws.client("drs").get_paginator("describe_jobs").paginate(filters={}):
        for job in page["items"]:
            servers = len(job["participatingServers"])
            most_in_one = max(most_in_one, servers)
            moments.append((parse_time(job["creationDateTime"]), 1, servers))
            if job["status"] == "COMPLETED":
                moments.append((parse_time(job["endDateTime"]), -1, -servers))
    jobs = servers = most_jobs = most_servers = 0
    for _moment, one, own in sorted(moments):
        jobs, servers = jobs + one, servers + own
        most_jobs, most_servers = max(most_jobs, jobs), max(most_servers, servers)
    return {"most_servers_in_a_job": most_in_one, "most_jobs_at_once": most_jobs, "most_servers_in_jobs": most_servers}


def _between(orchestrator: Orchestrator) -> float:
    last = max(parse_time(server["validated_at"]) for server in orchestrator.runs.get_servers(RUN, 1))
    (second,) = [wave for wave in orchestrator.runs.get_waves(RUN) if wave["wave"] == 2]
    return round((parse_time(second["started_at"]) - last).total_seconds(), 1)


def states(orchestrator: Orchestrator) -> dict[str, Any]:
    """Return how large the largest state was, and how long the histories are."""
    found = histories(orchestrator, RUN)
    return {
        "largest_state_bytes": max(largest_state(events) for events in found.values()),
        "history_events": {name: len(events) for name, events in found.items()},
    }


def calls(aws: EmbeddedAws) -> dict[str, int]:
    """Return how often each operation was called."""
    counts: dict[str, int] = {}
    for entry in aws.control("calls")["counts"]:
        name = f"{entry['service']} {entry['operation']}"
        counts[name] = counts.get(name, 0) + entry["count"]
    return dict(sorted(counts.items()))
