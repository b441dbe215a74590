"""One machine between two Regions as DRS and EC2 show it, and everything that may happen to it, without any clock.

What is asked of it is done as DRS does it, or refused as DRS refuses it; what would harm production is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback import Action
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_facts import (
    MachineFacts,
    Remembered,
    with_states,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.failback_sight import Sight, machines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.jobs import Job, job_from_drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.places import Place

HOME = Place("222222222222", "us-west-2")
ORIGIN = Place("222222222222", "us-east-1")
FORWARD = "s-forward0000000001"
FORWARD_ARN = f"arn:aws:drs:us-west-2:222222222222:source-server/{FORWARD}"
SIZE = 8
ENDED = ("STOPPED", "DISCONNECTED")


@dataclass
class Server:
    """A source server; C(scanned) counts what was compared of its only disk since it got its instance.

    What is C(outdated) shows what it had before its instance got other disks.
    """

    server_id: str
    instance: str
    state: str = "CONTINUOUS"
    scanned: int = SIZE
    outdated: bool = False


@dataclass
class Launched:
    """A recovery instance; C(at) is the moment that its data are from."""

    instance: str
    server_id: str
    at: int
    reversed_to: str = ""
    failback: str = "FAILBACK_NOT_STARTED"
    launch_type: str = ""
    drill: bool = False


class HarmError(AssertionError):
    """An action that would have lost production, or its latest data."""


class RefusedError(Exception):
    """DRS refuses."""


@dataclass
class SimulatedMachine:
    """The machine; C(production) is the instance that users use.

    Attributes:
        completes_at_launch: A failback is COMPLETED as soon as it was launched; else when its replication is stopped.
        lingers: It is IN_PROGRESS even then, until it is stopped.
        reuses: A further reversal points the FAILBACK server of an earlier cycle to the new machine.
        launches_into: The launch at home goes into the original instance.
        early: A server calls itself CONTINUOUS before all of its disks are rescanned.
    """

    completes_at_launch: bool = False
    lingers: bool = False
    reuses: bool = False
    launches_into: bool = False
    early: bool = False
    moment: int = 0
    made: int = 0
    production: str = "i-original"
    forward: Server = field(default_factory=lambda: Server(FORWARD, "i-original"))
    back: list[Server] = field(default_factory=list)
    there: list[Launched] = field(default_factory=list)
    here: list[Launched] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=lambda: {"i-original": "running"})
    terminating: str = ""
    remembered: Remembered = field(default_factory=Remembered)

    def facts(self) -> MachineFacts:
        """Return what AWS shows."""
        sight = Sight(
            servers={
                HOME: [self._server(self.forward, HOME)],
                ORIGIN: [self._server(one, ORIGIN) for one in self.back],
            },
            instances={HOME: list(map(self._instance, self.there)), ORIGIN: list(map(self._instance, self.here))},
            jobs={HOME: self._jobs()},
        )
        (facts,) = machines(sight, HOME, [FORWARD], {FORWARD: self.remembered}).values()
        return with_states(facts, self.states)

    def recovered(self) -> Launched | None:
        """Return the recovery instance of the latest failover."""
        return next((one for one in self.there if not one.drill), None)

    def returning(self) -> Server | None:
        """Return the FAILBACK server of the recovered instance."""
        recovered = self.recovered()
        return next((one for one in self.back if recovered and one.instance == recovered.instance), None)

    # What people and the world do

    def fail_over(self) -> None:
        """Production fails where it is and is recovered; a recovery instance that was there before is cleaned up."""
        if self.terminating or self.production != self.forward.instance or self.forward.state in ENDED:
            return
        for old in [one for one in self.there if not one.drill]:
            self._end(old.instance)
            self.there.remove(old)
        made = self._make("there", FORWARD)
        self.there.append(made)
        self.remembered = Remembered(original_id=self.production)
        self.production = made.instance

    def work(self) -> None:
        """Replication and jobs get on by one step."""
        self.moment += 1
        for server in (self.forward, *self.back):
            self._replicate(server)
        if self.terminating:
            self._end(self.terminating)
            self.there = [one for one in self.there if one.instance != self.terminating]
            self.terminating = ""

    def stall(self) -> None:
        """The network between the Regions is gone for a while."""
        for server in (self.forward, *self.back):
            if server.state not in ENDED:
                server.state = "STALLED"

    def drill(self) -> None:
        """A drill is made of what is protected."""
        self.there = [one for one in self.there if not one.drill]
        self.there.append(self._make("drill", FORWARD, drill=True))

    def stop_back(self) -> None:
        """Somebody stops the replication back before anything was launched by it."""
        returning, recovered = self.returning(), self.recovered()
        if returning and recovered and self.production == recovered.instance and not self._launched(returning):
            returning.state = "STOPPED"

    def restart_original(self) -> None:
        """What failed comes up again."""
        for name, state in self.states.items():
            if state == "stopped":
                self.states[name] = "running"

    def lose_original(self) -> None:
        """What ran before is gone for good."""
        for name, state in self.states.items():
            if name != self.production and name not in {one.instance for one in self.there} and state == "running":
                self.states[name] = "stopped"

    # What is asked of DRS and EC2

    def do(self, action: Action) -> None:
        """Do an action as DRS does it."""
        getattr(self, f"_do_{action.value}")()

    def _do_reverse_replication(self) -> None:
        recovered = self.recovered()
        if recovered is None or recovered.reversed_to:
            raise RefusedError("reversed already")
        self._harmless(recovered.instance == self.production, "the data of an old machine would go home")
        existing = self.returning() or (self.back[0] if self.reuses and self.back else None)
        if existing is None:
            self.made += 1
            existing = Server(f"s-back{self.made:013}", recovered.instance)
            self.back.append(existing)
        existing.instance, existing.state, existing.scanned = recovered.instance, "INITIATING", 0
        recovered.reversed_to = existing.server_id
        recovered.failback = "FAILBACK_IN_PROGRESS"

    def _do_launch(self) -> None:
        returning, recovered = self.returning(), self.recovered()
        if returning is None or recovered is None or returning.state != "CONTINUOUS":
            raise RefusedError("not in sync")
        self._harmless(recovered.instance == self.production, "an old machine would be launched")
        made = self._make("here", returning.server_id)
        if self.launches_into and self.states.get(self.forward.instance) != "terminated":
            made.instance = self.forward.instance
            self.states[made.instance] = "running"
            self.forward.outdated = True
        self.here = [one for one in self.here if one.server_id != returning.server_id] + [made]
        recovered.launch_type = "RECOVERY"
        if self.completes_at_launch:
            recovered.failback = "FAILBACK_COMPLETED"
        self.production = made.instance  # its wave has validated it

    def _do_protect_again(self) -> None:
        made = next((one for one in self.here if one.instance == self.production and not one.reversed_to), None)
        if made is None:
            raise RefusedError("reversed already")
        made.reversed_to = FORWARD
        self.forward = Server(FORWARD, made.instance, "STALLED", scanned=0)

    def _do_stop_returning(self) -> None:
        server = self._server_of_way()
        self._harmless(server.instance != self.production, "the latest data would be deleted")
        self._harmless(self._is_safe(), "nothing else protects it")
        server.state = "STOPPED"
        for one in self.there:
            if one.reversed_to == server.server_id and one.failback == "FAILBACK_IN_PROGRESS" and not self.lingers:
                one.failback = "FAILBACK_COMPLETED" if one.launch_type else "FAILBACK_NOT_STARTED"

    def _do_stop_failback(self) -> None:
        recovered, returning = self.recovered(), self.returning()
        if recovered is None:
            raise RefusedError("no such instance")
        safe = self._is_safe() or returning is None or returning.state in ENDED
        self._harmless(safe, "what was copied back would be lost")
        recovered.failback, recovered.launch_type, recovered.reversed_to = "FAILBACK_NOT_STARTED", "", ""

    def _do_terminate_recovered(self) -> None:
        recovered = self.recovered()
        if recovered is None or recovered.failback == "FAILBACK_IN_PROGRESS" or self.terminating:
            raise RefusedError("not now")
        self._harmless(recovered.instance != self.production and self._is_safe(), "production would be terminated")
        self.terminating = recovered.instance

    def _do_forget_returned(self) -> None:
        self._harmless(self.recovered() is None and self._is_safe(), "too early")
        found = self.facts().returned
        self.here = [one for one in self.here if found is None or one.instance != found.instance_id]

    def _do_disconnect_returning(self) -> None:
        server = self._server_of_way()
        if any(one.server_id == server.server_id for one in self.here):
            raise RefusedError("has a recovery instance")
        self._harmless(server.state in ENDED, "it replicates")
        server.state = "DISCONNECTED"

    def _do_delete_returning(self) -> None:
        server = self._server_of_way()
        if server.state != "DISCONNECTED":
            raise RefusedError("is not disconnected")
        self.back.remove(server)

    def _do_end_original(self) -> None:
        name = self.facts().original_id
        self._harmless(name not in (self.production, self.forward.instance), "production would be terminated")
        self._harmless(self._is_safe(), "nothing protects the machine")
        self._end(name)

    def _is_safe(self) -> bool:
        forward = self.forward
        complete = forward.state == "CONTINUOUS" and forward.scanned >= SIZE and not forward.outdated
        return complete and forward.instance == self.production and self.states.get(self.production) == "running"

    def _harmless(self, holds: bool, harm: str) -> None:
        if not holds:
            raise HarmError(harm)

    def _server_of_way(self) -> Server:
        found = self.facts().returning
        return next(one for one in self.back if found and one.server_id == found.server_id)

    def _launched(self, server: Server) -> bool:
        return any(one.server_id == server.server_id and not one.reversed_to for one in self.here)

    def _make(self, kind: str, server_id: str, *, drill: bool = False) -> Launched:
        self.made += 1
        self.moment += 1
        name = f"i-{kind}-{self.made}"
        self.states[name] = "running"
        return Launched(name, server_id, self.moment, drill=drill)

    def _end(self, instance: str) -> None:
        self._harmless(instance != self.production, "production is terminated")
        self.states[instance] = "terminated"

    def _replicate(self, server: Server) -> None:
        if server.state in ENDED or self.states.get(server.instance) != "running":
            return
        server.scanned = min(SIZE, server.scanned + 4)
        server.state = "CONTINUOUS" if server.scanned >= SIZE or self.early else "RESCAN"

    def _jobs(self) -> list[Job]:
        if not self.terminating:
            return []
        part = {"sourceServerID": FORWARD, "recoveryInstanceID": self.terminating, "launchStatus": "PENDING"}
        job = {"jobID": "drsjob-1", "type": "TERMINATE", "status": "STARTED", "participatingServers": [part]}
        return [job_from_drs(job)]

    def _server(self, server: Server, place: Place) -> dict[str, Any]:
        disk = {"totalStorageBytes": SIZE, "replicatedStorageBytes": SIZE, "rescannedStorageBytes": server.scanned}
        info: dict[str, Any] = {"dataReplicationState": server.state, "replicatedDisks": [disk]}
        if server.state not in ENDED:
            info["lagDuration"] = "P0D" if server.state == "CONTINUOUS" else "PT5M"
        where = HOME if place == ORIGIN else ORIGIN
        return {
            "sourceServerID": server.server_id,
            "arn": f"arn:aws:drs:{place.region}:{place.account_id}:source-server/{server.server_id}",
            "replicationDirection": "FAILBACK" if place == ORIGIN else "FAILOVER",
            "reversedDirectionSourceServerArn": FORWARD_ARN if place == ORIGIN else "arn:stale",
            "sourceProperties": {"identificationHints": {"awsInstanceID": server.instance, "hostname": "pay-db-1"}},
            "sourceCloudProperties": {"originAccountID": where.account_id, "originRegion": where.region},
            "dataReplicationInfo": info,
        }

    def _instance(self, one: Launched) -> dict[str, Any]:
        replicating = next((server for server in self.back if server.server_id == one.reversed_to), None)
        state = replicating.state if replicating and replicating.instance == one.instance else "STALLED"
        return {
            "recoveryInstanceID": one.instance,
            "ec2InstanceID": one.instance,
            "sourceServerID": one.server_id,
            "isDrill": one.drill,
            "originEnvironment": "AWS",
            "pointInTimeSnapshotDateTime": f"2026-11-24T{one.at // 60:02}:{one.at % 60:02}:00Z",
            "failback": {"state": one.failback, **({"failbackLaunchType": one.launch_type} if one.launch_type else {})},
            "dataReplicationInfo": {"dataReplicationState": state if one.reversed_to else "NOT_STARTED"},
        }
