"""IAM and STS."""

from __future__ import annotations

from moto.iam.models import iam_backends

from emulator.auth import PARTITION
from emulator.iam.request import Need, Request

_FREE = frozenset({"GetCallerIdentity"})
_BOUNDARIES = frozenset({"PutRolePermissionsBoundary", "PutUserPermissionsBoundary"})
_NAMES = (
    ("RoleName", "role", "roles"),
    ("UserName", "user", "users"),
    ("GroupName", "group", "groups"),
    ("InstanceProfileName", "instance-profile", "instance_profiles"),
)


def sts(request: Request) -> list[Need]:
    """STS; whether a role lets itself be assumed is the role's affair (`trust.py`).

    Raises:
        NotImplementedError: the call limits the session by policies of its own.
    """
    if any(value and name.startswith("Policy") for name, value in request.form.items()):
        raise NotImplementedError("session policies")
    if request.operation in _FREE:
        return []
    return [Need(f"sts:{request.operation}", request.form.get("RoleArn", "*"))]


def iam(request: Request) -> list[Need]:
    """IAM: the role, user, group, profile or policy that a call names.

    Raises:
        NotImplementedError: the call sets a permissions boundary.
    """
    if request.operation in _BOUNDARIES or request.form.get("PermissionsBoundary"):
        raise NotImplementedError("permissions boundaries")
    form = request.form
    keys = {"iam:policyarn": (form["PolicyArn"],)} if "PolicyArn" in form else {}
    return [Need(f"iam:{request.operation}", _resource(request), keys, request.form_tags())]


def _resource(request: Request) -> str:
    for parameter, kind, store in _NAMES:
        name = request.form.get(parameter)
        if name is not None:
            path = request.form.get("Path") or _path(getattr(iam_backends[request.account][PARTITION], store), name)
            return request.arn("iam", f"{kind}{path}{name}", region=False)
    if "PolicyName" in request.form:
        path = request.form.get("Path") or "/"
        return request.arn("iam", f"policy{path}{request.form['PolicyName']}", region=False)
    return request.form.get("PolicyArn", "*")


def _path(store: dict[str, object], name: str) -> str:
    """Return the path of what exists, as its ARN has it."""
    for item in list(store.values()):
        if getattr(item, "name", None) == name:
            return str(getattr(item, "path", "/"))
    return "/"
