"""Tags that AWS accepts, and merging them."""

from __future__ import annotations

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tags import merge_changes, tag_problems
from hypothesis import given
from hypothesis import strategies as st

names = st.sampled_from(
    ["Name", "Owner", "owner", "aws:x", "AWSElasticDisasterRecoveryManaged", "drs.amazonaws.com-job"]
)
tag_maps = st.dictionaries(names, st.sampled_from(["", "a", "b"]))


def test_good_tags_have_no_problem() -> None:
    tags = {"Owner": "dr-team", "Kostenträger": "", "a:b/c=d+e-f@g.h_i j": "x" * 256, "k" * 128: "v"}
    assert tag_problems(tags, "dr_mandatory_tags") == []


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"": "x"}, "1 to 128 characters"),
        ({"k" * 129: "x"}, "1 to 128 characters"),
        ({"Owner": "v" * 257}, "at most 256 characters"),
        ({"AWS:owner": "x"}, "reserved by AWS"),
        ({"Ow#ner": "x"}, "use letters, digits"),
        ({"Owner": "a\tb"}, "use letters, digits"),
        ({f"k{number}": "" for number in range(51)}, "at most 50"),
    ],
)
def test_what_aws_would_refuse_is_named(tags: dict[str, str], reason: str) -> None:
    (problem,) = tag_problems(tags, "dr_mandatory_tags")
    assert reason in str(problem)
    assert str(problem).startswith("dr_mandatory_tags")


def test_only_differences_are_set() -> None:
    changes = merge_changes({"Owner": "x", "Name": "db", "env": "p"}, {"Owner": "y", "Env": "p", "Name": "db"})
    assert changes.to_set == {"Owner": "y", "Env": "p"}
    assert changes.to_remove == ()


def test_purge_spares_what_aws_and_drs_own() -> None:
    actual = {"old": "1", "AWSElasticDisasterRecoveryManaged": "x", "aws:cloudformation:stack-id": "y"}
    assert merge_changes(actual, {}, purge=True).to_remove == ("old",)


def test_too_many_tags_are_refused_before_anything_is_written() -> None:
    actual = {f"k{number}": "" for number in range(49)} | {"aws:one": "", "aws:two": ""}
    assert merge_changes(actual, {"Owner": "x"}).any
    with pytest.raises(DeclarationError, match="tags of s-1: 51 tags: a resource has at most 50"):
        merge_changes(actual, {"Owner": "x", "Team": "y"}, where="tags of s-1")


@given(actual=tag_maps, wanted=tag_maps, purge=st.booleans())
def test_after_the_changes_nothing_is_left_to_change(
    actual: dict[str, str], wanted: dict[str, str], purge: bool
) -> None:
    changes = merge_changes(actual, wanted, purge=purge)
    merged = {name: value for name, value in {**actual, **changes.to_set}.items() if name not in changes.to_remove}
    assert not merge_changes(merged, wanted, purge=purge).any
    assert wanted.items() <= merged.items()
    assert not purge or all(name in wanted or name.startswith(("aws:", "AWS", "drs.")) for name in merged)
