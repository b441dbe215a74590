# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How clients of the collection behave: patient with throttles, impatient with an endpoint that is not there.

This module util is private to the collection.
"""

from __future__ import annotations

from typing import Any, TypeVar

try:
    from botocore.config import Config
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError
except ImportError:
    pass  # AnsibleAWSModule says that botocore is missing

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 60  # seconds
MAX_ATTEMPTS = 10
MAX_CONNECT_ATTEMPTS = 2
MAX_CONNECTIONS = 16

Client = TypeVar("Client", bound=Any)


def client_config() -> Config:
    """Return the settings of every client: botocore's standard retries, which know every throttle; short connects."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        max_pool_connections=MAX_CONNECTIONS,
    )


def give_up_early_when_unreachable(client: Client) -> Client:
    """Let C(client) try an endpoint that nobody answers at only twice.

    The retries of botocore count a refused connection like a throttle: ten attempts would take minutes to tell a person
    that the endpoint is mistyped.
    """
    client.meta.events.register_first("needs-retry.*", _raise_when_unreachable)
    return client


def _raise_when_unreachable(attempts: int, caught_exception: Exception | None, **_rest: Any) -> None:
    unreachable = isinstance(caught_exception, (ConnectTimeoutError, EndpointConnectionError))
    if unreachable and caught_exception and attempts >= MAX_CONNECT_ATTEMPTS:
        raise caught_exception
