"""Made-up identifiers: deterministic, so that the same seed and the same calls give the same ones."""

from __future__ import annotations

import hashlib

from .settings import SETTINGS


def digest(*parts: object) -> str:
    """Return 64 hexadecimal digits that depend on the seed and the parts only."""
    return hashlib.sha256("\x1f".join([SETTINGS.seed, *map(str, parts)]).encode()).hexdigest()


def identifier(prefix: str, *parts: object) -> str:
    """Return `prefix` and 17 hexadecimal digits, the form of almost every AWS identifier."""
    return f"{prefix}-{digest(prefix, *parts)[:17]}"


def fraction(*parts: object) -> float:
    """Return a number of [0, 1) that depends on the seed and the parts only."""
    return int(digest(*parts)[:12], 16) / 16**12
