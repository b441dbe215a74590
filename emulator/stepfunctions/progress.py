"""How far an execution has come, so that a redrive can go on where it stopped.

Every program (the machine, a branch of a Parallel state, an iteration of an inline Map) has a `Progress`: the state it
is in, what that state got, and the progress of that state's own branches or iterations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment

from emulator.completion import replace


@dataclass
class Progress:
    """Where one program is."""

    state: str | None = None
    state_input: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    children: dict[int, Progress] = field(default_factory=dict)
    ended: bool = False
    output: Any = None
    resuming: bool = False
    _children_are_kept: bool = False

    def enter(self, state: str, state_input: Any, variables: dict[str, Any]) -> None:
        """Note that the program enters a state; what it did before is behind it."""
        self._children_are_kept, self.resuming = self.resuming, False
        self.state, self.state_input, self.variables = state, state_input, dict(variables)
        if not self._children_are_kept:
            self.children = {}

    def start_children(self) -> None:
        """Begin the branches or iterations of the state: anew, unless this is the first attempt after a redrive.

        When all of them had ended, the state failed with what they brought together, so all run again.
        """
        kept, self._children_are_kept = self._children_are_kept, False
        if not kept or all(child.ended for child in self.children.values()):
            self.children = {}

    def child(self, index: int) -> Progress:
        """Return the progress of a branch or an iteration."""
        return self.children.setdefault(index, Progress())

    def end(self, output: Any) -> None:
        """Note that the program has ended well."""
        self.ended, self.output = True, output

    def resume(self) -> None:
        """Make the program go on in the state that it is in."""
        if not self.ended:
            self.resuming = self.state is not None
            for child in self.children.values():
                child.resume()


def _enter(self: CommonStateField, env: Any) -> None:
    if env.is_running():
        env.progress.enter(self.name, env.states._states_data["input"], env.variable_store._inner_scope)
    EvalComponent.eval(self, env)


def _frame(env: Any, event_history_frame_cache: Any = None) -> Environment:
    frame: Any = Environment.as_inner_frame_of(
        env=env, variable_store=env.variable_store, event_history_frame_cache=event_history_frame_cache
    )
    frame.progress = env.progress
    return frame  # type: ignore[no-any-return]


def install() -> None:
    """Note every state that is entered."""
    replace(CommonStateField, eval=_enter)
    replace(Environment, as_frame_of=staticmethod(_frame))
