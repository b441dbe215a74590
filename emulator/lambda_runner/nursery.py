"""The processes that functions run in: a parent with boto3 loaded, and the workers that it forks."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WORKER = Path(__file__).with_name("worker.py")
_LARGEST_ANSWER = 64  # bytes; a number
_LARGEST_LOG = 1024 * 1024  # bytes of an invocation's output that are kept
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: `ok` with the worker's answer, `timeout`, or `exit` with the process's status."""

    kind: str
    answer: dict[str, Any]
    logs: str


class Nursery:
    """The parent of all workers: it has boto3 loaded, so that a new worker is a fork and not a start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._link, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_WORKER), str(end.fileno())],
            env=inherited_environment(),
            stdin=subprocess.DEVNULL,
            pass_fds=(end.fileno(),),
            start_new_session=True,
        )
        end.close()

    def fork(self, root: Path, environment: dict[str, str], descriptors: list[int]) -> int:
        """Return the process id of a new worker, which gets the descriptors of requests, answers and log.

        The worker leads a process group of its own, so that processes which a function starts end with it.
        """
        return self._ask({"root": str(root), "environment": environment}, descriptors)

    def wait(self, pid: int) -> int:
        """Return the exit status of a worker that ends (negative: the signal that killed it); end what it left."""
        return self._ask({"wait": pid})

    def end(self) -> None:
        """End the parent and every worker that is left."""
        self._link.close()
        self._process.wait()

    def _ask(self, order: dict[str, Any], descriptors: list[int] | None = None) -> int:
        with self._lock:
            socket.send_fds(self._link, [json.dumps(order).encode()], descriptors or [])
            return int(self._link.recv(_LARGEST_ANSWER))


def inherited_environment() -> dict[str, str]:
    """Return what every process gets of the emulator's own environment."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


class Worker:
    """One process that runs one function, one invocation at a time; between them it is frozen, as in AWS."""

    def __init__(self, nursery: Nursery, settings: dict[str, str], task_root: Path):
        self._nursery = nursery
        self._scratch = tempfile.mkdtemp(prefix="tmp-", dir=task_root.parent)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        os.set_blocking(self._requests, False)
        own = {"HOME": self._scratch, "TMPDIR": self._scratch, "LAMBDA_TASK_ROOT": str(task_root)}
        environment = inherited_environment() | own | settings
        self._pid = nursery.fork(task_root, environment, [request_end, answer_end, self._log.fileno()])
        self._status: int | None = None
        # Without it (not on Linux) the end of a worker is seen by its pipe, which its own children may hold open.
        self._process = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else None
        os.close(request_end)
        os.close(answer_end)

    def invoke(self, request: dict[str, Any], timeout: float) -> Outcome:
        """Run one invocation; `timeout` in real seconds."""
        self._signal(signal.SIGCONT)
        kind, answer = self._exchange(json.dumps(request).encode() + b"\n", time.monotonic() + timeout)
        if kind == "ok":
            self._signal(signal.SIGSTOP)
        return Outcome(kind, answer, self._take_logs())

    def _exchange(self, request: bytes, end: float) -> tuple[str, dict[str, Any]]:
        left_to_send = memoryview(request)
        received = bytearray()
        poll = select.poll()
        poll.register(self._requests, select.POLLOUT)
        poll.register(self._answers, select.POLLIN)
        if self._process is not None:
            poll.register(self._process, select.POLLIN)
        while True:
            milliseconds = (end - time.monotonic()) * 1000
            ready = {descriptor for descriptor, _ in poll.poll(milliseconds)} if milliseconds > 0 else set()
            if not ready:
                return "timeout", {}
            if self._answers in ready:
                chunk = os.read(self._answers, 65536)
                received += chunk
                if chunk.endswith(b"\n"):
                    return "ok", json.loads(received)
                if not chunk:
                    return "exit", {"status": self._wait()}
            elif self._process in ready:
                return "exit", {"status": self._wait()}
            elif self._requests in ready:
                try:
                    left_to_send = left_to_send[os.write(self._requests, left_to_send) :]
                except BrokenPipeError:
                    return "exit", {"status": self._wait()}
                if not left_to_send:
                    poll.unregister(self._requests)

    def _take_logs(self) -> str:
        descriptor = self._log.fileno()
        size = os.fstat(descriptor).st_size
        text = os.pread(descriptor, _LARGEST_LOG, 0).decode("utf-8", "replace")
        os.ftruncate(descriptor, 0)
        return text if size <= _LARGEST_LOG else f"{text}\n({size - _LARGEST_LOG} bytes of output are left out)\n"

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._pid, number)
        except ProcessLookupError:  # it has ended; whoever asks next is told so
            pass

    def _wait(self) -> int:
        if self._status is None:
            self._status = self._nursery.wait(self._pid)
        return self._status

    def end(self) -> None:
        """Kill the process and free what it used."""
        if self._status is None:
            self._signal(signal.SIGKILL)
            self._wait()
        for descriptor in (self._requests, self._answers, self._process):
            if descriptor is not None:
                os.close(descriptor)
        self._log.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
