"""Launch actions of a source server or of a launch configuration template: put, list, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import ResourceNotFoundError, ValidationError, not_found
from ..models import DRSBackend
from ..paging import answer, page
from ..quotas import LAUNCH_ACTIONS

MOST_LISTED = 200
"""Actions in an answer, as the model says."""

_TYPES = {"Automation": "SSM_AUTOMATION", "Command": "SSM_COMMAND"}
"""Types of launch actions by the types of the SSM documents that they run."""


def put_launch_action(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer PutLaunchAction: the action with this id is replaced by what the request says."""
    resource_id = request["resourceId"]
    actions = _actions(backend, resource_id)
    action = {key: value for key, value in request.items() if key != "resourceId"}
    action.update(_type(backend, request["actionCode"]))
    backend.check_quota(LAUNCH_ACTIONS, len({*actions, action["actionId"]}), resourceId=resource_id)
    actions[action["actionId"]] = action
    return {"resourceId": resource_id, **action}


def _type(backend: DRSBackend, action_code: str) -> dict[str, str]:
    """Return the type of an action, which is that of its SSM document; nothing for documents that Amazon owns.

    The embedded SSM has none of Amazon's own documents, so that their types are not known here.
    """
    from moto.ssm.exceptions import InvalidDocument
    from moto.ssm.models import ssm_backends

    name = action_code.rpartition("/")[2]
    try:
        kind = ssm_backends[backend.account_id][backend.region_name].describe_document(name, "", "")["DocumentType"]
    except InvalidDocument as error:
        if name.startswith(("AWS", "Amazon")):
            return {}
        raise ResourceNotFoundError(
            f"SSM document {action_code} not found", resourceId=action_code, resourceType="AWS::SSM::Document"
        ) from error
    if kind not in _TYPES:
        raise ValidationError(f"SSM document {action_code} is of type {kind}, not of {' or '.join(_TYPES)}")
    return {"type": _TYPES[kind]}


def list_launch_actions(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListLaunchActions, in the order in which they run."""
    wanted = (request.get("filters") or {}).get("actionIds")
    found = (
        item for item in _actions(backend, request["resourceId"]).values() if not wanted or item["actionId"] in wanted
    )
    limited = {**request, "maxResults": min(request.get("maxResults") or MOST_LISTED, MOST_LISTED)}
    chosen, token = page(found, lambda item: [item["order"], item["actionId"]], limited)
    return answer("items", chosen, token)


def delete_launch_action(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DeleteLaunchAction."""
    actions = _actions(backend, request["resourceId"])
    if request["actionId"] not in actions:
        raise not_found("Launch Action", request["actionId"])
    del actions[request["actionId"]]
    return {}


def _actions(backend: DRSBackend, resource_id: str) -> dict[str, dict[str, Any]]:
    """Return the launch actions of a source server or of a launch configuration template, by their ids."""
    if resource_id in backend.servers:
        return backend.servers[resource_id].launch_actions
    if resource_id in backend.launch_configuration_templates:
        return backend.launch_configuration_templates[resource_id].launch_actions
    raise ResourceNotFoundError(f"Resource {resource_id} not found", resourceId=resource_id)


OPERATIONS = {
    "PutLaunchAction": put_launch_action,
    "ListLaunchActions": list_launch_actions,
    "DeleteLaunchAction": delete_launch_action,
}
