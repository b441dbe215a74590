"""The errors of the DRS API, as its model declares them, and the one that the emulator adds."""

from __future__ import annotations

from typing import Any


class DrsError(Exception):
    """An answer that is an error: its shape's name, its HTTP status and its members besides `message` and `code`."""

    name: str
    status: int

    def __init__(self, message: str, **members: Any):
        super().__init__(message)
        self.message = message
        self.members = {key: value for key, value in members.items() if value is not None}

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"message": self.message, "code": self.name, **self.members}


class AccessDeniedError(DrsError):
    """The caller, or the role that DRS assumes, may not do this."""

    name, status = "AccessDeniedException", 403


class ConflictError(DrsError):
    """The resource is in a state that does not allow this."""

    name, status = "ConflictException", 409


class InternalServerError(DrsError):
    """The emulator made a mistake of its own."""

    name, status = "InternalServerException", 500

    def body(self) -> dict[str, Any]:
        """Return the body; this shape has no member `code`."""
        return {"message": self.message, **self.members}


class ResourceNotFoundError(DrsError):
    """There is no such resource in this account and Region."""

    name, status = "ResourceNotFoundException", 404


class ServiceQuotaExceededError(DrsError):
    """A quota of this account and Region is used up."""

    name, status = "ServiceQuotaExceededException", 402


class UninitializedAccountError(DrsError):
    """DRS has not been initialised in this account and Region."""

    name, status = "UninitializedAccountException", 400

    def __init__(self) -> None:
        super().__init__("Account is not initialized. Call InitializeService first.")


class ValidationError(DrsError):
    """The request is not acceptable as it stands."""

    name, status = "ValidationException", 400

    def __init__(self, message: str, reason: str = "other", fields: list[dict[str, str]] | None = None):
        super().__init__(message, reason=reason, fieldList=fields)


def not_found(what: str, identifier: str) -> ResourceNotFoundError:
    """Return the error for an id or ARN of nothing.

    Args:
        what: the kind of resource in words, of which the resource type is made: Source Server, AWS::DRS::SourceServer.
        identifier: its id or ARN.
    """
    resource_type = f"AWS::DRS::{what.title().replace(' ', '')}"
    return ResourceNotFoundError(f"{what} {identifier} not found", resourceId=identifier, resourceType=resource_type)


class NotEmulatedError(DrsError):
    """DRS can do this, the emulator cannot yet. AWS has no such error."""

    name, status = "NotEmulatedException", 501
