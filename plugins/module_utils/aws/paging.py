# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paged reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import translate


def read_pages(client: Any, operation: str, what: str, *, key: str, **arguments: Any) -> Iterator[Any]:
    """Yield the items of all pages; a page is read when its first item is wanted.

    Args:
        client: boto3 client.
        operation: Its method, in snake case.
        what: What is being done, for the error.
        key: Member of the answer that holds the items.
        arguments: Parameters of the operation.

    Raises:
        AwsError: AWS refused, see L(errors.translate).
    """
    try:
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page[key]
    except Exception as error:
        raise translate(error, what) from error
