"""Choice states: States.NoChoiceMatched when nothing matches, and Assign and Output of the rule or of the default.

moto answers States.Runtime, and takes a rule that leads where the default leads for the default.
https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice

from emulator.completion import replace


def _eval_state(self: Any, env: Any) -> None:
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append(rule.next_stmt.name)
            return
    default = self.default_state
    if default is None:
        name = StatesErrorName(typ=StatesErrorNameType.StatesNoChoiceMatched)
        cause = f"No choice of the state '{self.name}' matched, and it has no Default."
        details: Any = {"executionFailedEventDetails": {"error": name.error_name, "cause": cause}}
        event = FailureEvent(
            env=env, error_name=name, event_type=HistoryEventType.ExecutionFailed, event_details=details
        )
        raise FailureEventException(event)
    for part in (self.assign_decl, self.output):
        if part:
            part.eval(env=env)
    env.stack.append(default.state_name)


def _eval_state_output(self: StateChoice, env: Any) -> None:
    following = env.stack.pop()
    if self._is_language_query_jsonpath():
        if self.output_path:
            self.output_path.eval(env=env)
        else:
            env.states.reset(input_value=env.stack.pop())
    env.next_state_name = following


def install() -> None:
    """Choose as AWS does."""
    replace(StateChoice, _eval_state=_eval_state, _eval_state_output=_eval_state_output)
