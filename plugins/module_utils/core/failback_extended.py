# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is different on the way home of a machine whose source server extends one of a staging account.

DRS never reverses what came home: the replication of the server in the staging account has stopped by then, and is
started again there. That server replicates one machine, the original, so a machine goes home into that one only.
Source: Elastic Disaster Recovery User Guide, "Using multiple staging accounts" and "Performing a cross-account
failback"; architecture, section 10.
"""

from __future__ import annotations

from .failback_facts import GONE, InstanceFacts, MachineFacts, place_of
from .failback_words import Action, Position, Stage, refused

STOPPED = "STOPPED"

BY_HAND = "see extended servers in roles/run/README.md for the way home by hand"
ORIGINAL_ONLY = f"DRS protects an extended server again on that one only, {BY_HAND}"


def refusal(facts: MachineFacts) -> str:
    """Return why a machine cannot go home, before anything is begun; empty when it can, and when it is at home."""
    protecting, original = facts.protecting, facts.protecting.instance_id
    if facts.recovered is None or facts.returned:
        return ""
    if protecting.extension_error:
        return f"its extension is broken ({protecting.extension_error}): repair it, see dr_extension_repair"
    if facts.staging is None:
        return f"{protecting.extends}, which it extends, is not seen in {place_of(protecting.extends)}"
    if not original or facts.staging.instance_id != original:
        return f"DRS names no EC2 instance that {facts.staging.server_id} replicates: {BY_HAND}"
    if facts.state_of(original) in (GONE, "shutting-down"):
        return f"its original instance {original} in {facts.origin} is gone: {ORIGINAL_ONLY}"
    return ""


def is_over(facts: MachineFacts) -> bool:
    """Whether nothing is left that may be ended.

    What DRS knows of the launch at home stays: it wants that to be disconnected before it is deleted, and then tells
    the agent to uninstall itself, which replicates to the staging account.
    """
    return facts.recovered is None and not facts.recovery_job_id and (facts.returning is None or facts.returning.ended)


def locate_returned(facts: MachineFacts, returned: InstanceFacts) -> Position:
    """Return the position of a machine that runs at home and is not protected again.

    Args:
        facts: What AWS shows of it.
        returned: What was launched at home.
    """
    staging = facts.staging
    if staging is None or staging.instance_id != returned.instance_id:
        return refused(facts.kind, not_restartable(facts, returned))
    if staging.state == STOPPED:
        return Position(facts.kind, Stage.RETURNED, Action.PROTECT_AGAIN)
    waiting = (
        f"{staging.server_id} in {staging.place} was not started again since {returned.instance_id} was launched: make "
        "sure that the agent runs there, else install it again"
    )
    return Position(facts.kind, Stage.RETURNED, waiting=waiting, replication=staging.replication)


def not_restartable(facts: MachineFacts, returned: InstanceFacts) -> str:
    """Return why the replication in the staging account must not be started again; empty when it may."""
    staging = facts.staging
    if staging is None:
        return f"{facts.protecting.extends} is not seen: nothing protects {returned.instance_id}"
    if staging.instance_id != returned.instance_id:
        return (
            f"{staging.server_id} in {staging.place} replicates {staging.instance_id or 'no instance'}, and not "
            f"{returned.instance_id}, which runs at home: {BY_HAND}"
        )
    return "" if staging.state == STOPPED else f"{staging.server_id} in {staging.place} is {staging.state}"
