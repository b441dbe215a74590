"""A declaration as far as it can be read, and what it says of source servers."""

from __future__ import annotations

from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import read_declaration
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration_checks import (
    announced,
    check_overrides,
    declared_at,
    has_certain_key,
    missing_keys,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problem, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_settings import parse_launch_overrides

from tests.unit.core.builders import server_id, source_server, target

GOOD = {"failover": target("subnet-1", "10.20.1.0/24")}


def test_members_without_mistakes_are_read_and_keep_their_numbers() -> None:
    problems = Problems()
    declared = read_declaration(
        {
            "dr_subnet_map": [{"source_cidr": "10.10.1.0/33", **GOOD}, {"source_cidr": "10.10.2.0/24", **GOOD}],
            "dr_addresses": [{"server_key": "a"}, {"server_key": "B", "profile": "test", "address": "10.20.1.9"}],
            "dr_launch_overrides": "everything",
            "dr_launch_defaults": {"launch_disposition": "RUNNING"},
            "dr_imported_addresses": "replace",
            "dr_source_region": "Virginia",
        },
        problems,
    )
    assert [problem.where for problem in problems] == [
        "dr_subnet_map[0].source_cidr",
        "dr_addresses[0].profile",
        "dr_addresses[0].address",
        "dr_launch_defaults.launch_disposition",
        "dr_launch_overrides",
        "dr_source_region",
    ]
    assert [(rule.where, str(rule.source.cidr)) for rule in declared.subnet_map] == [
        ("dr_subnet_map[1]", "10.10.2.0/24")
    ]
    assert [(one.where, one.server_key) for one in declared.addresses] == [("dr_addresses[1]", "b")]
    assert (declared.whole_map, declared.overrides, declared.keep_imported) == (False, (), False)
    assert declared.source_region is None


def test_a_map_without_mistakes_is_whole() -> None:
    problems = Problems()
    assert read_declaration({"dr_subnet_map": [{"source_cidr": "10.10.1.0/24", **GOOD}]}, problems).whole_map
    assert not len(problems)


def test_a_selector_must_fit_a_server_that_there_is_or_will_be() -> None:
    settings = {"settings": {"instance_type": "m5.large"}}
    overrides = parse_launch_overrides(
        [
            {"match": {"servers": ["server-1", "Nobody"]}, **settings},
            {"match": {"source_server_ids": [server_id(1), server_id(9)]}, **settings},
            {"match": {"tags": {"Tier": "web"}}, **settings},
            {"match": {"tags": {"Tier": "cellar"}}, **settings},
            {"match": {"servers": ["server-1"], "tags": {"Tier": "coming"}}, **settings},
        ]
    )
    item = {"arn": f"arn:aws:drs:us-west-2:111111111111:source-server/{server_id(7)}", "tags": {"Tier": "coming"}}
    coming = announced({**item, "hostname": "Soon"}, account_id="222222222222", region="us-west-2")
    servers = [source_server(1, tags={"Tier": "web"}), coming]
    missing = missing_keys(overrides, (), {server.key for server in servers})
    problems = Problems()
    check_overrides(overrides, servers, missing, problems)
    assert [(problem.where, problem.value) for problem in problems] == [
        ("dr_launch_overrides[0].match.servers", "'nobody'"),
        ("dr_launch_overrides[1].match.source_server_ids", repr(server_id(9))),
        ("dr_launch_overrides[3].match.tags", "{'Tier': 'cellar'}"),
    ]
    assert (coming.key, has_certain_key(coming)) == ("soon", False)


def test_a_value_is_traced_to_the_variable_that_wins() -> None:
    raw = {
        "dr_launch_defaults": {"instance_type": "m9.big", "volumes": [{"size": 7}]},
        "dr_launch_overrides": [{"settings": {"instance_type": "m9.big"}}],
    }
    found = [
        Problem("'m9.big'", "instance type of a", "is unknown"),
        Problem("7", "volume", "x"),
        Problem("8", "y", "z"),
    ]
    assert declared_at(found, raw, ["dr_launch_overrides", "dr_launch_defaults"]) == [
        Problem("'m9.big'", "dr_launch_overrides[0].settings.instance_type", "instance type of a: is unknown"),
        Problem("7", "dr_launch_defaults.volumes[0].size", "volume: x"),
        found[2],
    ]
