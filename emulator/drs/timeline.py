"""When each step of a job happens; of a launch as in the recorded drill of Linux servers: slowed, varied, shifted."""

from __future__ import annotations

from .identifiers import fraction
from .settings import SETTINGS
from .state import Machine

JOB_START = 0.357
JOB_END_AFTER = 2.807
"""Seconds from the end of the last server to the job's last event."""

ENDED_BEFORE_JOB_END = 0.026
"""Seconds from a job's end to the event JOB_END: in both recorded jobs the end comes first."""

RECORDED = {
    "snapshot_start": 0.761,
    "snapshot_end": 0.952,
    "conversion_start": 52.92,
    "conversion_end": 250.434,
    "launch_start": 251.008,
    "launch_end": 530.528,
}
"""Seconds from the creation of the job, as recorded in December 2022 (the first server of the first job)."""


CONVERSION = ("conversion_start", "conversion_end")


def launch_offsets(
    server_id: str, launches: int, machine: Machine, slow: float, *, cleanup: bool, convert: bool = True
) -> dict[str, float]:
    """Return when each step of one server's launch is due, in seconds from the creation of the job.

    Args:
        server_id: varies the time line together with the seed and `launches`.
        launches: how many launches the server had before this one.
        machine: Windows takes longer.
        slow: a factor on top, 1 for none.
        cleanup: whether an older recovery instance has to be terminated first.
        convert: whether the disks are converted; without it the launch begins when the conversion would.
    """
    variation = 1 + SETTINGS.jitter * (2 * fraction("timeline", server_id, launches) - 1)
    factor = variation * slow * (SETTINGS.windows_factor if machine.is_windows else 1.0)
    shift = SETTINGS.cleanup_seconds * factor if cleanup else 0.0
    offsets = {"cleanup_start": JOB_START + 0.2, "cleanup_end": JOB_START + 0.2 + shift} if cleanup else {}
    saved = 0.0 if convert else RECORDED["launch_start"] - RECORDED["conversion_start"]
    for step, recorded in RECORDED.items():
        if convert or step not in CONVERSION:
            earlier = saved if step.startswith("launch") else 0.0
            offsets[step] = JOB_START + shift + (recorded - earlier - JOB_START) * factor
    return offsets


def termination_offsets() -> dict[str, float]:
    """Return when each step of a termination is due, in seconds from the creation of the job."""
    return {"terminate_start": JOB_START + 0.4, "terminate_end": max(1.0, SETTINGS.terminate_seconds - JOB_END_AFTER)}
