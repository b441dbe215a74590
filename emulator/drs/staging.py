"""Extended source servers: what a target account sees of a server that replicates in a staging account."""

from __future__ import annotations

from functools import lru_cache

from ..auth import PARTITION, Principal
from ..iam.context import Context
from ..iam.identities import documents_of, find_role, identity_of
from ..iam.policies import Decision
from ..iam.trust import trusts_service
from .models import DRSBackend, backend_of
from .settings import SETTINGS
from .state import SourceServer

SERVICE = "drs.amazonaws.com"


def staging_role_name(target_account: str) -> str:
    """Return the role that lets a target account use the servers of a staging account."""
    return f"DRSStagingAccountRole_{target_account}"


def staging_role_arn(staging_account: str, target_account: str) -> str:
    """Return the ARN of that role."""
    return f"arn:{PARTITION}:iam::{staging_account}:role/service-role/{staging_role_name(target_account)}"


def refusal(staging_account: str, target_account: str) -> str | None:
    """Return why DRS cannot enter a staging account for a target account, None when it can.

    It assumes the role `service-role/DRSStagingAccountRole_<target>`, whose policies must let it see the servers.
    """
    arn = staging_role_arn(staging_account, target_account)
    role = find_role(arn)
    if role is None:
        return f"The role of staging account {staging_account} for this account does not exist"
    return _refusal(arn, target_account, role.assume_role_policy_document, tuple(documents_of(role)))


@lru_cache(maxsize=1024)
def _refusal(arn: str, target_account: str, *_documents: object) -> str | None:
    """Decide once for the role as its documents are: every look at an extended server asks."""
    role = f"The role of staging account {arn.split(':')[4]} for this account"
    keys = {
        "sts:sourceidentity": (target_account,),
        "aws:sourcearn": (f"arn:{PARTITION}:drs:us-east-1:{target_account}:source-server/s-00000000000000000",),
    }
    if not trusts_service(arn, SERVICE, target_account, ("sts:AssumeRole", "sts:SetSourceIdentity"), keys):
        return f"{role} does not trust {SERVICE}"
    policies = identity_of(Principal.of_role(arn, "drs")).policies
    decision = policies.decide("drs:DescribeSourceServers", "*", Context({}), lambda _text: None)
    if decision is not Decision.ALLOWED:
        return f"{role} may not describe source servers"
    return None


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
    problem = _problem_now(server, server.extends)
    if problem or SETTINGS.extension_error_heals:
        server.extension_error = problem
    return server.extension_error


def _problem_now(server: SourceServer, extends: str) -> str | None:
    staging = backend_of(extends)
    refused = refusal(staging.account_id, server.arn.split(":")[4])
    if refused:
        return refused
    if extends.rsplit("/", 1)[1] not in staging.servers:
        return "The source server does not exist in the staging account"
    return None


def extended_arns(backend: DRSBackend) -> set[str]:
    """Return the ARNs of the servers of staging accounts that are extended into this store."""
    return {server.extends for server in backend.servers.values() if server.extends}
