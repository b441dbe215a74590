"""Each function from the deployed archive, called as the state machines call it: results, repeats, crash points."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller

from tests.support.embedded import TARGET
from tests.support.orchestrator import IDS, KEYS, PREFIX, FunctionError, Orchestrator, request

LONGER_THAN_ANY_WAIT = 400
"""Seconds that a test lets pass where the state machine would look again sooner: fewer calls, the same course."""

OpenRun = Callable[..., str]
NewRun = Callable[[], str]


def calls(orchestrator: Orchestrator, operation: str) -> int:
    counts = orchestrator.aws.control("calls")["counts"]
    return sum(item["count"] for item in counts if item["operation"] == operation)


def drs_reads(orchestrator: Orchestrator) -> int:
    counts = orchestrator.aws.control("calls")["counts"]
    return sum(item["count"] for item in counts if item["service"] == "drs" and item["operation"].startswith("Desc"))


def servers(orchestrator: Orchestrator, run_id: str) -> dict[str, dict[str, Any]]:
    return {item["server_key"].split(".")[0]: item for item in orchestrator.runs.get_servers(run_id)}


def default_subnets(orchestrator: Orchestrator) -> dict[str, str]:
    """The subnet of interface 0 in the default version of every server's launch template."""
    subnets = {}
    for name, server_id in IDS.items():
        template = orchestrator.client("drs").get_launch_configuration(sourceServerID=server_id)["ec2LaunchTemplateID"]
        (version,) = orchestrator.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=template, Versions=["$Default"]
        )["LaunchTemplateVersions"]
        (first,) = [item for item in version["LaunchTemplateData"]["NetworkInterfaces"] if item["DeviceIndex"] == 0]
        subnets[name] = first["SubnetId"]
    return subnets


def launch(orchestrator: Orchestrator, run_id: str, wave: int = 1) -> dict[str, Any]:
    """Prepare a wave and reconcile it until there is nothing to wait for."""
    orchestrator.invoke("prepare-wave", run_id, wave=wave)
    return launch_prepared(orchestrator, run_id, wave)


def launch_prepared(orchestrator: Orchestrator, run_id: str, wave: int = 1) -> dict[str, Any]:
    while (step := orchestrator.invoke("reconcile-wave", run_id, wave=wave))["outcome"] == "wait":
        orchestrator.aws.control("clock", {"advance": LONGER_THAN_ANY_WAIT})
    return step


def validate(orchestrator: Orchestrator, run_id: str, wave: int | None = 1) -> dict[str, Any]:
    while (step := orchestrator.invoke("validate", run_id, wave=wave))["outcome"] == "wait":
        orchestrator.aws.control("clock", {"advance": LONGER_THAN_ANY_WAIT})
    return step


