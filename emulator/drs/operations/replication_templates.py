"""Replication configuration templates: what a new source server's replication configuration is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import ServiceQuotaExceededError, ValidationError, not_found
from ..identifiers import identifier
from ..models import DRSBackend
from ..paging import answer, page
from ..quotas import SERVICE_CODE
from ..settings import SETTINGS
from ..state import ReplicationTemplate
from .tags import check_tags

DEFAULTS: dict[str, Any] = {
    "associateDefaultSecurityGroup": True,
    "replicationServerInstanceType": "t3.small",
    "useDedicatedReplicationServer": False,
    "defaultLargeStagingDiskType": "GP3",
    "dataPlaneRouting": "PRIVATE_IP",
    "createPublicIP": False,
    "autoReplicateNewDisks": True,
}
"""What a template has where its creator says nothing."""

POLICY = {"MINUTE": (10, 60), "HOUR": (1, 24), "DAY": (1, None)}
"""The rules of every point-in-time policy: interval and retention, of which only that of the days may vary."""
LONGEST_DAYS = 365


def check_policy(policy: list[dict[str, Any]] | None) -> None:
    """Raise ValidationError unless a point-in-time policy is one that DRS accepts; None is no policy."""
    if policy is None:
        return
    if sorted(rule["units"] for rule in policy) != sorted(POLICY):
        raise ValidationError("Invalid request body: pitPolicy must have one rule each for MINUTE, HOUR and DAY")
    for rule in policy:
        interval, retention = POLICY[rule["units"]]
        kept = rule["retentionDuration"]
        if rule["interval"] != interval or (kept != retention if retention else kept > LONGEST_DAYS):
            allowed = retention or f"1 to {LONGEST_DAYS}"
            raise ValidationError(
                f"Invalid request body: the pitPolicy rule for {rule['units']} must have interval {interval} and"
                f" retentionDuration {allowed}"
            )


def create_template(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer CreateReplicationConfigurationTemplate. The subnet is not looked up: a template outlives its subnet."""
    check_tags(request.get("tags") or {})
    check_policy(request["pitPolicy"])
    if len(backend.replication_templates) >= SETTINGS.replication_templates_per_region:
        raise ServiceQuotaExceededError(
            "Service quota exceeded: replication configuration templates per account and Region"
            f" ({SETTINGS.replication_templates_per_region})",
            resourceType="AWS::DRS::ReplicationConfigurationTemplate",
            serviceCode=SERVICE_CODE,
        )
    return shown(add_template(backend, request))


def add_template(backend: DRSBackend, request: dict[str, Any]) -> ReplicationTemplate:
    """Create a template of the members of a valid request."""
    backend.replication_templates_made += 1
    template_id = identifier("rct", backend.account_id, backend.region_name, backend.replication_templates_made)
    configuration = {**DEFAULTS, **{key: value for key, value in request.items() if key != "tags"}}
    template = ReplicationTemplate(
        template_id,
        backend.arn("replication-configuration-template", template_id),
        configuration,
        dict(request.get("tags") or {}),
    )
    backend.replication_templates[template_id] = template
    return template


def describe_templates(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DescribeReplicationConfigurationTemplates; an unknown id is an error."""
    wanted = request.get("replicationConfigurationTemplateIDs") or list(backend.replication_templates)
    found = {template_id: _find(backend, template_id) for template_id in wanted}
    chosen, token = page(found.values(), lambda template: [template.template_id], request)
    return answer("items", [shown(template) for template in chosen], token)


def update_template(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer UpdateReplicationConfigurationTemplate: what is absent stays; servers that exist keep theirs."""
    template = _find(backend, request["replicationConfigurationTemplateID"])
    check_policy(request.get("pitPolicy"))
    changes = {key: value for key, value in request.items() if key not in ("replicationConfigurationTemplateID", "arn")}
    template.configuration.update(changes)
    return shown(template)


def delete_template(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer DeleteReplicationConfigurationTemplate."""
    template = _find(backend, request["replicationConfigurationTemplateID"])
    del backend.replication_templates[template.template_id]
    return {}


def shown(template: ReplicationTemplate) -> dict[str, Any]:
    """Return a template as the API answers it."""
    identity = {"replicationConfigurationTemplateID": template.template_id, "arn": template.arn}
    return {**identity, **template.configuration, "tags": dict(template.tags)}


def _find(backend: DRSBackend, template_id: str) -> ReplicationTemplate:
    if template_id not in backend.replication_templates:
        raise not_found("Replication Configuration Template", template_id)
    return backend.replication_templates[template_id]


OPERATIONS = {
    "CreateReplicationConfigurationTemplate": create_template,
    "DescribeReplicationConfigurationTemplates": describe_templates,
    "UpdateReplicationConfigurationTemplate": update_template,
    "DeleteReplicationConfigurationTemplate": delete_template,
}
