"""The process a function runs in: reads one JSON line per invocation, writes one JSON line back.

Started as a script with `-I` and the numbers of two pipes. It imports nothing of the emulator: the function sees the
standard library, the interpreter's site-packages (boto3, as in AWS's runtime) and, first of all, its own zip.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


class Context:
    """What AWS hands to a handler as its second argument."""

    def __init__(self, facts: dict[str, Any], deadline: float) -> None:
        self.__dict__.update(facts)
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation times out."""
        return max(0, int((self._deadline - time.time()) * 1000))


def describe(error: Exception) -> dict[str, Any]:
    """Describe an exception as AWS's Python runtime does."""
    trace = traceback.format_exception(type(error), error, error.__traceback__)
    name = "Runtime.ImportModuleError" if isinstance(error, ImportError) else type(error).__name__
    print("[ERROR] " + "".join(trace), flush=True)
    return {"errorMessage": str(error), "errorType": name, "stackTrace": trace[2:-1]}


def load_handler() -> tuple[Callable[..., Any] | None, dict[str, Any] | None]:
    """Import the handler: `(handler, None)` or `(None, error)`."""
    module_name, _, function_name = os.environ["_HANDLER"].rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
        return None, describe(error)
    handler = getattr(module, function_name, None)
    if handler is None:
        text = f"Handler '{function_name}' missing on module '{module_name}'"
        return None, {"errorMessage": text, "errorType": "Runtime.HandlerNotFound", "stackTrace": []}
    return handler, None


def invoke(handler: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Call the handler: the answer's JSON line as a dict."""
    try:
        result = handler(request["event"], Context(request["context"], request["deadline"]))
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
        return {"error": describe(error)}
    try:
        return {"result": json.dumps(result)}
    except (TypeError, ValueError) as error:
        text = f"Unable to marshal response: {error}"
        return {"error": {"errorMessage": text, "errorType": "Runtime.MarshalError", "stackTrace": []}}


def main() -> None:
    """Serve invocations until the pipe closes."""
    requests = os.fdopen(int(sys.argv[1]), "r")
    answers = os.fdopen(int(sys.argv[2]), "w")
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    handler, error = load_handler()
    for line in requests:
        answer = {"error": error} if error else invoke(handler, json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
