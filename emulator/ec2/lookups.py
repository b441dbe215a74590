"""Look things up as EC2 does, and not in time that grows with the square of the estate.

moto copies every reservation to find one instance, reads every tag to find those of one resource, and matches 1,300
images and 1,200 instance types at each launch. A filter with several values on something that has several values (the
addresses of an interface) must match when any two of them do; moto wants all of them.
"""

from __future__ import annotations

import fnmatch
import os
from functools import cache, lru_cache, wraps
from typing import Any

import moto.ec2.models.instances
import moto.ec2.utils
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import AmiBackend
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from ..completion import replace


@cache
def _offered_types(region: str) -> frozenset[str]:
    return frozenset(item["InstanceType"] for item in INSTANCE_TYPE_OFFERINGS["region"].get(region, []))


def check_instance_type(region: str, instance_type: str) -> None:
    """Raise EC2's error unless a Region offers an instance type."""
    if instance_type not in _offered_types(region):
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")


def boot_modes_of(instance_type: str) -> list[str]:
    """Return the boot modes that an instance type supports; every one for a type that is not known."""
    known = INSTANCE_TYPES.get(instance_type)
    return list(known["SupportedBootModes"]) if known else ["legacy-bios", "uefi"]


@lru_cache(maxsize=256)
def _split(wanted: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the plain values and the patterns among the values of a filter."""
    patterns = tuple(item for item in wanted if set(item) & set("*?["))
    return frozenset(wanted) - set(patterns), patterns


def _matches(value: str, wanted: tuple[str, ...]) -> bool:
    plain, patterns = _split(wanted)
    return value in plain or any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns)


def _get_tags(self: Any) -> list[dict[str, str]]:
    tags = self.ec2_backend.tags.get(self.id) or {} if self.id else {}
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "") if tags else ""
    return [
        {"resource_id": self.id, "key": key, "value": value, "resource_type": kind} for key, value in list(tags.items())
    ]


def find_instance(backend: Any, instance_id: str) -> tuple[Any, Any] | None:
    """Return the reservation of an instance and the instance, None when there is no such instance."""
    known: dict[str, tuple[Any, Any]] = backend.__dict__.setdefault("instances_by_id", {})
    if instance_id not in known:
        for reservation in reversed(list(backend.reservations.values())):  # mostly one asks for what was just made
            found = next((item for item in reservation.instances if item.id == instance_id), None)
            if found is not None:
                known[instance_id] = reservation, found
                break
    return known.get(instance_id)


def forget_instance(backend: Any, instance_id: str) -> None:
    """Forget an instance, and its reservation when it was the last one in it."""
    found = find_instance(backend, instance_id)
    if found is not None:
        reservation, instance = found
        del backend.__dict__["instances_by_id"][instance_id]
        reservation.instances = [item for item in reservation.instances if item is not instance]
        if not reservation.instances:
            del backend.reservations[reservation.id]


def _get_instance_by_id(self: Any, instance_id: str) -> Any:
    found = find_instance(self, instance_id)
    return found[1] if found else None


def _get_instance(self: Any, instance_id: str) -> Any:
    instance = _get_instance_by_id(self, instance_id)
    if instance is None:
        raise EC2ClientError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
    return instance


def _completed_describe_images(original: Any) -> Any:
    @wraps(original)
    def describe_images(self: Any, *arguments: Any, **options: Any) -> Any:
        filters = options.get("filters") or {}
        if not arguments and set(options) == {"filters"} and list(filters) == ["image-id"]:
            wanted = filters["image-id"]
            if not isinstance(wanted, list):
                return [self.amis[wanted]] if wanted in self.amis else []
        return original(self, *arguments, **options)

    return describe_images


def _completed_filter_matching(original: Any) -> Any:
    @wraps(original)
    def is_filter_matching(obj: Any, name: str, wanted: Any) -> bool:
        if isinstance(wanted, list):
            value = obj.get_filter_value(name)
            if isinstance(value, str):
                return _matches(value, tuple(wanted))
            if isinstance(value, list | set | tuple):
                return any(_matches(str(item), tuple(wanted)) for item in value)
        return bool(original(obj, name, wanted))

    return is_filter_matching


def install() -> None:
    """Patch moto's look-ups."""
    if TaggedEC2Resource.get_tags is _get_tags:
        return
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # images of recoveries are DRS's own
    replace(TaggedEC2Resource, get_tags=_get_tags)
    replace(InstanceBackend, get_instance_by_id=_get_instance_by_id, get_instance=_get_instance)
    replace(AmiBackend, describe_images=_completed_describe_images(AmiBackend.describe_images))
    replace(moto.ec2.utils, is_filter_matching=_completed_filter_matching(moto.ec2.utils.is_filter_matching))
    # The launch checks the type itself, see check_instance_type; only zones are left to moto.
    replace(moto.ec2.models.instances, INSTANCE_TYPE_OFFERINGS={**INSTANCE_TYPE_OFFERINGS, "region": {}})
