"""Probes of launched servers: the real machine, the real functions, and machines that answer as declared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.modules import dr_plan

from tests.support.embedded import EmbeddedAws
from tests.support.orchestrator import ESTATE, KEYS, PREFIX, REGION, FunctionError, Orchestrator, options, request
from tests.support.orchestrator import PLAN as BASE

PLAN: dict[str, Any] = {
    "name": "probed",
    "waves": [
        {"name": "applications", "groups": ["app", "rep"], "retries": 0},
        {"name": "databases", "groups": ["db"], "retries": 0, "timeout": 900},
    ],
    "optional_servers": [KEYS["app-2"], KEYS["rep-1"]],
    "probes": [
        {"name": "web", "groups": ["app"], "http": {"scheme": "https", "body": "fine", "verify_tls": False}},
        {"name": "service", "groups": ["app"], "command": {"commands": ["systemctl is-active app"]}, "attempts": 2},
        {"name": "console", "servers": [KEYS["rep-1"]], "tcp": {"port": 8080}, "timeout": 2, "attempts": 2},
        {"name": "agents", "servers": [KEYS["rep-1"]], "ssm_agent": "expected", "attempts": 2},
        {"name": "postgres", "groups": ["db"], "tcp": {"port": 5432}, "modes": ["test"]},
    ],
}


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    aws = EmbeddedAws(ESTATE)
    try:
        deployed = Orchestrator(aws, tmp_path_factory.mktemp("archive"), probe_networks=("test",))
        deployed.publish(**PLAN)
        yield deployed
    finally:
        aws.stop()


def test_servers_are_valid_when_their_probes_have_passed(
    orchestrator: Orchestrator, new_run: Callable[[], str]
) -> None:
    """Late: valid then. Optional and never: failed with what was seen. Critical and never: a person is asked."""
    run_id = new_run()
    answers = {"port": 443, "tls": True, "http": {"body": "all fine"}}
    stopped = {"commands": [{"contains": "systemctl", "exit": 3, "output": "inactive"}]}
    orchestrator.change_source_server("app-1", listens=[{**answers, "after": 400}], ssm_agent=True)
    orchestrator.change_source_server("app-2", listens=[{**answers, "http": {"body": "sorry"}}], ssm_agent=stopped)
    orchestrator.change_source_server("rep-1", listens=[{"port": 8080}])
    arn = orchestrator.start("test", run_id, plan="probed")
    orchestrator.follow(arn, until_paused=True)
    (pause,) = orchestrator.runs.open_pauses(run_id)
    assert (pause["step"], pause["wave"]) == ("validate", 2)
    assert "did not pass within 15m 00s: probe postgres (tcp 5432): Connection refused" in pause["reason"]

    orchestrator.change_source_server("db-1", listens=[{"port": 5432}])
    orchestrator.decide(run_id, "retry")
    execution = orchestrator.follow(arn)
    assert json.loads(execution["output"])["status"] == "succeeded_with_failures"
    servers = {item["server_key"].split(".")[0]: item for item in orchestrator.runs.get_servers(run_id)}
    assert {name: (item["validated_at"] is not None, item["attempts"]) for name, item in servers.items()} == {
        "app-1": (True, 1),
        "app-2": (False, 1),
        "rep-1": (False, 1),
        "db-1": (True, 2),
    }
    assert servers["rep-1"]["reason"] == (
        "validation failed: probe console (tcp 8080): no complete answer from 10.99.1.31 within 2 s; "
        "probe agents (SSM agent): the SSM agent has not registered"
    )
    reason = servers["app-2"]["reason"]
    assert "probe web (https 443/): answers 200 without the text 'fine'" in reason
    assert "probe service (AWS-RunShellScript): command" in reason
    assert "Failed: exit status 3: inactive" in reason

    # The final validation has asked anew; what was expected came from the template, too.
    began = orchestrator.runs.get_run(run_id)["validation_started_at"]
    assert servers["db-1"]["probes"]["postgres"]["since"] == began
    assert servers["db-1"]["expected"]["tags"]["Owner"] == "dr-team"
    told = {
        event["data"]["server_key"].split(".")[0]: event["data"]["probes"]
        for event in orchestrator.runs.events(run_id)
        if event["kind"] in {"server_validated", "server_failed"} and event["data"]["wave"] == 1
    }
    late = {probe["name"]: probe for probe in told["app-1"]}
    assert (late["web"]["outcome"], late["web"]["saw"], late["web"]["target"]) == ("ok", "answers 200", "https 443/")
    assert late["web"]["attempts"] > 10
    assert late["service"]["outcome"] == "ok"
    report = json.load(
        orchestrator.client("s3").get_object(Bucket=orchestrator.bucket, Key=f"runs/{run_id}/report.json")["Body"]
    )
    listed = {server["server_key"]: server["probes"] for server in report["servers"]["list"]}
    assert [(probe["name"], probe["outcome"]) for probe in listed[KEYS["db-1"]]] == [("postgres", "ok")]
    sent = orchestrator.client("ssm").list_commands()["Commands"]
    ran = [instance for command in sent for instance in command["InstanceIds"]]
    # In the wave and in the final validation; the one that fails is tried twice.
    assert {name: ran.count(servers[name]["instance_id"]) for name in ("app-1", "app-2")} == {"app-1": 2, "app-2": 2}


def test_a_run_is_refused_where_nobody_can_make_its_probes(
    orchestrator: Orchestrator, new_run: Callable[[], str]
) -> None:
    run_id = new_run()
    with pytest.raises(FunctionError, match=r"probes web, console of plan probed .*dr_probe_networks\.failover") as no:
        orchestrator.invoke("open-run", run_id, **request(run_id, "failover", "probed", orchestrator.now()))
    assert no.value.name == "InvalidRequest"
    assert orchestrator.runs.get_run(run_id) is None


def test_a_plan_is_not_published_with_probes_that_nobody_can_make(orchestrator: Orchestrator) -> None:
    def clients(service: str, region: str | None = None) -> Any:
        return orchestrator.client(service, region or REGION)

    plan = {**BASE, **PLAN}
    given = options(dr_plan, plans=[plan], prefix=PREFIX, check_servers=False)
    with pytest.raises(DeclarationError, match="in mode failover nobody can make the probes web, console, no function"):
        dr_plan.run(given, clients, False)
    drills = {**plan, "probes": [{**probe, "modes": ["test"]} for probe in plan["probes"]]}
    assert dr_plan.run({**given, "plans": [drills]}, clients, True)["findings"] == []
