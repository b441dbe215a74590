"""Differences of documents."""

from __future__ import annotations

from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.document_changes import document_changes
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.snake_case import snake_case
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["name", "a", "b", "waves"])
DOCUMENTS = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(NAMES, children, max_size=3),
    max_leaves=12,
)


def shown(before: Any, after: Any) -> list[tuple[str, str, Any, Any]]:
    return [(change.path, change.kind, change.before, change.after) for change in document_changes(before, after)]


def test_members_of_lists_are_compared_by_name() -> None:
    before = {"waves": [{"name": "db", "timeout": 60}, {"name": "web", "soak": 1}], "groups": {"a": 1}}
    after = {"waves": [{"name": "web", "soak": 1}, {"name": "app"}, {"name": "db", "timeout": 90}], "groups": {"b": 1}}
    assert shown(before, after) == [
        ("waves[db].timeout", "changed", 60, 90),
        ("waves[app]", "added", None, {"name": "app"}),
        ("waves", "changed", ["db", "web"], ["web", "app", "db"]),
        ("groups.a", "removed", 1, None),
        ("groups.b", "added", None, 1),
    ]
    assert shown({"names": ["a"]}, {"names": ["b"]}) == [("names", "changed", ["a"], ["b"])]


@given(DOCUMENTS, DOCUMENTS)
def test_equal_documents_and_no_others_have_no_changes(before: Any, after: Any) -> None:
    assert document_changes(before, before) == []
    assert bool(document_changes(before, after)) == (before != after)


def test_names_of_an_api_become_snake_case_and_names_of_people_stay() -> None:
    answer = {"sourceServerID": "s-1", "ec2InstanceState": "RUNNING", "tags": {"costCenter": "4711"}, "ips": ["A"]}
    assert snake_case({"items": [answer], "isDrill": True}) == {
        "items": [
            {"source_server_id": "s-1", "ec2_instance_state": "RUNNING", "tags": {"costCenter": "4711"}, "ips": ["A"]}
        ],
        "is_drill": True,
    }
