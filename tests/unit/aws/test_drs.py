"""Calls of DRS: pages, chunks, quotas."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import drs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError, UninitializedError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import jobs, readiness
from botocore.exceptions import ClientError


class Pages:
    """A client that answers pages from a function of the request and remembers the requests."""

    def __init__(self, answer: Any) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._answer = answer

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **arguments: Any) -> Any:
                client.requests.append((operation, arguments))
                yield from client._answer(arguments)

        return Paginator()


def refusal(code: str) -> ClientError:
    """Return an error of AWS."""
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Call")


def test_ids_are_asked_for_in_the_chunks_that_drs_accepts_each_once() -> None:
    ids = [f"s-{number:017d}" for number in range(450)]
    client = Pages(lambda asked: [{"items": [{"sourceServerID": i} for i in asked["filters"]["sourceServerIDs"]]}])
    found = drs.describe_source_servers(client, ids=[*ids, ids[0]])
    assert [item["sourceServerID"] for item in found] == ids
    assert [len(asked["filters"]["sourceServerIDs"]) for _operation, asked in client.requests] == [200, 200, 50]


def test_no_ids_ask_nothing_and_no_filter_asks_for_all_pages() -> None:
    client = Pages(lambda _asked: [{"items": [{"jobID": "a"}]}, {"items": [{"jobID": "b"}]}])
    assert drs.describe_jobs(client, ids=[]) == []
    assert client.requests == []
    assert [job["jobID"] for job in drs.describe_jobs(client, from_date="2026-11-23T00:00:00Z")] == ["a", "b"]
    asked = {"filters": {"fromDate": "2026-11-23T00:00:00Z"}, "PaginationConfig": {"PageSize": 1000}}
    assert client.requests == [("describe_jobs", asked)]


def test_errors_between_pages_are_translated() -> None:
    def broken(_asked: dict[str, Any]) -> Any:
        yield {"items": []}
        raise refusal("UninitializedAccountException")

    with pytest.raises(UninitializedError, match="not initialised"):
        drs.describe_source_servers(Pages(broken))


def test_quotas_are_the_live_ones_where_there_are_live_ones() -> None:
    live = [{"QuotaCode": "L-B827C881", "Value": 200.0}, {"QuotaCode": "L-OTHER", "Value": 1.0}]
    quotas, source = drs.read_quotas(Pages(lambda _asked: [{"Quotas": live}]))
    assert (quotas.servers_per_job, quotas.concurrent_jobs, quotas.servers_in_all_jobs) == (200, 20, 500)
    assert source.startswith("Service Quotas, which does not know concurrent_jobs, servers_in_all_jobs: documented")


def test_trap_unpaginated_job_log() -> None:
    """What went wrong may stand on the last page of a job's log."""
    pages = [[{"event": "SNAPSHOT_END"}] * 50, [{"event": "LAUNCH_FAILED", "eventData": {"rawError": "no capacity"}}]]
    client = Pages(lambda _asked: [{"items": page} for page in pages])
    assert drs.describe_job_log_items(client, "drsjob-1")[-1]["eventData"]["rawError"] == "no capacity"
    assert client.requests == [("describe_job_log_items", {"jobID": "drsjob-1"})]


def test_trap_invented_job_status() -> None:
    """Every status that decides something is one that the service has: none is waited for that never comes."""
    model = botocore.session.get_session().get_service_model("drs")
    assert {jobs.COMPLETED} <= set(model.shape_for("JobStatus").enum)
    assert {jobs.LAUNCHED, jobs.FAILED} <= set(model.shape_for("LaunchStatus").enum)
    assert {jobs.TERMINATE} <= set(model.shape_for("JobType").enum)
    judged = {readiness.HEALTHY, *readiness.LAGGING_STATES, *readiness.INITIAL_STATES, *readiness.BROKEN_STATES}
    assert judged == set(model.shape_for("DataReplicationState").enum)


def test_trap_quota_error_is_valid() -> None:
    """Quotas that cannot be read are the documented ones, not none, and are said to be."""

    def denied(_asked: dict[str, Any]) -> Any:
        raise refusal("AccessDeniedException")

    quotas, source = drs.read_quotas(Pages(denied))
    assert (quotas.servers_per_job, quotas.concurrent_jobs, quotas.servers_in_all_jobs) == (100, 20, 500)
    assert "documented values" in source
    assert "AccessDeniedException" in source


def test_a_staging_account_that_does_not_trust_this_one_is_named() -> None:
    def denied(_asked: dict[str, Any]) -> Any:
        raise refusal("AccessDeniedException")

    with pytest.raises(AwsError, match=r"staging account 111111111111.*DRSStagingAccountRole"):
        drs.list_extensible_source_servers(Pages(denied), "111111111111")


def test_extended_servers_of_all_pages_of_staging_accounts_are_read_and_no_others() -> None:
    accounts = [f"{number:012d}" for number in range(201)]

    def answer(asked: dict[str, Any]) -> Any:
        if not asked:
            return [{"accounts": [{"accountID": item} for item in accounts[at : at + 50]]} for at in range(0, 201, 50)]
        items = [
            {
                "sourceServerID": f"s-{account}",
                "arn": f"arn:aws:drs:us-west-2:222222222222:source-server/s-{account}",
                "stagingArea": {"stagingSourceServerArn": f"arn:{account}"} if account != accounts[0] else {},
            }
            for account in asked["filters"]["stagingAccountIDs"]
        ]
        return [{"items": items[:100]}, {"items": items[100:]}]

    client = Pages(answer)
    found = drs.read_extended_source_servers(client)
    assert [server.staging_arn for server in found] == [f"arn:{account}" for account in accounts[1:]]
    assert [operation for operation, _asked in client.requests] == [
        "list_staging_accounts",
        *["describe_source_servers"] * 2,
    ]
