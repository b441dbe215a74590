"""Terminated instances are shown for about an hour, then EC2 forgets them; moto keeps them for ever."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from moto.ec2.models.instances import Instance, InstanceBackend

from ..completion import replace
from ..moto_time import utcnow
from .lookups import forget_instance

SHOWN = timedelta(hours=1)
"""How long a terminated instance is shown: "about an hour"."""

_LOCK = threading.Lock()
"""Requests and steps of DRS look instances up at the same time."""

_LOOK_UP = "look_up_those_shown"


def _leaving(backend: Any) -> deque[tuple[datetime, str]]:
    queue: deque[tuple[datetime, str]] = backend.__dict__.setdefault("terminated_instances", deque())
    return queue


def forget_old(backend: Any) -> None:
    """Forget the instances that were terminated long enough ago."""
    queue = _leaving(backend)
    if not queue:
        return
    with _LOCK:
        while queue and queue[0][0] <= utcnow() - SHOWN:
            forget_instance(backend, queue.popleft()[1])


def _remembered(original: Any) -> Any:
    @wraps(original)
    def terminate(self: Instance) -> Any:
        before = self.state
        previous = original(self)
        if before != "terminated":
            _leaving(self.ec2_backend).append((utcnow(), self.id))
        return previous

    return terminate


def _of_those_shown(original: Any) -> Any:
    def look_up_those_shown(self: Any, *arguments: Any, **options: Any) -> Any:
        forget_old(self)
        return original(self, *arguments, **options)

    return look_up_those_shown


def install() -> None:
    """Patch moto's instances. It comes after `lookups` and `instances`, which it wraps."""
    if vars(InstanceBackend)["all_reservations"].__name__ == _LOOK_UP:
        return
    replace(Instance, terminate=_remembered(Instance.terminate))
    replace(
        InstanceBackend,
        all_reservations=_of_those_shown(InstanceBackend.all_reservations),
        get_instance_by_id=_of_those_shown(InstanceBackend.get_instance_by_id),
    )
