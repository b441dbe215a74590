"""The quotas of DRS, and Service Quotas telling the same numbers [facts 2.1]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.drs.support import Drs, frozen

ACCOUNT, STAGED_IN = "222222222222", "111111111111"
NETWORK = {
    "cidr": "10.10.0.0/16",
    "subnets": {"farm": {"cidr": "10.10.0.0/20"}, "staging": {"cidr": "10.10.255.0/24"}},
}
SERVERS = [f"s-{number:017}" for number in range(300)]
STAGED = [f"s-{number:017}" for number in range(300, 501)]
"""Servers of a staging account, since 300 replicate into one account and Region; they are extended."""


def estate() -> dict[str, Any]:
    """Return an estate of many servers in one Region, which all fail soon: their templates have no subnet."""
    key = {"access_key_id": "AKIAQUOTAOPERATOR001", "secret_access_key": "s" * 40, "user": "dr-operator"}
    regions = {"us-west-2": {"drs": True, "networks": {"home": NETWORK}}}
    staged_in = {"account": STAGED_IN, "region": "us-west-2"}
    staged = {"source": staged_in, "replication": {**staged_in, "staging_subnet": "staging", "ebs_encryption": "NONE"}}
    return {
        "accounts": {
            ACCOUNT: {"access_keys": [key], "regions": regions},
            STAGED_IN: {"drs_target_accounts": [ACCOUNT], "regions": regions},
        },
        "server_defaults": {
            "os": "Linux",
            "instance_type": "t3.small",
            "disks": {"/dev/xvda": 8},
            "source": {"account": ACCOUNT, "region": "us-west-2"},
            "replication": {"account": ACCOUNT, "region": "us-west-2", "staging_subnet": "staging"},
        },
        "servers": {
            f"farm-{number}": {
                "id": server,
                "addresses": {"farm": f"10.10.{1 + number // 200}.{10 + number % 200}"},
                **(staged if server in STAGED else {}),
            }
            for number, server in enumerate([*SERVERS, *STAGED])
        },
    }


@pytest.fixture(scope="module")
def farm() -> Iterator[Drs]:
    """A running emulator with 300 servers of its own and 201 in a staging account."""
    with frozen(estate()) as running:
        yield running


def end_all(farm: Drs) -> None:
    """Let every running job end."""
    farm.advance(300)
    assert all(job["status"] == "COMPLETED" for job in farm.api.describe_jobs(maxResults=500)["items"])


def assert_exceeded(error: Any, code: str) -> None:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert error.response["quotaCode"] == code
    assert error.response["serviceCode"] == "drs"


def test_all_servers_come_in_pages(farm: Drs) -> None:
    pages = list(farm.api.get_paginator("describe_source_servers").paginate(PaginationConfig={"PageSize": 150}))
    assert [len(page["items"]) for page in pages] == [150, 150]
    assert sorted(item["sourceServerID"] for page in pages for item in page["items"]) == SERVERS


def test_a_job_takes_100_servers(farm: Drs) -> None:
    with pytest.raises(farm.api.exceptions.ServiceQuotaExceededException) as error:
        farm.start(*SERVERS[:101])
    assert_exceeded(error.value, "L-B827C881")
    job_id = farm.start(*SERVERS[:100])
    assert len(farm.job(job_id)["participatingServers"]) == 100
    end_all(farm)


def test_20_jobs_run_at_once(farm: Drs) -> None:
    for server in SERVERS[:20]:
        farm.start(server)
    with pytest.raises(farm.api.exceptions.ServiceQuotaExceededException) as error:
        farm.start(SERVERS[20])
    assert_exceeded(error.value, "L-D88FAC3A")
    end_all(farm)
    assert farm.start(SERVERS[20])
    end_all(farm)


def test_500_servers_are_in_jobs_at_once(farm: Drs) -> None:
    extended = [
        farm.api.create_extended_source_server(
            sourceServerArn=f"arn:aws:drs:us-west-2:{STAGED_IN}:source-server/{server}"
        )["sourceServer"]["sourceServerID"]
        for server in STAGED
    ]
    servers = [*SERVERS, *extended]
    for begin in range(0, 500, 100):
        farm.start(*servers[begin : begin + 100])
    with pytest.raises(farm.api.exceptions.ServiceQuotaExceededException) as error:
        farm.start(servers[500])
    assert_exceeded(error.value, "L-05AFA8C6")
    end_all(farm)
    for server in extended:
        farm.api.delete_source_server(sourceServerID=server)


def test_service_quotas_tells_the_same_numbers(farm: Drs) -> None:
    quotas = farm.aws.client("service-quotas")
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="drs", PaginationConfig={"PageSize": 4})
    listed = {item["QuotaCode"]: item["Value"] for page in pages for item in page["Quotas"]}
    assert listed == {
        "L-D88FAC3A": 20,
        "L-C1D14A2B": 300,
        "L-E28BE5E0": 4000,
        "L-DD6D028C": 1,
        "L-0588D03B": 200,
        "L-1F3FAE4D": 1,
        "L-4B0323BD": 100,
        "L-B827C881": 100,
        "L-05AFA8C6": 500,
    }
    one = quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-05AFA8C6")["Quota"]
    assert (one["Value"], one["Adjustable"]) == (500, False)
    defaults = quotas.list_aws_default_service_quotas(ServiceCode="drs")["Quotas"]
    assert {item["QuotaCode"]: item["Value"] for item in defaults} == listed
    with pytest.raises(quotas.exceptions.InvalidPaginationTokenException):
        quotas.list_service_quotas(ServiceCode="drs", NextToken="made-up")
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-00000000")
