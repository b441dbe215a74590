"""boto3's 15 paginators of DRS [facts 1.0]: every page size gives the same list, and only tokens of DRS are taken.

The paginators and their result keys are those of botocore's `paginators-1.json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from tests.emulator.conformance.crowd import NOT_EMULATED, REQUESTS, Crowd, crowd, method

PAGINATORS = Loader().load_service_model("drs", "paginators-1")["pagination"]
# One in an account at most: quota L-1F3FAE4D for launch settings.
SINGLE = {"DescribeLaunchConfigurationTemplates", "DescribeReplicationConfigurationTemplates"}
# What tells the time of the answer, not of the item.
MOMENTS = {"lastUpdatedDateTime", "lastSeenByServiceDateTime", "elapsedReplicationDuration"}


@pytest.fixture(scope="module")
def made() -> Iterator[Crowd]:
    """An account with several of everything."""
    with crowd() as running:
        yield running


def timeless(value: Any) -> Any:
    """Return a value without the members that tell the time of the answer."""
    if isinstance(value, dict):
        return {name: timeless(member) for name, member in value.items() if name not in MOMENTS}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def test_the_paginators_are_those_of_the_model() -> None:
    assert set(REQUESTS) == set(PAGINATORS)
    assert len(PAGINATORS) == 15


@pytest.mark.parametrize("name", sorted(set(REQUESTS) - NOT_EMULATED))
def test_every_page_size_gives_the_same_list(made: Crowd, name: str) -> None:
    paginator = made.drs.api.get_paginator(method(name))
    request = REQUESTS[name](made)
    key = PAGINATORS[name]["result_key"]
    [whole] = [timeless(page[key]) for page in paginator.paginate(**request)]
    assert len(whole) == 1 if name in SINGLE else len(whole) >= 3
    for size in (1, 2, len(whole)):
        pages = [timeless(page[key]) for page in paginator.paginate(**request, PaginationConfig={"PageSize": size})]
        assert [item for page in pages for item in page] == whole
        assert all(len(page) == size for page in pages[:-1])
        assert 0 < len(pages[-1]) <= size
    full = paginator.paginate(**request, PaginationConfig={"PageSize": 1}).build_full_result()
    assert timeless(full[key]) == whole


# Of no alphabet, of base64 but no JSON, JSON of other kinds, keys of other kinds.
WRONG_TOKENS = ["nonsense", "ünsinn", "bm9uc2Vuc2U=", "e30=", "W1tdXQ==", "WzEsIDIsIDNd", "W251bGxd"]


@pytest.mark.parametrize("name", sorted(set(REQUESTS) - NOT_EMULATED))
def test_a_token_that_the_operation_did_not_make_is_refused(made: Crowd, name: str) -> None:
    for token in WRONG_TOKENS:
        with pytest.raises(ClientError) as error:
            made.call(name)(**REQUESTS[name](made), nextToken=token)
        assert error.value.response["Error"]["Code"] == "ValidationException", token
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("name", sorted(set(REQUESTS) & NOT_EMULATED))
def test_a_list_that_is_not_emulated_is_no_empty_list(made: Crowd, name: str) -> None:
    with pytest.raises(ClientError) as error:
        made.call(name)(**REQUESTS[name](made))
    assert error.value.response["Error"]["Code"] == "NotEmulatedException"
