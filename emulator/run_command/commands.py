"""Agents and commands of an account and Region. What a moment shows of a command is computed when somebody looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends

from ..clock import CLOCK
from ..drs.identifiers import digest
from ..kept import keep_table
from ..machines.reach import machines_in
from ..machines.software import Agent, Result
from ..moto_time import utcnow

DOCUMENTS = {"AWS-RunShellScript": "linux", "AWS-RunPowerShellScript": "windows"}
PLUGINS = {"AWS-RunShellScript": "aws:runShellScript", "AWS-RunPowerShellScript": "aws:runPowerShellScript"}
DEFAULT_TIMEOUT = 3600
MOST_INSTANCES = 50
LONGEST_OUTPUT = 2500
SUCCESS, FAILED, TIMED_OUT, IN_PROGRESS = "Success", "Failed", "TimedOut", "InProgress"

_COMMANDS: dict[tuple[str, str], dict[str, Command]] = {}
keep_table("commands of Systems Manager", _COMMANDS)


class InvalidInstanceId(ServiceException):
    """An instance has no agent that is online."""

    code = "InvalidInstanceId"


class InvalidDocument(ServiceException):
    """The document does not exist."""

    code = "InvalidDocument"


class InvalidCommandId(ServiceException):
    """The command does not exist."""

    code = "InvalidCommandId"


class InvocationDoesNotExist(ServiceException):
    """The command does not run on the instance."""

    code = "InvocationDoesNotExist"


class UnsupportedPlatformType(ServiceException):
    """The document is for another operating system."""

    code = "UnsupportedPlatformType"


class ValidationException(ServiceException):
    """A parameter is out of its range."""

    code = "ValidationException"


@dataclass(frozen=True)
class Managed:
    """An instance whose agent has registered."""

    instance_id: str
    registered: datetime
    platform: str
    address: str
    name: str
    agent: Agent


@dataclass(frozen=True)
class Command:
    """A command that was sent: when, and what it comes to on each instance."""

    command_id: str
    document: str
    comment: str
    lines: tuple[str, ...]
    requested: datetime
    timeout: float
    delivery: int
    results: dict[str, Result]

    def status(self, instance_id: str, now: datetime) -> str:
        """Return how it stands on an instance."""
        result = self.results[instance_id]
        if now < self.ends(instance_id):
            return IN_PROGRESS
        if result.seconds > self.timeout:
            return TIMED_OUT
        return FAILED if result.exit else SUCCESS

    def ends(self, instance_id: str) -> datetime:
        """Return when it ends on an instance."""
        return self.requested + timedelta(seconds=min(self.results[instance_id].seconds, self.timeout))

    def overall(self, now: datetime) -> str:
        """Return how it stands as a whole."""
        found = {self.status(instance_id, now) for instance_id in self.results}
        return next(status for status in (IN_PROGRESS, FAILED, TIMED_OUT, SUCCESS) if status in found)


def managed(account: str, region: str) -> dict[str, Managed]:
    """Return the running instances whose agents are online, by instance id."""
    ec2 = ec2_backends[account][region]
    machines = machines_in(account, region)
    found = {}
    for instance_id, machine in machines.items():
        instance: Any = ec2.get_instance_by_id(instance_id) if machine.agent else None
        if instance is None or machine.agent is None or instance.instance_status["Status"] != "ok":
            continue
        registered = instance.launch_time + timedelta(seconds=machine.agent.after)
        if registered <= utcnow():
            platform = "windows" if machine.is_windows else "linux"
            found[instance_id] = Managed(
                instance_id, registered, platform, instance.private_ip, machine.hostname, machine.agent
            )
    return found


def send(account: str, region: str, request: dict[str, Any]) -> Command:
    """Send a command.

    Args:
        account: the account.
        region: the Region.
        request: SendCommand's.

    Raises:
        ServiceException: AWS refuses it.
        NotImplementedError: it asks for what is not emulated.
    """
    if request.get("Targets"):
        raise NotImplementedError("SendCommand with Targets")
    document, ids = str(request["DocumentName"]), list(request.get("InstanceIds") or [])
    if document not in DOCUMENTS:
        raise InvalidDocument(f"Document with name {document} does not exist.")
    if not 1 <= len(ids) <= MOST_INSTANCES:
        raise ValidationException(f"InstanceIds must have 1 to {MOST_INSTANCES} members")
    online = managed(account, region)
    missing = [instance_id for instance_id in ids if instance_id not in online]
    if missing:
        raise InvalidInstanceId(f"Instances [[{', '.join(missing)}]] not in a valid state for account {account}")
    if any(online[instance_id].platform != DOCUMENTS[document] for instance_id in ids):
        raise UnsupportedPlatformType(f"The document {document} is not for the platform of all instances")
    parameters = request.get("Parameters") or {}
    lines = [str(line) for line in parameters.get("commands") or []]
    known = _COMMANDS.setdefault((account, region), {})
    digits = digest("command", account, region, len(known))
    command = Command(
        "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32])),
        document,
        str(request.get("Comment") or ""),
        tuple(lines),
        CLOCK.now(),
        float((parameters.get("executionTimeout") or [DEFAULT_TIMEOUT])[0]),
        int(request.get("TimeoutSeconds") or DEFAULT_TIMEOUT),
        {instance_id: online[instance_id].agent.result_of(lines) for instance_id in ids},
    )
    known[command.command_id] = command
    return command


def get(account: str, region: str, command_id: str) -> Command:
    """Return a command.

    Raises:
        InvalidCommandId: there is none.
    """
    found = _COMMANDS.get((account, region), {}).get(command_id)
    if found is None:
        raise InvalidCommandId("")
    return found


def sent(account: str, region: str) -> Iterable[Command]:
    """Return all commands, the latest first."""
    return reversed(list(_COMMANDS.get((account, region), {}).values()))
