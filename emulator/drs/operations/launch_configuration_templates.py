"""The launch configuration template of an account and Region: what new source servers get [facts 3.1]."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import not_found
from ..identifiers import identifier
from ..models import DRSBackend
from ..paging import answer, page
from ..quotas import LAUNCH_CONFIGURATION_TEMPLATES
from ..state import LaunchConfigurationTemplate
from .launch_configurations import DEFAULTS
from .tags import check_tags

_SETTINGS = (*DEFAULTS, "exportBucketArn", "launchIntoSourceInstance", "recoveryMode")


def _given(request: dict[str, Any]) -> dict[str, Any]:
    return {name: request[name] for name in _SETTINGS if request.get(name) is not None}


def _shown(template: LaunchConfigurationTemplate) -> dict[str, Any]:
    return {
        "launchConfigurationTemplateID": template.template_id,
        "arn": template.arn,
        "tags": dict(template.tags),
        **template.settings,
    }


def _find(backend: DRSBackend, template_id: str) -> LaunchConfigurationTemplate:
    if template_id not in backend.launch_configuration_templates:
        raise not_found("Launch Configuration Template", template_id)
    return backend.launch_configuration_templates[template_id]


def create(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Answer CreateLaunchConfigurationTemplate: what is not given has the defaults of a server."""
    tags = request.get("tags") or {}
    check_tags(tags)
    templates = backend.launch_configuration_templates
    kind = "AWS::DRS::LaunchConfigurationTemplate"
    backend.check_quota(LAUNCH_CONFIGURATION_TEMPLATES, len(templates) + 1, resourceType=kind)
    template_id = identifier("lct", backend.account_id, backend.region_name, now.isoformat(), len(templates))
    settings = {**DEFAULTS, "launchIntoSourceInstance": False, **_given(request)}
    template = LaunchConfigurationTemplate(
        template_id, backend.arn("launch-configuration-template", template_id), settings, dict(tags)
    )
    templates[template_id] = template
    return {"launchConfigurationTemplate": _shown(template)}


def describe(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DescribeLaunchConfigurationTemplates; an unknown id is an error."""
    wanted = request.get("launchConfigurationTemplateIDs") or list(backend.launch_configuration_templates)
    found = [_find(backend, template_id) for template_id in wanted]
    chosen, token = page(found, lambda item: [item.template_id], request)
    return answer("items", [_shown(item) for item in chosen], token)


def update(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer UpdateLaunchConfigurationTemplate: what is absent stays, and servers that exist keep what they have."""
    template = _find(backend, request["launchConfigurationTemplateID"])
    template.settings.update(_given(request))
    return {"launchConfigurationTemplate": _shown(template)}


def delete(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DeleteLaunchConfigurationTemplate."""
    template = _find(backend, request["launchConfigurationTemplateID"])
    del backend.launch_configuration_templates[template.template_id]
    return {}


OPERATIONS = {
    "CreateLaunchConfigurationTemplate": create,
    "DescribeLaunchConfigurationTemplates": describe,
    "UpdateLaunchConfigurationTemplate": update,
    "DeleteLaunchConfigurationTemplate": delete,
}
