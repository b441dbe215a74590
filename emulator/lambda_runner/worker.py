"""The processes that functions run in: one parent with boto3 loaded, which forks a worker for each order.

Started as a script with `-I` and the number of a socket. It imports nothing of the emulator: a function sees the
standard library, the interpreter's site-packages (boto3, as in AWS's runtime) and, first of all, its own zip. A zip
that brings a package which is loaded already gets an interpreter of its own.

Orders on the socket are JSON: `{"root", "environment"}` with the descriptors of requests, answers and log is answered
by a worker's process id, `{"wait"}` with a process id by its exit status. A worker reads one JSON line per invocation
and writes one back. When the socket closes, everything ends.
"""

import contextlib
import errno
import importlib
import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LARGEST_ORDER = 128 * 1024  # bytes; Lambda allows 4 KB of environment
_LARGEST_RESULT = 6_291_556  # bytes
_LARGEST_FILE = 512 * 1024 * 1024  # bytes, what /tmp has in AWS; also the output of one invocation
_SECONDS_TO_EXIT = 1.0  # for a process that has closed its pipes
_SECONDS_FOR_RELAY = 30.0  # real ones
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class Context:
    """What AWS hands to a handler as its second argument."""

    def __init__(self, facts: dict[str, Any], deadline: float) -> None:
        self.__dict__.update(facts)
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation times out."""
        return max(0, int((self._deadline - time.time()) * 1000))


class Network:
    """The way out of a function: addresses of others are played by the emulator, which knows who may reach whom."""

    def __init__(self) -> None:
        self._connect = socket.socket.connect
        self._facts: dict[str, Any] = {}

    def enter(self, facts: dict[str, Any]) -> None:
        """Be in the network of an invocation's function."""
        self._facts = facts

    def install(self) -> None:
        """Let every connection of this process go this way."""

        def connect(link: socket.socket, address: Any) -> None:
            self._go(link, address)

        socket.socket.connect = connect  # type: ignore[method-assign, assignment]

    def _go(self, link: socket.socket, address: Any) -> None:
        if link.family not in (socket.AF_INET, socket.AF_INET6) or not self._facts:
            self._connect(link, address)
        elif address[0] in _THIS_MACHINE:
            if self._facts["in_vpc"]:  # the APIs of AWS, which no endpoint and no NAT leads to
                raise TimeoutError("timed out")
            self._connect(link, address)
        elif link.family == socket.AF_INET6:
            raise TimeoutError("timed out")
        else:
            self._go_by_relay(link, address)

    def _go_by_relay(self, link: socket.socket, address: Any) -> None:
        patience = link.gettimeout()
        link.settimeout(_SECONDS_FOR_RELAY)
        self._connect(link, ("127.0.0.1", self._facts["relay"]))
        order = {"function": self._facts["function"], "address": address[0], "port": address[1]}
        link.sendall(json.dumps(order).encode() + b"\n")
        verdict = b""
        while not verdict.endswith(b"\n"):
            verdict += link.recv(1)
        link.settimeout(patience)
        if verdict == b"timeout\n":
            raise TimeoutError("timed out")
        if verdict == b"refused\n":
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


NETWORK = Network()


def describe(error: Exception) -> dict[str, Any]:
    """Describe an exception as AWS's Python runtime does: without the exceptions that it was raised from."""
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__))[1:]
    name = "Runtime.ImportModuleError" if isinstance(error, ImportError) else type(error).__name__
    print(f"[ERROR] {name}: {error}\nTraceback (most recent call last):\n{''.join(frames)}", flush=True)
    return {"errorMessage": str(error), "errorType": name, "stackTrace": frames}


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
        answer = json.dumps(result)
    except (TypeError, ValueError, RecursionError) as error:
        text = f"Unable to marshal response: {error}"
        return {"error": {"errorMessage": text, "errorType": "Runtime.MarshalError", "stackTrace": []}}
    if len(answer) > _LARGEST_RESULT:
        text = f"Response payload size exceeded maximum allowed payload size ({_LARGEST_RESULT} bytes)."
        return {"error": {"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}}
    return {"result": answer}


def serve(requests: int, answers: int) -> None:
    """Serve invocations until the pipe closes."""
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    NETWORK.install()
    handler, error = load_handler()
    with os.fdopen(requests) as lines, os.fdopen(answers, "w") as output:
        for line in lines:
            request = json.loads(line)
            NETWORK.enter(request["network"])
            answer = {"error": error} if error else invoke(handler, request)
            sys.stdout.flush()
            sys.stderr.flush()
            output.write(json.dumps(answer) + "\n")
            output.flush()


def become_worker(order: dict[str, Any], requests: int, answers: int, log: int) -> None:
    """Make this fork a worker: its directory, its environment, its log, and nothing loaded that its zip brings."""
    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    os.chdir(order["root"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.dup2(log, 1)
    os.dup2(log, 2)
    loaded = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
    brought = {entry.stem for entry in Path().iterdir()}
    if loaded & brought:
        os.set_inheritable(requests, True)
        os.set_inheritable(answers, True)
        os.execv(sys.executable, [sys.executable, "-I", __file__, str(requests), str(answers)])  # noqa: S606
    serve(requests, answers)


def kill_group(leader: int) -> None:
    """Kill a worker and the processes that its function has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def reap(pid: int) -> int:
    """Return the exit status of a worker that is about to end, and end what it leaves behind."""
    end = time.monotonic() + _SECONDS_TO_EXIT
    ended, status = os.waitpid(pid, os.WNOHANG)
    while not ended and time.monotonic() < end:
        time.sleep(0.005)
        ended, status = os.waitpid(pid, os.WNOHANG)
    kill_group(pid)
    if not ended:
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def take_orders(link: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork a worker for each order; returns in the worker only."""
    workers: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(link, _LARGEST_ORDER, 3)
        if not message:
            for pid in workers:
                kill_group(pid)
            sys.exit()
        order = json.loads(message)
        if "wait" in order:
            workers.discard(order["wait"])
            answer = reap(order["wait"])
        else:
            answer = os.fork()
            if not answer:
                link.close()
                return order, descriptors
            workers.add(answer)
            with contextlib.suppress(PermissionError):  # the worker was faster and is another program already
                os.setpgid(answer, answer)
            for descriptor in descriptors:
                os.close(descriptor)
        link.send(str(answer).encode())


def main(*descriptors: int) -> None:
    """Be the parent when called with a socket, a worker of its own when called with two pipes."""
    if len(descriptors) > 1:
        serve(*descriptors)
        return
    importlib.import_module("boto3")
    order, pipes = take_orders(socket.socket(fileno=descriptors[0]))
    become_worker(order, *pipes)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
