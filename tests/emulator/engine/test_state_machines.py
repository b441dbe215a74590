"""Flow and time of state machines."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.stepfunctions.error_names import matches
from tests.emulator.engine.workflows import Workflows, call, rest

FAILING = """
class OutOfLuck(Exception):
    pass

def handler(event, context):
    raise OutOfLuck("try later")
"""
ECHO = "def handler(event, context):\n    return event\n"


def result(expression: str, **fields: Any) -> dict[str, Any]:
    """Return a Pass state whose output is an expression."""
    return {"Type": "Pass", "Output": "{% " + expression + " %}", **(fields or {"End": True})}


def test_waits_in_sequence_take_their_sum(workflows: Workflows) -> None:
    began = time.monotonic()
    ended = workflows.run({"First": rest(30, "Second"), "Second": rest("{% 50 + 10 %}")})
    assert (ended["status"], ended["seconds"]) == ("SUCCEEDED", 90)
    assert time.monotonic() - began < 5


def test_parallel_branches_take_the_longest(workflows: Workflows) -> None:
    branches = [{"StartAt": f"W{seconds}", "States": {f"W{seconds}": rest(seconds)}} for seconds in (10, 40, 20)]
    ended = workflows.run({"All": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert (ended["status"], ended["seconds"]) == ("SUCCEEDED", 40)


def test_map_takes_as_many_rounds_as_its_concurrency_says(workflows: Workflows) -> None:
    processor = {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": "Wait",
        "States": {"Wait": rest("{% $states.input %}", "Double"), "Double": result("$states.input * 2")},
    }
    state = {"Type": "Map", "Items": "{% [7, 7, 7, 7, 7] %}", "MaxConcurrency": 2, "ItemProcessor": processor}
    ended = workflows.run({"Each": {**state, "End": True}})
    assert (ended["status"], ended["output"], ended["seconds"]) == ("SUCCEEDED", [14] * 5, 21)


def test_many_executions_at_once_each_take_exactly_their_own_time(workflows: Workflows) -> None:
    states = {"First": rest("{% $states.input.a %}", "Second"), "Second": rest("{% $states.input.b %}")}
    machine = workflows.machine(states)
    plans = [(number % 7 * 60 + 1, number % 5 * 3600 + 2) for number in range(40)]
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda plan: workflows.start(machine, {"a": plan[0], "b": plan[1]}), plans))
    ended = [workflows.wait(execution) for execution in started]
    assert [item["seconds"] for item in ended] == [a + b for a, b in plans]
    assert time.monotonic() - began < 20


def test_wait_until_a_timestamp(workflows: Workflows) -> None:
    state = {"Type": "Wait", "Timestamp": "{% $fromMillis($millis() + 90000, '[Y]-[M01]-[D01]T[H01]:[m01]:[s01]Z') %}"}
    ended = workflows.run({"Wait": {**state, "End": True}})
    assert ended["status"] == "SUCCEEDED"
    assert 89 < ended["seconds"] <= 90


def test_variables_choice_context_and_output(workflows: Workflows) -> None:
    states = {
        "Count": {
            "Type": "Pass",
            "Assign": {"total": "{% $states.input.n + 1 %}", "text": 'it\'s "quoted"', "nothing": None},
            "Next": "Decide",
        },
        "Decide": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $total = 3 and $nothing = null %}", "Assign": {"way": "right"}, "Next": "End"}
            ],
            "Default": "Wrong",
        },
        "Wrong": {"Type": "Fail", "Error": "wrong-way"},
        "End": {
            "Type": "Succeed",
            "Output": {
                "redriven": "{% $states.context.Execution.RedriveCount %}",
                "name": "{% $states.context.Execution.Name %}",
                "id": "{% $states.context.Execution.Id %}",
                "started": "{% $states.context.Execution.StartTime %}",
                "entered": "{% $states.context.State.EnteredTime %}",
                "input": "{% $states.context.Execution.Input %}",
                "text": "{% $text %}",
                "nothing": "{% $nothing %}",
                "way": "{% $way %}",
                "half": "{% $total / 2 %}",
            },
        },
    }
    execution = workflows.start(workflows.machine(states), {"n": 2}, name="seen-from-inside")
    output = workflows.wait(execution)["output"]
    moment = output.pop("entered")
    assert moment.endswith("Z")
    assert len(moment) == len("2026-11-23T10:57:01.250Z")
    assert output.pop("started") == moment
    assert output == {
        "redriven": 0,
        "name": "seen-from-inside",
        "id": execution,
        "input": {"n": 2},
        "text": 'it\'s "quoted"',
        "nothing": None,
        "way": "right",
        "half": 1.5,
    }


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("$states.input.missing", "returned nothing (undefined)"),
        ("$states.input.n + 'x'", "failed"),
        ("function($x){$x}", "unsupported result type"),
    ],
)
def test_a_wrong_expression_fails_with_query_evaluation_error(
    workflows: Workflows, expression: str, cause: str
) -> None:
    ended = workflows.run({"Only": result(expression)}, {"n": 1})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert cause in ended["cause"]


def test_a_task_catches_a_wrong_expression(workflows: Workflows) -> None:
    caught = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}]
    function = workflows.function(ECHO)
    states = {"Call": call(function, {"x": "{% $nowhere %}"}, Catch=caught), "Caught": result("'caught'")}
    assert workflows.run(states)["output"] == "caught"


def test_retries_wait_with_backoff_and_cap_then_the_error_is_caught(workflows: Workflows) -> None:
    retry = [
        {"ErrorEquals": ["Other"], "MaxAttempts": 9},
        {
            "ErrorEquals": ["OutOfLuck"],
            "IntervalSeconds": 10,
            "BackoffRate": 2,
            "MaxAttempts": 3,
            "MaxDelaySeconds": 25,
        },
    ]
    catch = [{"ErrorEquals": ["OutOfLuck"], "Next": "Caught", "Output": "{% $states.errorOutput %}"}]
    function = workflows.function(FAILING)
    states = {"Call": call(function, {}, Retry=retry, Catch=catch), "Caught": result("$states.input.Error")}
    execution = workflows.start(workflows.machine(states))
    ended = workflows.wait(execution)
    assert (ended["output"], ended["seconds"]) == ("OutOfLuck", 10 + 20 + 25)
    assert [event["type"] for event in workflows.history(execution)].count("TaskScheduled") == 4


def test_full_jitter_waits_at_most_the_interval(workflows: Workflows) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "MaxAttempts": 1, "JitterStrategy": "FULL"}]
    ended = workflows.run({"Call": call(workflows.function(FAILING), {}, Retry=retry)})
    assert (ended["status"], ended["error"]) == ("FAILED", "OutOfLuck")
    assert 0 <= ended["seconds"] <= 100


def test_the_retry_count_is_in_the_context(workflows: Workflows) -> None:
    source = """
