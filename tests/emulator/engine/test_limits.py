"""The limits of executions (facts 2.2, sfn-dg/service-quotas), and retries, errors, variables, functions near them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager

from emulator.stepfunctions import executions
from emulator.stepfunctions.limits import LARGEST_HISTORY, LARGEST_PAYLOAD, fits
from tests.emulator.engine.workflows import Workflows, call, rest

ECHO = "def handler(event, context):\n    return event\n"
TOKEN = "{% $states.context.Task.Token %}"


def output(expression: str, **fields: Any) -> dict[str, Any]:
    """Return a Pass state whose output is an expression."""
    return {"Type": "Pass", "Output": "{% " + expression + " %}", **(fields or {"End": True})}


def refused(workflows: Workflows, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        workflows.states.start_execution(**request)
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


@pytest.mark.parametrize(
    ("size", "character", "fit"),
    [(LARGEST_PAYLOAD - 4, "x", True), (LARGEST_PAYLOAD - 3, "x", False), (LARGEST_PAYLOAD // 2, "ä", False)],
)
def test_a_payload_is_measured_in_bytes_of_utf_8(size: int, character: str, fit: bool) -> None:
    assert fits([character * size]) is fit


def test_an_input_of_256_kib_starts_and_a_larger_one_is_refused(workflows: Workflows) -> None:
    machine = workflows.machine({"Done": {"Type": "Succeed", "Output": "small"}})
    text = json.dumps({"x": "y" * (LARGEST_PAYLOAD - 9)})
    assert len(text) == LARGEST_PAYLOAD
    started = workflows.states.start_execution(stateMachineArn=machine, input=text)
    assert workflows.wait(started["executionArn"])["output"] == "small"
    code, message = refused(workflows, stateMachineArn=machine, input=text + " ")
    assert (code, "'input'" in message) == ("ValidationException", True)
    assert refused(workflows, stateMachineArn=machine, input=json.dumps("ä" * 140000, ensure_ascii=False))[0] == code


@pytest.mark.parametrize(
    ("size", "field"),
    [(262_200, "Output"), (200_000, "Payload")],
    ids=["state output", "result and input of a task"],
)
def test_data_that_is_too_large_fails_the_state_and_no_wildcard_catches_it(
    workflows: Workflows, size: int, field: str
) -> None:
    text = "{% $join($map([1..SIZE], function($n) {'0123456789'})) %}".replace("SIZE", str(size // 10))
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    caught = {"Type": "Succeed", "Output": "caught"}
    if field == "Output":
        states = {"Large": {"Type": "Pass", "Output": text, "Next": "Caught"}, "Caught": caught}
    else:
        source = "def handler(event, context):\n    return event['x'] * 2\n"
        states = {"Large": call(workflows.function(source), {"x": text}, Catch=catch, Next="Caught"), "Caught": caught}
    ended = workflows.run(states)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_an_output_is_measured_in_bytes_of_utf_8_not_of_ascii(workflows: Workflows) -> None:
    """An umlaut takes two bytes, its escape in ASCII six."""
    hundred_thousand = "$join($map([1..10000], function($n) {'ääääääääää'}))"
    ended = workflows.run({"Text": output(f"{{'text': {hundred_thousand}}}")})
    assert ended["output"] == {"text": "ä" * 100_000}


def test_a_task_may_catch_its_own_result_that_is_too_large_by_name(workflows: Workflows) -> None:
    function = workflows.function("def handler(event, context):\n    return 'x' * 300000\n")
    catch = [{"ErrorEquals": ["States.DataLimitExceeded"], "Output": "caught", "Next": "Caught"}]
    states = {"Large": call(function, {}, Catch=catch), "Caught": {"Type": "Succeed"}}
    assert workflows.run(states)["output"] == "caught"


@pytest.fixture
def manager() -> Any:
    made: Any = EventManager()
    original = EventManager.add_event
    made.add = executions.writing_one_last_event(original).__get__(made)
    return made


def test_a_history_ends_with_its_25000th_event(manager: Any) -> None:
    context = EventHistoryContext.of_program_start()
    full: list[int] = []

    def fail() -> None:
        full.append(len(manager._history_event_list))
        manager.add(context=context, event_type="ExecutionFailed")

    manager.when_full = fail
    for _ in range(LARGEST_HISTORY + 5):
        manager.add(context=context, event_type="PassStateEntered")
    events = manager._history_event_list
    assert (full, len(events)) == ([LARGEST_HISTORY - 1], LARGEST_HISTORY)
    assert [event["type"] for event in events[-2:]] == ["PassStateEntered", "ExecutionFailed"]


def test_variables_are_limited_and_are_seen_from_the_next_state_on(workflows: Workflows) -> None:
    large = "$join($map([1..20000], function($n) {'0123456789'}))"
    states = {
        "First": {"Type": "Pass", "Assign": {"n": 1}, "Next": "Second"},
        "Second": {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}, "Output": {"n": "{% $n %}"}, "Next": "Third"},
        "Third": output("{'before': $states.input.n, 'after': $n}"),
    }
    assert workflows.run(states)["output"] == {"before": 1, "after": 2}
    two = {"First": {"Type": "Pass", "Assign": dict.fromkeys("ab", "{% " + large + " %}"), "End": True}}
    assert workflows.run(two)["error"] == "States.DataLimitExceeded"
    one = {"First": {"Type": "Pass", "Assign": {"a": "{% " + large + " & " + large + " %}"}, "End": True}}
    ended = workflows.run(one)
    assert (ended["error"], "'a'" in ended["cause"]) == ("States.DataLimitExceeded", True)


def test_names_and_other_members_are_checked(workflows: Workflows) -> None:
    machine = workflows.machine({"Done": {"Type": "Succeed"}})
    for name in (
        "a b",
        "a?b",
        "a*b",
        "a<b",
        "a{b",
        "a[b",
        'a"b',
        "a#b",
        "a%b",
        "a^b",
        "a|b",
        "a~b",
        "a`b",
        "a$b",
        "a&b",
    ):
        assert refused(workflows, stateMachineArn=machine, name=name)[0] == "InvalidName"
    for name in ("a,b", "a;b", "a:b", "a/b", "a\\b", "a\x00b", "a\x9fb", "a\tb"):
        assert refused(workflows, stateMachineArn=machine, name=name)[0] == "InvalidName"
    assert refused(workflows, stateMachineArn=machine, name="x" * 81)[0] == "ValidationException"
    with pytest.raises(ClientError, match="statusFilter"):
        workflows.states.list_executions(stateMachineArn=machine, statusFilter="ASLEEP")
    with pytest.raises(ClientError, match="redriveFilter"):
        workflows.states.list_executions(stateMachineArn=machine, redriveFilter="REDRIVEN")
    with pytest.raises(ClientError, match="definition"):
        workflows.states.create_state_machine(name="large", roleArn=workflows.role, definition=" " * 1048577)


def test_jitter_repeats_with_the_run_and_stays_below_the_interval(workflows: Workflows) -> None:
    failing = workflows.function("def handler(event, context):\n    raise ValueError('no')\n")
    retry = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 1000, "MaxAttempts": 2, "BackoffRate": 1}
    state = call(failing, {}, Retry=[{**retry, "JitterStrategy": "FULL"}])
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Call", "States": {"Call": state}})
    seconds = []
    for name in ("one", "other", "one"):
        created = workflows.states.create_state_machine(name="jitter", roleArn=workflows.role, definition=definition)
        machine = created["stateMachineArn"]
        seconds.append(workflows.wait(workflows.start(machine, name=name))["seconds"])
        workflows.states.delete_state_machine(stateMachineArn=machine)
    assert seconds[0] == seconds[2] != seconds[1]
    assert all(0 < duration < 2000 for duration in seconds)


def test_the_first_retrier_that_matches_counts_its_own_attempts(workflows: Workflows) -> None:
    source = """
