"""The boto3 clients with which state machines call services: credentials of the machine's role, in its account.

moto uses one invented key for everything, which lands every task in its default account. Clients are kept, because
making one costs more than the call.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from moto.stepfunctions.parser.asl.utils import boto_client

from emulator.auth import open_session
from emulator.completion import replace
from emulator.stepfunctions.roles import SESSION

_LOCK = threading.Lock()
_SESSIONS: dict[tuple[str, str], boto3.session.Session] = {}
_CLIENTS: dict[tuple[str, str, str], BaseClient] = {}
_SECONDS_FOR_AN_ANSWER = 930  # a function may run for 15 minutes


def client_for(region: str, service: str, state_credentials: Any = None) -> BaseClient:
    """Return a client of a service in a Region that calls as the role of `state_credentials`."""
    role_arn = state_credentials.role_arn
    key = (role_arn, region, service)
    with _LOCK:
        if key not in _CLIENTS:
            _CLIENTS[key] = _session(role_arn, region).client(
                service,
                endpoint_url=f"http://127.0.0.1:{os.environ['MOTO_PORT']}",
                config=Config(
                    parameter_validation=False,
                    max_pool_connections=64,
                    read_timeout=_SECONDS_FOR_AN_ANSWER,
                    retries={"total_max_attempts": 1},
                    inject_host_prefix=False,
                    s3={"addressing_style": "path"},
                ),
            )
        return _CLIENTS[key]


def _session(role_arn: str, region: str) -> Any:
    if (role_arn, region) not in _SESSIONS:
        session = open_session(role_arn, SESSION, region)
        _SESSIONS[(role_arn, region)] = boto3.session.Session(
            aws_access_key_id=session.access_key_id,
            aws_secret_access_key=session.secret_access_key,
            aws_session_token=session.session_token,
            region_name=region,
        )
    return _SESSIONS[(role_arn, region)]


def install() -> None:
    """Hand these clients to every task type (they import the function by name)."""
    original = boto_client.boto_client_for
    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is original:
            replace(module, boto_client_for=client_for)
