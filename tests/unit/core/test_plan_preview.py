"""What a run would do, as data and as lines."""

from __future__ import annotations

from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.admission import Quotas
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map import (
    DrsIdentity,
    EntrySource,
    MapEntry,
    ProfileAddress,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plan_preview import preview, preview_lines
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.plans import parse_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.resolved_plans import resolve
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.timeline import Typical, estimate

from tests.unit.core.builders import source_server


def entry(key: str, interface: int, address: str | None) -> MapEntry:
    source = EntrySource("10.0.0.1", "10.0.0.0/8", key, "222222222222", None)
    target = ProfileAddress("subnet-1", "10.99.0.0/16", address, ("sg-1",), "explicit")
    return MapEntry(key, interface, source, {"test": target}, DrsIdentity("s-1", "222222222222", "us-west-2"))


def shown(**changes: Any) -> tuple[dict[str, Any], str]:
    """Preview a drill of three servers, of which two may be in a job."""
    plan = parse_plan(
        {
            "name": "test",
            "groups": {"all": {"servers": ["server-1", "server-2", "server-3"]}},
            "waves": [{"name": "only", "groups": ["all"], **changes.pop("wave", {})}],
            "optional_servers": ["server-3"],
            **changes,
        }
    )
    resolved = resolve(plan, [source_server(number) for number in (1, 2, 3)])
    quotas = Quotas(servers_per_job=2, concurrent_jobs=1)
    timeline = estimate(resolved, quotas, Typical(linux_launch=100, linux_boot=10))
    entries = {f"server-{n}": [entry(f"server-{n}", 0, f"10.99.0.{n}")] for n in (1, 2)}
    entries["server-3"] = [entry("server-3", 0, None), entry("server-3", 1, "10.99.0.4")]
    found = preview(resolved, entries, timeline, mode="test", quotas=quotas, quotas_source="the test")
    return found, "\n".join(preview_lines(found))


def test_batches_addresses_and_times_are_shown() -> None:
    found, text = shown(targets={"rto": 60})
    (wave,) = found["waves"]
    assert [job["servers"] for job in wave["jobs"]] == [2, 1]
    assert [server["job"] for server in wave["servers"]] == [1, 1, 2]
    assert "2 DRS jobs: 2 servers after 0s, 1 server after 1m 40s" in text
    assert "Estimate: 3m 30s (typical of DRS), target 1m 00s" in text
    assert "server-3  optional  s-00000000000000003  2    dynamic in subnet-1, 10.99.0.4 in subnet-1" in text


def test_settings_that_are_not_as_by_default_are_shown_whatever_they_are() -> None:
    _found, text = shown()
    assert text.count("Settings: as by default") == 2
    found, text = shown(wave={"soak": 600}, decision={"timeout": 3600, "default": "skip"}, gate={"max_lag": 60})
    assert "Settings: decision (timeout 1h 00m 00s, default skip), gate (max_lag 60)" in text
    assert "Settings: soak 10m 00s" in text
    assert found["waves"][0]["settings"]["retries"] == 1
    found["waves"][0]["settings"]["before"] = [{"name": "stop-batch", "lambda": "x"}, {"approval": {"by": "me"}}]
    found["settings"]["hold"] = {"seconds": 60}
    lines = "\n".join(preview_lines(found))
    assert 'Settings: soak 10m 00s, before stop-batch, {"approval":{"by":"me"}}' in lines
    assert "hold (seconds 60)" in lines
