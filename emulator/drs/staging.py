"""Extended source servers: what a target account sees of a server that replicates in a staging account."""

from __future__ import annotations

from .models import DRSBackend, backend_of
from .state import SourceServer


def staging_role_name(target_account: str) -> str:
    """Return the role that lets a target account use the servers of a staging account."""
    return f"DRSStagingAccountRole_{target_account}"


def has_staging_role(staging_account: str, target_account: str) -> bool:
    """Tell whether the staging account has the role `service-role/DRSStagingAccountRole_<target>`."""
    from moto.iam.models import iam_backends

    name = staging_role_name(target_account)
    roles = iam_backends[staging_account]["aws"].roles.values()
    return any(role.name == name and role.path == "/service-role/" for role in roles)


def origin(server: SourceServer) -> SourceServer | None:
    """Return the server that replicates: itself, or of an extended server the one in the staging account.

    None when an extended server has lost it: deleted there, or the role revoked.
    """
    if server.extends is None:
        return server
    if extension_problem(server):
        return None
    return backend_of(server.extends).servers[server.extends.rsplit("/", 1)[1]]


def extension_problem(server: SourceServer) -> str | None:
    """Return why an extended server is in EXTENSION_ERROR, None when all is well."""
    if server.extends is None:
        return None
    staging = backend_of(server.extends)
    if not has_staging_role(staging.account_id, server.arn.split(":")[4]):
        return f"The role of staging account {staging.account_id} for this account does not exist"
    if server.extends.rsplit("/", 1)[1] not in staging.servers:
        return "The source server does not exist in the staging account"
    return None


def extended_arns(backend: DRSBackend) -> set[str]:
    """Return the ARNs of the servers of staging accounts that are extended into this store."""
    return {server.extends for server in backend.servers.values() if server.extends}