class A(Exception):
    pass

class B(Exception):
    pass

def handler(event, context):
    raise [A, B][event["n"] % 2]("no")
"""
    retry = [
        {"ErrorEquals": ["A"], "IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 3},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1},
    ]
    state = call(workflows.function(source), {"n": "{% $states.context.State.RetryCount %}"}, Retry=retry)
    ended = workflows.run({"Call": state})
    assert (ended["error"], ended["seconds"]) == ("B", 10 + 1 + 30)


def test_timeouts_and_heartbeats_by_expressions(workflows: Workflows) -> None:
    function = workflows.function(ECHO)
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Output": "no heartbeat", "Next": "End"}]
    fields = {"TimeoutSeconds": "{% $states.input.t %}", "HeartbeatSeconds": "{% $states.input.h %}", "Catch": catch}
    machine = workflows.machine({"Ask": call(function, {"t": TOKEN}, token=True, **fields), "End": {"Type": "Succeed"}})
    quick = workflows.start(machine, {"t": 1000, "h": 100})
    late = workflows.start(machine, {"t": 50, "h": 100})
    workflows.settle()
    workflows.aws.control("clock", {"advance": 100})
    ended = workflows.wait(quick)
    assert (ended["output"], ended["seconds"]) == ("no heartbeat", 100)
    assert (workflows.wait(late)["error"], workflows.wait(late)["seconds"]) == ("States.Timeout", 50)
    for wrong in (1.5, 0, "60"):
        ended = workflows.wait(workflows.start(machine, {"t": wrong, "h": 10}))
        assert (ended["error"], "TimeoutSeconds" in ended["cause"]) == ("States.QueryEvaluationError", True)


def test_fail_states_may_use_names_of_aws(workflows: Workflows) -> None:
    """sfn-dg/state-fail."""
    states = {"Fail": {"Type": "Fail", "Error": "States.Timeout", "Cause": "too late"}}
    ended = workflows.run(states)
    assert (ended["error"], ended["cause"]) == ("States.Timeout", "too late")


def test_a_choice_without_a_match(workflows: Workflows) -> None:
    choices = [{"Condition": "{% $states.input.n = 1 %}", "Assign": {"way": "rule"}, "Output": 1, "Next": "End"}]
    states = {
        "Decide": {"Type": "Choice", "Choices": choices},
        "End": {"Type": "Succeed", "Output": "{% [$way, $states.input] %}"},
    }
    assert workflows.run(states, {"n": 2})["error"] == "States.NoChoiceMatched"
    states["Decide"] |= {"Default": "End", "Assign": {"way": "default"}, "Output": 0}
    machine = workflows.machine(states)
    ended = [workflows.wait(workflows.start(machine, {"n": n}))["output"] for n in (1, 2)]
    assert ended == [["rule", 1], ["default", 0]]


def test_a_map_runs_40_iterations_at_once_and_many_one_after_the_other(workflows: Workflows) -> None:
    def each(items: int, concurrency: int, state: dict[str, Any]) -> dict[str, Any]:
        processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Only", "States": {"Only": state}}
        fields = {"Items": "{% [1..COUNT] %}".replace("COUNT", str(items)), "MaxConcurrency": concurrency}
        return {"Each": {"Type": "Map", **fields, "ItemProcessor": processor, "Output": "done", "End": True}}

    assert workflows.run(each(41, 0, rest(10)))["seconds"] == 20
    assert workflows.run(each(41, 1000, rest(10)))["seconds"] == 20
    empty = {**each(2, 0, rest(10))["Each"], "Items": []}
    assert workflows.run({"Each": empty})["seconds"] == 0


def test_a_branch_that_waits_for_a_human_is_aborted_when_its_sibling_fails(workflows: Workflows) -> None:
    source = """
