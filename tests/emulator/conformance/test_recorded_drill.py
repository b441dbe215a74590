"""The drill recorded on AWS, replayed: the same six servers, both jobs, event by event [facts 1.5].

`recorded_drill.json` holds the facts of the record. The emulator's time line is that of the first server of the first
job, so that one is compared exactly. The record's four launches differ among themselves (conversion took 175 or 197
seconds, launch 278 to 310): everything else has to lie between the earliest and the latest of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.drs.support import TARGET, Drs, frozen, seconds_after

RECORD = json.loads(Path(__file__).with_name("recorded_drill.json").read_text(encoding="utf-8"))
BETWEEN_THE_JOBS = 87
FORMS = {
    "date": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00",
    "minute": r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\+00:00",
    "duration": r"P0D|P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?",
    "text": r".+",
    "conversionServerID": r"i-[0-9a-f]{17}",
    "targetInstanceID": r"i-[0-9a-f]{17}",
    "sourceServerID": r"s-[0-9a-f]{17}",
}
# Members that the API got after the record was made: they are in botocore's model of today.
NEWER_OF_A_SERVER = {"agentVersion", "replicationDirection", "sourceCloudProperties", "stagingArea", "tags"}
NEWER_OF_PROPERTIES = {"architecture", "supportsNitroInstances"}
NEWER_OF_THE_REPLICATION = {"stagingAvailabilityZone"}
NEWER_OF_A_DISK = {"volumeStatus"}
NEWER_OF_A_PARTICIPANT = {"recoveryInstanceID"}


def estate() -> dict[str, Any]:
    """The accounts, networks and servers of the record, with a launch time line that does not vary."""
    machine = RECORD["machine"]
    key = {
        "user": "operator",
        "access_key_id": "AKIARECORDEDDRILL001",
        "secret_access_key": "secret-of-the-recorded-drill-0000000001",
    }
    return {
        "drs_settings": {"jitter": 0},
        "accounts": {
            TARGET: {
                "access_keys": [key],
                "regions": {
                    "us-east-1": {"networks": {"source": _network("10.0.0.0/24", "source")}},
                    "us-west-2": {"drs": True, "networks": {"target": _network("10.1.0.0/24", "target")}},
                },
            }
        },
        "servers": {
            f"ip-{server['address'].replace('.', '-')}": {
                "id": server["id"],
                "instance": server["instance"],
                "domain": "ec2.internal",
                "os": machine["os"],
                "instance_type": machine["instance_type"],
                "cpus": machine["cpus"],
                "memory_gib": machine["ram_bytes"] / 2**30,
                "disks": machine["disk"],
                "addresses": {"source": server["address"]},
                "source": {"account": TARGET, "region": "us-east-1"},
                "replication": {"account": TARGET, "region": "us-west-2", "staging_subnet": "target"},
            }
            for server in RECORD["servers"]
        },
    }


def _network(cidr: str, subnet: str) -> dict[str, Any]:
    return {"cidr": cidr, "subnets": {subnet: {"cidr": cidr}}}


class Replay:
    """The record's two jobs, one after the other, as they came out here."""

    def __init__(self, drs: Drs):
        self.before = drs.api.describe_source_servers()["items"]
        [subnet] = drs.ec2.describe_subnets()["Subnets"]
        self.started: list[dict[str, Any]] = []
        self.ended: list[dict[str, Any]] = []
        self.logs: list[list[dict[str, Any]]] = []
        for recorded in RECORD["jobs"]:
            for server in recorded["servers"]:
                drs.launch_into(server, subnet["SubnetId"])
            servers = [{"sourceServerID": server} for server in recorded["servers"]]
            job = drs.api.start_recovery(sourceServers=servers, isDrill=True)["job"]
            drs.finish(job["jobID"])
            drs.advance(BETWEEN_THE_JOBS)
            self.started.append(job)
            self.ended.append(drs.job(job["jobID"]))
            self.logs.append(drs.log(job["jobID"]))


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    """The record, replayed once for all tests."""
    with frozen(estate()) as drs:
        yield Replay(drs)


BOTH = pytest.mark.parametrize("number", [0, 1], ids=["first job", "second job"])


@BOTH
def test_the_log_has_the_recorded_events_in_the_recorded_order(replay: Replay, number: int) -> None:
    recorded = RECORD["jobs"][number]["log"]
    log = replay.logs[number]
    assert [item["event"] for item in log] == [item["event"] for item in recorded]
    in_order = [item for item in recorded if item["event"] != "LAUNCH_END"]  # in the first job they came the other way
    assert [
        (item["event"], item["eventData"].get("sourceServerID")) for item in log if item["event"] != "LAUNCH_END"
    ] == [(item["event"], item.get("server")) for item in in_order]
    assert {item["eventData"]["sourceServerID"] for item in log if item["event"] == "LAUNCH_END"} == set(
        RECORD["jobs"][number]["servers"]
    )


