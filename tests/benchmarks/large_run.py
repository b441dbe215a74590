"""A run of 3,000 servers up to its second wave, which nobody approves: how large states are, how long calls take."""

from __future__ import annotations

import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emulator.estate.generator import generate
from tests.benchmarks.process import cpu_seconds, resident_mebibytes
from tests.benchmarks.waves import RUN, calls, configured, extend_all, ids_of, states
from tests.support.embedded import EmbeddedAws
from tests.support.orchestrator import PREFIX, Orchestrator

FIRST_WAVE = 20
INTERVAL = 5
"""Seconds between two looks at the run: more of them would be what is measured."""

DURATION = re.compile(r"Duration: ([0-9.]+) ms")


def run(servers: int) -> dict[str, Any]:
    """Start a failover of so many servers, launch the first of them, and abort it where it asks for an approval."""
    document = generate(servers)
    aws = EmbeddedAws(document)
    try:
        with TemporaryDirectory() as folder:
            extend_all(aws, document)
            orchestrator = configured(aws, Path(folder), document, _plan(list(ids_of(aws).values())))
            aws.control("calls", method="DELETE")
            used, begun = cpu_seconds(aws.pid), time.perf_counter()
            arn = orchestrator.start("failover", RUN, "bench")
            orchestrator.follow(arn, until_paused=True, timeout=1200, interval=INTERVAL)
            orchestrator.decide(RUN, "abort")
            execution = orchestrator.follow(arn, timeout=1200, interval=INTERVAL)
            return {
                "servers": servers,
                "status": execution["error"],
                "validated": list(orchestrator.statuses(RUN).values()).count("validated"),
                **states(orchestrator),
                "longest_call_seconds": _longest_calls(orchestrator),
                "seconds": round(time.perf_counter() - begun, 1),
                "emulator_cpu_seconds": round(cpu_seconds(aws.pid) - used, 1),
                "emulator_mebibytes": resident_mebibytes(aws.pid),
                "calls": calls(aws),
            }
    finally:
        aws.stop()


def _plan(ids: list[str]) -> dict[str, Any]:
    approval = {"name": "go", "approval": {"message": "Launch all the others?"}}
    return {
        "name": "bench",
        "groups": {
            "first": {"source_server_ids": ids[:FIRST_WAVE]},
            "second": {"source_server_ids": ids[FIRST_WAVE:]},
        },
        "waves": [
            {"name": "first", "groups": ["first"], "timeout": 21600},
            {"name": "second", "groups": ["second"], "timeout": 21600, "before": [approval]},
        ],
        "decision": {"timeout": 3600, "default": "abort"},
    }


def _longest_calls(orchestrator: Orchestrator) -> dict[str, float]:
    """Return the real seconds of the longest call of every function, by its log."""
    logs, found = orchestrator.client("logs"), {}
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{PREFIX}-"):
        for group in page["logGroups"]:
            name = group["logGroupName"]
            events = logs.get_paginator("filter_log_events").paginate(logGroupName=name, filterPattern="REPORT")
            texts = [event["message"] for piece in events for event in piece["events"]]
            durations = [float(took[1]) for text in texts if (took := DURATION.search(text))]
            if durations:
                found[name.removeprefix(f"/aws/lambda/{PREFIX}-")] = round(max(durations) / 1000, 1)
    return found
