"""Extended source servers: what is declared, what there is to do, what must not be done."""

from __future__ import annotations

from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extension_work import (
    add_repairs,
    removal_of,
    results_of,
    work_of,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.extensions import (
    Plan,
    make_plan,
    parse_extensions,
    quota_problems,
    tag_count_problems,
    tags_of_new,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.source_servers import SourceServer, from_drs
from hypothesis import given
from hypothesis import strategies as st

STAGING = ("111111111111", "333333333333")


def arn(number: int, account: str = STAGING[0]) -> str:
    """Return the ARN of a staging server."""
    return f"arn:aws:drs:us-west-2:{account}:source-server/s-{number:017d}"


def extended(staging_arn: str, *, status: str = "EXTENDED", recovered: bool = False, **tags: str) -> SourceServer:
    """Return the extended server of a staging server."""
    item: dict[str, Any] = {
        "sourceServerID": f"s-e{staging_arn[-16:]}",
        "tags": tags,
        "stagingArea": {"status": status, "stagingSourceServerArn": staging_arn, "errorMessage": "gone"},
    }
    if recovered:
        item["recoveryInstanceId"] = "i-0123456789abcdef0"
    return from_drs(item, account_id="222222222222", region="us-west-2")


servers = st.dictionaries(
    st.builds(arn, st.integers(0, 8), st.sampled_from(STAGING)), st.sampled_from(["", "web", "database"]), max_size=12
)


@given(servers, servers, st.booleans())
def test_every_server_is_extended_once_kept_or_undeclared(
    there: dict[str, str], staging: dict[str, str], purge: bool
) -> None:
    present = {key: extended(key, Tier=tier) for key, tier in there.items()}
    offered = {key: {"arn": key, "tags": {"Tier": tier}} for key, tier in staging.items()}
    known = {key: {"Tier": tier} for key, tier in staging.items()}
    tiers = {**there, **staging}
    chosen = {key for key, tier in tiers.items() if key.split(":")[4] == STAGING[0] and tier == "web"}
    if not chosen:
        return
    declared = parse_extensions([{"staging_account_id": STAGING[0], "tags": {"Tier": "web"}}])
    plan = make_plan(declared, present, offered, known)
    assert plan.to_extend.keys() | plan.kept.keys() == chosen
    assert not plan.to_extend.keys() & present.keys()
    assert plan.kept.keys() | plan.undeclared.keys() == present.keys()
    work = work_of(plan, {"Extra": "1"}, purge=purge)
    assert work.delete.keys() == (plan.undeclared.keys() if purge else set())
    assert all(tags == {"Tier": "web", "Extra": "1"} for tags in work.extend.values())
    after = {**{key: item for key, item in present.items() if key not in work.delete}, **dict.fromkeys(work.extend)}
    again = {key: extended(key, Tier=tiers[key]) for key in after}
    rest = {key: item for key, item in offered.items() if key not in after}
    second = work_of(make_plan(declared, again, rest, known), {}, purge=purge)
    assert (second.extend, second.delete) == ({}, {})


def test_the_tags_of_the_staging_server_count_before_the_copy() -> None:
    declared = parse_extensions([{"staging_account_id": STAGING[0], "tags": {"Tier": "web"}}])
    present = {arn(1): extended(arn(1), Tier="web"), arn(2): extended(arn(2))}
    plan = make_plan(declared, present, {}, {arn(1): {"Tier": "database"}, arn(2): {"Tier": "web"}})
    assert (set(plan.kept), set(plan.undeclared)) == ({arn(2)}, {arn(1)})


def test_an_extension_whose_recovery_instance_exists_is_not_deleted() -> None:
    recovered = {arn(1): extended(arn(1), recovered=True, status="EXTENSION_ERROR"), arn(2): extended(arn(2))}
    work = removal_of(recovered)
    assert set(work.delete) == {arn(2)}
    assert "i-0123456789abcdef0" in work.refused[arn(1)]
    work = work_of(Plan(), {}, purge=False)
    add_repairs(work, {arn(1): recovered[arn(1)]}, {STAGING[0]: {arn(1): object()}}, {}, {})
    assert (set(work.refused), work.delete, work.extend) == ({arn(1)}, {}, {})


def test_a_broken_extension_is_made_again_or_deleted_or_refused_without_a_look() -> None:
    broken = {key: extended(key, status="EXTENSION_ERROR", Own="1") for key in (arn(1), arn(2), arn(3, STAGING[1]))}
    work = work_of(Plan(broken=broken), {}, purge=True)
    add_repairs(work, broken, {STAGING[0]: {arn(1): object()}}, {STAGING[1]: "access denied"}, {"Extra": "1"})
    assert work.extend == {arn(1): {"Own": "1", "Extra": "1"}}
    assert (set(work.delete), work.repair) == ({arn(1), arn(2)}, {arn(1)})
    assert "access denied" in work.refused[arn(3, STAGING[1])]
    made = {arn(1): extended(arn(1))}
    rows = results_of(work, broken, made, set(made), set(work.delete), work.refused)
    assert [(row["status"], row["action"], "error" in row) for row in rows] == [
        ("EXTENDED", "repaired", False),
        ("absent", "deleted", False),
        ("EXTENSION_ERROR", "none", True),
    ]


def test_quotas_and_tags_that_would_be_exceeded() -> None:
    full = {"most_servers": 4000, "staging_accounts": 3, "most_staging_accounts": 3}
    assert quota_problems(servers=3990, adding=10, **full) == []
    (problem,) = quota_problems(servers=3990, adding=11, **full)
    assert "L-E28BE5E0" in str(problem)
    assert tags_of_new({"tags": {"aws:x": "1", "Own": "1"}}, {"Own": "2"}) == {"Own": "2"}
    many = {f"key-{number}": "" for number in range(51)}
    assert len(tag_count_problems({arn(1): many, arn(2): {}})) == 1
