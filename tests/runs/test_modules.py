"""What the modules about plans and runs do, through their run()."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws import executions as executions_of_aws
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import (
    AwsError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_locks import plan_lock
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.step_records import StepRecord
from ansible_collections.disaster_recovery.aws.plugins.modules import (
    dr_decision,
    dr_execution,
    dr_execution_info,
    dr_plan,
    dr_plan_info,
)

from tests.runs.conftest import AT, OPERATOR, PLAN, Orchestrator, minutes
from tests.support.orchestrator import options


def publish(house: Orchestrator, *plans: Any, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    params = options(dr_plan, **house.params(plans=list(plans), **given))
    return dr_plan.run(params, house.clients, check_mode)


def read_plans(house: Orchestrator, **given: Any) -> dict[str, Any]:
    return dr_plan_info.run(options(dr_plan_info, **house.params(**given)), house.clients, False)


def execute(house: Orchestrator, *, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    params = options(dr_execution, **house.params(**{"plan": "payments", "mode": "test", **given}))
    return dr_execution.run(params, house.clients, check_mode)


def read(house: Orchestrator, **options: Any) -> dict[str, Any]:
    defaults = {"run_id": None, "execution_arn": None, "plan": None, "limit": 20, "after": 0, "details": True}
    return dr_execution_info.run(house.params(**{**defaults, **options}), house.clients, False)


def decide(house: Orchestrator, decision: str, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    given = {"run_id": "r1", "reason": "quota was raised", "pause_id": None, **options}
    return dr_decision.run(house.params(decision=decision, **given), house.clients, check_mode)


def executions(house: Orchestrator, name: str = "test") -> list[str]:
    machine = house.arn(name, "x").replace(":execution:", ":stateMachine:").rsplit(":", 1)[0]
    return [item["name"] for item in house.sfn.list_executions(stateMachineArn=machine)["executions"]]


class TestPlan:
    def test_a_step_that_the_orchestrator_may_not_take_keeps_the_plan_from_being_published(
        self, house: Orchestrator
    ) -> None:
        freeze = {"name": "freeze", "modes": ["failover"], "lambda": {"function": "payments-freeze"}}
        dns = {"name": "dns", "modes": ["failover"], "automation": {"document": "Switch-DNS"}}
        first, *others = PLAN["waves"]
        stepped = {**PLAN, "waves": [{**first, "before": [freeze], "after": [dns]}, *others]}
        with pytest.raises(DeclarationError, match=r"step freeze: 'payments-freeze'.*\n.*step dns: 'Switch-DNS'"):
            publish(house, stepped, step_functions=[])
        assert house.table.list_plans() == []
        permitted = {"step_functions": ["payments-freeze"], "step_documents": ["Switch-DNS"]}
        assert publish(house, stepped, **permitted)["changed"]

    def test_the_tag_policy_is_published_with_the_plans(self, house: Orchestrator) -> None:
        policy = {"tags": [{"key": "Cost", "ec2_tag": "Cost", "pattern": "[0-9]+"}]}
        strict = {**PLAN, "gate": {"mandatory_tags": "fail"}}
        publish(house, strict, tag_policy=policy, mandatory_tags={"Owner": "dr-team"})
        current = house.table.get_plan("payments")
        assert current is not None
        assert current["plan"]["gate"]["tags"] == [
            {"key": "Owner", "required": True, "allowed": ["dr-team"], "pattern": None},
            {"key": "Cost", "required": True, "allowed": [], "pattern": "[0-9]+"},
        ]
        assert not publish(house, strict, tag_policy=policy, mandatory_tags={"Owner": "dr-team"})["changed"]
        assert publish(house, strict, mandatory_tags={"Owner": "dr-team"})["changed"]
        with pytest.raises(DeclarationError) as refused:
            publish(house, strict, {**strict, "name": "crm"})
        assert [problem.where for problem in refused.value.problems] == [
            "gate.mandatory_tags of plan payments",
            "gate.mandatory_tags of plan crm",
        ]
        with pytest.raises(DeclarationError, match=r"(?s)waves.*dr_tag_policy\.tags\[0\]"):
            publish(house, {**PLAN, "waves": []}, tag_policy={"tags": [{"key": "aws:x"}]})

    def test_publishing_again_changes_nothing(self, house: Orchestrator) -> None:
        predicted = publish(house, PLAN, check_mode=True)
        assert predicted["changed"] is True
        assert house.table.list_plans() == []

        first = publish(house, PLAN)
        assert first == predicted
        (outcome,) = first["plans"]
        assert (outcome["name"], outcome["changed"], outcome["version"]) == ("payments", True, 1)
        assert outcome["servers"] == {"databases": 1, "web": 1}
        assert first["diff"]["before"] == {"payments": {}}
        assert house.table.get_plan("payments")["published_by"] == OPERATOR
        again = publish(house, PLAN)
        assert (again["changed"], again["plans"][0]["version"], again["diff"]["after"]) == (False, 1, {})
        assert (again["findings"], again["plans"][0]["timeline"]) == (first["findings"], outcome["timeline"])

    def test_publishing_looks_for_what_is_questionable(self, house: Orchestrator) -> None:
        whole = {**PLAN, "name": "site", "groups": {"db": PLAN["groups"]["db"], "web": {"tags": {"Tier": "web"}}}}
        publish(house, PLAN)
        hasty = {**whole, "targets": {"rto": 60}}
        predicted = publish(house, hasty, check_mode=True)
        found = publish(house, hasty)
        assert predicted["findings"] == found["findings"]
        uncovered, shared, late = found["findings"]
        assert (uncovered["rule"], uncovered["severity"], uncovered["plans"]) == ("uncovered", "warning", [])
        assert "pay-rep-1.example.internal" in uncovered["servers"]
        assert not {"pay-db-1.example.internal", "pay-web-2.example.internal"} & set(uncovered["servers"])
        assert (shared["rule"], shared["plans"]) == ("shared", ["payments", "site"])
        assert shared["servers"] == ["pay-db-1.example.internal", "pay-web-1.example.internal"]
        assert "plans payments and site share 2 servers (pay-db-1.example.internal, pay-web" in shared["message"]
        (site,) = found["plans"]
        seconds = site["timeline"]["seconds"]
        assert (late["rule"], late["plans"], seconds) == ("rto", ["site"], 533 + 300 + 1440 + 1200)
        assert "its target is 1m 00s" in late["message"]
        assert site["timeline"]["source"] == "typical of DRS"
        assert [wave["jobs"] for wave in site["timeline"]["waves"]] == [[1], [5]]
        text = "\n".join(found["summary"])
        assert "site  1        yes     6        2      2         57m 53s   1m 00s" in text
        assert "WARNING: plan site is estimated to take" in text
        with pytest.raises(DeclarationError, match=r"plan lint \(uncovered\)(.|\n)*\(shared\)(.|\n)*\(rto\)"):
            publish(house, {**hasty, "description": "refused"}, strict=True)
        assert house.table.get_plan("site")["version"] == 1
        assert publish(house, PLAN, check_servers=False)["findings"] == []

    def test_what_does_not_fit_is_refused_with_its_number(self, house: Orchestrator) -> None:
        keys = [f"server-{number:05d}.example.internal" for number in range(16_000)]
        large = {**PLAN, "optional_servers": keys}
        patient = {
            **PLAN,
            "name": "patient",
            "groups": {f"g{n}": {"servers": ["pay-db-1.example.internal"]} for n in range(30)},
        }
        patient["waves"] = [{"name": f"w{n}", "groups": [f"g{n}"], "timeout": 7 * 86400} for n in range(30)]
        with pytest.raises(DeclarationError) as refused:
            publish(house, large, patient, check_servers=False)
        size, history = (str(problem) for problem in refused.value.problems)
        assert "payments" in size
        assert "DynamoDB at most 409,600" in size
        assert "patient" in history
        assert "an execution may have 25,000" in history
        assert house.table.list_plans() == []

    def test_an_earlier_run_tells_how_long_things_take(self, house: Orchestrator) -> None:
        publish(house, PLAN)
        house.open_run("r1", status="succeeded")
        started = {"wave": 1, "job_id": "drsjob-1", "created_at": "2026-11-23T10:00:00.000Z", "servers": {}}
        house.table.append_event("r1", "job_started", started, AT)
        server = {"source_server_id": "s-1", "critical": True, "status": "validated", "job_id": "drsjob-1"}
        times = {"launched_at": "2026-11-23T10:20:00.000Z", "validated_at": "2026-11-23T10:21:00.000Z"}
        house.table.put_servers("r1", [{"server_key": "a", "wave": 1, **server, **times}])
        house.open_run("r2", status="failed")
        (outcome,) = publish(house, PLAN)["plans"]
        assert (outcome["timeline"]["source"], outcome["timeline"]["seconds"]) == ("as in run r1", 2 * (1200 + 60))

    def test_one_bad_plan_keeps_all_from_being_published(self, house: Orchestrator) -> None:
        typo = {**PLAN, "name": "crm", "waves": [{"name": "all", "groups": ["typo"]}]}
        with pytest.raises(DeclarationError, match="typo"):
            publish(house, PLAN, typo)
        nobody = {**PLAN, "name": "crm", "groups": {"db": {"servers": ["no-such-server"]}, "web": {"tags": {"A": "b"}}}}
        with pytest.raises(DeclarationError, match=r"no-such-server(.|\n)*web"):
            publish(house, PLAN, nobody)
        assert house.table.list_plans() == []
        assert publish(house, nobody, check_servers=False)["changed"] is True

    def test_withdrawing(self, house: Orchestrator) -> None:
        publish(house, PLAN)
        assert publish(house, {"name": "payments"}, state="absent", check_mode=True)["changed"] is True
        assert [item["name"] for item in house.table.list_plans()] == ["payments"]
        assert publish(house, {"name": "payments"}, {"name": "other"}, state="absent")["plans"] == [
            {"name": "payments", "changed": True},
            {"name": "other", "changed": False},
        ]
        assert house.table.list_plans() == []
        with pytest.raises(DeclarationError, match=r"plans\[0\]"):
            publish(house, {"wrong": 1}, state="absent")


class TestPlanInfo:
    def test_current_and_old_versions_and_what_differs_between_them(self, house: Orchestrator) -> None:
        later = {**PLAN, "targets": {"rto": 3600, "rpo": 900}}
        publish(house, PLAN, {**PLAN, "name": "crm"})
        publish(house, later)
        assert [(one["name"], one["version"], one["current"]) for one in read_plans(house)["plans"]] == [
            ("crm", 1, True),
            ("payments", 2, True),
        ]
        versions = read_plans(house, name="payments", versions=True)["plans"]
        assert [(one["version"], one["current"], one["plan"]["targets"]["rto"]) for one in versions] == [
            (2, True, 3600),
            (1, False, 7200),
        ]
        assert versions[0]["published_by"] == OPERATOR
        (old,) = read_plans(house, name="payments", version=1)["plans"]
        assert old == versions[1]
        compared = read_plans(house, name="payments", compare=[1, 2])
        assert compared["changes"] == [{"path": "targets.rto", "kind": "changed", "before": 7200, "after": 3600}]
        assert compared["diff"]["before"] == versions[1]["plan"]
        assert read_plans(house, name="payments", compare=[2, 2])["changes"] == []

        publish(house, {"name": "payments"}, state="absent")
        assert [one["current"] for one in read_plans(house, name="payments", versions=True)["plans"]] == [False, False]
        for given, message in (
            ({"name": "payments"}, "'payments': no such plan: use one of crm"),
            ({"name": "nobody", "version": 1}, "'nobody': no such plan"),
            ({"name": "payments", "version": 7}, "7: plan payments has no such version: use one of 2, 1"),
            ({"name": "payments", "compare": [1, 9]}, "9: plan payments has no such version"),
            ({"name": "payments", "compare": [1]}, "numbers of two versions"),
        ):
            with pytest.raises(DeclarationError, match=message):
                read_plans(house, **given)

    def test_servers_are_resolved_and_a_plan_that_does_not_fit_any_more_is_told_of(self, house: Orchestrator) -> None:
        nobody = {**PLAN, "name": "crm", "groups": {"db": {"servers": ["gone"]}, "web": {"tags": {"Tier": "web"}}}}
        publish(house, PLAN, nobody, check_servers=False)
        crm, payments = read_plans(house, servers=True)["plans"]
        assert "waves" not in crm
        assert "gone" in crm["problems"][0]
        assert payments["problems"] == []
        assert [(wave["name"], [one["server_key"] for one in wave["servers"]]) for wave in payments["waves"]] == [
            ("databases", ["pay-db-1.example.internal"]),
            ("web", ["pay-web-1.example.internal"]),
        ]
        assert payments["waves"][0]["servers"][0]["critical"] is True


class TestStart:
    def test_the_same_run_id_starts_once(self, house: Orchestrator) -> None:
        house.deploy("test")
        house.map_addresses(pay_db_1="10.99.1.11", pay_web_1="10.99.4.11")
        planned = execute(house, run_id="r1", declared=PLAN, check_mode=True)
        assert (planned["changed"], planned["status"]) == (True, "not started")
        assert executions(house) == []
        assert house.table.list_plans() == []

        started = execute(house, run_id="r1", declared=PLAN, incident_at="2026-11-23T09:00:00Z")
        assert started == {
            "changed": True,
            "run_id": "r1",
            "plan": "payments",
            "mode": "test",
            "drill": False,
            "execution_arn": house.arn("test", "r1"),
            "joined": False,
            "status": "running",
        }
        request = executions_of_aws.describe(house.sfn, started["execution_arn"])["input"]
        assert request == {
            "run_id": "r1",
            "plan": "payments",
            "requested_by": OPERATOR,
            "incident_at": "2026-11-23T09:00:00.000Z",
        }
        joined = execute(house, run_id="r1", incident_at="2026-11-23T09:30:00Z")
        assert (joined["changed"], joined["joined"]) == (False, True)
        assert "2026-11-23T09:00:00.000Z" in joined["warnings"][0]
        assert executions(house) == ["r1"]

    def test_check_mode_resolves_the_plan_and_writes_nothing(self, house: Orchestrator) -> None:
        house.deploy("test")
        declared = {
            **PLAN,
            "waves": [
                {"name": "late", "groups": ["web"], "depends_on": ["early"]},
                {"name": "early", "groups": ["db"]},
            ],
            "optional_servers": ["pay-web-1.example.internal"],
        }
        declared["waves"][1]["depends_on"] = []
        house.map_addresses(pay_db_1="10.99.1.11", pay_web_1="10.99.4.11")
        before = house.writes()
        found = execute(house, run_id="r1", declared=declared, check_mode=True)["resolved_plan"]
        assert house.writes() == before
        assert (found["mode"], found["profile"], found["servers"]) == ("test", "test", 2)
        assert found["quotas"] == {
            "servers_per_job": 100,
            "concurrent_jobs": 20,
            "servers_in_all_jobs": 500,
            "source": "Service Quotas",
        }
        assert found["estimate"] == {"seconds": 2 * (533 + 300), "source": "typical of DRS"}
        early, late = found["waves"]
        assert (early["wave"], early["name"], late["depends_on"], late["starts_after"]) == (2, "early", ["early"], 833)
        assert early["jobs"] == [{"servers": 1, "starts_after": 0, "ends_after": 533}]
        assert early["settings"]["timeout"] == 3600
        assert late["servers"] == [
            {
                "server_key": "pay-web-1.example.internal",
                "source_server_id": "s-payweb10000000001",
                "critical": False,
                "is_windows": False,
                "job": 1,
                "probes": [],
                "addresses": [
                    {"interface": 0, "subnet_id": "subnet-1", "address": "10.99.4.11", "security_groups": ["sg-1"]}
                ],
            }
        ]
        assert found["settings"]["decision"] == {"timeout": 14400, "default": "abort", "four_eyes": False}

        publish(house, declared)
        assert execute(house, run_id="r1", check_mode=True)["resolved_plan"] == found
        house.table.take_locks(["pay-db-1.example.internal"], "r0", at=AT)
        with pytest.raises(ConflictError, match=r"pay-db-1\.example\.internal by run r0"):
            execute(house, run_id="r1", check_mode=True)
        house.table.release_locks(["pay-db-1.example.internal"], "r0")
        unmapped = {**declared, "groups": {**PLAN["groups"], "web": {"servers": ["pay-web-2.example.internal"]}}}
        unmapped["optional_servers"] = []
        with pytest.raises(DeclarationError, match=r"'pay-web-2\.example\.internal': the IP map has no address of it"):
            execute(house, run_id="r2", declared={**unmapped, "groups": {**unmapped["groups"]}}, check_mode=True)
        with pytest.raises(DeclarationError, match="matches no source server"):
            execute(
                house,
                run_id="r2",
                declared={**PLAN, "groups": {**PLAN["groups"], "db": {"tags": {"A": "b"}}}},
                check_mode=True,
            )

    def test_a_run_without_a_name_gets_one_from_plan_mode_and_aws_time(self, house: Orchestrator) -> None:
        house.deploy("test")
        publish(house, PLAN)
        run_id = execute(house)["run_id"]
        assert run_id.startswith("payments-test-20")
        assert executions(house) == [run_id]

    def test_an_ended_run_is_joined_not_repeated(self, house: Orchestrator) -> None:
        house.deploy("test", states={"End": {"Type": "Succeed"}})
        publish(house, PLAN)
        execute(house, run_id="r1")
        house.ended("test", "r1")
        house.open_run("r1", status="succeeded")
        again = execute(house, run_id="r1")
        assert (again["joined"], again["status"]) == (True, "succeeded")
        assert executions(house) == ["r1"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"plan": "unknown"}, r"'unknown': no such plan: use one of payments"),
            ({"mode": "failback"}, "nothing to fail back: none of its servers runs recovered .2 protected: pay-db-1"),
            ({"mode": "failback", "drill": True}, "nothing to fail back"),
            ({"mode": "failback", "hold": 60}, "only a drill can be held"),
            ({"drill": True}, "only a failback can be a drill this way"),
            ({"mode": "failback", "run_id": "rehearsed"}, "'rehearsed' is a drill of a failback: say drill=true"),
            ({"run_id": "not/good"}, "'not/good'"),
            ({"incident_at": "yesterday"}, "incident_at: 'yesterday'"),
            ({"incident_at": "2999-01-01T00:00:00Z"}, "in the future"),
            ({"run_id": "taken"}, "'taken' is a run of plan 'payments' in mode 'failover'"),
            ({"declared": {**PLAN, "waves": []}}, r"dr_plans \(payments\)"),
            ({"declared": {**PLAN, "name": "other"}}, "'other'"),
            ({"mode": "failover"}, "-failover'. Deploy the orchestrator first"),
        ],
    )
    def test_a_bad_request_starts_and_writes_nothing(
        self, house: Orchestrator, options: dict[str, Any], message: str
    ) -> None:
        house.deploy("test", "failback")
        publish(house, PLAN)
        house.open_run("taken", mode="failover")
        house.open_run("rehearsed", mode="failback", drill=True)
        changed = {**PLAN, "description": "not published yet"}
        with pytest.raises((DeclarationError, AwsError), match=message):
            execute(house, **{"declared": None if "plan" in options else changed, **options})
        assert executions(house) == []
        assert house.table.list_plans() == [{"name": "payments", "version": 1}]

    def test_without_a_deployed_table(self, house: Orchestrator) -> None:
        with pytest.raises(NotFoundError, match=r"'elsewhere-runs'. Deploy the orchestrator first"):
            publish(house, PLAN, check_servers=False, prefix="elsewhere")

    def test_a_run_id_that_step_functions_has_forgotten_is_not_used_again(self, house: Orchestrator) -> None:
        house.deploy("test")
        publish(house, PLAN)
        house.open_run("r1", status="succeeded")
        with pytest.raises(ConflictError, match="choose another run id"):
            execute(house, run_id="r1")
        assert executions(house) == []

    def test_a_plan_that_is_being_run_names_its_run(self, house: Orchestrator) -> None:
        house.deploy("test")
        publish(house, PLAN)
        house.table.take_locks([plan_lock("payments")], "r0", at=AT)
        with pytest.raises(ConflictError, match="'payments' is locked by run 'r0', whose execution has ended"):
            execute(house, run_id="r1")
        assert executions(house) == []


class TestStop:
    def test_stopping_closes_the_books_and_says_what_goes_on(self, house: Orchestrator) -> None:
        house.deploy("test", "wave")
        publish(house, PLAN)
        execute(house, run_id="r1")
        for name in ("r1-w01-1", "r10-w01-1"):
            house.start("wave", name)
        house.open_run("r1")
        launching = {"server_key": "a", "wave": 1, "status": "launching", "job_id": "drsjob-1", "instance_id": None}
        launched = {"server_key": "b", "wave": 1, "status": "launched", "job_id": "drsjob-0", "instance_id": "i-1"}
        house.table.put_servers("r1", [launching, launched])
        house.table.put_waves("r1", [{"wave": 1, "name": "databases", "status": "running", "ended_at": None}])
        copying = StepRecord(1, "before", 1, "copy", "automation", "automation Copy", status="running")
        house.table.put_steps("r1", [replace(copying, automation_execution_id="execution-1")])
        house.table.take_locks([plan_lock("payments"), "a", "b"], "r1", at=AT)

        options = {"state": "stopped", "run_id": "r1", "reason": "wrong month", "plan": None, "mode": None}
        assert execute(house, **options, check_mode=True)["changed"] is True
        assert house.table.get_run("r1")["status"] == "running"
        stopped = execute(house, **options)
        assert stopped["stopped"] == {
            "executions": [house.arn("test", "r1"), house.arn("wave", "r1-w01-1")],
            "jobs": ["drsjob-1"],
            "automations": ["execution-1"],
            "instances": ["i-1"],
        }
        assert "drsjob-1" in stopped["warnings"][0]
        ended = house.ended("test", "r1")
        assert (ended["status"], ended["error"]) == ("ABORTED", "OperatorStopped")
        assert ended["cause"] == f"stopped by {OPERATOR}: wrong month"
        other = house.sfn.describe_execution(executionArn=house.arn("wave", "r10-w01-1"))
        assert other["status"] == "RUNNING"
        run = house.table.get_run("r1")
        assert (run["status"], run["error"]) == ("aborted", ended["cause"])
        assert house.table.get_waves("r1")[0]["status"] == "aborted"
        assert house.table.lock_owners([plan_lock("payments"), "a", "b"]) == {}
        assert house.table.events("r1")[-1]["kind"] == "run_closed"
        assert execute(house, **options)["changed"] is False

    def test_an_unknown_run(self, house: Orchestrator) -> None:
        house.deploy("test", "wave")
        publish(house, PLAN)
        house.open_run("r1")
        with pytest.raises(InvalidRequestError, match=r"no run 'r2' .*\(latest runs: r1\)"):
            execute(house, state="stopped", run_id="r2", reason="why")


class TestInfo:
    def test_a_run_with_everything_but_tokens(self, house: Orchestrator) -> None:
        house.open_run("r1")
        house.pause("r1", "the-secret-token")
        house.table.append_event("r1", "wave_started", {"wave": 1, "name": "databases", "servers": 1}, minutes(1))
        found = read(house, run_id="r1", after=1)
        assert [event["kind"] for event in found["events"]] == ["wave_started"]
        assert found["report"]["events"] == {
            "count": 2,
            "last_hash": found["events"][-1]["hash"],
            "intact": True,
        }
        assert found["execution"] == {}
        assert found["progress"] == [
            {"wave": 1, "name": "databases", "servers": 1, "launched": 0, "failed": 0, "ended": False}
        ]
        assert any(line.startswith("wave 1/2 · 0 of 1 launched · 0 failed · ") for line in found["summary"])
        assert "progress" not in read(house, run_id="r1", after=1, details=False)
        assert "the-secret-token" not in repr(found)
        assert any("-e dr_run=r1 -e dr_pause=001" in line for line in found["summary"])

    def test_a_run_that_is_not_in_the_table_yet(self, house: Orchestrator) -> None:
        house.deploy("test")
        publish(house, PLAN)
        arn = execute(house, run_id="r1")["execution_arn"]
        found = read(house, run_id="r1", execution_arn=arn)
        assert (found["run"], found["execution"]["status"], "report" in found) == ({}, "RUNNING", False)
        with pytest.raises(InvalidRequestError, match="no run 'r1'"):
            read(house, run_id="r1")

    def test_lists(self, house: Orchestrator) -> None:
        publish(house, PLAN)
        house.open_run("r1", status="succeeded")
        assert [(run["run_id"], run["status"]) for run in read(house, plan="payments")["runs"]] == [("r1", "succeeded")]
        assert "r1" in "\n".join(read(house)["summary"])
        with pytest.raises(DeclarationError, match="'crm': no such plan: use one of payments"):
            read(house, plan="crm")


class TestDecide:
    def paused(self, house: Orchestrator, **changes: Any) -> str:
        """Start a run that waits, and return its task token."""
        house.deploy("test")
        publish(house, PLAN)
        execute(house, run_id="r1")
        token = house.task_token()
        house.open_run("r1")
        house.pause("r1", **{"token": token, **changes})
        return token

    def test_a_decision_is_recorded_and_lets_the_run_go_on(self, house: Orchestrator) -> None:
        token = self.paused(house)
        assert decide(house, "retry", check_mode=True)["changed"] is True
        assert house.table.get_pause("r1", "001")["status"] == "open"

        decided = decide(house, "retry")
        assert decided["changed"] is True
        assert (decided["pause"]["decided_by"], decided["pause"]["decision_reason"]) == (OPERATOR, "quota was raised")
        assert "launches the failed servers again" in decided["effect"]
        assert token not in repr(decided)
        ended = house.ended("test", "r1")
        answer = {"pause_id": "001", "decision": "retry"}
        assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", answer)

        assert decide(house, "retry")["changed"] is False
        with pytest.raises(ConflictError, match=f"was decided with 'retry' by {OPERATOR}"):
            decide(house, "abort")
        with pytest.raises(ConflictError, match="answered with retry"):
            decide(house, "abort", pause_id="1")

    def test_an_abort_that_died_after_recording_is_finished_by_repeating_it(self, house: Orchestrator) -> None:
        self.paused(house)
        house.table.answer_pause("r1", "001", decision="abort", by=OPERATOR, at=AT, reason="quota was raised")
        again = {"state": "aborted", "run_id": "r1", "reason": "quota was raised"}
        assert execute(house, **again)["changed"] is True
        assert house.ended("test", "r1")["status"] == "SUCCEEDED"

    def test_an_abort_whose_step_waits_no_more_is_recorded_and_says_so(self, house: Orchestrator) -> None:
        self.paused(house, token="a-token-of-yesterday")
        aborted = execute(house, state="aborted", run_id="r1", reason="false alarm")
        assert "Pause 001 is answered. The task does not wait for this answer" in aborted["warnings"][0]
        assert house.table.get_pause("r1", "001")["decision"] == "abort"
        assert house.table.get_run("r1")["aborting"]["reason"] == "false alarm"

    def test_a_task_that_died_after_recording_is_finished_by_repeating_it(self, house: Orchestrator) -> None:
        self.paused(house)
        house.table.answer_pause("r1", "001", decision="skip", by=OPERATOR, at=AT, reason="quota was raised")
        assert executions_of_aws.describe(house.sfn, house.arn("test", "r1"))["status"] == "RUNNING"
        assert decide(house, "skip")["changed"] is True
        assert house.ended("test", "r1")["status"] == "SUCCEEDED"

    @pytest.mark.parametrize(
        ("decision", "pause", "options", "message"),
        [
            ("skip", {"options": ["retry", "abort"]}, {}, "'skip' cannot be decided"),
            ("retry", {"deadline": "2020-01-01T00:00:00.000Z"}, {}, "expired at 2020"),
            ("retry", {"not_by": OPERATOR}, {}, "four eyes: somebody else has to decide"),
            ("retry", {}, {"reason": "  "}, "reason: '  ': is empty"),
            ("retry", {}, {"pause_id": "7"}, r"no pause '7' \(its pauses: 001\)"),
            ("retry", {}, {"run_id": "other"}, "no run 'other'"),
        ],
    )
    def test_a_refused_decision_changes_nothing(
        self, house: Orchestrator, decision: str, pause: dict[str, Any], options: dict[str, Any], message: str
    ) -> None:
        house.open_run("r1")
        before = house.pause("r1", **pause)
        for check_mode in (True, False):
            with pytest.raises((DeclarationError, AwsError), match=message):
                decide(house, decision, check_mode=check_mode, **options)
        assert house.table.pauses("r1") == [before]

    def test_two_open_pauses_must_be_told_apart(self, house: Orchestrator) -> None:
        house.open_run("r1")
        with pytest.raises(ConflictError, match="has not asked"):
            decide(house, "retry")
        house.pause("r1", "token-1")
        house.pause("r1", "token-2", wave=2)
        with pytest.raises(InvalidRequestError, match=r"001 \(reconcile-wave, wave 1\), 002"):
            decide(house, "retry")

    def test_a_run_that_has_ended_takes_no_decision(self, house: Orchestrator) -> None:
        house.open_run("r1", status="aborted")
        house.pause("r1")
        with pytest.raises(ConflictError, match="has ended as aborted"):
            decide(house, "retry")
