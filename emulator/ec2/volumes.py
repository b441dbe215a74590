"""Volumes of a launch, made from block device mappings with everything that these say.

moto forgets IOPS and throughput, so it refuses every type that needs them, and it names `/dev/sda1` as the root device
whatever the mappings are.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse

from ..completion import replace

WITH_IOPS = frozenset({"io1", "io2", "gp3"})
IOPS_REQUIRED = frozenset({"io1", "io2"})
WITH_THROUGHPUT = frozenset({"gp3"})


def check(mappings: list[dict[str, Any]]) -> None:
    """Raise EC2's error unless the types of the volumes go with their IOPS and throughput."""
    for mapping in _volumes(mappings):
        volume = mapping["Ebs"]
        kind = volume.get("VolumeType") or "gp2"
        if kind in IOPS_REQUIRED and not volume.get("Iops"):
            raise EC2ClientError("MissingParameter", f"The parameter iops must be specified for {kind} volumes.")
        for parameter, kinds in (("Iops", WITH_IOPS), ("Throughput", WITH_THROUGHPUT)):
            if volume.get(parameter) and kind not in kinds:
                raise EC2ClientError(
                    "InvalidParameterCombination",
                    f"The parameter {parameter.lower()} is not supported for {kind} volumes.",
                )


def attach(backend: Any, instance: Instance, mappings: list[dict[str, Any]]) -> None:
    """Make the volumes of a new instance and attach them; the first is its root device."""
    volumes = _volumes(mappings)
    if volumes:
        instance.root_device_name = volumes[0]["DeviceName"]
    for mapping in volumes:
        wanted = mapping["Ebs"]
        volume = backend.create_volume(
            size=_number(wanted.get("VolumeSize")),
            zone_name=instance.placement.zone,
            snapshot_id=wanted.get("SnapshotId"),
            encrypted=_flag(wanted.get("Encrypted")),
            kms_key_id=wanted.get("KmsKeyId"),
            volume_type=wanted.get("VolumeType") or "gp2",
            iops=_number(wanted.get("Iops")),
            throughput=_number(wanted.get("Throughput")),
        )
        backend.attach_volume(volume.id, instance.id, mapping["DeviceName"], _flag(wanted.get("DeleteOnTermination")))


def _volumes(mappings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in mappings if item.get("Ebs") and item.get("NoDevice") != ""]


def _number(value: Any) -> int | None:
    return int(value) if value not in (None, "") else None


def _flag(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _with_throughput(original: Any) -> Any:
    @wraps(original)
    def _parse_block_device_mapping(self: Any) -> list[dict[str, Any]]:
        mappings: list[dict[str, Any]] = original(self)
        for mapping, given in zip(mappings, self._get_param("BlockDeviceMappings", []), strict=True):
            mapping["Ebs"]["Throughput"] = given.get("Ebs", {}).get("Throughput")
        return mappings

    return _parse_block_device_mapping


def install() -> None:
    """Patch what moto reads of a request."""
    original = InstanceResponse._parse_block_device_mapping
    if not hasattr(original, "__wrapped__"):
        replace(InstanceResponse, _parse_block_device_mapping=_with_throughput(original))
