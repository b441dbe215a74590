"""Which buckets a call takes tokens from, and whether there are enough."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from emulator.apicall import ApiCall
from emulator.clock import CLOCK
from emulator.kept import keep
from emulator.throttling import published
from emulator.throttling.buckets import Bucket, Limit, Moment
from emulator.throttling.settings import DEFAULTS, Own, Setting, show_setting

_INSTANCE_ID = re.compile(rb"(?:^|&)InstanceId\.\d+=")
_ALWAYS_SENT = frozenset({"Action", "Version", "DryRun"})

Need = tuple[str, Limit, float]


class Throttling:
    """The buckets of one emulator, made when they are first needed.

    Args:
        now: Tells the moment on both clocks.
    """

    def __init__(self, now: Callable[[], Moment] | None = None) -> None:
        self._now = now or (lambda: Moment(CLOCK.now(), time.monotonic()))
        self._lock = threading.Lock()
        self._settings: dict[str, Setting] = dict(DEFAULTS)
        self._buckets: dict[tuple[str, str, str, str], Bucket] = {}
        self._refused: Counter[tuple[str, str, str, str]] = Counter()

    def set(self, settings: Mapping[str, Setting]) -> None:
        """Change the limits of services; their buckets are full again."""
        with self._lock:
            self._settings = {**self._settings, **settings}
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[2] not in settings}

    def take(self, call: ApiCall, account: str) -> int | None:
        """Take the tokens of a call.

        Returns:
            None when there are enough, else the seconds until there are; nothing is taken then.
        """
        setting = self._settings.get(call.service)
        if setting is None:
            return None
        needs = _needs(setting, call)
        with self._lock:
            buckets = [(self._bucket(account, call, name, limit), tokens) for name, limit, tokens in needs]
            waits = [bucket.seconds_for(tokens) for bucket, tokens in buckets if bucket.lacks(tokens)]
            if waits:
                self._refused[(account, call.region, call.service, call.operation)] += 1
                return max(waits)
            for bucket, tokens in buckets:
                bucket.spend(tokens)
        return None

    def report(self) -> dict[str, Any]:
        """Return the settings, the buckets and the calls that were refused."""
        with self._lock:
            now = self._now()
            for bucket in self._buckets.values():
                bucket.fill(now)
            names = ("account", "region", "service", "operation")
            return {
                "settings": {service: show_setting(setting) for service, setting in sorted(self._settings.items())},
                "buckets": [
                    {
                        **dict(zip(("account", "region", "service", "bucket"), key, strict=True)),
                        "burst": bucket.limit.burst,
                        "rate": bucket.limit.rate,
                        "tokens": round(bucket.tokens, 2),
                    }
                    for key, bucket in sorted(self._buckets.items())
                ],
                "refused": [
                    {**dict(zip(names, key, strict=True)), "count": count}
                    for key, count in sorted(self._refused.items())
                ],
            }

    def _bucket(self, account: str, call: ApiCall, name: str, limit: Limit) -> Bucket:
        key = (account, call.region, call.service, name)
        now = self._now()
        if key not in self._buckets:
            self._buckets[key] = Bucket(limit, now)
        self._buckets[key].fill(now)
        return self._buckets[key]


def _needs(setting: Setting, call: ApiCall) -> list[Need]:
    """Return the buckets that a call takes from: name, limit, tokens."""
    if isinstance(setting, Own):
        return _of_operation(setting.limits, call)
    if call.service == "stepfunctions":
        return _of_operation(published.step_functions(call.region), call)
    if _is_unfiltered(call):
        return [(f"{call.operation} unfiltered", published.UNFILTERED, 1)]
    needs = _of_operation(published.EC2, call)
    resources = published.EC2_RESOURCES.get(call.operation)
    if resources:
        needs.append((f"{call.operation} resources", resources, _resources(call)))
    return needs


def _of_operation(limits: Mapping[str, Limit], call: ApiCall) -> list[Need]:
    """Return the limit of the longest pattern that fits; each operation has a bucket of its own."""
    pattern = _longest(tuple(limits), call.operation)
    return [(call.operation, limits[pattern], 1)] if pattern else []


@lru_cache(maxsize=1024)
def _longest(patterns: tuple[str, ...], operation: str) -> str | None:
    return max((pattern for pattern in patterns if fnmatchcase(operation, pattern)), key=len, default=None)


def _is_unfiltered(call: ApiCall) -> bool:
    if call.operation not in published.UNFILTERED_OPERATIONS:
        return False
    return set(parse_qs(call.body.decode("utf-8", "replace"))) <= _ALWAYS_SENT


def _resources(call: ApiCall) -> int:
    if call.operation == "RunInstances":
        wanted = parse_qs(call.body.decode("utf-8", "replace")).get("MaxCount", ["1"])[0]
        return int(wanted) if wanted.isdigit() else 1
    return len(_INSTANCE_ID.findall(call.body))


THROTTLING = Throttling()
keep("throttling", THROTTLING, ("_settings",), forgotten=("_now", "_lock", "_buckets", "_refused"))