class Again(Exception):
    pass

def handler(event, context):
    if event["attempt"] < 2:
        raise Again("not yet")
    return event["attempt"]
"""
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 5, "BackoffRate": 1}]
    state = call(workflows.function(source), {"attempt": "{% $states.context.State.RetryCount %}"}, Retry=retry)
    ended = workflows.run({"Call": {**state, "Output": "{% $states.result.Payload %}"}})
    assert (ended["output"], ended["seconds"]) == (2, 2)


@pytest.mark.parametrize(
    ("error", "wanted", "matched"),
    [
        ("Mine", {"Mine"}, True),
        ("Mine", {"Other"}, False),
        ("Mine", {"States.TaskFailed"}, True),
        ("States.Timeout", {"States.TaskFailed"}, False),
        ("States.Timeout", {"States.ALL"}, True),
        ("States.QueryEvaluationError", {"States.TaskFailed"}, True),
        ("States.Runtime", {"States.ALL"}, False),
        ("States.Runtime", {"States.Runtime"}, False),
        ("States.DataLimitExceeded", {"States.ALL"}, False),
        ("States.DataLimitExceeded", {"States.DataLimitExceeded"}, True),
    ],
)
def test_which_names_match_an_error(error: str, wanted: set[str], matched: bool) -> None:
    assert matches(error, wanted) is matched


@pytest.mark.parametrize("name", ["OutOfLuck", "States.TaskFailed", "States.ALL"])
def test_names_that_catch_an_error_of_a_function(workflows: Workflows, name: str) -> None:
    catch = [{"ErrorEquals": [name], "Next": "Caught"}]
    states = {"Call": call(workflows.function(FAILING), {}, Catch=catch), "Caught": result("'caught'")}
    assert workflows.run(states)["output"] == "caught"


def test_the_whole_execution_times_out_when_time_passes_its_timeout(workflows: Workflows) -> None:
    execution = workflows.start(workflows.machine({"Wait": rest(100)}, TimeoutSeconds=50))
    ended = workflows.wait(execution)
    assert (ended["status"], ended["seconds"]) == ("TIMED_OUT", 50)
    assert workflows.history(execution)[-1]["type"] == "ExecutionTimedOut"


def test_fail_states_and_uncaught_branches_fail_the_execution(workflows: Workflows) -> None:
    branches = [
        {"StartAt": "Wait", "States": {"Wait": rest(1000)}},
        {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "bad", "Cause": "{% 'be' & 'cause' %}"}}},
    ]
    ended = workflows.run({"All": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "bad", "because")
    assert ended["seconds"] == 0


def test_paths_of_json_path_select_values_and_lists(workflows: Workflows) -> None:
    states = {
        "Only": {"Type": "Pass", "Parameters": {"one.$": "$.items[0].name", "all.$": "$.items[*].name"}, "End": True}
    }
    ended = workflows.run(states, {"items": [{"name": "a"}]}, QueryLanguage="JSONPath")
    assert ended["output"] == {"one": "a", "all": ["a"]}


def test_assignments_of_tasks_catches_and_iterations(workflows: Workflows) -> None:
    function, failing = workflows.function(ECHO), workflows.function(FAILING)
    caught = [
        {
            "ErrorEquals": ["States.ALL"],
            "Assign": {"error": "{% $states.errorOutput.Error %}"},
            "Output": "{% $states.input %}",
            "Next": "Each",
        }
    ]
    processor = {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": "Use",
        "States": {"Use": result("$states.input")},
    }
    selector = {
        "at": "{% $states.context.Map.Item.Index %}",
        "value": "{% $states.context.Map.Item.Value %}",
        "n": "{% $n %}",
    }
    states = {
        "Call": call(function, {"n": 5}, Assign={"n": "{% $states.result.Payload.n %}"}, Output={"k": 1}, Next="Fail"),
        "Fail": call(failing, {}, Catch=caught, Next="Each"),
        "Each": {
            "Type": "Map",
            "Items": ["a", "b"],
            "ItemSelector": selector,
            "ItemProcessor": processor,
            "Output": {"items": "{% $states.result %}", "error": "{% $error %}", "input": "{% $states.input %}"},
            "End": True,
        },
    }
    assert workflows.run(states)["output"] == {
        "items": [{"at": 0, "value": "a", "n": 5}, {"at": 1, "value": "b", "n": 5}],
        "error": "OutOfLuck",
        "input": {"k": 1},
    }


def test_parents_children_functions_and_waits_at_once_lose_no_time(workflows: Workflows) -> None:
    """Every hand-over of work between threads, processes and executions is exact, however many there are."""
    function = workflows.function(ECHO)
    child = workflows.machine({"Wait": rest("{% $states.input.s %}", "Call"), "Call": call(function, {})})
    wave = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": child, "Input": {"s": "{% $states.input.s %}"}},
        "Output": "{% $states.input %}",
        "Next": "Second",
    }
    states = {"First": call(function, {}, Output="{% $states.input %}", Next="Wave"), "Wave": wave, "Second": rest(5)}
    machine = workflows.machine(states)
    with ThreadPoolExecutor(6) as pool:
        started = list(pool.map(lambda n: workflows.start(machine, {"s": n * 100}), range(1, 13)))
    ended = [workflows.wait(execution) for execution in started]
    assert [(item["status"], item["seconds"]) for item in ended] == [("SUCCEEDED", n * 100 + 5) for n in range(1, 13)]