class TestOpenRun:
    def test_the_same_request_gets_the_same_answer_and_is_told_once(
        self, orchestrator: Orchestrator, new_run: NewRun
    ) -> None:
        run_id = new_run()
        asked = request(run_id, "test", "small", orchestrator.now())
        first = orchestrator.invoke("open-run", run_id, **asked)
        answer = {"plan": "small", "waves": [1, 2], "decision_timeout": 3600, "hold": 0}
        assert first == {**answer, "approval": False, "begin": "correlate", "aborted": False}
        assert orchestrator.invoke("open-run", run_id, **asked) == first
        assert orchestrator.kinds(run_id) == ["run_opened"]

    def test_a_run_keeps_the_plan_that_it_began_with(self, orchestrator: Orchestrator, new_run: NewRun) -> None:
        run_id = new_run()
        asked = request(run_id, "test", "changing", orchestrator.now())
        orchestrator.publish(name="changing")
        orchestrator.invoke("open-run", run_id, **asked)
        orchestrator.publish(name="changing", description="another", decision={"timeout": 60, "default": "abort"})
        assert orchestrator.invoke("open-run", run_id, **asked)["decision_timeout"] == 3600

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"plan": "unknown"}, "There is no plan 'unknown' (known plans:"),
            ({"plan": None}, "plan is None"),
            ({"mode": "drill"}, "unknown mode"),
            ({"drill": True}, "only a failback can be rehearsed"),
            ({"mode": "failback", "drill": "yes"}, "drill is 'yes'"),
            ({"mode": "failback", "drill": False, "hold": 60}, "only a drill can be held"),
            ({"incident_at": "yesterday"}, "incident_at is 'yesterday'"),
            ({"incident_at": "2999-01-01T00:00:00Z"}, "in the future"),
        ],
    )
    def test_a_bad_request_is_refused_and_nothing_is_written(
        self, orchestrator: Orchestrator, new_run: NewRun, change: dict[str, Any], says: str
    ) -> None:
        run_id = new_run()
        with pytest.raises(FunctionError) as refused:
            orchestrator.invoke(
                "open-run", run_id, **{**request(run_id, "test", "small", orchestrator.now()), **change}
            )
        assert refused.value.name == "InvalidRequest"
        assert says in refused.value.message
        assert orchestrator.runs.get_run(run_id) is None

    def test_a_drill_of_the_failback_is_recorded_and_held(self, orchestrator: Orchestrator, new_run: NewRun) -> None:
        run_id = new_run()
        asked = request(run_id, "failback", "small", orchestrator.now())
        assert orchestrator.invoke("open-run", run_id, **asked, drill=True, hold=60)["hold"] == 60
        recorded = orchestrator.runs.get_run(run_id)
        assert recorded is not None
        assert (recorded["mode"], recorded["drill"]) == ("failback", True)
        (opened,) = orchestrator.runs.events(run_id)
        assert opened["data"]["drill"] is True

    def test_a_failback_that_goes_on_begins_after_what_is_behind_it(
        self, orchestrator: Orchestrator, new_run: NewRun
    ) -> None:
        run_id, moment = new_run(), orchestrator.now()
        asked = request(run_id, "failback", "small", moment)
        not_begun: dict[str, Any] = {"status": "pending", "started_at": None, "ended_at": None}
        begun, ended = {**not_begun, "started_at": moment}, {**not_begun, "started_at": moment, "ended_at": moment}

        def begin(*waves: dict[str, Any], **changes: Any) -> tuple[str, bool, bool]:
            runs = orchestrator.runs
            runs.put_waves(run_id, [{**wave, "wave": n, "name": f"w{n}"} for n, wave in enumerate(waves, start=1)])
            if changes:
                runs.update_run(run_id, changes)
            answer = orchestrator.invoke("open-run", run_id, **asked)
            return answer["begin"], answer["approval"], answer["aborted"]

        assert orchestrator.invoke("open-run", run_id, **asked)["begin"] == "correlate"
        assert begin(not_begun, not_begun) == ("correlate", True, False)
        assert begin(ended, begun) == ("prepare-failback", True, False)
        assert begin(ended, ended) == ("waves", True, False)
        assert begin(ended, ended, validation_ended_at=moment) == ("after-validation", True, False)
        stopped = {"by": "me", "at": moment, "reason": "no"}
        assert begin(ended, ended, aborting=stopped) == ("waves", True, True)
        assert begin(ended, ended, closed_at=moment) == ("clean-up", True, True)

    def test_a_run_id_belongs_to_one_request(self, orchestrator: Orchestrator, new_run: NewRun) -> None:
        run_id = new_run()
        asked = request(run_id, "test", "small", orchestrator.now())
        orchestrator.invoke("open-run", run_id, **asked)
        with pytest.raises(FunctionError, match="taken by another run") as refused:
            orchestrator.invoke("open-run", run_id, **{**asked, "mode": "failover"})
        assert refused.value.name == "InvalidRequest"

    def test_a_run_id_that_cannot_name_an_execution_is_refused(self, orchestrator: Orchestrator) -> None:
        with pytest.raises(FunctionError, match="run_id") as refused:
            orchestrator.invoke("open-run", "no spaces", **request("x", "test", "small", orchestrator.now()))
        assert refused.value.name == "InvalidRequest"


