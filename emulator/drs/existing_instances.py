"""Launching into an existing instance: what it must be like [facts 3.6]."""

from __future__ import annotations

from typing import Any

from .models import DRSBackend
from .settings import SETTINGS
from .state import Machine, SourceServer

ALLOWING_TAG = ("AWSDRS", "AllowLaunchingIntoThisInstance")
POLICIES = frozenset({"AWSElasticDisasterRecoveryRecoveryInstancePolicy", "AmazonSSMManagedInstanceCore"})


def target_of(server: SourceServer) -> str | None:
    """Return the instance that a server is launched into, None when its launches make new instances."""
    properties = server.launch_configuration.get("launchIntoInstanceProperties") or {}
    return properties.get("launchIntoEC2InstanceID") or None


def problem(backend: DRSBackend, configuration: dict[str, Any], machine: Machine, instance_id: str) -> str | None:
    """Return why DRS refuses to launch a machine into an instance, None when it accepts it; its state is not looked at.

    Args:
        backend: DRS in the account and Region of the instance.
        configuration: the launch configuration that names the instance.
        machine: what is to be recovered.
        instance_id: the EC2 instance.
    """
    instance = backend.ec2().get_instance_by_id(instance_id)
    if instance is None or instance.state == "terminated":
        return f"Instance {instance_id} does not exist in this account and Region"
    key, value = ALLOWING_TAG
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    byol_needs_host = bool(configuration.get("licensing", {}).get("osByol")) and machine.is_windows
    conditions = (
        (tags.get(key) == value, f"does not have the tag {key}={value}"),
        (_is_windows(instance) == machine.is_windows, "runs another platform than the source server"),
        (instance.architecture == "x86_64", "does not have the architecture x86_64"),
        (instance.virtualization_type == "hvm", "does not have HVM virtualization"),
        (instance.root_device_type == "ebs", "does not have an EBS root device"),
        (
            machine.is_windows or machine.boot_mode == "legacy-bios",
            "cannot boot Linux by UEFI after a launch",
        ),
        (not configuration.get("copyTags"), "cannot be launched into while copyTags is on"),
        (not configuration.get("copyPrivateIp"), "cannot be launched into while copyPrivateIp is on"),
        (not byol_needs_host or instance.placement.tenancy == "host", "is not on a dedicated host, as OS BYOL needs"),
        (not SETTINGS.launch_into_requires_profile or _has_policies(instance), "has no instance profile for DRS"),
    )
    return next((f"Instance {instance_id} {text}" for met, text in conditions if not met), None)


def launch_problem(
    backend: DRSBackend, configuration: dict[str, Any], machine: Machine, instance_id: str
) -> str | None:
    """Return why a machine cannot be launched into an instance now: as `problem`, or the instance is not stopped."""
    return problem(backend, configuration, machine, instance_id) or _state_problem(backend, instance_id)


def _state_problem(backend: DRSBackend, instance_id: str) -> str | None:
    instance = backend.ec2().get_instance_by_id(instance_id)
    state = "not existing" if instance is None else instance.state
    if state == "stopped":
        return None
    return f"Instance {instance_id} needs to be in a stopped state but is in a {state} state"


def _is_windows(instance: Any) -> bool:
    return (instance.platform or "").lower() == "windows"


def _has_policies(instance: Any) -> bool:
    from moto.iam.models import iam_backends

    association = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    if association is None:
        return False
    backend = instance.ec2_backend
    profile = iam_backends[backend.account_id][backend.partition].get_instance_profile_by_arn(
        association.iam_instance_profile.arn
    )
    attached = {arn.rsplit("/", 1)[-1] for role in profile.roles for arn in role.managed_policies}
    return attached >= POLICIES
