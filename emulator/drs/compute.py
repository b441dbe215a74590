"""What DRS does in EC2: conversion servers, recovery instances, their end. All are real instances of the emulator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.exceptions import EC2ClientError

from ..ec2 import identifiers, volumes
from . import disks, permissions
from .identifiers import identifier
from .models import DRSBackend
from .settings import SETTINGS
from .state import Job, SourceServer
from .templates import MANAGED_TAG, default_data

CONVERSION_INSTANCE_TYPE = "m5.large"
CONVERSION_INSTANCE_PROFILE = "AWSElasticDisasterRecoveryConversionServerRole"


class Ec2RefusalError(Exception):
    """EC2 refused a call; the text is what DRS writes as `rawError`."""


@contextmanager
def _refusals_of(action: str) -> Iterator[None]:
    try:
        yield
    except ServiceException as error:
        raise Ec2RefusalError(
            f"An error occurred ({error.code}) when calling the {action} operation: {error.message}"
        ) from error


def has_network(backend: DRSBackend, server: SourceServer) -> bool:
    """Tell whether a launch has a subnet to go to: the template's, or that of a default VPC."""
    data = default_data(backend, server)
    interfaces = data.get("NetworkInterfaces") or [{}]
    named = any(item.get("SubnetId") or item.get("NetworkInterfaceId") for item in interfaces)
    return named or bool(data.get("SubnetId")) or backend.ec2().get_default_vpc() is not None


def launch_conversion_server(backend: DRSBackend, server: SourceServer, job: Job) -> str:
    """Launch the temporary conversion server in the staging area subnet and return its id."""
    _require(backend, permissions.CONVERT, "RunInstances", profile=CONVERSION_INSTANCE_PROFILE)
    subnet = server.replication_configuration["stagingAreaSubnetId"]
    instance = _run(
        backend,
        image_id=_image("conversion"),
        instance_type=CONVERSION_INSTANCE_TYPE,
        nics=[{"DeviceIndex": 0, "SubnetId": subnet, "Description": "AWS Elastic Disaster Recovery Conversion Server"}],
        made_for=("conversion", job.job_id, server.server_id),
        profile=CONVERSION_INSTANCE_PROFILE,
        tags={"Name": "AWS Elastic Disaster Recovery Conversion Server", **_drs_tags(server, job)},
        windows=False,
    )
    return str(instance.id)


def launch_recovery_instance(backend: DRSBackend, server: SourceServer, replicating: SourceServer, job: Job) -> str:
    """Launch the recovery instance from the template's default version; it stays stopped until `start`.

    Args:
        backend: the store of the server.
        server: what is recovered.
        replicating: the server whose data are recovered, another one when the server is extended.
        job: the job that launches it.

    Raises:
        Ec2RefusalError: EC2 or the encryption key does not allow it.
    """
    data = default_data(backend, server)
    profile = data.get("IamInstanceProfile", {})
    name = profile.get("Name") or profile.get("Arn", "").rsplit("/", 1)[-1]
    _require(backend, permissions.LAUNCH, "RunInstances", template_id=server.template_id, profile=name)
    tags = {**(server.tags if server.launch_configuration["copyTags"] else {}), **_drs_tags(server, job)}
    template_tags = _tags_in(data, "instance")
    instance = _run(
        backend,
        image_id=_image(server.server_id),
        made_for=("recovery", job.job_id, server.server_id),
        launch_template={"LaunchTemplateId": server.template_id, "Version": "$Default"},
        block_device_mappings=_disks(replicating, data),
        tags={key: value for key, value in tags.items() if key not in template_tags},
        windows=server.machine.is_windows,
    )
    instance.stop()
    return str(instance.id)


