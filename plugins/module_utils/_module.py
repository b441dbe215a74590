# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How every module of the collection starts and ends: clients, and errors as one clear message.

This module util is private to the collection.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

try:
    import botocore
    from boto3.session import Session
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule says that boto3 is missing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import Credentials
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.clients import (
    client_config,
    give_up_early_when_unreachable,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, translate
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problem

Clients = Callable[..., Any]
"""C(clients("drs")) returns the client of a service, C(clients("ec2", region="us-east-1")) that of another Region.

With C(credentials) of a role (aws/accounts.py) the client acts as that role.
"""

Run = Callable[[dict[str, Any], Clients, bool], dict[str, Any]]
"""C(run(params, clients, check_mode)) does a module's work and returns its result."""

MATCH_SPEC: Mapping[str, Any] = {
    "type": "dict",
    "options": {
        "tags": {"type": "dict"},
        "servers": {"type": "list", "elements": "str"},
        "source_server_ids": {"type": "list", "elements": "str"},
    },
}
"""The option C(match): which source servers a task is about (documentation fragment C(selector))."""

ACCOUNTS_SPEC: Mapping[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "account_id": {"type": "str"},
        "regions": {"type": "list", "elements": "str"},
        "role_arn": {"type": "str"},
        "external_id": {"type": "str", "no_log": True},
        "failback_role_arn": {"type": "str"},
    },
}
"""The option C(accounts): the accounts of the estate (documentation fragment C(accounts)); read by core/accounts.py."""

TAG_POLICY_SPEC: Mapping[str, Any] = {
    "type": "dict",
    "options": {
        "tags": {
            "type": "list",
            "elements": "dict",
            "options": {
                "key": {"type": "str", "no_log": False},
                "required": {"type": "bool", "default": True},
                "value": {"type": "str"},
                "variable": {"type": "str"},
                "ec2_tag": {"type": "str"},
                "default": {"type": "str"},
                "allowed": {"type": "list", "elements": "str"},
                "pattern": {"type": "str"},
            },
        },
        "purge_tags": {"type": "bool", "default": False},
        "copy_ec2_tags": {"type": "bool", "default": False},
    },
}
"""The option C(tag_policy) (documentation fragment C(tag_policy)); read by core/tag_policy.py."""

BAD_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
NO_CREDENTIALS = frozenset({"CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError"})
UNREACHABLE = frozenset({"ConnectTimeoutError", "EndpointConnectionError"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationErrorException", "UnauthorizedOperation"})


def run_module(
    argument_spec: Mapping[str, Any],
    run: Run,
    *,
    needs_drs: bool = False,
    supports_check_mode: bool = True,
    **module_arguments: Any,
) -> NoReturn:
    """Build the module, let C(run) do its work, and end with its result or one clear error.

    Args:
        argument_spec: Options beside those of every AWS module.
        run: Does the work. C(failed) in its result ends the module as failed, with everything else that is in it;
            C(diff) is shown only when it was asked for; C(warnings) are given to Ansible.
        needs_drs: Whether the Region has to offer Elastic Disaster Recovery.
        supports_check_mode: As for AnsibleModule.
        module_arguments: C(mutually_exclusive), C(required_if) and so on, as for AnsibleModule.
    """
    module = AnsibleAWSModule(  # type: ignore[no-untyped-call]
        argument_spec=dict(argument_spec), supports_check_mode=supports_check_mode, **module_arguments
    )
    try:
        if needs_drs:
            _check_region(module.region)
        result = run(module.params, _client_factory(module), module.check_mode)
    except DeclarationError as error:
        module.fail_json(**told(error.problems))
    except AwsError as error:
        module.fail_json(msg=explain(error, _where(module)), code=error.code, operation=error.operation)
    except (BotoCoreError, ClientError) as error:
        translated = translate(error, "AWS")
        module.fail_json(msg=explain(translated, _where(module)), code=translated.code, operation=translated.operation)
    if not module._diff:
        result.pop("diff", None)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def told(problems: Iterable[Problem]) -> dict[str, Any]:
    """Return what a module says of problems: C(msg) with a line for each, and the list C(problems)."""
    listed = list(problems)
    return {
        "msg": "\n".join(str(problem) for problem in listed),
        "problems": [{"value": problem.value, "where": problem.where, "remedy": problem.remedy} for problem in listed],
    }


def explain(error: AwsError, where: str) -> str:
    """Return an error's message with what to do about it.

    Args:
        error: What happened.
        where: Endpoint, Region and credentials that were used, for a person.
    """
    remedy = ""
    if error.code in UNREACHABLE:
        remedy = "Nothing answers there. Check the endpoint URL, the Region, and the network between here and it"
    elif error.code in NO_CREDENTIALS:
        remedy = "Give credentials: the options access_key and secret_key, a profile, or the environment"
    elif error.code in BAD_CREDENTIALS:
        remedy = "AWS does not accept these credentials. Check the access key, its secret key and the session token"
    elif error.code in DENIED:
        remedy = "These credentials are not allowed to do that. Attach a policy that allows the operation"
    text = error.message.rstrip(". ")
    return f"{text}. {remedy} ({where})." if remedy else f"{text} ({where})."


def _where(module: AnsibleAWSModule) -> str:
    params = module.params
    endpoint = params["endpoint_url"] or os.environ.get("AWS_ENDPOINT_URL") or "AWS's own"
    if params["profile"]:
        credentials = f"profile {params['profile']}"
    elif params["access_key"]:
        credentials = f"access key {params['access_key']}"
    else:
        credentials = "credentials of the environment"
    return f"endpoint: {endpoint}, Region: {module.region}, {credentials}"


def _check_region(region: str | None) -> None:
    """Refuse a Region that does not offer DRS before anything is asked.

    Raises:
        AwsError: No Region, or one without DRS according to botocore.
    """
    if not region:
        raise AwsError("No Region is given: set the option region, or AWS_REGION in the environment")
    session = Session()
    known = [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("drs", partition_name=partition)
    ]
    if region not in known:
        raise AwsError(
            f"Region {region}: Elastic Disaster Recovery is not offered there according to botocore "
            f"{botocore.__version__}; known Regions: {', '.join(sorted(known))}"
        )


def _client_factory(module: AnsibleAWSModule) -> Clients:
    made: dict[tuple[str, str | None, Credentials | None], Any] = {}

    def client(service: str, *, region: str | None = None, credentials: Credentials | None = None) -> Any:
        key = (service, region or module.region, credentials)
        if key not in made:
            overriding: dict[str, Any] = {"region": region} if region else {}
            if credentials:
                overriding |= {"profile_name": None, **credentials.arguments()}
            made[key] = give_up_early_when_unreachable(module.client(service, config=client_config(), **overriding))
        return made[key]

    return client
