"""A failover of 300 servers in six waves on the embedded AWS: how long the rehearsal of about three hours takes."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emulator.estate.generator import generate
from tests.benchmarks.process import cpu_seconds, resident_mebibytes
from tests.support.embedded import EmbeddedAws
from tests.support.launches import subnet_map
from tests.support.orchestrator import Orchestrator

WAVES = 6


def plan(estate: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with as many applications in each wave."""
    applications = sorted({server["tags"]["Application"] for server in estate["servers"].values()})
    waves = min(WAVES, len(applications))
    return {
        "name": "bench",
        "groups": {name: {"tags": {"Application": name}} for name in applications},
        "waves": [{"name": f"wave-{n}", "groups": applications[n::waves], "timeout": 7200} for n in range(waves)],
        "targets": {"rto": 14400, "rpo": 900},
        "decision": {"timeout": 3600, "default": "abort"},
    }


def run(servers: int) -> dict[str, Any]:
    """Fail a generated estate over and return what it took."""
    estate = generate(servers)
    aws = EmbeddedAws(estate)
    try:
        with TemporaryDirectory() as folder:
            orchestrator = Orchestrator(aws, Path(folder), subnet_map(estate), plan(estate))
            used, begun = cpu_seconds(aws.pid), time.perf_counter()
            execution = orchestrator.follow(orchestrator.start("failover", "bench", "bench"), timeout=600)
            seconds = time.perf_counter() - begun
            statuses = list(orchestrator.statuses("bench").values())
            calls = sum(entry["count"] for entry in aws.control("calls")["counts"])
            return {
                "servers": servers,
                "status": execution["status"],
                "validated": statuses.count("validated"),
                "virtual_minutes": round((execution["stopDate"] - execution["startDate"]).total_seconds() / 60, 1),
                "seconds": round(seconds, 1),
                "emulator_cpu_seconds": round(cpu_seconds(aws.pid) - used, 1),
                "api_calls": calls,
                "emulator_mebibytes": resident_mebibytes(aws.pid),
            }
    finally:
        aws.stop()
