"""dr_execution in a playbook: what a person sees while the action plugin follows a run."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible_collections.disaster_recovery.aws.plugins.action import dr_execution as follower
from ansible_collections.disaster_recovery.aws.plugins.modules import dr_execution, dr_execution_info

from tests.runs.conftest import AT, PLAN, Orchestrator, minutes
from tests.support.playbook import Outcome, playbook_process, run_playbook

END = {"End": {"Type": "Succeed"}}


@pytest.mark.parametrize(
    ("mode", "drill", "command"),
    [
        ("failover", False, "disaster_recovery.aws.failover -e dr_plan=p -e dr_run_id=r1"),
        ("test", False, "disaster_recovery.aws.drill -e dr_plan=p -e dr_run_id=r1"),
        ("failback", False, "disaster_recovery.aws.failback -e dr_plan=p -e dr_run_id=r1"),
        ("failback", True, "disaster_recovery.aws.failback -e dr_plan=p -e dr_run_id=r1 -e dr_drill=true"),
    ],
)
def test_who_leaves_is_told_how_to_join(monkeypatch: pytest.MonkeyPatch, mode: str, drill: bool, command: str) -> None:
    monkeypatch.setattr(context, "CLIARGS", {})
    started = {"mode": mode, "drill": drill, "plan": "p", "run_id": "r1"}
    assert follower._how_to_join(started) == f"Join it again: ansible-playbook {command}"


class Player:
    """Runs one task of dr_execution in a playbook of its own."""

    def __init__(self, house: Orchestrator, folder: Path) -> None:
        self.house = house
        self._playbook = folder / "play.yml"
        self._result = folder / "result.json"
        self._started: list[subprocess.Popen[str]] = []

    def play(self, *arguments: str, succeeds: bool = True, **options: Any) -> Outcome:
        """Run the task and check how the playbook ended."""
        path = self._write(options)
        environment = self.house.aws.environment()
        return run_playbook(path, *arguments, inventory="localhost,", environment=environment, succeeds=succeeds)

    def start(self, **options: Any) -> subprocess.Popen[str]:
        """Start the playbook and let it run."""
        path = self._write(options)
        process = playbook_process(path, inventory="localhost,", environment=self.house.aws.environment())
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End what was started and has not ended."""
        for process in self._started:
            process.terminate()
            process.communicate(timeout=30)

    @property
    def result(self) -> dict[str, Any]:
        """What the task returned."""
        found: dict[str, Any] = json.loads(self._result.read_text())
        return found

    def _write(self, options: dict[str, Any]) -> Path:
        given = {"plan": "payments", "mode": "test", "run_id": "r1", "poll_interval": 1, **options}
        task = {
            "name": "Run",
            "disaster_recovery.aws.dr_execution": {"prefix": self.house.prefix, **given},
            "register": "outcome",
        }
        keep = {
            "name": "Keep the result",
            "check_mode": False,
            "ansible.builtin.copy": {"content": "{{ outcome | to_json }}", "dest": str(self._result), "mode": "0600"},
        }
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [{"block": [task], "always": [keep]}],
        }
        self._playbook.write_text(yaml.safe_dump([play], sort_keys=False))
        return self._playbook


@pytest.fixture
def player(house: Orchestrator, tmp_path: Path) -> Iterator[Player]:
    house.table.put_plan(PLAN, digest="a", by="test", at=AT)
    plays = Player(house, tmp_path)
    yield plays
    plays.stop()


def test_no_option_of_the_start_reaches_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[set[str]] = []
    for module in (dr_execution, dr_execution_info):
        monkeypatch.setattr(module, "run_module", lambda spec, *_rest, **_more: options.append(set(spec)))
        module.main()
    start, look = options
    assert follower.OWN_OPTIONS - {"plan", "run_id"} == start - look


