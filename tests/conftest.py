"""How tests are spread over workers: a file stays together; all end-to-end tests do, since they share one estate."""

from __future__ import annotations

import pytest

# Recovering the whole sample estate needs an estate of its own.
ALONE = "tests/end_to_end/test_failover.py"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        file = item.nodeid.split("::")[0]
        shared = file.startswith("tests/end_to_end/") and file != ALONE
        item.add_marker(pytest.mark.xdist_group("end_to_end" if shared else file))
