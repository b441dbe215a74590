"""Estates: YAML files that say what is in the embedded AWS when it starts. The format is described in README.md."""

from __future__ import annotations

from typing import Any

from .reader import EstateError

__all__ = ["EstateError", "load"]


def load(document: dict[str, Any]) -> None:
    """Make everything that a parsed estate file declares, except the users of its accounts.

    Call `emulator.ec2.install()` and `emulator.drs.install()` before.

    Args:
        document: the parsed YAML.

    Raises:
        EstateError: a mistake in the document; nothing has been made then.
    """
    from ..automation.documents import create_sleeping
    from ..drs.models import drs_backends
    from ..drs.roles import create_cross_account_roles, create_staging_role, ensure_service_roles
    from ..iam.enforcement import ENFORCEMENT
    from .document import parse
    from .keys import share_key
    from .networks import create_networks
    from .roles import create_roles
    from .servers import create_replication_template, create_server
    from .settings import apply_settings
    from .trouble import make_trouble

    estate = parse(document)
    apply_settings(estate.settings)
    ENFORCEMENT.mode = estate.enforce
    for account in estate.accounts.values():
        create_roles(account.account_id, account.roles)
        for target in account.trusted_targets:
            create_staging_role(account.account_id, target)
        for other in account.failback_accounts:
            create_cross_account_roles(account.account_id, other)
        for region in account.regions.values():
            create_networks(account.account_id, region)
            for name, seconds in region.automations.items():
                create_sleeping(account.account_id, region.name, name, seconds)
            if region.drs:
                ensure_service_roles(account.account_id)
                drs = drs_backends[account.account_id][region.name]
                drs.initialized = True
                drs.quotas.update(region.quotas)
            if region.staging_subnet:
                create_replication_template(account.account_id, region.name, region.staging_subnet)
    for server in estate.servers:
        create_server(server)
    for account in estate.accounts.values():
        for name in account.regions if account.trusted_targets else ():
            share_key(account.account_id, name, account.trusted_targets)
    make_trouble(estate.faults, estate.throttling)
