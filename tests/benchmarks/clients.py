"""A client process of the benchmark of reads: the same few calls for so many seconds, and how many there were."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-west-2"


def calls(endpoint: str, key: str, secret: str, server_id: str) -> list[Callable[[], Any]]:
    """Return the calls of a read-mostly client: DRS and DynamoDB."""
    session: Any = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=REGION)
    config = Config(retries={"total_max_attempts": 1})
    drs = session.client("drs", endpoint_url=endpoint, config=config)
    tables = session.client("dynamodb", endpoint_url=endpoint, config=config)
    item = {"TableName": "bench", "Key": {"pk": {"S": "one"}}, "ConsistentRead": True}
    return [
        lambda: drs.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"][0],
        lambda: drs.describe_jobs(filters={}),
        lambda: tables.get_item(**item)["Item"],
        lambda: tables.get_item(**item)["Item"],
    ]


def main() -> None:
    """Call for the seconds of the last argument after a line on standard input says go; print the number of calls."""
    *where, seconds = sys.argv[1:]
    work = calls(*where)
    for call in work:
        call()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    count, end = 0, time.monotonic() + float(seconds)
    for call in itertools.cycle(work):
        if time.monotonic() >= end:
            break
        call()
        count += 1
    sys.stdout.write(json.dumps({"calls": count, "cpu_seconds": time.process_time()}) + "\n")


if __name__ == "__main__":
    main()