@BOTH
def test_every_event_has_the_recorded_members_and_forms(replay: Replay, number: int) -> None:
    for here, there in zip(replay.logs[number], RECORD["jobs"][number]["log"], strict=True):
        assert set(here) == {"event", "eventData", "logDateTime"}
        assert sorted(here["eventData"]) == there["members"]
        assert re.fullmatch(FORMS["date"], here["logDateTime"])
        assert all(re.fullmatch(FORMS[name], value) for name, value in here["eventData"].items())


@BOTH
def test_every_event_comes_between_the_earliest_and_the_latest_of_the_record(replay: Replay, number: int) -> None:
    created = replay.ended[number]["creationDateTime"]
    for item in replay.logs[number]:
        moments = [
            other["seconds"] for job in RECORD["jobs"] for other in job["log"] if other["event"] == item["event"]
        ]
        assert min(moments) - 0.001 <= seconds_after(created, item["logDateTime"]) <= max(moments) + 0.001, item


def test_the_first_server_of_the_record_is_met_to_the_millisecond(replay: Replay) -> None:
    recorded = RECORD["jobs"][0]
    first = recorded["servers"][0]
    created = replay.ended[0]["creationDateTime"]
    here = {
        item["event"]: seconds_after(created, item["logDateTime"])
        for item in replay.logs[0]
        if item["eventData"].get("sourceServerID", first) == first
    }
    there = {item["event"]: item["seconds"] for item in recorded["log"] if item.get("server", first) == first}
    assert here == pytest.approx(there, abs=0.001)
    assert seconds_after(created, replay.ended[0]["endDateTime"]) == pytest.approx(recorded["ended"], abs=0.001)


@BOTH
def test_the_job_is_the_recorded_one(replay: Replay, number: int) -> None:
    recorded = RECORD["jobs"][number]
    job = replay.ended[number]
    assert sorted(job) == recorded["job"]["members"]
    assert {name: job[name] for name in ("type", "initiatedBy", "status", "tags")} == {
        name: recorded["job"][name] for name in ("type", "initiatedBy", "status", "tags")
    }
    assert job["arn"] == f"arn:aws:drs:us-west-2:{TARGET}:job/{job['jobID']}"
    assert re.fullmatch(r"drsjob-[0-9a-f]{17}", job["jobID"])
    assert all(re.fullmatch(FORMS["date"], job[name]) for name in ("creationDateTime", "endDateTime"))
    assert [part["sourceServerID"] for part in job["participatingServers"]] == recorded["servers"]
    for part in job["participatingServers"]:
        assert set(part) - NEWER_OF_A_PARTICIPANT == set(recorded["job"]["participant_members"])
        assert part["launchStatus"] == recorded["job"]["launchStatus"]
    assert set(replay.started[number]) == set(recorded["job"]["members"]) - {"endDateTime"}
    assert replay.started[number]["status"] == "PENDING"


def test_the_conversion_servers_and_the_instances_are_one_for_each_server(replay: Replay) -> None:
    for name in ("conversionServerID", "targetInstanceID"):
        made = [item["eventData"][name] for log in replay.logs for item in log if name in item["eventData"]]
        assert len(made) == len(set(made)) == 4


def test_a_source_server_has_the_recorded_members_and_forms(replay: Replay) -> None:
    assert {server["sourceServerID"] for server in replay.before} == {server["id"] for server in RECORD["servers"]}
    for server in replay.before:
        newer = set(server) - set(RECORD["source_server"])
        assert newer == NEWER_OF_A_SERVER
        assert server["lifeCycle"]["lastLaunch"] == {"initiated": {}}
        assert server["lastLaunchResult"] == "NOT_STARTED"
        info = server["dataReplicationInfo"]
        assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")
        steps = info["dataReplicationInitiation"]["steps"]
        wanted = RECORD["source_server"]["dataReplicationInfo"]["dataReplicationInitiation"]["steps"]
        assert [step["name"] for step in steps] == wanted
        info["dataReplicationInitiation"]["steps"] = wanted
        differences = list(compare(RECORD["source_server"], {key: server[key] for key in set(server) - newer}, ""))
        assert differences == []


def compare(wanted: Any, value: Any, path: str) -> Iterator[str]:
    """Yield where a value has other members, or another form, than the record."""
    if isinstance(wanted, dict):
        newer = NEWER_OF_PROPERTIES if path == ".sourceProperties" else set()
        newer = NEWER_OF_THE_REPLICATION if path == ".dataReplicationInfo" else newer
        newer = NEWER_OF_A_DISK if path.endswith(".replicatedDisks.0") else newer
        if set(value) - newer != set(wanted):
            yield f"{path}: {sorted(value)}"
        for name in set(wanted) & set(value):
            yield from compare(wanted[name], value[name], f"{path}.{name}")
    elif isinstance(wanted, list):
        for number, item in enumerate(value):
            yield from compare(wanted[min(number, len(wanted) - 1)], item, f"{path}.{number}")
    elif wanted in FORMS:
        if not re.fullmatch(FORMS[wanted], str(value)):
            yield f"{path}: {value!r} is no {wanted}"
    elif wanted in ("number", "flag"):
        if not isinstance(value, bool if wanted == "flag" else int):
            yield f"{path}: {value!r} is no {wanted}"
    elif wanted != value:
        yield f"{path}: {value!r} is not {wanted!r}"
