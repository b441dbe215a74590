# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine on premises is in the failback cycle: a failback client copies what is recovered back to it.

There is no source server that leads back and no instance at home: the recovery instance tells all, and C(protecting)
shows whether the agent of the machine replicates again.
Source: DRS API Reference, RecoveryInstanceFailback; DRS User Guide, Failback Client.
"""

from __future__ import annotations

from typing import Any

from .failback_facts import GONE, RUNNING, InstanceFacts, MachineFacts
from .failback_policy import FailbackReplication
from .failback_words import Action, Kind, Position, Stage, refused
from .timestamps import parse_time
from .validation import FAILED, OK, PENDING, CheckResult

NOT_STARTED = "FAILBACK_NOT_STARTED"
IN_PROGRESS = "FAILBACK_IN_PROGRESS"
READY = "FAILBACK_READY_FOR_LAUNCH"
NOT_READY = "FAILBACK_NOT_READY_FOR_LAUNCH"
COMPLETED = "FAILBACK_COMPLETED"
ERROR = "FAILBACK_ERROR"

BOOT_CLIENT = (
    "boot the DRS Failback Client on the original machine, with credentials of "
    "AWSElasticDisasterRecoveryFailbackInstallationPolicy, and pair it with this recovery instance; the machine has to "
    "reach DRS and S3 (TCP 443) and the recovery instance (TCP 1500), the recovery instance DRS, S3 and EC2 (TCP 443)"
)
OTHER_MACHINE = (
    "it was launched on another machine than the original, where no agent protects it: install one there, tag its new "
    "source server with dr:server-key and wait until that is CONTINUOUS; then disconnect and delete {server} and "
    "terminate {instance} by hand"
)


def locate(facts: MachineFacts, end_original: bool) -> Position:
    """Return the position of such a machine, as L(failback.locate) does."""
    del end_original  # no instance was the original
    kind, recovered = facts.kind, facts.recovered
    if facts.recovery_job_id:
        stage = Stage.RECOVERED if recovered else Stage.PROTECTED
        return Position(kind, stage, waiting=f"job {facts.recovery_job_id} recovers it")
    if recovered is None:
        return Position(kind, Stage.PROTECTED)
    if facts.launch_job_id:
        return Position(kind, Stage.LAUNCHING, waiting=f"job {facts.launch_job_id} launches it at home")
    if recovered.failback_state == COMPLETED:
        return _at_home(facts, recovered)
    state = facts.state_of(recovered.instance_id)
    if state == GONE and facts.protecting.in_sync:
        return Position(kind, Stage.PROTECTED)
    if state == GONE:
        return refused(kind, f"recovered instance {recovered.instance_id} is terminated: fail over anew")
    if state != RUNNING:
        return refused(kind, f"recovered instance {recovered.instance_id} is {state}: start it, or fail over anew")
    return _on_its_way(facts, recovered)


def in_a_drill(position: Position) -> Position:
    """Return where a machine is when its failback is only rehearsed, which one on premises cannot be."""
    if position.kind != Kind.ON_PREMISES or position.stage == Stage.PROTECTED:
        return position
    return refused(position.kind, "its failback cannot be rehearsed: the failback client boots the machine itself")


def is_ready(recovered: InstanceFacts) -> bool:
    """Whether a failback client waits for its launch, with all data."""
    return recovered.failback_state == READY and recovered.replication.state == "CONTINUOUS"


def lacks_for_launch(recovered: InstanceFacts | None) -> str:
    """Return what is lacking for a launch by the failback client; empty when nothing is."""
    if recovered is None:
        return "DRS does not show its recovery instance any more"
    if is_ready(recovered):
        return ""
    state = recovered.failback_state or "not begun"
    error = f" ({recovered.replication.error})" if recovered.replication.error else ""
    return (
        f"its failback is {state}{error} and {recovered.replication.state or 'not replicating'}: boot its client again"
    )


def check_launch(recovered: InstanceFacts | None, *, was_valid: bool) -> CheckResult:
    """Return what DRS says of a launch at home.

    Args:
        recovered: The recovery instance, None when DRS has none any more, as after the machine is protected again.
        was_valid: Whether an earlier look found the launch valid.
    """
    if recovered is None:
        return CheckResult(OK, ()) if was_valid else CheckResult(FAILED, ("DRS does not show its recovery instance",))
    reason = f"its failback is {recovered.failback_state or 'not begun'}"
    if recovered.failback_state == COMPLETED:
        return CheckResult(OK, ())
    return CheckResult(FAILED if recovered.failback_state == ERROR else PENDING, (reason,))


def configuration(wanted: FailbackReplication) -> dict[str, Any]:
    """Return the fields of UpdateFailbackReplicationConfiguration that a plan decides."""
    return {
        "bandwidthThrottling": wanted.bandwidth_throttling,
        "usePrivateIP": wanted.use_private_ip,
        "internetProtocol": wanted.internet_protocol.value,
    }


def lacks_at_home(facts: MachineFacts) -> str:
    """Return what is lacking for certainty that the machine runs at home and is protected; empty when nothing is."""
    recovered, protecting = facts.recovered, facts.protecting
    if recovered is None:
        return "there is no recovery instance"
    if recovered.failback_state != COMPLETED:
        return f"the failback of {recovered.instance_id} is {recovered.failback_state or 'not begun'}"
    if recovered.to_original is not True:
        return f"{recovered.instance_id} was failed back to another machine than the original"
    if not protecting.protects:
        return f"{protecting.server_id} is {protecting.state}, and not in sync and rescanned"
    if not _seen_since(protecting.seen_at, recovered.failback_since):
        return f"{protecting.server_id} has not heard of the agent since the failback"
    return ""


def _on_its_way(facts: MachineFacts, recovered: InstanceFacts) -> Position:
    kind, name = facts.kind, recovered.instance_id
    if is_ready(recovered):
        return Position(kind, Stage.IN_SYNC, Action.LAUNCH)
    if recovered.failback_state in ("", NOT_STARTED):
        return Position(kind, Stage.RECOVERED, waiting=f"no failback client is paired with {name}: {BOOT_CLIENT}")
    if recovered.failback_state in (ERROR, NOT_READY):
        error = recovered.replication.error
        why = f" ({error})" if error else ""
        text = (
            f"the failback of {name} is {recovered.failback_state}{why}: look at the failback client, and boot it again"
        )
        return Position(kind, Stage.REVERSING, waiting=text, needs_person=True)
    waiting = f"the failback of {name} is {recovered.failback_state}"
    return Position(kind, Stage.REVERSING, waiting=waiting, replication=recovered.replication)


def _at_home(facts: MachineFacts, recovered: InstanceFacts) -> Position:
    kind, protecting = facts.kind, facts.protecting
    if recovered.to_original is not True:
        text = OTHER_MACHINE.format(server=protecting.server_id, instance=recovered.instance_id)
        return Position(kind, Stage.RETURNED, waiting=text, needs_person=True)
    lacking = lacks_at_home(facts)
    if lacking:
        return Position(kind, Stage.PROTECTING_AGAIN, waiting=lacking, replication=protecting.replication)
    if facts.termination_job_id:
        waiting = f"job {facts.termination_job_id} terminates {recovered.instance_id}"
        return Position(kind, Stage.PROTECTED_AGAIN, waiting=waiting)
    return Position(kind, Stage.PROTECTED_AGAIN, Action.TERMINATE_RECOVERED)


def _seen_since(seen_at: str | None, moment: str | None) -> bool:
    return bool(seen_at and moment) and parse_time(str(seen_at)) > parse_time(str(moment))
