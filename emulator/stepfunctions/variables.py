"""Variables: seen from the next state on, and limited in size.

A state's Assign and Output are evaluated side by side, and neither sees what the other does; moto sets variables at
once, so that Output sees them. https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore

from emulator.completion import replace
from emulator.stepfunctions.limits import LARGEST_PAYLOAD, size_of, too_large

LARGEST_TOTAL = 10 * 1024 * 1024  # bytes, all variables of an execution together


def _assign(self: AssignDecl, env: Any) -> None:
    assigned: dict[str, Any] = {}
    for binding in self.declaration_bindings:
        binding.eval(env=env)
        assigned.update(env.stack.pop())
    store = env.variable_store
    _check(env, assigned, store)
    store.emulated_assigned = assigned


def _check(env: Any, assigned: dict[str, Any], store: Any) -> None:
    sizes = {name: size_of(value) for name, value in assigned.items()}
    for name, size in sizes.items():
        if size > LARGEST_PAYLOAD:
            raise too_large(env, f"The variable '{name}' has {size} bytes; a variable has at most {LARGEST_PAYLOAD}.")
    if sum(sizes.values()) > LARGEST_PAYLOAD:
        raise too_large(env, f"One Assign sets {sum(sizes.values())} bytes; it sets at most {LARGEST_PAYLOAD}.")
    known = store.__dict__.setdefault("emulated_sizes", {})
    total = sum({**known, **sizes}.values())
    if total > LARGEST_TOTAL:
        raise too_large(env, f"All variables have {total} bytes; an execution has at most {LARGEST_TOTAL}.")
    known.update(sizes)


def restore(store: Any, variables: dict[str, Any]) -> None:
    """Set the variables that a program had when it was left."""
    store._inner_scope.update(variables)
    store.__dict__.setdefault("emulated_sizes", {}).update({name: size_of(item) for name, item in variables.items()})


def _exited(original: Callable[..., Any]) -> Callable[..., Any]:
    def exited(self: CommonStateField, env: Any) -> Any:
        store: Any = env.variable_store
        for name, value in store.__dict__.pop("emulated_assigned", {}).items():
            store.set(variable_identifier=name, variable_value=value)
        return original(self, env=env)

    return exited


def _inner(original: Callable[..., VariableStore]) -> Callable[..., VariableStore]:
    def inner(outer_variable_store: Any) -> VariableStore:
        store: Any = original(outer_variable_store=outer_variable_store)
        store.emulated_sizes = dict(outer_variable_store.__dict__.get("emulated_sizes", {}))
        return store  # type: ignore[no-any-return]

    return inner


def install() -> None:
    """Let variables appear with the next state, if they are small enough."""
    replace(AssignDecl, _eval_body=_assign)
    replace(
        CommonStateField,
        _get_state_exited_event_details=_exited(CommonStateField._get_state_exited_event_details),
    )
    replace(VariableStore, as_inner_scope_of=staticmethod(_inner(VariableStore.as_inner_scope_of)))
