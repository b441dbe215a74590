# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One step of the failback cycle, for some machines: looked at anew, done, and what AWS says to it.

This module util is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ..core.admission import admit
from ..core.failback import Action, Kind, locate
from ..core.failback_facts import MachineFacts
from ..core.failback_guards import objection
from ..core.jobs import Job
from . import drs
from .errors import AwsError, ConflictError, InvalidRequestError, NotFoundError, TransientError
from .failback_reader import Clients, FailbackReader
from .failback_zones import replicate_to
from .instances import terminate_instance
from .pacing import Pacers, for_each


class Status(StrEnum):
    """What came of an action for one machine."""

    BEGUN = "begun"
    WAIT = "wait"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action for one machine.

    Attributes:
        status: C(begun): AWS has taken it, a later look shows what it did. C(wait): not now, try again. C(stale): the
            look that asked for it does not hold any more, nothing was done. C(failed): AWS refuses for good.
        reason: Why it did not begin, for a person.
        facts: What the machine was immediately before; None when it is not there any more.
    """

    status: Status
    reason: str = ""
    facts: MachineFacts | None = None


def do(
    action: Action, protecting_ids: Collection[str], reader: FailbackReader, *, end_original: bool = False
) -> dict[str, Outcome]:
    """Do one action for machines whose position asks for it; they are read anew before, so an old look never acts.

    Args:
        action: Any but C(LAUNCH), which is done by the machine's wave.
        protecting_ids: The source servers that protect the machines, at most 200.
        reader: Reads them.
        end_original: As of L(failback.locate).

    Raises:
        AwsError: The place that recovers does not answer; nothing was done.
        InvalidRequestError: The action is not done here.
    """
    if action not in _CALLS and action != Action.TERMINATE_RECOVERED:
        raise InvalidRequestError(f"{action} is not done here")
    if len(protecting_ids) > drs.MAX_IDS:
        raise InvalidRequestError(f"{action} of {len(protecting_ids)} machines: at most {drs.MAX_IDS} at once")
    reading = reader.read(protecting_ids)
    stale = {name: _stale(reading.facts.get(name), action, end_original) for name in protecting_ids}
    due = {name: reading.facts[name] for name, reason in stale.items() if not reason}
    if action == Action.TERMINATE_RECOVERED:
        done = _terminate(due, reading.jobs, reader)
    else:
        done = _call_each(_CALLS[action], due, reader.clients, action)
    return {
        name: replace(done[name], facts=due[name])
        if name in done
        else Outcome(Status.STALE, stale[name], reading.facts.get(name))
        for name in protecting_ids
    }


def _stale(facts: MachineFacts | None, action: Action, end_original: bool) -> str:
    """Return why an action does not hold any more; empty when it does."""
    if facts is None:
        return "its source server is not there any more"
    position = locate(facts, end_original=end_original)
    if position.action != action:
        return position.refusal or position.waiting or f"it is {position.stage}"
    return objection(facts, action)


def _call_each(
    call: Callable[[MachineFacts, Clients], object], due: Mapping[str, MachineFacts], clients: Clients, action: Action
) -> dict[str, Outcome]:
    pacers = Pacers()

    def one(_name: str, facts: MachineFacts) -> Outcome:
        pacers.take(action)
        call(facts, clients)
        return Outcome(Status.BEGUN)

    outcomes = for_each(due, one)
    return {**outcomes.results, **{name: _refused(error) for name, error in outcomes.errors.items()}}


def _refused(error: AwsError) -> Outcome:
    """Tell what passes by itself from what a person has to look at.

    A conflict is a state that DRS is still in (C(not finished initializing)), or has left since the look.
    """
    passes = isinstance(error, (ConflictError, NotFoundError, TransientError)) or drs.is_held_off(error)
    return Outcome(Status.WAIT if passes else Status.FAILED, error.message)


def _terminate(due: Mapping[str, MachineFacts], jobs: Iterable[Job], reader: FailbackReader) -> dict[str, Outcome]:
    """Terminate what the live quotas admit: it is not known whether DRS counts these jobs, so they are counted."""
    if not due:
        return {}
    quotas = drs.read_quotas(reader.clients("service-quotas", reader.home))[0]
    size = min(quotas.servers_per_job, drs.MAX_IDS)
    active = [job.participants for job in jobs]
    outcomes = {name: Outcome(Status.WAIT, "DRS has as many jobs as its quotas allow") for name in due}
    for batch in admit(sorted(due), active, replace(quotas, servers_per_job=size)):
        outcomes |= _terminate_batch(batch, due, reader)
    return outcomes


def _terminate_batch(
    batch: Sequence[str], due: Mapping[str, MachineFacts], reader: FailbackReader
) -> dict[str, Outcome]:
    """Terminate in one job; where one instance is refused, the halves are tried, so that it holds up no other."""
    ids = [machine.recovered.instance_id for name in batch if (machine := due[name]).recovered]
    try:
        drs.terminate_recovery_instances(reader.clients("drs", reader.home), ids)
    except ConflictError as error:
        if len(batch) == 1:
            return {batch[0]: _refused(error)}
        middle = len(batch) // 2
        return {
            **_terminate_batch(batch[:middle], due, reader),
            **_terminate_batch(batch[middle:], due, reader),
        }
    except AwsError as error:
        return dict.fromkeys(batch, _refused(error))
    return dict.fromkeys(batch, Outcome(Status.BEGUN))


def _reverse(facts: MachineFacts, clients: Clients) -> None:
    if facts.recovered:
        if facts.zones and facts.kind == Kind.CROSS_ZONE:
            replicate_to(clients("drs", facts.home), facts.protecting.server_id, facts.zones.staging_home)
        drs.reverse_replication(clients("drs", facts.home), facts.recovered.instance_id)


def _protect_again(facts: MachineFacts, clients: Clients) -> None:
    if facts.kind == Kind.EXTENDED and facts.staging:
        drs.start_replication(clients("drs", facts.staging.place), facts.staging.server_id)
    elif facts.returned:
        if facts.zones and facts.kind == Kind.CROSS_ZONE:
            replicate_to(clients("drs", facts.home), facts.protecting.server_id, facts.zones.staging_recovery)
        drs.reverse_replication(clients("drs", facts.origin), facts.returned.instance_id)


def _stop_failback(facts: MachineFacts, clients: Clients) -> None:
    if facts.recovered:
        drs.stop_failback(clients("drs", facts.home), facts.recovered.instance_id)


def _forget_returned(facts: MachineFacts, clients: Clients) -> None:
    if facts.returned:
        drs.delete_recovery_instance(clients("drs", facts.origin), facts.returned.instance_id)


def _of_returning(call: Callable[[object, str], object]) -> Callable[[MachineFacts, Clients], None]:
    def with_returning(facts: MachineFacts, clients: Clients) -> None:
        if facts.returning:
            call(clients("drs", facts.origin), facts.returning.server_id)

    return with_returning


def _end_original(facts: MachineFacts, clients: Clients) -> None:
    terminate_instance(clients("ec2", facts.origin), facts.original_id)


_CALLS: Mapping[Action, Callable[[MachineFacts, Clients], object]] = {
    Action.REVERSE_REPLICATION: _reverse,
    Action.PROTECT_AGAIN: _protect_again,
    Action.STOP_RETURNING: _of_returning(drs.stop_replication),
    Action.STOP_FAILBACK: _stop_failback,
    Action.FORGET_RETURNED: _forget_returned,
    Action.DISCONNECT_RETURNING: _of_returning(drs.disconnect_source_server),
    Action.DELETE_RETURNING: _of_returning(drs.delete_source_server),
    Action.END_ORIGINAL: _end_original,
}
