"""Warm workers: one invocation at a time each, as many at once as are asked for."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.lambda_runner.nursery import Nursery, Outcome, Worker

_IDLE_WORKERS = 4  # kept warm a function version; further ones end after their invocation


@dataclass(frozen=True)
class Code:
    """What makes a worker reusable: same code, same handler, same environment."""

    function_arn: str
    digest: str
    handler: str
    environment: tuple[tuple[str, str], ...]
    package: bytes = field(repr=False, compare=False)


class Pool:
    """All workers of the emulator, and the directory with their unpacked zips."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nursery: Nursery | None = None
        self._idle: dict[str, tuple[Code, list[Worker]]] = {}
        self._all: set[Worker] = set()
        self._roots: dict[str, Path] = {}
        self._directory: Path | None = None
        self._closed = False

    def invoke(self, code: Code, request: dict[str, Any], timeout: float) -> Outcome:
        """Run one invocation in a warm worker, or in a new one."""
        worker = self._take(code)
        outcome = worker.invoke(request, timeout)
        if outcome.kind != "ok" or not self._give_back(code, worker):
            self._end(worker)
        return outcome

    def counts(self) -> dict[str, int]:
        """Return the idle workers per function ARN."""
        with self._lock:
            return {arn: len(workers) for arn, (_, workers) in self._idle.items()}

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
        """Return a worker; those that wait with what the function was before are ended."""
        with self._lock:
            known, workers = self._idle.get(code.function_arn, (code, []))
            if known == code and workers:
                return workers.pop()
            outdated = workers if known != code else []
            self._idle[code.function_arn] = (code, [] if known != code else workers)
            root = self._task_root(code)
            self._nursery = nursery = self._nursery or Nursery()
        for worker in outdated:
            self._end(worker)
        worker = Worker(nursery, dict(code.environment), root)
        with self._lock:
            self._all.add(worker)
        return worker

    def _give_back(self, code: Code, worker: Worker) -> bool:
        with self._lock:
            known, idle = self._idle.get(code.function_arn, (None, []))
            if self._closed or known != code or len(idle) >= _IDLE_WORKERS:
                return False
            idle.append(worker)
            return True

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