import boto3

def handler(event, context):
    boto3.client("ssm").put_parameter(Name="/sibling", Value=event["t"], Type="String")
"""
    ask = call(workflows.function(source), {"t": TOKEN}, token=True)
    fail = {"Wait": rest(5, "Fail"), "Fail": {"Type": "Fail", "Error": "bad"}}
    branches = [{"StartAt": "Ask", "States": {"Ask": ask}}, {"StartAt": "Wait", "States": fail}]
    catch = [{"ErrorEquals": ["bad"], "Next": "Rest"}]
    states = {"All": {"Type": "Parallel", "Branches": branches, "Catch": catch, "End": True}, "Rest": rest(60)}
    execution = workflows.start(workflows.machine(states))
    assert workflows.wait(execution)["seconds"] == 65
    types = [event["type"] for event in workflows.history(execution)]
    assert types[types.index("ParallelStateFailed") + 1 :] == [
        "ParallelStateExited",
        "WaitStateEntered",
        "WaitStateExited",
        "ExecutionSucceeded",
    ]
    token = workflows.aws.client("ssm").get_parameter(Name="/sibling")["Parameter"]["Value"]
    with pytest.raises(ClientError, match="TaskTimedOut"):
        workflows.states.send_task_success(taskToken=token, output="{}")


def test_functions_of_jsonata_in_step_functions(workflows: Workflows) -> None:
    expression = """{
        "partition": $partition([1, 2, 3], 2),
        "range": $range(1, 7, 3),
        "hash": $hash("x", "SHA-256"),
        "random": $random(5) = $random(5) and $random() < 1,
        "uuid": $length($uuid()),
        "parse": $parse("{\\"a\\": [1]}").a
    }"""
    assert workflows.run({"Only": output(expression)})["output"] == {
        "partition": [[1, 2], [3]],
        "range": [1, 4, 7],
        "hash": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        "random": True,
        "uuid": 36,
        "parse": [1],
    }
    ended = workflows.run({"Only": output("$eval('1 + 1')")})
    assert (ended["error"], "$parse" in ended["cause"]) == ("States.QueryEvaluationError", True)
