"""Warm worker processes: one invocation at a time each, as many at once as are asked for."""

from __future__ import annotations

import io
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
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WORKER = Path(__file__).with_name("worker.py")
_IDLE_WORKERS = 4  # kept warm a function version; further ones end after their invocation
_LARGEST_ANSWER = 64  # bytes; a number
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Code:
    """What makes a worker reusable: same code, same handler, same environment."""

    function_arn: str
    digest: str
    handler: str
    environment: tuple[tuple[str, str], ...]
    package: bytes = field(repr=False, compare=False)


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
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            stdin=subprocess.DEVNULL,
            pass_fds=(end.fileno(),),
            start_new_session=True,
        )
        end.close()

    def fork(self, root: Path, environment: dict[str, str], descriptors: list[int]) -> int:
        """Return the process id of a new worker, which gets the descriptors of requests, answers and log."""
        return self._ask({"root": str(root), "environment": environment}, descriptors)

    def wait(self, pid: int) -> int:
        """Return the exit status of a worker that ends (negative: the signal that killed it)."""
        return self._ask({"wait": pid})

    def end(self) -> None:
        """End the parent and every worker that is left."""
        self._link.close()
        self._process.wait()

    def _ask(self, order: dict[str, Any], descriptors: list[int] | None = None) -> int:
        with self._lock:
            socket.send_fds(self._link, [json.dumps(order).encode()], descriptors or [])
            return int(self._link.recv(_LARGEST_ANSWER))


class Worker:
    """One process that runs one function."""

    def __init__(self, nursery: Nursery, code: Code, task_root: Path):
        self._nursery = nursery
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {"HOME": "/tmp", "LAMBDA_TASK_ROOT": str(task_root)}  # noqa: S108 - what AWS's runtime has
        environment |= dict(code.environment)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self._pid = nursery.fork(task_root, environment, [request_end, answer_end, self._log.fileno()])
        self._status: int | None = None
        os.close(request_end)
        os.close(answer_end)
        self._rest = b""

    def invoke(self, request: dict[str, Any], timeout: float) -> Outcome:
        """Run one invocation; `timeout` in real seconds."""
        try:
            self._send(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return Outcome("exit", {"status": self._wait()}, self._take_logs())
        end = time.monotonic() + timeout
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return Outcome("timeout", {}, self._take_logs())
            chunk = os.read(self._answers, 65536)
            if not chunk:
                return Outcome("exit", {"status": self._wait()}, self._take_logs())
            self._rest += chunk
        line, self._rest = self._rest.split(b"\n", 1)
        return Outcome("ok", json.loads(line), self._take_logs())

    def _send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._requests, data) :]

    def _take_logs(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(0)
        text = self._log.read(size).decode("utf-8", "replace")
        self._log.seek(0)
        self._log.truncate()
        return text

    def _wait(self) -> int:
        if self._status is None:
            self._status = self._nursery.wait(self._pid)
        return self._status

    def end(self) -> None:
        """Kill the process and free what it used."""
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            self._wait()
        os.close(self._requests)
        os.close(self._answers)
        self._log.close()


class Pool:
    """All workers of the emulator, and the directory with their unpacked zips."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nursery: Nursery | None = None
        self._idle: dict[Code, list[Worker]] = {}
        self._all: set[Worker] = set()
        self._roots: dict[str, Path] = {}
        self._directory: Path | None = None
        self._closed = False

    def invoke(self, code: Code, request: dict[str, Any], timeout: float) -> Outcome:
        """Run one invocation in a warm worker, or in a new one."""
        worker = self._take(code)
        outcome = worker.invoke(request, timeout)
        if outcome.kind == "ok":
            self._give_back(code, worker)
        else:
            self._end(worker)
        return outcome

    def counts(self) -> dict[str, int]:
        """Return the idle workers per function ARN."""
        with self._lock:
            return {code.function_arn: len(workers) for code, workers in self._idle.items()}

    def close(self) -> None:
        """Kill all workers and remove their files."""
        with self._lock:
            self._closed = True
            workers, self._all = list(self._all), set()
            self._idle.clear()
            directory, self._directory = self._directory, None
            nursery, self._nursery = self._nursery, None
            self._roots.clear()
        for worker in workers:
            worker.end()
        if nursery is not None:
            nursery.end()
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def _take(self, code: Code) -> Worker:
        with self._lock:
            idle = self._idle.get(code)
            if idle:
                return idle.pop()
            root = self._task_root(code)
            self._nursery = nursery = self._nursery or Nursery()
            outdated = [key for key in self._idle if key.function_arn == code.function_arn and key != code]
            leftovers = [worker for key in outdated for worker in self._idle.pop(key)]
        for leftover in leftovers:
            self._end(leftover)
        worker = Worker(nursery, code, root)
        with self._lock:
            self._all.add(worker)
        return worker

    def _give_back(self, code: Code, worker: Worker) -> None:
        with self._lock:
            idle = self._idle.setdefault(code, [])
            if not self._closed and len(idle) < _IDLE_WORKERS:
                idle.append(worker)
                return
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        with self._lock:
            known = worker in self._all
            self._all.discard(worker)
        if known:
            worker.end()

    def _task_root(self, code: Code) -> Path:
        if code.digest not in self._roots:
            if self._directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="embedded-aws-lambda-"))
            root = self._directory / str(len(self._roots))
            root.mkdir()
            with zipfile.ZipFile(io.BytesIO(code.package)) as package:
                package.extractall(root)
            self._roots[code.digest] = root
        return self._roots[code.digest]
