"""Behaviour that public sources leave open, or that a user may want otherwise; every default is documented here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """The settings of the emulated DRS, the same in every account and Region."""

    seed: str = "disaster-recovery"
    """Varies the time lines and the made-up identifiers; the same seed gives the same of both."""

    jitter: float = 0.05
    """How much a server's launch may take less or more than the recorded one (0.05 = 5 %)."""

    windows_factor: float = 3.0
    """How much longer a Windows server takes than the recorded Linux servers."""

    cleanup_seconds: float = 30.0
    """How long a launch takes to terminate the server's older recovery instance (no public figure)."""

    terminate_seconds: float = 60.0
    """How long a TERMINATE job takes."""

    previous_snapshot_after: float = 600.0
    """How long a launch waits for an on-demand snapshot of a stalled server before it uses the previous one."""

    default_page_size: int = 100
    """Items in a page when the request does not say (no public figure)."""

    template_version_on_update: str = "when_changed"
    """UpdateLaunchConfiguration writes a template version `when_changed` (the data differ) or `always` (not known)."""

    terminate_job_keeps_participants: bool = True
    """Whether a completed TERMINATE job still lists its servers (seen both ways in the field)."""


SETTINGS = Settings()