class TestDiscover:
    def test_records_what_each_server_must_be_after_its_launch(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        found = servers(orchestrator, run_id)
        assert {name: (item["wave"], item["critical"], item["status"]) for name, item in found.items()} == {
            "db-1": (1, True, "pending"),
            "app-1": (2, True, "pending"),
            "app-2": (2, True, "pending"),
            "rep-1": (2, False, "pending"),
        }
        expected = [(item["interface"], item["address"]) for item in found["db-1"]["expected"]["interfaces"]]
        assert expected == [(0, "10.99.1.11"), (1, "10.99.5.11")]
        assert set(orchestrator.runs.lock_owners([*KEYS.values(), "plan:small"]).values()) == {run_id}

    def test_again_it_answers_the_same(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        before = servers(orchestrator, run_id)
        assert orchestrator.invoke("discover", run_id) == {"servers": 4, "waves": 2}
        assert servers(orchestrator, run_id) == before

    def test_a_run_whose_waves_have_begun_keeps_its_records(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        launch(orchestrator, run_id)
        before = servers(orchestrator, run_id)
        assert orchestrator.invoke("discover", run_id) == {"servers": 4, "waves": 2}
        assert servers(orchestrator, run_id) == before

    def test_a_server_of_another_run_is_refused_and_named(
        self, orchestrator: Orchestrator, open_run: OpenRun, new_run: NewRun
    ) -> None:
        first, second = open_run(), new_run()
        orchestrator.invoke("open-run", second, **request(second, "test", "small", orchestrator.now()))
        with pytest.raises(FunctionError, match=f"by run {first}") as refused:
            orchestrator.invoke("discover", second)
        assert refused.value.name == "InvalidRequest"
        assert set(orchestrator.runs.lock_owners(KEYS.values()).values()) == {first}

    def test_a_server_without_address_is_never_guessed(self, orchestrator: Orchestrator, new_run: NewRun) -> None:
        run_id = new_run()
        orchestrator.publish(
            name="unmapped",
            groups={"db": {"tags": {"Tier": "database"}}},
            waves=[{"name": "db", "groups": ["db"]}],
            optional_servers=[],
        )
        table, key = f"{PREFIX}-ip-map", {"pk": {"S": f"server#{KEYS['db-1']}"}, "sk": {"S": "nic#0"}}
        dynamodb = orchestrator.client("dynamodb")
        item = dynamodb.get_item(TableName=table, Key=key)["Item"]
        profiles = {name: value for name, value in item["profiles"]["M"].items() if name != "test"}
        dynamodb.put_item(TableName=table, Item={**item, "profiles": {"M": profiles}})
        try:
            orchestrator.invoke("open-run", run_id, **request(run_id, "test", "unmapped", orchestrator.now()))
            with pytest.raises(FunctionError, match="no address of it for profile test") as refused:
                orchestrator.invoke("discover", run_id)
        finally:
            dynamodb.put_item(TableName=table, Item=item)
        assert refused.value.name == "InvalidRequest"
        assert KEYS["db-1"] in refused.value.message
        assert orchestrator.runs.get_servers(run_id) == []

    def test_a_group_that_matches_nothing_is_named(self, orchestrator: Orchestrator, new_run: NewRun) -> None:
        run_id = new_run()
        orchestrator.publish(
            name="empty",
            groups={"db": {"tags": {"Tier": "none"}}},
            waves=[{"name": "db", "groups": ["db"]}],
            optional_servers=[],
        )
        orchestrator.invoke("open-run", run_id, **request(run_id, "test", "empty", orchestrator.now()))
        with pytest.raises(FunctionError, match="db") as refused:
            orchestrator.invoke("discover", run_id)
        assert refused.value.name == "InvalidRequest"


class TestGate:
    def test_lets_a_ready_plan_pass(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        assert orchestrator.invoke("gate", run_id)["outcome"] == "done"
        assert orchestrator.kinds(run_id)[-1] == "gate_passed"

    def test_asks_when_data_lag(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        orchestrator.change_source_server("db-1", replication_state="BACKLOG", lag=5000)
        answer = orchestrator.invoke("gate", run_id)
        assert answer["outcome"] == "ask"
        assert KEYS["db-1"] in answer["reason"]
        event = orchestrator.runs.events(run_id)[-1]
        assert event["kind"] == "gate_failed"
        assert [(item["severity"], item["server_key"]) for item in event["data"]["findings"]] == [
            ("error", KEYS["db-1"])
        ]

    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            ("drs", "GetLaunchConfiguration"),
            ("drs", "DescribeJobs"),
            ("drs", "DescribeRecoveryInstances"),
            ("drs", "DescribeSourceServers"),
            ("ec2", "DescribeLaunchTemplateVersions"),
        ],
    )
    def test_what_could_not_be_read_is_not_a_pass(
        self, orchestrator: Orchestrator, open_run: OpenRun, service: str, operation: str
    ) -> None:
        run_id = open_run()
        fault = {
            "service": service,
            "operation": operation,
            "error": "AccessDeniedException",
            "status": 403,
            "times": 50,
        }
        orchestrator.aws.control("faults", fault)
        answer = orchestrator.invoke("gate", run_id)
        assert answer["outcome"] == "ask"
        assert "unknown" in answer["reason"]

    @pytest.mark.parametrize(("mandatory_tags", "outcome"), [("fail", "ask"), ("report", "done")])
    def test_a_missing_mandatory_tag_stops_the_run_when_the_plan_says_so(
        self, orchestrator: Orchestrator, open_run: OpenRun, mandatory_tags: str, outcome: str
    ) -> None:
        tags = [{"key": "Owner", "allowed": ["dr-team"]}, {"key": "Tier"}]
        orchestrator.publish(name="tagged", gate={"mandatory_tags": mandatory_tags, "tags": tags})
        ids = [server for name, server in IDS.items() if name != "app-1"]
        arns = [f"arn:aws:drs:us-west-2:{TARGET}:source-server/{server}" for server in ids]
        drs = orchestrator.client("drs")
        for arn in arns:
            drs.tag_resource(resourceArn=arn, tags={"Owner": "dr-team"})
        run_id = open_run(plan="tagged")
        try:
            answer = orchestrator.invoke("gate", run_id)
        finally:
            for arn in arns:
                drs.untag_resource(resourceArn=arn, tagKeys=["Owner"])
        assert answer["outcome"] == outcome
        found = orchestrator.runs.events(run_id)[-1]["data"]["findings"]
        assert {(one["server_key"], one["what"]) for one in found if "source server" in one["what"]} == {
            (KEYS["app-1"], "the source server has no mandatory tag Owner")
        }
        in_templates = "its template's version for test has no mandatory tag Tier (instance, volume, network-interface)"
        assert {one["what"] for one in found if one["server_key"] == KEYS["db-1"]} == {in_templates}

    def test_a_throttle_is_transient(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        fault = {
            "service": "drs",
            "operation": "DescribeJobs",
            "error": "ThrottlingException",
            "status": 429,
            "times": 50,
        }
        orchestrator.aws.control("faults", fault)
        with pytest.raises(FunctionError) as failed:
            orchestrator.invoke("gate", run_id)
        assert failed.value.name == "Transient"

    def test_asks_before_a_drill_replaces_a_recovered_server(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        orchestrator.client("drs").start_recovery(sourceServers=[{"sourceServerID": IDS["app-1"]}], isDrill=False)
        orchestrator.aws.control("clock", {"advance": 3600})
        answer = orchestrator.invoke("gate", run_id)
        assert answer["outcome"] == "ask"
        assert "it is recovered already" in answer["reason"]


class TestPrepareWave:
    def test_makes_the_mode_s_version_the_default_and_no_more_when_it_is(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        assert orchestrator.invoke("prepare-wave", run_id, wave=2) == {"outcome": "done", "seconds": 0, "reason": ""}
        subnets = default_subnets(orchestrator)
        assert {name: subnets[name] for name in ("app-1", "app-2", "rep-1")} == dict.fromkeys(
            ("app-1", "app-2", "rep-1"), "subnet-0a99100000000d001"
        )
        before = calls(orchestrator, "ModifyLaunchTemplate")
        assert orchestrator.invoke("prepare-wave", run_id, wave=2) == {"outcome": "done", "seconds": 0, "reason": ""}
        assert calls(orchestrator, "ModifyLaunchTemplate") == before
        assert orchestrator.kinds(run_id).count("wave_started") == 1

    def test_refuses_a_version_that_would_launch_elsewhere(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        (record,) = orchestrator.runs.get_servers(run_id, 1)
        record["expected"]["interfaces"][0]["address"] = "10.99.1.99"
        orchestrator.runs.put_servers(run_id, [record])
        with pytest.raises(FunctionError, match=r"10\.99\.1\.99") as refused:
            orchestrator.invoke("prepare-wave", run_id, wave=1)
        assert refused.value.name == "Conflict"
        assert KEYS["db-1"] in refused.value.message


class TestReconcile:
    def test_twice_in_the_same_state_starts_one_job(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        orchestrator.invoke("prepare-wave", run_id, wave=2)
        now = orchestrator.now()
        assert orchestrator.invoke("reconcile-wave", run_id, wave=2, now=now)["outcome"] == "wait"
        assert orchestrator.invoke("reconcile-wave", run_id, wave=2, now=now)["outcome"] in {"wait", "done"}
        (job,) = orchestrator.jobs(run_id)
        assert job["initiatedBy"] == "START_DRILL"
        assert {item["sourceServerID"] for item in job["participatingServers"]} == {
            IDS[name] for name in ("app-1", "app-2", "rep-1")
        }
        assert orchestrator.kinds(run_id).count("job_started") == 1

    def test_after_a_crash_between_start_and_record_the_job_is_found(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        orchestrator.invoke("prepare-wave", run_id, wave=1)
        unrecorded = orchestrator.runs.get_servers(run_id, 1)
        orchestrator.invoke("reconcile-wave", run_id, wave=1)
        orchestrator.runs.put_servers(run_id, unrecorded)
        orchestrator.invoke("reconcile-wave", run_id, wave=1)
        (job,) = orchestrator.jobs(run_id)
        (record,) = orchestrator.runs.get_servers(run_id, 1)
        assert record["job_id"] == job["jobID"]
        assert record["attempts"] == 1

    def test_launches_in_the_network_of_its_mode_whatever_happened_since_the_wave_began(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        orchestrator.invoke("prepare-wave", run_id, wave=1)
        template = orchestrator.client("drs").get_launch_configuration(sourceServerID=IDS["db-1"])[
            "ec2LaunchTemplateID"
        ]
        versions = orchestrator.client("ec2").describe_launch_template_versions(LaunchTemplateId=template)
        (failover,) = [
            item["VersionNumber"]
            for item in versions["LaunchTemplateVersions"]
            if "profile=failover" in item.get("VersionDescription", "")
        ]
        orchestrator.client("ec2").modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(failover))
        launch_prepared(orchestrator, run_id)
        assert validate(orchestrator, run_id)["outcome"] == "done"

    def test_waits_for_a_server_that_another_job_holds(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        orchestrator.invoke("prepare-wave", run_id, wave=1)
        refusal = {"service": "drs", "operation": "StartRecovery", "error": "ConflictException", "status": 409}
        orchestrator.aws.control("faults", refusal)
        answer = orchestrator.invoke("reconcile-wave", run_id, wave=1)
        assert answer["outcome"] == "wait"
        assert servers(orchestrator, run_id)["db-1"]["status"] == "pending"
        assert launch(orchestrator, run_id)["outcome"] == "done"

    def test_a_look_reads_drs_at_most_twice_whatever_became_of_the_servers(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        orchestrator.change_source_server("rep-1", fail_launch={"phase": "CONVERSION", "raw_error": "no boot loader"})
        orchestrator.invoke("prepare-wave", run_id, wave=2)
        orchestrator.invoke("reconcile-wave", run_id, wave=2)
        outcome, reads = "wait", []
        while outcome == "wait":
            orchestrator.aws.control("clock", {"advance": LONGER_THAN_ANY_WAIT})
            before = drs_reads(orchestrator)
            outcome = orchestrator.invoke("reconcile-wave", run_id, wave=2)["outcome"]
            reads.append(drs_reads(orchestrator) - before)
        found = {name: item["status"] for name, item in servers(orchestrator, run_id).items()}
        assert (found["app-1"], found["app-2"], found["rep-1"]) == ("launched", "launched", "failed")
        assert 1 <= max(reads) <= 2

    def test_trap_exception_turned_into_failed(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        """What could not be read or started is an error of the call; the servers are what they were."""
        run_id = open_run()
        orchestrator.invoke("prepare-wave", run_id, wave=1)
        for service, operation, error, name in (
            ("drs", "StartRecovery", "AccessDeniedException", "AwsRefused"),
            ("drs", "DescribeJobs", "AccessDeniedException", "AwsRefused"),
            ("drs", "DescribeJobs", "ThrottlingException", "Transient"),
            ("dynamodb", "Query", "InternalServerError", "Transient"),
        ):
            status = 403 if error.startswith("Access") else 500 if error.startswith("Internal") else 429
            fault = {"service": service, "operation": operation, "error": error, "status": status, "times": 4}
            orchestrator.aws.control("faults", fault)
            with pytest.raises(FunctionError) as failed:
                orchestrator.invoke("reconcile-wave", run_id, wave=1)
            orchestrator.aws.control("faults", method="DELETE")
            assert failed.value.name == name, operation
            record = servers(orchestrator, run_id)["db-1"]
            assert (record["status"], record["reason"]) == ("pending", ""), operation
        assert "server_failed" not in orchestrator.kinds(run_id)
        assert launch(orchestrator, run_id)["outcome"] == "done"

    def test_records_instance_and_recovery_point(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        assert launch(orchestrator, run_id)["outcome"] == "done"
        record = servers(orchestrator, run_id)["db-1"]
        (instance,) = orchestrator.client("drs").describe_recovery_instances(
            filters={"sourceServerIDs": [IDS["db-1"]]}
        )["items"]
        assert record["instance_id"] == instance["ec2InstanceID"]
        assert record["recovery_point_at"] is not None

    def test_asks_with_the_reason_that_drs_gives(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        orchestrator.change_source_server(
            "db-1", fail_launch={"phase": "LAUNCH", "raw_error": "no capacity of t3.small"}
        )
        answer = launch(orchestrator, run_id)
        assert answer["outcome"] == "ask"
        assert "no capacity of t3.small" in servers(orchestrator, run_id)["db-1"]["reason"]

    def test_uses_documented_quotas_when_the_live_ones_cannot_be_read(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        refusal = {
            "service": "service-quotas",
            "operation": "ListServiceQuotas",
            "error": "AccessDeniedException",
            "status": 403,
        }
        orchestrator.aws.control("faults", refusal)
        launch(orchestrator, run_id)
        (event,) = [event for event in orchestrator.runs.events(run_id) if event["kind"] == "quotas_read"]
        assert event["data"]["source"].startswith("documented values")
        assert event["data"]["servers_per_job"] == 100


class TestValidate:
    def test_ends_the_wave_when_every_server_is_as_expected(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        launch(orchestrator, run_id)
        assert validate(orchestrator, run_id)["outcome"] == "done"
        assert servers(orchestrator, run_id)["db-1"]["status"] == "validated"
        assert orchestrator.runs.get_waves(run_id)[0]["status"] == "running"
        for _ in range(2):
            assert orchestrator.invoke("validate", run_id, wave=1)["outcome"] == "done"
            assert orchestrator.invoke("end-wave", run_id, wave=1) == {"outcome": "done"}
        assert orchestrator.runs.get_waves(run_id)[0]["status"] == "succeeded"
        assert orchestrator.kinds(run_id).count("wave_ended") == 1

    def test_asks_when_a_server_has_another_address(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        launch(orchestrator, run_id)
        (record,) = orchestrator.runs.get_servers(run_id, 1)
        record["expected"]["interfaces"][1]["address"] = "10.99.5.12"
        orchestrator.runs.put_servers(run_id, [record])
        answer = validate(orchestrator, run_id)
        assert answer["outcome"] == "ask"
        assert "interface 1 has 10.99.5.11, not 10.99.5.12" in answer["reason"]

    def test_the_whole_plan_is_checked_once_more(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        launch(orchestrator, run_id)
        validate(orchestrator, run_id)
        instance_id = servers(orchestrator, run_id)["db-1"]["instance_id"]
        orchestrator.client("ec2").stop_instances(InstanceIds=[instance_id])
        orchestrator.aws.control("clock", {"advance": 300})
        answer = validate(orchestrator, run_id, wave=None)
        assert answer["outcome"] == "ask"
        assert "not running" in answer["reason"]


class TestPause:
    def ask(self, orchestrator: Orchestrator, run_id: str, token: str, now: str) -> None:
        asked = {"step": "gate", "wave": None, "reason": "it rains", "error": None, "task_token": token}
        orchestrator.invoke("ask-operator", run_id, now=now, **asked)

    def test_trap_token_in_a_mail(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        """The notice tells people how to decide, and never the token, which is in no event and no log either."""
        run_id, token = open_run(), "the-secret-task-token-of-this-test"
        queue = orchestrator.client("sqs").create_queue(QueueName=run_id)["QueueUrl"]
        arn = f"arn:aws:sqs:us-west-2:222222222222:{run_id}"
        orchestrator.client("sns").subscribe(TopicArn=orchestrator.topic_arn, Protocol="sqs", Endpoint=arn)
        self.ask(orchestrator, run_id, token, orchestrator.now())
        (message,) = orchestrator.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        notice = json.loads(message["Body"])["Message"]
        assert "it rains" in notice
        assert f"ansible-playbook disaster_recovery.aws.decide -e dr_run={run_id} -e dr_decision=" in notice
        assert "the decision is: abort" in notice
        assert token not in message["Body"]
        assert token not in json.dumps(orchestrator.runs.events(run_id))
        assert token not in logs(orchestrator, "ask-operator")
        assert orchestrator.runs.get_run(run_id)["status"] == "waiting"
        assert orchestrator.runs.task_token(run_id, "001") == token

    def test_asked_again_at_the_same_time_it_is_the_same_pause_with_the_newest_token(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id, now = open_run(), orchestrator.now()
        self.ask(orchestrator, run_id, "token-1", now)
        self.ask(orchestrator, run_id, "token-1", now)
        self.ask(orchestrator, run_id, "token-2", now)
        (pause,) = orchestrator.runs.open_pauses(run_id)
        assert orchestrator.runs.task_token(run_id, pause["pause_id"]) == "token-2"
        assert orchestrator.kinds(run_id).count("run_paused") == 1

    def test_a_pause_that_begins_while_the_run_is_being_aborted_is_answered_at_once(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        told = {"by": "arn:me", "at": orchestrator.now(), "reason": "false alarm"}
        orchestrator.runs.update_run(run_id, {"aborting": told})
        self.ask(orchestrator, run_id, "token", orchestrator.now())
        (pause,) = orchestrator.runs.pauses(run_id)
        assert (pause["decision"], pause["decided_by"], pause["decision_reason"]) == ("abort", "arn:me", "false alarm")
        assert orchestrator.runs.get_run(run_id)["status"] == "running"
        assert orchestrator.invoke("gate", run_id)["outcome"] == "abort"

    def test_nobody_answered_means_the_default(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run()
        self.ask(orchestrator, run_id, "token", orchestrator.now())
        applied = orchestrator.invoke("apply-decision", run_id, step="gate", wave=None, expired=True)
        assert applied == {"decision": "abort"}
        assert orchestrator.runs.pauses(run_id)[0]["status"] == "expired"
        assert orchestrator.runs.get_run(run_id)["aborting"]["by"] == "deadline"
        assert orchestrator.invoke("apply-decision", run_id, step="gate", wave=None, expired=True) == applied

    def test_a_task_that_was_answered_without_a_decision_is_refused(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        self.ask(orchestrator, run_id, "token", orchestrator.now())
        with pytest.raises(FunctionError, match="without a recorded decision") as refused:
            orchestrator.invoke("apply-decision", run_id, step="gate", wave=None, expired=False)
        assert refused.value.name == "Conflict"


def test_a_notice_that_cannot_be_sent_is_told_of_and_ends_nothing(
    orchestrator: Orchestrator, open_run: OpenRun
) -> None:
    run_id = open_run()
    refusal = {"service": "sns", "operation": "Publish", "error": "AuthorizationError", "status": 403}
    orchestrator.aws.control("faults", refusal)
    assert orchestrator.invoke("close-run", run_id, aborted=True, error=None)["status"] == "aborted"
    assert orchestrator.kinds(run_id)[-1] == "notice_failed"
    assert orchestrator.runs.lock_owners(KEYS.values()) == {}


class TestCleanUp:
    def finished_drill(self, orchestrator: Orchestrator, open_run: OpenRun) -> str:
        run_id = open_run()
        launch(orchestrator, run_id)
        validate(orchestrator, run_id)
        return run_id

    def clean_up(self, orchestrator: Orchestrator, run_id: str) -> dict[str, Any]:
        while (step := orchestrator.invoke("clean-up", run_id))["outcome"] == "wait":
            orchestrator.aws.control("clock", {"advance": LONGER_THAN_ANY_WAIT})
        return step

    def test_terminates_the_drill_s_instances_and_restores_the_templates(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = self.finished_drill(orchestrator, open_run)
        instance_id = servers(orchestrator, run_id)["db-1"]["instance_id"]
        assert self.clean_up(orchestrator, run_id)["outcome"] == "done"
        assert state(orchestrator, instance_id) == "terminated"
        assert servers(orchestrator, run_id)["db-1"]["status"] == "cleaned_up"
        assert set(default_subnets(orchestrator).values()) == {"subnet-0a20100000000d001"}
        assert orchestrator.invoke("clean-up", run_id)["outcome"] == "done"
        assert orchestrator.kinds(run_id).count("clean_up_started") == 1

    def test_leaves_alone_what_another_run_launched(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = self.finished_drill(orchestrator, open_run)
        orchestrator.client("drs").start_recovery(sourceServers=[{"sourceServerID": IDS["app-1"]}], isDrill=True)
        orchestrator.aws.control("clock", {"advance": 3600})
        (foreign,) = orchestrator.client("drs").describe_recovery_instances(
            filters={"sourceServerIDs": [IDS["app-1"]]}
        )["items"]
        record = next(item for item in orchestrator.runs.get_servers(run_id, 2) if item["server_key"] == KEYS["app-1"])
        record |= {"instance_id": foreign["ec2InstanceID"], "job_id": foreign["jobID"], "status": "validated"}
        orchestrator.runs.put_servers(run_id, [record])
        answer = self.clean_up(orchestrator, run_id)
        assert answer["outcome"] == "ask"
        assert foreign["ec2InstanceID"] in answer["reason"]
        assert state(orchestrator, foreign["ec2InstanceID"]) == "running"

    def test_refuses_a_failover(self, orchestrator: Orchestrator, open_run: OpenRun) -> None:
        run_id = open_run(mode="failover")
        with pytest.raises(FunctionError, match="not a drill") as refused:
            orchestrator.invoke("clean-up", run_id)
        assert refused.value.name == "InvalidRequest"


class TestCloseRun:
    def test_again_it_answers_the_same_and_everything_is_there(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        first = orchestrator.invoke("close-run", run_id, aborted=True, error=None)
        assert first["status"] == "aborted"
        assert orchestrator.invoke("close-run", run_id, aborted=False, error=None)["status"] == "aborted"
        run = orchestrator.runs.get_run(run_id)
        assert (run["status"], run["evidence"]) == ("aborted", f"s3://{orchestrator.bucket}/runs/{run_id}/report.json")
        report = json.load(
            orchestrator.client("s3").get_object(Bucket=orchestrator.bucket, Key=f"runs/{run_id}/report.json")["Body"]
        )
        assert (report["status"], report["events"]["intact"]) == ("aborted", True)
        assert orchestrator.runs.lock_owners([*KEYS.values(), "plan:small"]) == {}
        assert orchestrator.kinds(run_id).count("run_closed") == 1

    def test_a_run_that_an_error_ended_has_failed_and_says_why(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        error = {"Error": "AwsRefused", "Cause": json.dumps({"errorMessage": "it rains", "stackTrace": ["secret"]})}
        assert orchestrator.invoke("close-run", run_id, aborted=False, error=error)["status"] == "failed"
        assert orchestrator.runs.get_run(run_id)["error"] == "AwsRefused: it rains"

    def test_a_failback_that_leaves_something_says_so(self, orchestrator: Orchestrator, new_run: NewRun) -> None:
        closed = []
        for stage, decision in (("protected", None), ("protected_again", None), ("protected", "continue")):
            run_id = new_run()
            orchestrator.invoke("open-run", run_id, **request(run_id, "failback", "small", orchestrator.now()))
            home = {"status": "validated", "validated_at": orchestrator.now(), "way_home": {"stage": stage}}
            server = {"server_key": "db", "wave": 1, "source_server_id": "s-1", "critical": True, "instance_id": "i-1"}
            orchestrator.runs.put_servers(run_id, [{**server, **home}])
            if decision:
                asked = {"step": "forward-gate", "wave": None, "reason": "not ready", "task_token": run_id}
                orchestrator.invoke("ask-operator", run_id, **asked)
                who = caller(orchestrator.client("sts"))
                (pause,) = orchestrator.runs.open_pauses(run_id)
                answer = {"decision": decision, "by": who.arn, "at": who.now, "reason": "no time"}
                orchestrator.runs.answer_pause(run_id, pause["pause_id"], **answer)
            closed.append(orchestrator.invoke("close-run", run_id)["status"])
        assert closed == ["succeeded", "succeeded_with_failures", "succeeded_with_failures"]

    def test_a_wave_that_an_error_cut_short_has_failed_and_the_next_one_never_began(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        orchestrator.invoke("prepare-wave", run_id, wave=1)
        orchestrator.invoke("close-run", run_id, aborted=False, error={"Error": "States.Timeout", "Cause": "too long"})
        assert [wave["status"] for wave in orchestrator.runs.get_waves(run_id)] == ["failed", "pending"]

    def test_a_run_without_locks_leaves_the_templates_of_the_one_that_holds_them(
        self, orchestrator: Orchestrator, open_run: OpenRun, new_run: NewRun
    ) -> None:
        holder, other = open_run(), new_run()
        orchestrator.invoke("prepare-wave", holder, wave=2)
        before = default_subnets(orchestrator)
        orchestrator.invoke("open-run", other, **request(other, "test", "small", orchestrator.now()))
        with pytest.raises(FunctionError):
            orchestrator.invoke("discover", other)
        assert orchestrator.invoke("close-run", other, aborted=False, error={"Error": "Conflict"})["status"] == "failed"
        assert default_subnets(orchestrator) == before

    def test_a_drill_that_was_aborted_leaves_the_failover_versions(
        self, orchestrator: Orchestrator, open_run: OpenRun
    ) -> None:
        run_id = open_run()
        orchestrator.invoke("prepare-wave", run_id, wave=2)
        orchestrator.invoke("close-run", run_id, aborted=True, error=None)
        assert set(default_subnets(orchestrator).values()) == {"subnet-0a20100000000d001"}


def test_an_event_without_run_or_time_is_refused(orchestrator: Orchestrator) -> None:
    for event in ({"run_id": ""}, {"now": "yesterday"}):
        with pytest.raises(FunctionError) as refused:
            orchestrator.invoke("gate", **{"run_id": "x", **event})
        assert refused.value.name in {"InvalidRequest", "NotFound"}


def state(orchestrator: Orchestrator, instance_id: str) -> str:
    (reservation,) = orchestrator.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    return str(reservation["Instances"][0]["State"]["Name"])


def logs(orchestrator: Orchestrator, function: str) -> str:
    client = orchestrator.client("logs")
    events = client.filter_log_events(logGroupName=f"/aws/lambda/{PREFIX}-{function}")["events"]
    assert events
    return "\n".join(event["message"] for event in events)