def swap_volumes(
    backend: DRSBackend, server: SourceServer, replicating: SourceServer, job: Job, instance_id: str
) -> None:
    """Give an existing, stopped instance the recovered volumes in the place of its own; all else of it stays."""
    ec2 = backend.ec2()
    instance = ec2.get_instance_by_id(instance_id)
    data = default_data(backend, server)
    _require(backend, permissions.SWAP, "AttachVolume", instance_id=instance_id)
    wanted = _disks(replicating, data)
    with _refusals_of("AttachVolume"), identifiers.made_for("recovery", job.job_id, server.server_id):
        volumes.check(wanted)
        for device, attached in instance.get_block_device_mapping:
            ec2.detach_volume(attached.volume_id, instance_id, device)
            if not SETTINGS.launch_into_keeps_old_volumes:
                ec2.delete_volume(attached.volume_id)
        volumes.attach(ec2, instance, wanted)
    for _, attached in instance.get_block_device_mapping:
        ec2.volumes[attached.volume_id].add_tags(_tags_in(data, "volume"))
    instance.add_tags(_drs_tags(server, job))


def _tags_in(data: dict[str, Any], kind: str) -> dict[str, str]:
    return {
        tag["Key"]: tag["Value"]
        for specification in data.get("TagSpecifications", [])
        if specification["ResourceType"] == kind
        for tag in specification["Tags"]
    }


def _disks(replicating: SourceServer, data: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        return disks.of_launch(replicating, data)
    except disks.KeyNotFoundError as error:
        raise Ec2RefusalError(str(error)) from error


def start(backend: DRSBackend, instance_id: str) -> None:
    """Start a recovery instance; its launch time is that of the start."""
    _require(backend, permissions.START, "StartInstances", instance_id=instance_id)
    with _refusals_of("StartInstances"):
        backend.ec2().start_instances([instance_id])


def terminate(backend: DRSBackend, instance_id: str) -> None:
    """Terminate an instance; one that is gone already is no mistake."""
    if state(backend, instance_id) in ("TERMINATED", "NOT_FOUND"):
        return
    _require(backend, permissions.TERMINATE, "TerminateInstances", instance_id=instance_id)
    with _refusals_of("TerminateInstances"):
        backend.ec2().terminate_instances([instance_id])


def state(backend: DRSBackend, instance_id: str) -> str:
    """Return the state of an instance, of the enumeration EC2InstanceState."""
    instance = backend.ec2().get_instance_by_id(instance_id)
    return "NOT_FOUND" if instance is None else instance.state.upper()


def launch_time(backend: DRSBackend, instance_id: str, default: datetime) -> datetime:
    """Return when an instance was launched, `default` when it is gone."""
    instance = backend.ec2().get_instance_by_id(instance_id)
    return default if instance is None else instance.launch_time


def _require(backend: DRSBackend, actions: Iterable[str], passing: str, **about: Any) -> None:
    """Raise Ec2RefusalError unless the caller of the job may do this in EC2; `passing` is what hands roles over."""
    denial = permissions.missing(backend, actions, **about)
    if denial is not None:
        service, _, action = denial.need.action.partition(":")
        with _refusals_of(action if service == "ec2" else passing):
            raise EC2ClientError("UnauthorizedOperation", denial.message_of("ec2"))


def _run(
    backend: DRSBackend,
    *,
    made_for: tuple[str, ...],
    tags: dict[str, str],
    windows: bool,
    profile: str | None = None,
    **request: Any,
) -> Any:
    ec2 = backend.ec2()
    with _refusals_of("RunInstances"), identifiers.made_for(*made_for):
        reservation = ec2.run_instances(
            request.pop("image_id"),
            1,
            None,
            [],
            region_name=backend.region_name,
            is_instance_type_default="instance_type" not in request,
            security_group_ids=[],
            tags={"instance": tags},
            platform="windows" if windows else None,
            **request,
        )
        if profile:
            ec2.associate_iam_instance_profile(reservation.instances[0].id, iam_instance_profile_name=profile)
    return reservation.instances[0]


def _drs_tags(server: SourceServer, job: Job) -> dict[str, str]:
    return {
        MANAGED_TAG["Key"]: MANAGED_TAG["Value"],
        "drs.amazonaws.com-source-server": server.server_id,
        "drs.amazonaws.com-job": job.job_id,
    }


def _image(*parts: object) -> str:
    return f"ami-0{identifier('ami', *parts)[4:-1]}"