def test_a_run_is_shown_as_it_happens_and_its_end_is_told(player: Player) -> None:
    house = player.house
    house.deploy("test")
    process = player.start()
    token = house.task_token()
    house.open_run("r1")
    house.pause("r1", token, reason="pay-db-1 did not launch")
    lines = until(process, "Without an answer")
    assert f"Run r1: started ({house.arn('test', 'r1')})" in lines
    joining = "ansible-playbook disaster_recovery.aws.drill -i localhost, -e dr_plan=payments -e dr_run_id=r1"
    assert joining in lines
    assert "10:00:00  run      opened: plan payments, mode test, by arn:aws:iam::222222222222:user/dr-operator" in lines
    assert "Why: pay-db-1 did not launch" in lines
    assert "launches the failed servers again" in lines
    decide = "ansible-playbook disaster_recovery.aws.decide -i localhost, -e dr_run=r1 -e dr_pause=001"
    assert f"{decide} -e dr_decision=continue|retry|skip|abort -e \"dr_reason='...'\"" in lines
    assert token not in lines

    launched = [
        ("server_launched", {"wave": 1, "server_key": f"db-{n}", "instance_id": f"i-{n}", "reason": ""})
        for n in range(6)
    ]
    house.table.append_events("r1", launched, minutes(20))
    house.table.append_event("r1", "of_a_later_version", {"wave": 1, "what": "news"}, minutes(21))
    house.table.update_run("r1", {"status": "succeeded", "closed_at": "2026-11-23T10:30:00.000Z", "evidence": "s3://e"})
    house.sfn.send_task_success(taskToken=token, output="{}")
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    assert output.count("launched 6 servers: db-0, db-1, db-2, db-3 and 2 more") == 1
    assert 'of_a_later_version: [{"wave":1,"what":"news"}]' in output
    assert "Run r1: succeeded in 30m 00s" in output
    assert "Evidence: s3://e" in output
    assert {name: player.result[name] for name in ("changed", "joined", "run_id", "status", "execution_arn")} == {
        "changed": True,
        "joined": False,
        "run_id": "r1",
        "status": "succeeded",
        "execution_arn": house.arn("test", "r1"),
    }
    assert player.result["report"]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("status", "closing", "told"),
    [
        ("failed", {"error": "databases: 2 servers failed"}, "has ended as failed: databases: 2 servers failed"),
        ("timed_out", {"error": "no time left"}, "has ended as timed_out: no time left"),
        ("aborted", {}, "has ended as aborted: decided by arn:me (too risky) at reconcile-wave: 1 server has failed"),
    ],
)
def test_a_run_that_did_not_succeed_fails_the_task(
    player: Player, status: str, closing: dict[str, Any], told: str
) -> None:
    house = player.house
    house.deploy("test", states=END)
    house.start("test", "r1")
    house.open_run("r1", status=status, closed_at="2026-11-23T10:30:00.000Z", **closing)
    if status == "aborted":
        house.pause("r1")
        house.table.answer_pause("r1", "001", decision="abort", by="arn:me", at=AT, reason="too risky")
    outcome = player.play(succeeds=False)
    assert player.result["msg"] == f"Run r1 {told}"
    assert (player.result["failed"], player.result["status"]) == (True, status)
    assert f"Run r1: {status} in 30m 00s" in outcome.output


def test_a_clean_up_fails_as_long_as_something_is_left_and_keeps_the_status_of_the_run(player: Player) -> None:
    house = player.house
    house.deploy("test", "wave", states=END)
    house.start("test", "r1")
    house.open_run("r1", status="aborted", closed_at="2026-11-23T10:30:00.000Z")
    server = {
        "server_key": "a",
        "wave": 1,
        "source_server_id": "s-1",
        "critical": True,
        "job_id": "drsjob-1",
        "instance_id": "i-1",
    }
    house.table.put_servers("r1", [server])
    cleaning = {"state": "cleaned_up", "reason": "it was stopped"}
    player.play(succeeds=False, **cleaning)
    assert "Run r1 still leaves: i-1" in player.result["msg"]
    assert house.table.lock_owners(["a"]) == {"a": "r1"}
    house.table.append_event("r1", "clean_up_ended", {"instances": 1, "profile": "failover"}, minutes(40))
    outcome = player.play(**cleaning)
    assert (player.result["changed"], player.result["status"]) == (True, "aborted")
    assert "clean-up requested by" in outcome.output


def test_a_refused_run_tells_the_cause(player: Player) -> None:
    refused = {"Refused": {"Type": "Fail", "Error": "InvalidRequest", "Cause": "The plan has no servers"}}
    player.house.deploy("test", states=refused)
    player.play(succeeds=False)
    assert player.result["msg"] == "Run r1 was refused: InvalidRequest The plan has no servers"


def test_an_execution_that_ended_without_closing_the_run_is_told_so(player: Player) -> None:
    broken = {"Broken": {"Type": "Fail", "Error": "Broken", "Cause": "the definition is wrong"}}
    player.house.deploy("test", states=broken)
    player.house.start("test", "r1")
    player.house.open_run("r1")
    player.play(succeeds=False)
    assert "has ended as FAILED without closing the run, whose record still says running" in player.result["msg"]
    assert "Broken the definition is wrong" in player.result["msg"]


