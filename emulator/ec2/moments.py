"""moto's EC2 takes the wall clock; what it stamps must be virtual time."""

from __future__ import annotations

import sys
from datetime import datetime

from ..clock import CLOCK
from ..completion import replace


def utcnow() -> datetime:
    """Return the virtual moment as moto keeps moments: UTC, without a time zone."""
    return CLOCK.now().replace(tzinfo=None)


def install() -> None:
    """Replace `utcnow` in every module of moto's EC2 models."""
    import moto.ec2.models  # noqa: F401

    for name, module in list(sys.modules.items()):
        if name.startswith("moto.ec2.models") and hasattr(module, "utcnow"):
            replace(module, utcnow=utcnow)
