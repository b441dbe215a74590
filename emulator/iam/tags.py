"""Tags of resources by their ARN, for `aws:ResourceTag`."""

from __future__ import annotations

from moto.ec2.models import ec2_backends

from emulator.drs.models import drs_backends
from emulator.iam.context import Tags


def tags_of_resource(arn: str | None) -> Tags | None:
    """Return the tags of a resource of EC2 or DRS; none for what does not exist (yet).

    None when the emulator does not know the tags of this kind of resource.
    """
    parts = arn.split(":", 5) if arn else []
    if len(parts) < 6 or parts[2] not in ("drs", "ec2"):
        return {} if arn == "*" else None
    region, account, resource = parts[3], parts[4], parts[5]
    kind, _, identifier = resource.partition("/")
    if identifier == "*":
        return {}
    if not account:
        return None
    return _drs(account, region, kind, identifier) if parts[2] == "drs" else _ec2(account, region, identifier)


def _ec2(account: str, region: str, identifier: str) -> Tags:
    return dict(ec2_backends[account][region].tags.get(identifier, {}))


def _drs(account: str, region: str, kind: str, identifier: str) -> Tags:
    found = drs_backends[account][region].resource(kind, identifier) if region in drs_backends[account] else None
    return dict(found.tags) if found else {}
