"""Which errors a Retry or Catch matches: the wildcards of AWS, and the errors that no wildcard reaches.

`States.TaskFailed` stands for every error but `States.Timeout`, `States.ALL` for every error; neither for
`States.Runtime`, which always fails the execution, nor for `States.DataLimitExceeded`.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.eval.environment import Environment

from emulator.completion import replace


def matches(error: str | None, wanted: set[str]) -> bool:
    """Tell whether an error is one of the wanted names."""
    if error == "States.Runtime":
        return False
    if error in wanted:
        return True
    if error == "States.DataLimitExceeded":
        return False
    return "States.ALL" in wanted or ("States.TaskFailed" in wanted and error != "States.Timeout")


def _eval_body(self: ErrorEqualsDecl, env: Environment) -> None:
    error = env.stack.pop()
    wanted = {str(name.error_name) for name in self.error_names}
    env.stack.append(matches(error.error_name if error is not None else None, wanted))


def install() -> None:
    """Match errors as AWS does."""
    replace(ErrorEqualsDecl, _eval_body=_eval_body)
