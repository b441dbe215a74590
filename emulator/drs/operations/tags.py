"""Tags of the resources of DRS that can have some."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..errors import ResourceNotFoundError, ValidationError
from ..models import DRSBackend

MOST_TAGS = 50
LONGEST_KEY = 128


def check_tags(tags: dict[str, str]) -> None:
    """Raise ValidationError unless the tags keep the AWS-wide rules that the model does not state."""
    if len(tags) > MOST_TAGS:
        raise ValidationError(f"A resource can have at most {MOST_TAGS} tags, these would be {len(tags)}")
    for key in tags:
        if not key or len(key) > LONGEST_KEY:
            raise ValidationError(f"Tag key '{key}' must have 1 to {LONGEST_KEY} characters")
        if key.lower().startswith("aws:"):
            raise ValidationError(f"Tag key '{key}' must not start with aws:")


def _tags_of(backend: DRSBackend, arn: str) -> dict[str, str]:
    kind, _, identifier = arn.rpartition(":")[2].partition("/")
    resource = backend.resource(kind, identifier)
    if resource is None or resource.arn != arn:
        raise ResourceNotFoundError(f"Resource {arn} not found", resourceId=arn)
    tags: dict[str, str] = resource.tags
    return tags


def list_tags_for_resource(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer ListTagsForResource."""
    return {"tags": dict(_tags_of(backend, request["resourceArn"]))}


def tag_resource(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer TagResource: merges."""
    tags = _tags_of(backend, request["resourceArn"])
    check_tags({**tags, **request["tags"]})
    tags.update(request["tags"])
    return {}


def untag_resource(backend: DRSBackend, request: dict[str, Any], now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Answer UntagResource; a key that is not there is no mistake."""
    tags = _tags_of(backend, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}


OPERATIONS = {
    "ListTagsForResource": list_tags_for_resource,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