class Line:
    """A connection to the embedded AWS that can be cut and mended, as that of a laptop."""

    def __init__(self, endpoint: str) -> None:
        self._target = (urlsplit(endpoint).hostname, urlsplit(endpoint).port)
        self._port = 0
        self.mend()

    @property
    def endpoint(self) -> str:
        """Where AWS seems to be."""
        return f"http://127.0.0.1:{self._port}"

    def mend(self) -> None:
        """Let connections through."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse every further connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _address = listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def test_a_connection_that_stays_lost_ends_the_watching_and_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(context, "CLIARGS", {})
    monkeypatch.setattr(follower.time, "sleep", slept.append)
    started = {"run_id": "r1", "plan": "payments", "mode": "failover", "drill": False}
    patience = follower.Patience(started, {"poll_interval": 7})
    for failures in range(1, follower.FAILED_LOOKS):
        patience.wait_after(failures, "nothing answers")
    assert slept == [7] * (follower.FAILED_LOOKS - 1)
    with pytest.raises(AnsibleActionFail) as left:
        patience.wait_after(follower.FAILED_LOOKS, "nothing answers.")
    assert "Run r1 could not be looked at 10 times in a row: nothing answers. The run goes on in AWS" in str(left.value)
    assert "Join it again: ansible-playbook disaster_recovery.aws.failover" in str(left.value)


def test_a_lost_connection_is_told_and_the_run_followed_on_when_it_is_back(player: Player) -> None:
    house = player.house
    house.deploy("test")
    line = Line(house.aws.endpoint)
    process = player.start(endpoint_url=line.endpoint)
    until(process, "Join it again")
    token = house.task_token()
    house.open_run("r1")
    house.table.append_event("r1", "wave_started", {"wave": 1, "name": "databases", "servers": 60}, minutes(1))
    assert "10:01:00  wave 1/2 · 0 of 60 launched · 0 failed · 01:00" in until(process, "wave 1/2")
    line.cut()
    lost = until(process, "could not be looked at (2)")
    assert "Run r1 could not be looked at (1)" in lost
    assert "Nothing answers there" in lost
    launched = [("server_launched", {"server_key": f"db-{n}", "wave": 1, "instance_id": "i"}) for n in range(41)]
    house.table.append_events("r1", launched, minutes(6.2))
    house.table.update_run("r1", {"status": "succeeded", "closed_at": "2026-11-23T10:30:00.000Z"})
    house.sfn.send_task_success(taskToken=token, output="{}")
    line.mend()
    output = process.communicate(timeout=60)[0]
    line.cut()
    assert process.returncode == 0, output
    assert output.count("opened: plan payments") == 0
    assert "10:06:12  wave 1/2 · 41 of 60 launched · 0 failed · 06:12" in output
    assert (player.result["status"], player.result["changed"]) == ("succeeded", True)


def test_a_run_survives_the_one_who_watched_it_and_is_joined(player: Player) -> None:
    house = player.house
    house.deploy("test")
    process = player.start()
    until(process, "Join it again")
    token = house.task_token()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert house.sfn.describe_execution(executionArn=house.arn("test", "r1"))["status"] == "RUNNING"

    house.open_run("r1", status="succeeded", closed_at="2026-11-23T10:30:00.000Z")
    house.sfn.send_task_success(taskToken=token, output="{}")
    assert "Run r1: joined" in player.play().output
    assert (player.result["changed"], player.result["status"]) == (False, "succeeded")


def test_without_waiting_and_in_check_mode_nothing_is_followed(player: Player) -> None:
    player.house.deploy("test")
    player.house.map_addresses(pay_db_1="10.99.1.11", pay_web_1="10.99.4.11")
    shown = player.play("--check").output
    assert "Join it again" not in shown
    assert "Plan payments, mode test: 2 servers in 2 waves, launching in network profile test" in shown
    assert "Wave 2 web (after databases): 1 server, estimated from 13m 53s to 27m 46s" in shown
    assert "pay-web-1.example.internal  critical  s-payweb10000000001  1    10.99.4.11 in subnet-1" in shown
    assert (player.result["status"], player.result["resolved_plan"]["servers"]) == ("not started", 2)
    assert "Join it again" not in player.play(wait=False).output
    assert (player.result["changed"], player.result["joined"]) == (True, False)
    outcome = player.play(wait_timeout=2, succeeds=False)
    assert "has not ended within 2 s (wait_timeout). The run goes on in AWS. Join it again:" in outcome.output
    assert player.result["run_id"] == "r1"
    assert player.house.sfn.describe_execution(executionArn=player.house.arn("test", "r1"))["status"] == "RUNNING"


def until(process: subprocess.Popen[str], text: str, seconds: float = 90) -> str:
    """Read the process's output up to the line that has C(text); end the process when it does not come."""
    assert process.stdout is not None
    late = threading.Timer(seconds, process.kill)
    late.start()
    read = ""
    try:
        for line in process.stdout:
            read += line
            if text in line:
                return read
    finally:
        late.cancel()
    raise AssertionError(f"{text!r} never came:\n{read}")
