"""The table that a configuration ends with."""

from __future__ import annotations

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.configuration_table import summary, table_lines


def test_each_step_has_a_line_and_problems_come_below() -> None:
    lines = table_lines(
        [
            {
                "step": "Extended source servers",
                "result": {"skipped": True, "skip_reason": "Conditional result was False"},
            },
            {
                "step": "Tags",
                "result": {"summary": summary(servers=24, changed=3, skipped=1, problems=["a: no Owner"])},
            },
            {
                "step": "IP map",
                "result": {
                    "failed": True,
                    "msg": "all of it",
                    "problems": [{"value": "'10.1.1.3'", "where": "dr_addresses[0]", "remedy": "is reserved"}],
                },
            },
            {"step": "Launch configuration"},
        ]
    )
    assert lines == [
        "                         servers  changed  skipped  problems",
        "Extended source servers        -        -        -         -  not declared",
        "Tags                          24        3        1         1",
        "IP map                         -        -        -         1  failed",
        "Launch configuration           -        -        -         -  not reached",
        "",
        "Tags: a: no Owner",
        "IP map: dr_addresses[0]: '10.1.1.3': is reserved",
    ]


def test_a_failure_without_a_list_shows_its_message() -> None:
    lines = table_lines([{"step": "IP map", "result": {"failed": True, "msg": "no table\nmake one"}}])
    assert lines[-2:] == ["IP map: no table", "IP map: make one"]


def test_without_problems_there_is_the_table_alone() -> None:
    assert table_lines([{"step": "Tags", "result": {"summary": summary(servers=2)}}])[1:] == [
        "Tags        2        0        0         0"
    ]
