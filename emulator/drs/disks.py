"""The volumes of a launch: those of the source, as the launch template wants them, but never too small."""

from __future__ import annotations

from typing import Any

from .right_sizing import GIBIBYTE
from .state import SourceServer
from .templates import DEFAULT_VOLUME


class KeyNotFoundError(Exception):
    """The key that the volumes shall be encrypted with does not exist, or is not enabled."""

    def __init__(self) -> None:
        super().__init__("The EBS encryption key could not be found in this account")


def of_launch(replicating: SourceServer, data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the block device mappings of a launch.

    Disks that the source does not have are ignored, and so is the encryption that the template asks for: the
    replication configuration decides.

    Args:
        replicating: the server whose data are recovered.
        data: the data of the launch template.

    Raises:
        KeyNotFoundError: the volumes cannot be encrypted.
    """
    wanted = {item["DeviceName"]: item.get("Ebs", {}) for item in data.get("BlockDeviceMappings", [])}
    encryption = _encryption(replicating.replication_configuration)
    mappings = []
    for disk in replicating.machine.disks:
        volume = dict(wanted.get(disk.device_name) or DEFAULT_VOLUME)
        volume.setdefault("VolumeType", DEFAULT_VOLUME["VolumeType"])
        volume["VolumeSize"] = max(int(volume.get("VolumeSize") or 0), -(-disk.size // GIBIBYTE))
        for name in ("Encrypted", "KmsKeyId", "SnapshotId"):
            volume.pop(name, None)
        mappings.append({"DeviceName": disk.device_name, "Ebs": {**volume, **encryption}})
    return mappings


def _encryption(configuration: dict[str, Any]) -> dict[str, Any]:
    if configuration["ebsEncryption"] == "NONE":
        return {}
    if configuration["ebsEncryption"] == "DEFAULT":
        return {"Encrypted": True}
    arn = configuration["ebsEncryptionKeyArn"]
    key = find_key(arn)
    if key is None or key.key_state != "Enabled":
        raise KeyNotFoundError
    return {"Encrypted": True, "KmsKeyId": arn}


def find_key(arn: str) -> Any:
    """Return a key of KMS by its ARN or that of its alias, None when there is none."""
    from moto.kms.models import kms_backends

    region, account = arn.split(":")[3:5]
    try:
        return kms_backends[account][region].describe_key(arn)
    except (KeyError, AttributeError):  # moto's answer for an unknown key, and for an unknown alias
        return None
