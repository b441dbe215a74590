"""SSM Automation, which moto does not have: documents that are run step by step on virtual time."""

from __future__ import annotations


def install() -> None:
    """Add the operations to moto's Systems Manager."""
    from . import service

    service.install()
