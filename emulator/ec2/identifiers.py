"""Identifiers of EC2 resources that depend on the seed and on what was asked for, not on chance.

moto takes random ones. Here an identifier is a digest of the seed, of the scope in which the resource is made, and of
how many of its kind were made in that scope before. Launches of DRS are scopes of their own, so the order in which
threads get there does not matter.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import moto.ec2.models.elastic_network_interfaces as interfaces_module
import moto.ec2.utils
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

from ..completion import replace
from ..drs.identifiers import digest
from ..kept import keep_table


class _Scope(threading.local):
    """The scope of a thread: what names it, and how many resources of each kind it has made."""

    parts: tuple[object, ...] = ()
    made: Counter[str]

    def __init__(self) -> None:
        self.made = _made_anywhere


_made_anywhere: Counter[str] = Counter()
keep_table("identifiers of EC2", _made_anywhere)
_scope = _Scope()


@contextmanager
def made_for(*parts: object, made: Counter[str] | None = None) -> Iterator[None]:
    """Derive the identifiers of what is made inside from `parts`.

    Args:
        parts: what names the scope; a scope that may come again needs a part that differs, or its own `made`.
        made: how many resources of each kind the scope has made before.
    """
    outer = _scope.parts, _scope.made
    _scope.parts, _scope.made = parts, Counter() if made is None else made
    try:
        yield
    finally:
        _scope.parts, _scope.made = outer


def _next_digest(kind: str) -> str:
    number = _scope.made[kind]
    _scope.made[kind] = number + 1
    return digest("ec2", *_scope.parts, kind, number)


def _resource_id(size: int = 8) -> str:
    return _next_digest("")[:size]


def _id(prefix: str = "", size: int = 17) -> str:
    return f"{prefix}-0{_next_digest(prefix)[: size - 1]}"


def _mac_address() -> str:
    digits = _next_digest("mac")
    return ":".join(["02", *(digits[start : start + 2] for start in range(0, 10, 2))])


def _public_ip() -> str:
    digits = _next_digest("public")
    return f"54.214.{int(digits[:2], 16)}.{int(digits[2:4], 16)}"


def _of_request(original: Any) -> Any:
    @wraps(original)
    def call_action(self: Any) -> Any:
        backend = self.ec2_backend
        made = backend.__dict__.setdefault("made_by_requests", Counter())
        with made_for("request", backend.account_id, backend.region_name, made=made):
            return original(self)

    return call_action


def _of_backend(original: Any) -> Any:
    @wraps(original)
    def __init__(self: Any, region_name: str, account_id: str) -> None:  # noqa: N807 - it replaces this method
        with made_for("backend", account_id, region_name):
            original(self, region_name, account_id)

    return __init__


def install() -> None:
    """Patch moto's makers of identifiers."""
    if vars(moto.ec2.utils)["random_id"] is _id:
        return
    replace(moto.ec2.utils, random_id=_id, random_resource_id=_resource_id)
    replace(interfaces_module, random_mac_address=_mac_address, random_public_ip=_public_ip)
    replace(EC2Response, call_action=_of_request(EC2Response.call_action))
    replace(EC2Backend, __init__=_of_backend(EC2Backend.__init__))
