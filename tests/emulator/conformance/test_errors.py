"""The errors of DRS on the wire [facts 1.0]: header, HTTP status and members, each provoked as on AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.drs.support import RECOVERY_WAREHOUSE, Drs

pytestmark = pytest.mark.xdist_group("conformance")

UNKNOWN = "s-00000000000000000"
ALWAYS = {"message", "code"}
FACTS = {
    "AccessDeniedException": (403, ALWAYS),
    "ConflictException": (409, ALWAYS | {"resourceId", "resourceType"}),
    "ResourceNotFoundException": (404, ALWAYS | {"resourceId", "resourceType"}),
    "ServiceQuotaExceededException": (402, ALWAYS | {"resourceId", "resourceType", "serviceCode", "quotaCode"}),
    "UninitializedAccountException": (400, ALWAYS),
    "ValidationException": (400, ALWAYS | {"reason", "fieldList"}),
}


def _conflict(drs: Drs) -> None:
    server = "s-crmapp40000000001"
    drs.launch_into(server, RECOVERY_WAREHOUSE)
    drs.start(server)
    drs.start(server)


def _quota(drs: Drs) -> None:
    for _ in range(2):
        drs.api.create_launch_configuration_template()


PROVOKED: dict[str, Callable[[Drs], Any]] = {
    "AccessDeniedException": lambda drs: drs.staging_api.list_extensible_source_servers(
        stagingAccountID="999999999999"
    ),
    "ConflictException": _conflict,
    "ResourceNotFoundException": lambda drs: drs.api.get_launch_configuration(sourceServerID=UNKNOWN),
    "ServiceQuotaExceededException": _quota,
    "UninitializedAccountException": lambda drs: drs.aws.client("drs", region="ap-south-1").describe_jobs(),
    "ValidationException": lambda drs: drs.api.start_recovery(sourceServers=[{"sourceServerID": UNKNOWN}]),
}


@pytest.mark.parametrize("name", sorted(FACTS))
def test_an_error_has_the_header_status_and_members_of_the_facts(drs: Drs, name: str) -> None:
    with pytest.raises(ClientError) as error:
        PROVOKED[name](drs)
    answer = error.value.response
    status, members = FACTS[name]
    meta = answer["ResponseMetadata"]
    assert (answer["Error"]["Code"], meta["HTTPStatusCode"]) == (name, status)
    assert meta["HTTPHeaders"]["x-amzn-errortype"] == name
    assert meta["HTTPHeaders"]["content-type"] == "application/json"
    assert answer["Error"]["Message"]
    shown = set(answer) - {"Error", "ResponseMetadata"}
    assert shown <= members
    assert answer.get("code", name) == name
