"""Run Command of Systems Manager: agents that are there as declared, commands that end as declared, in virtual time.

moto registers no agents and lets every command succeed at once, on instances that do not exist.
"""

from __future__ import annotations


def install() -> None:
    """Complete moto's Systems Manager."""
    from . import responses

    responses.install()
