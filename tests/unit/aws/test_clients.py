"""How patient clients are."""

from __future__ import annotations

import socket
import time
from typing import Any

import boto3
import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.clients import (
    client_config,
    give_up_early_when_unreachable,
)
from botocore.exceptions import EndpointConnectionError


def client_of(endpoint: str) -> Any:
    """Return a DRS client as modules have it."""
    made = boto3.session.Session().client(
        "drs",
        region_name="us-west-2",
        endpoint_url=endpoint,
        aws_access_key_id="AKIANOBODY0000000000",
        aws_secret_access_key="a-secret-key-that-nobody-has-00000000000",
        config=client_config(),
    )
    return give_up_early_when_unreachable(made)


def test_an_endpoint_that_nobody_listens_at_is_given_up_after_two_attempts() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = client_of(f"http://127.0.0.1:{unused.getsockname()[1]}")
        attempts = []
        client.meta.events.register("before-send.drs", lambda request, **_rest: attempts.append(request.url))
        started = time.monotonic()
        with pytest.raises(EndpointConnectionError):
            client.describe_source_servers(filters={})
    assert len(attempts) == 2
    assert time.monotonic() - started < 10


def test_throttles_are_tried_ten_times() -> None:
    assert client_config().retries == {"mode": "standard", "total_max_attempts": 10}
