"""Staging accounts for the tests of extended source servers, and the module run in this process against them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import Credentials
from ansible_collections.disaster_recovery.aws.plugins.modules import drs_extended_source_server

from tests.support.embedded import TARGET, EmbeddedAws

REGION = "us-west-2"
SHARED, LARGE, STRANGE, FRESH = "111111111111", "333333333333", "444444444444", "666666666666"
"""Staging accounts: one with a server of each encryption, one with 201 servers, two without any role for the target."""

READER_ACTIONS = (
    "drs:DescribeSourceServers",
    "drs:GetReplicationConfiguration",
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
)
"""What the checks need in a staging account."""


def _account(number: str, user: str, *, targets: bool, drs: bool = True) -> dict[str, Any]:
    network = {"cidr": "10.30.0.0/16", "subnets": {"staging": {"cidr": "10.30.0.0/24"}}}
    key = {"user": user, "access_key_id": f"AKIA{user.upper():X<16}", "secret_access_key": f"secret-of-{user:x<30}"}
    return {
        "access_keys": [key],
        "drs_target_accounts": [TARGET] if targets else [],
        "regions": {REGION: {"drs": drs, "networks": {f"net{number}": network}}},
    }


def _server(account: str, number: int, encryption: str = "NONE", **tags: str) -> dict[str, Any]:
    place = {"account": account, "region": REGION, "staging_subnet": "staging", "ebs_encryption": encryption}
    address = (
        f"192.168.{int(account[0])}.{number % 250 + 1}" if number < 250 else f"192.168.10{account[0]}.{number - 249}"
    )
    return {"addresses": {"lan": address}, "replication": place, "tags": tags}


def document() -> dict[str, Any]:
    """Return the estate."""
    servers = {
        "plain-1": _server(SHARED, 1, Application="plain"),
        "plain-2": _server(SHARED, 2, Application="plain"),
        "default-1": _server(SHARED, 3, "DEFAULT", Application="default"),
        "custom-1": _server(SHARED, 4, "CUSTOM", Application="custom"),
        "gone-1": _server(SHARED, 5, Application="gone"),
        "strange-1": _server(STRANGE, 1, "CUSTOM"),
        "fresh-1": _server(FRESH, 1, "CUSTOM"),
        **{f"many-{number:03d}": _server(LARGE, number, Application="many") for number in range(201)},
    }
    return {
        "drs_settings": {"default_page_size": 2, "extension_error_heals": False, "unshared_key": "at_extension"},
        "accounts": {
            TARGET: _account("t", "target", targets=False),
            SHARED: _account("s", "shared", targets=True),
            LARGE: _account("l", "large", targets=True),
            STRANGE: _account("x", "strange", targets=False),
            FRESH: _account("f", "fresh", targets=False),
        },
        "server_defaults": {
            "os": "Linux",
            "instance_type": "t3.small",
            "on_premises": True,
            "disks": {"/dev/xvda": 8},
        },
        "servers": servers,
    }


class StagingEstate:
    """The estate in a running embedded AWS."""

    def __init__(self) -> None:
        self.aws = EmbeddedAws(document())
        self.target = self.aws.client("drs")
        self._readers: dict[str, dict[str, Any]] = {}
        self._made: dict[tuple[str, str | None, Credentials | None], Any] = {}

    def staging(self, service: str, account: str = SHARED) -> Any:
        """Return a client of a staging account's operator."""
        return self.aws.client(service, account=account)

    def arn(self, name: str, account: str = SHARED) -> str:
        """Return the ARN of the staging server of this name."""
        pages = self.staging("drs", account).get_paginator("describe_source_servers").paginate(filters={})
        return str(next(item["arn"] for page in pages for item in page["items"] if item["tags"]["Name"] == name))

    def reader(self, account: str) -> dict[str, Any]:
        """Make the reader role of a staging account and return the account as C(dr_accounts) declares it."""
        iam = self.staging("iam", account)
        if account in self._readers:
            return self._readers[account]
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TARGET}:root"}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=_policy(trust))
        rights = {"Effect": "Allow", "Action": list(READER_ACTIONS), "Resource": "*"}
        iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=_policy(rights))
        role = f"arn:aws:iam::{account}:role/reader"
        self._readers[account] = {"account_id": account, "regions": [REGION], "role_arn": role}
        return self._readers[account]

    @contextmanager
    def role_revoked(self, account: str) -> Iterator[None]:
        """Take the role for the target account away from a staging account, and give it back."""
        iam, name = self.staging("iam", account), f"DRSStagingAccountRole_{TARGET}"
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        (policy,) = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=name)
        try:
            yield
        finally:
            iam.create_role(RoleName=name, Path="/service-role/", AssumeRolePolicyDocument=json.dumps(trust))
            iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])

    @contextmanager
    def key_of(self, name: str) -> Iterator[str]:
        """Encrypt a server of SHARED with a new key that is not shared, and return the key's id."""
        drs, server_id = self.staging("drs"), self.arn(name).rsplit("/", 1)[1]
        former = drs.get_replication_configuration(sourceServerID=server_id)["ebsEncryptionKeyArn"]
        key = self.staging("kms").create_key()["KeyMetadata"]
        drs.update_replication_configuration(sourceServerID=server_id, ebsEncryptionKeyArn=key["Arn"])
        try:
            yield key["KeyId"]
        finally:
            drs.update_replication_configuration(sourceServerID=server_id, ebsEncryptionKeyArn=former)

    def run(self, *elements: Mapping[str, Any], check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module and return its result."""
        params: dict[str, Any] = {
            "extended_source_servers": [dict(element) for element in elements],
            "tags": {},
            "accounts": [],
            "repair": False,
            "purge": False,
            "max_staging_accounts": 100,
            "state": "present",
            **options,
        }
        return drs_extended_source_server.run(params, self._client, check_mode)

    def extended(self) -> dict[str, dict[str, Any]]:
        """Return the extended servers of the target account by the ARN of their staging server."""
        pages = self.target.get_paginator("describe_source_servers").paginate(filters={})
        items = [item for page in pages for item in page["items"]]
        return {item["stagingArea"]["stagingSourceServerArn"]: item for item in items}

    def remove_all(self) -> None:
        """Delete every extension."""
        for item in self.extended().values():
            self.target.delete_source_server(sourceServerID=item["sourceServerID"])

    def calls(self) -> dict[str, int]:
        """Return how often each operation of DRS was called so far, by everybody."""
        return {
            entry["operation"]: entry["count"]
            for entry in self.aws.control("calls")["counts"]
            if entry["service"] == "drs" and entry["account"] == TARGET
        }

    def _client(self, service: str, *, region: str | None = None, credentials: Credentials | None = None) -> Any:
        if credentials is None:
            return self.aws.client(service, region or REGION)
        key = (service, region, credentials)
        if key not in self._made:
            self._made[key] = boto3.client(  # type: ignore[call-overload]
                service,
                region_name=region,
                endpoint_url=self.aws.endpoint,
                **credentials.arguments(),
            )
        return self._made[key]


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
