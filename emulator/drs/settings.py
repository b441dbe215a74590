"""Behaviour that public sources leave open, or that a user may want otherwise; every default is documented here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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

    template_version_on_update: Literal["when_changed", "always"] = "when_changed"
    """UpdateLaunchConfiguration writes a template version `when_changed` (the data differ) or `always` (not known)."""

    terminate_job_keeps_participants: bool = True
    """Whether a completed TERMINATE job still lists its servers (seen both ways in the field)."""

    plan_reaction_seconds: float = 5.0
    """How long an execution of a recovery plan takes from its creation, or the end of a step, to the next step."""

    plan_step_fails: Literal["at_job_end", "at_first_failure"] = "at_job_end"
    """When a step of a recovery plan fails because a CRITICAL server did: `at_job_end` or `at_first_failure`."""

    plan_validates_at_start: bool = False
    """Whether StartRecoveryPlanExecution checks all servers as StartRecovery does; each step checks its own anyway."""

    plan_time_out_status: Literal["FAILED", "TIMED_OUT"] = "FAILED"
    """Status of an execution that took 24 hours; the documentation says TIMED_OUT, which the model does not know."""

    plan_skips_timed_out_steps: bool = True
    """Whether a TIMED_OUT step can be skipped, as the documentation says; the model's text names FAILED only."""

    plan_delete_seconds: float = 1.0
    """How long a recovery plan is being deleted (an error text shows that it takes time, not how much)."""

    plan_locked_while_executing: bool = False
    """Whether a plan and its steps are a conflict to change while an execution, which has a copy, is active."""

    plan_names_unique: bool = False
    """Whether a second recovery plan of the same name is a conflict."""


SETTINGS = Settings()
