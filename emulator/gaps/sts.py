"""STS: AssumeRole of a role that does not exist is refused, as AWS does; moto hands out credentials for any ARN."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, STSBackend

from emulator.auth import PARTITION
from emulator.completion import replace


class AccessDenied(ServiceException):
    """The caller may not assume this role, or there is no such role: AWS does not tell which."""

    code = "AccessDenied"

    def __init__(self, role_arn: str):
        super().__init__(f"User is not authorized to perform: sts:AssumeRole on resource: {role_arn}")


def install() -> None:
    """Refuse roles that do not exist."""
    assume_role = STSBackend.assume_role

    def assume_existing_role(self: STSBackend, *args: Any, **kwargs: Any) -> AssumedRole:
        role_arn = kwargs["role_arn"]
        parts = role_arn.split(":")
        account = parts[4] if len(parts) > 5 else ""
        if account not in iam_backends:
            raise AccessDenied(role_arn)
        try:
            iam_backends[account][PARTITION].get_role_by_arn(role_arn)
        except NotFoundException as error:
            raise AccessDenied(role_arn) from error
        return assume_role(self, *args, **kwargs)

    replace(STSBackend, assume_role=assume_existing_role)
