"""The operations of Run Command and of its agents: moto lets every command succeed at once, and knows no agents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from moto.core.responses import ActionResult
from moto.ssm.responses import SimpleSystemManagerResponse

from ..clock import CLOCK
from ..completion import add, replace
from . import commands
from .commands import PLUGINS, Command, InvocationDoesNotExist, Managed, ValidationException

T = TypeVar("T")

_PAGE = 50
_AGENT_VERSION = "3.3.3050.0"


def install() -> None:
    """Put the operations into moto's Systems Manager."""
    response = SimpleSystemManagerResponse
    replace(
        response,
        send_command=_send_command,
        list_commands=_list_commands,
        get_command_invocation=_get_command_invocation,
    )
    if getattr(response, "list_command_invocations", None) is not _list_command_invocations:
        add(
            response,
            list_command_invocations=_list_command_invocations,
            describe_instance_information=_describe_instance_information,
        )


def _send_command(self: Any) -> ActionResult:
    command = commands.send(self.current_account, self.region, json.loads(self.body))
    return ActionResult({"Command": _command(command)})


def _list_commands(self: Any) -> ActionResult:
    given = json.loads(self.body)
    found = [
        command
        for command in commands.sent(self.current_account, self.region)
        if given.get("CommandId") in (None, command.command_id)
        and (given.get("InstanceId") is None or given["InstanceId"] in command.results)
        and _fits(command, given.get("Filters") or [])
    ]
    page, more = _page(found, given, least=1)
    return ActionResult({"Commands": [_command(command) for command in page], **more})


def _list_command_invocations(self: Any) -> ActionResult:
    given = json.loads(self.body)
    if given.get("Filters"):
        raise NotImplementedError("ListCommandInvocations with Filters")
    wanted = (
        [commands.get(self.current_account, self.region, given["CommandId"])]
        if given.get("CommandId")
        else list(commands.sent(self.current_account, self.region))
    )
    found = [
        (command, instance_id)
        for command in wanted
        for instance_id in command.results
        if given.get("InstanceId") in (None, instance_id)
    ]
    page, more = _page(found, given, least=1)
    shown = [_invocation(command, instance_id, details=bool(given.get("Details"))) for command, instance_id in page]
    return ActionResult({"CommandInvocations": shown, **more})


def _get_command_invocation(self: Any) -> ActionResult:
    given = json.loads(self.body)
    command = commands.get(self.current_account, self.region, given["CommandId"])
    instance_id = given["InstanceId"]
    if instance_id not in command.results:
        raise InvocationDoesNotExist("")
    now, result = CLOCK.now(), command.results[instance_id]
    status = command.status(instance_id, now)
    ended = status != commands.IN_PROGRESS
    return ActionResult(
        {
            "CommandId": command.command_id,
            "InstanceId": instance_id,
            "Comment": command.comment,
            "DocumentName": command.document,
            "PluginName": PLUGINS[command.document],
            "ResponseCode": result.exit if ended else -1,
            "ExecutionStartDateTime": _text(command.requested),
            "ExecutionEndDateTime": _text(command.ends(instance_id)) if ended else "",
            "Status": status,
            "StatusDetails": status,
            "StandardOutputContent": result.output if ended else "",
            "StandardErrorContent": "",
        }
    )


def _describe_instance_information(self: Any) -> ActionResult:
    given = json.loads(self.body)
    found = list(commands.managed(self.current_account, self.region).values())
    filters = [(item["Key"], item["Values"]) for item in given.get("Filters") or []]
    filters += [(item["key"], item["valueSet"]) for item in given.get("InstanceInformationFilterList") or []]
    for key, values in filters:
        if key == "InstanceIds":
            found = [item for item in found if item.instance_id in values]
        elif key == "PingStatus":
            found = found if "Online" in values else []
        else:
            raise NotImplementedError(f"DescribeInstanceInformation with filter {key}")
    page, more = _page(sorted(found, key=lambda item: item.instance_id), given, least=5)
    return ActionResult({"InstanceInformationList": [_managed(item) for item in page], **more})


def _fits(command: Command, filters: Sequence[dict[str, str]]) -> bool:
    for item in filters:
        key, value = item["key"], item["value"]
        if key == "InvokedAfter":
            fits = command.requested >= datetime.fromisoformat(value)
        elif key == "InvokedBefore":
            fits = command.requested < datetime.fromisoformat(value)
        elif key == "Status":
            fits = command.overall(CLOCK.now()) == value
        elif key == "DocumentName":
            fits = command.document == value
        else:
            raise NotImplementedError(f"ListCommands with filter {key}")
        if not fits:
            return False
    return True


def _page(found: Sequence[T], given: dict[str, Any], *, least: int) -> tuple[Sequence[T], dict[str, str]]:
    size = int(given.get("MaxResults") or _PAGE)
    if not least <= size <= _PAGE:
        raise ValidationException(f"MaxResults is {size}; it is a number from {least} to {_PAGE}")
    start = int(given.get("NextToken") or 0)
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return found[start : start + size], more


def _command(command: Command) -> dict[str, Any]:
    now = CLOCK.now()
    status = command.overall(now)
    ended = [command.status(instance_id, now) for instance_id in command.results]
    return {
        "CommandId": command.command_id,
        "DocumentName": command.document,
        "Comment": command.comment,
        "ExpiresAfter": command.requested,
        "Parameters": {"commands": list(command.lines), "executionTimeout": [f"{command.timeout:g}"]},
        "InstanceIds": list(command.results),
        "Targets": [],
        "RequestedDateTime": command.requested,
        "Status": status,
        "StatusDetails": status,
        "TargetCount": len(command.results),
        "CompletedCount": sum(item != commands.IN_PROGRESS for item in ended),
        "ErrorCount": sum(item == commands.FAILED for item in ended),
        "DeliveryTimedOutCount": 0,
        "TimeoutSeconds": command.delivery,
    }


def _invocation(command: Command, instance_id: str, *, details: bool) -> dict[str, Any]:
    status = command.status(instance_id, CLOCK.now())
    shown: dict[str, Any] = {
        "CommandId": command.command_id,
        "InstanceId": instance_id,
        "Comment": command.comment,
        "DocumentName": command.document,
        "RequestedDateTime": command.requested,
        "Status": status,
        "StatusDetails": status,
        "CommandPlugins": [],
    }
    if details:
        result, ended = command.results[instance_id], status != commands.IN_PROGRESS
        plugin = {
            "Name": PLUGINS[command.document],
            "Status": status,
            "StatusDetails": status,
            "ResponseCode": result.exit if ended else -1,
            "ResponseStartDateTime": command.requested,
            "Output": result.output[: commands.LONGEST_OUTPUT] if ended else "",
        }
        if ended:
            plugin["ResponseFinishDateTime"] = command.ends(instance_id)
        shown["CommandPlugins"] = [plugin]
    return shown


def _managed(item: Managed) -> dict[str, Any]:
    return {
        "InstanceId": item.instance_id,
        "PingStatus": "Online",
        "LastPingDateTime": CLOCK.now(),
        "AgentVersion": _AGENT_VERSION,
        "IsLatestVersion": True,
        "PlatformType": item.platform.capitalize(),
        "ResourceType": "EC2Instance",
        "IPAddress": item.address,
        "ComputerName": item.name,
    }


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
