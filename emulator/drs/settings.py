"""Behaviour that public sources leave open, or that a user may want otherwise; every default is documented here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..kept import keep


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

    ssm_agent_seconds: float = 60.0
    """How long after a launch the SSM agent is found, so that launch actions can run (no public figure)."""

    launch_action_seconds: float = 30.0
    """How long each launch action runs (no public figure)."""

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

    initiation_step_seconds: float = 27.0
    """How long each step of an initiation takes: 11 steps of a source server, 7 of a failback client."""

    copy_overhead_seconds: float = 420.0
    copy_mib_per_second: float = 40.0
    first_snapshot_seconds: float = 180.0
    """A first copy: a fixed time, and the disks at this rate, unless bandwidthThrottling is less; then a snapshot.
    With the initiation 8 GiB take 18 minutes (15 to 25 were seen)."""

    rescan_overhead_seconds: float = 120.0
    rescan_mib_per_second: float = 160.0
    """A rescan: a fixed time, and reading the disks at this rate (no public figure)."""

    change_bytes_per_second: float = 262144.0
    """How much of its disks a machine writes; it makes the backlog while replication is behind (no public figure)."""

    resync_when_encryption_changes: bool = True
    """Whether a change of ebsEncryption copies the disks anew and loses the snapshots ("may trigger a full resync")."""

    replication_templates_per_region: int = 1
    """Replication configuration templates of an account and Region (no public quota)."""

    failback_launch_seconds: float = 480.0
    """How long a failback client takes to convert the disks and boot the machine (no public figure)."""

    initialisation_seconds: float = 120.0
    """How long after its launch a recovery instance has "not finished initializing" (seconds to minutes were seen)."""

    agent_unseen_seconds: float = 180.0
    """How long a source server is STALLED (AGENT_NOT_SEEN) after it was pointed to another machine."""

    reverse_of_drills: bool = True
    """Whether the replication of a drill's recovery instance can be reversed (not known)."""

    reverse_reuses_server: bool = False
    """Whether a further reversal of a source server points its FAILBACK server, if it still exists, to the new machine;
    else each makes a new one, as the stale reversedDirectionSourceServerArn of later cycles suggests."""

    failback_completes_at_launch: bool = False
    """Whether a failback between Regions is FAILBACK_COMPLETED as soon as it was launched for good; else it stays
    FAILBACK_IN_PROGRESS, and the instance cannot be terminated, until the FAILBACK server's replication is stopped."""

    reversed_arn_goes_stale: bool = True
    """Whether a source server shows the FAILBACK server of its first cycle for ever (seen), or the latest one."""

    reversed_server_copies_tags: bool = False
    """Whether a FAILBACK server gets the tags of the server that it was made for (not known)."""

    terminate_jobs_count: bool = True
    """Whether TERMINATE jobs and their servers count against the quotas of jobs (no public answer)."""

    fast_mode_converts: bool = False
    """Whether a launch in recovery mode FAST has a conversion (and its events); the release notes say it skips it."""

    empty_launch_into_clears: bool = True
    """Whether an empty launchIntoEC2InstanceID ends launching into an instance; else it is a ValidationException."""

    launch_into_requires_profile: bool = False
    """Whether an instance that is launched into needs an instance profile with the policies that the user guide lists;
    what DRS answers without them is not published."""

    launch_into_keeps_old_volumes: bool = True
    """Whether the volumes that a launch into an instance replaces stay behind, detached (no public answer)."""

    unshared_key: Literal["at_launch", "at_extension"] = "at_launch"
    """When a customer managed key whose policy does not let the staging account's role and the target account use it
    is noticed: the launch fails in its conversion, or the server is not extended (no public answer)."""

    extended_failback_leaves: Literal["STOPPED", "STALLED"] = "STOPPED"
    """What a server of a staging account is after its machine was failed back into: the agent stops replicating (user
    guide), which may show as `STOPPED`, or as `STALLED` (AGENT_NOT_SEEN) until it is installed again."""

    extension_error_heals: bool = True
    """Whether an extension that was seen in EXTENSION_ERROR works again by itself when its cause is gone, or stays so
    until it is deleted (no public answer)."""

    relaunch_of_protected: Literal["fails", "skipped"] = "fails"
    """A relaunch whose older instance has termination protection `fails` (CLEANUP_FAIL) or is `skipped`
    (SERVER_SKIPPED); the user guide says that one of both happens."""


SETTINGS = Settings()
keep("drs settings", SETTINGS, vars(SETTINGS))
