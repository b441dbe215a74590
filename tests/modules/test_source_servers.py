"""The modules about source servers and their tags, run by Ansible against the embedded AWS."""

from __future__ import annotations

from tests.modules.estate import Estate


def test_source_servers_are_found_by_what_they_are(estate: Estate) -> None:
    everything, databases, one, nothing, unknown = estate.tasks(
        {"drs_source_server_info": {}},
        {"drs_source_server_info": {"match": {"tags": {"Tier": "database", "Application": "payments"}}}},
        {"drs_source_server_info": {"match": {"source_server_ids": ["s-payrep10000000001"]}}},
        {"drs_source_server_info": {"match": {"tags": {"Tier": "cellar"}}}},
        {"drs_source_server_info": {"match": {"servers": ["nobody.example.internal"]}}},
    )
    assert len(everything["source_servers"]) == 18
    assert [server["server_key"] for server in databases["source_servers"]] == [
        "pay-db-1.example.internal",
        "pay-db-2.example.internal",
    ]
    assert databases["source_servers"][0]["addresses"] == ["10.10.1.11", "10.10.5.11"]
    assert one["source_servers"][0]["replication_state"] == "CONTINUOUS"
    assert one["source_servers"][0]["lag_seconds"] == 0
    assert "selects no source server" in nothing["msg"]
    assert "nobody.example.internal" in unknown["msg"]


def test_tags_are_set_and_purged_where_they_differ(estate: Estate) -> None:
    payments = {"tags": {"Application": "payments", "Tier": "web"}}
    tags = {"Application": "payments", "Tier": "web", "Owner": "dr-team"}
    task = {"drs_source_server_tags": {"match": payments, "tags": tags, "purge_tags": True}}
    (predicted,) = estate.tasks(task, arguments=("--check",))
    assert estate.writes() == {"CreateTable": 1}
    done, again = estate.tasks(task, task)
    assert predicted["changed"] is done["changed"] is True
    assert predicted["source_servers"] == done["source_servers"]
    assert again["changed"] is False
    kept = [server["tags"] for server in again["source_servers"]]
    assert kept == [tags] * 3
    assert estate.writes() == {"CreateTable": 1, "TagResource": 3, "UntagResource": 3}

    key = {"dr:server-key": "pay-db-2.example.internal"}
    doubled, refused, repaired, well = estate.tasks(
        {"drs_source_server_tags": {"match": {"source_server_ids": ["s-paydb100000000001"]}, "tags": key}},
        {"ip_map": {"table": "modules-test-ip-map", "subnet_map": "{{ dr_subnet_map }}"}},
        {
            "drs_source_server_tags": {
                "match": {"source_server_ids": ["s-paydb100000000001"]},
                "tags": {"dr:server-key": "pay-db-1"},
            }
        },
        {"drs_source_server_info": {"match": {"servers": ["pay-db-1"]}}},
    )
    assert doubled["changed"] is True
    assert "s-paydb100000000001" in refused["msg"]
    assert "s-paydb200000000001" in refused["msg"]
    assert repaired["changed"] is True
    assert len(well["source_servers"]) == 1
