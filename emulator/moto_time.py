"""Let moto tell the virtual time: every backend's `utcnow()` follows the emulator's clock.

moto's modules copy `utcnow` and its relatives when they are imported: `install()` comes before any backend is loaded.
"""

from __future__ import annotations

import importlib
from datetime import datetime

import moto.core.utils

from emulator.clock import CLOCK
from emulator.completion import replace

_REAL_UTCNOW = moto.core.utils.utcnow


def utcnow() -> datetime:
    """Return the virtual moment as moto keeps moments: UTC, without a time zone."""
    return CLOCK.now().replace(tzinfo=None)


def install() -> None:
    """Replace moto's clock, except where a client compares the answer with its own clock (expiry of STS sessions)."""
    replace(moto.core.utils, utcnow=utcnow)
    replace(importlib.import_module("moto.sts.models"), utcnow=_REAL_UTCNOW)
