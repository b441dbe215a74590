"""The embedded AWS itself: how fast it starts, what a large estate takes, how many reads it answers."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from emulator.estate.generator import generate
from tests.benchmarks.process import cpu_seconds, resident_mebibytes
from tests.support.embedded import ROOT, EmbeddedAws

SAMPLE = ROOT / "emulator" / "estate" / "sample.yml"
STARTS = 5
CLIENTS = 3
READING_SECONDS = 10


def start() -> dict[str, Any]:
    """Start the sample estate some times."""
    times = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        aws = EmbeddedAws(SAMPLE)
        times.append(time.perf_counter() - begun)
        aws.stop()
    return {"starts": STARTS, "median_seconds": round(statistics.median(times), 2)}


def large_estate(servers: int) -> dict[str, Any]:
    """Load a generated estate and read all of its source servers once."""
    estate = generate(servers)
    begun = time.perf_counter()
    aws = EmbeddedAws(estate)
    try:
        seconds, cpu, memory = time.perf_counter() - begun, cpu_seconds(aws.pid), resident_mebibytes(aws.pid)
        found = sum(
            len(page["items"])
            for account in estate["accounts"]
            for page in aws.client("drs", account=account).get_paginator("describe_source_servers").paginate(filters={})
        )
        return {
            "servers": found,
            "start_seconds": round(seconds, 1),
            "start_cpu_seconds": round(cpu, 1),
            "mebibytes": memory,
            "mebibytes_after_reading_all": resident_mebibytes(aws.pid),
        }
    finally:
        aws.stop()


def reads() -> dict[str, Any]:
    """Let a few client processes read for some seconds: one source server, jobs, an item of a table."""
    aws = EmbeddedAws(SAMPLE)
    try:
        _make_table(aws)
        server = aws.client("drs").describe_source_servers(filters={})["items"][0]["sourceServerID"]
        credentials = aws.credentials()
        where = [aws.endpoint, credentials["aws_access_key_id"], credentials["aws_secret_access_key"], server]
        clients = [_client(where) for _ in range(CLIENTS)]
        used = cpu_seconds(aws.pid)
        for client in clients:
            _say_go(client)
        answers = [json.loads(client.communicate(timeout=60)[0]) for client in clients]
        calls = sum(answer["calls"] for answer in answers)
        return {
            "clients": CLIENTS,
            "calls": calls,
            "calls_a_second": round(calls / READING_SECONDS),
            "emulator_cpu_milliseconds_a_call": round((cpu_seconds(aws.pid) - used) / calls * 1000, 2),
        }
    finally:
        aws.stop()


def _make_table(aws: EmbeddedAws) -> None:
    tables = aws.client("dynamodb")
    tables.create_table(
        TableName="bench",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    parts = {f"part-{number}": {"S": "x" * 20} for number in range(10)}
    tables.put_item(TableName="bench", Item={"pk": {"S": "one"}, "data": {"M": parts}})


def _client(where: list[str]) -> subprocess.Popen[str]:
    client = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.clients", *where, str(READING_SECONDS)],
        cwd=Path(ROOT),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if client.stdout is None or not client.stdout.readline():
        raise RuntimeError("a client of the benchmark did not start")
    return client


def _say_go(client: subprocess.Popen[str]) -> None:
    if client.stdin is not None:
        client.stdin.write("go\n")
        client.stdin.flush()
