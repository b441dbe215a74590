"""`python -m emulator start|stop|status|save|faults|estate`: the embedded AWS as a background process of its user."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from emulator.faults.commands import CommandError, add_commands
from emulator.faults.commands import run as run_command

DEFAULT_PORT = 4570
DEFAULT_STATE_DIR = Path(".cache/embedded-aws")
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


class StateDirectory:
    """Where a running emulator says who and where it is."""

    def __init__(self, path: Path):
        self.path = path.resolve()
        self.log = self.path / "emulator.log"
        self._file = self.path / "emulator.json"

    def read(self) -> dict[str, Any] | None:
        """Return pid and endpoint of the emulator that runs, or None."""
        try:
            document: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return document if _runs(document["pid"]) else None

    def write(self, endpoint: str, estate: Path) -> None:
        """Record this process."""
        self.path.mkdir(parents=True, exist_ok=True)
        document = {"pid": os.getpid(), "endpoint": endpoint, "log": str(self.log), "estate": str(estate)}
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")
        temporary.replace(self._file)

    def clear(self) -> None:
        """Forget the process."""
        self._file.unlink(missing_ok=True)


def ask(endpoint: str, path: str) -> dict[str, Any] | None:
    """Ask the control API of an emulator; None when nobody answers."""
    try:
        with urllib.request.urlopen(f"{endpoint}/_embedded/{path}", timeout=5) as response:  # noqa: S310
            document: dict[str, Any] = json.load(response)
            return document
    except (OSError, ValueError):
        return None


def start(options: argparse.Namespace) -> int:
    """Start an emulator, in the background unless told otherwise."""
    state = StateDirectory(options.state_dir)
    running = state.read()
    if running:
        return fail(f"an embedded AWS runs already at {running['endpoint']} (pid {running['pid']}); stop it first")
    return run(options, state) if options.foreground else start_in_background(options, state)


def run(options: argparse.Namespace, state: StateDirectory) -> int:
    """Serve in this process."""
    from emulator.server import StartError, serve

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    # moto reports every error that a state machine handles as its own.
    logging.getLogger("moto.stepfunctions.parser.asl.component.eval_component").setLevel(logging.CRITICAL)

    def ready(endpoint: str) -> None:
        state.write(endpoint, options.estate or options.load)
        print(f"embedded AWS ready at {endpoint}", flush=True)

    try:
        serve(options.estate, options.port, options.pace, ready, options.load)
    except StartError as error:
        return fail(str(error))
    state.clear()
    # All is cleaned up; threads of executions that still wait would only keep the interpreter busy with its own end.
    os._exit(0)


def start_in_background(options: argparse.Namespace, state: StateDirectory) -> int:
    """Start a process of its own session, so that a Ctrl-C here does not end it, and wait until it answers."""
    state.path.mkdir(parents=True, exist_ok=True)
    state.clear()
    command = [sys.executable, "-m", "emulator", "start", "--foreground"]
    source = ["--estate", options.estate] if options.estate else ["--load", options.load]
    command += [source[0], str(source[1].resolve()), "--port", str(options.port)]
    command += ["--state-dir", str(state.path)]
    if options.pace is not None:
        command += ["--pace", str(options.pace)]
    with state.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _wait_until_ready(process, state)
    except KeyboardInterrupt:
        process.terminate()
        return fail("interrupted; nothing was started")


def _wait_until_ready(process: subprocess.Popen[bytes], state: StateDirectory) -> int:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        running = state.read()
        if running and ask(running["endpoint"], "health"):
            print(f"embedded AWS ready at {running['endpoint']} (pid {running['pid']}, log {state.log})")
            return 0
        if process.poll() is not None:
            lines = state.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return fail((lines[-1] if lines else "it ended without a word").removeprefix("error: "))
        time.sleep(0.1)
    process.terminate()
    return fail(f"the embedded AWS did not answer within {_START_SECONDS:.0f} s; see {state.log}")


def stop(options: argparse.Namespace) -> int:
    """Stop the emulator of this state directory; nothing runs: nothing to do."""
    state = StateDirectory(options.state_dir)
    running = state.read()
    if not running:
        state.clear()
        print("no embedded AWS runs")
        return 0
    os.kill(running["pid"], signal.SIGTERM)
    end = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < end:
        if not _runs(running["pid"]):
            state.clear()
            print("embedded AWS stopped")
            return 0
        time.sleep(0.05)
    return fail(f"the embedded AWS (pid {running['pid']}) did not end within {_STOP_SECONDS:.0f} s")


def _runs(pid: int) -> bool:
    """Tell whether this process is an emulator that runs; the number may have gone to another program since."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    if not Path("/proc/self").exists():
        return True
    try:
        return (
            b"emulator" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )  # empty for a process that has ended and was not waited for
    except OSError:
        return False


def status(options: argparse.Namespace) -> int:
    """Show what the emulator holds and does."""
    from emulator.report import render

    running = StateDirectory(options.state_dir).read()
    if not running:
        print("no embedded AWS runs")
        return 1
    document = ask(running["endpoint"], "status")
    if document is None:
        return fail(f"{running['endpoint']} does not answer")
    print(render(running, document))
    return 0


def save(options: argparse.Namespace) -> int:
    """Save the state of the emulator to a file."""
    running = StateDirectory(options.state_dir).read()
    if not running:
        return fail("no embedded AWS runs")
    body = json.dumps({"save": str(options.file.resolve())}).encode()
    request = urllib.request.Request(f"{running['endpoint']}/_embedded/state", data=body)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=120):  # noqa: S310
            print(f"saved; go on with: python -m emulator start --load {options.file}")
            return 0
    except urllib.error.HTTPError as error:
        return fail(str(json.load(error)["error"]))
    except OSError as error:
        return fail(f"{running['endpoint']} does not answer: {error}")


def estate(options: argparse.Namespace) -> int:
    """Write an estate of any size."""
    from emulator.estate.generator import GeneratorError, dump, generate

    try:
        text = dump(generate(options.servers, options.accounts, options.seed))
        if options.output is None:
            sys.stdout.write(text)
        else:
            options.output.write_text(text, encoding="utf-8")
    except (GeneratorError, OSError) as error:
        return fail(str(error))
    return 0


def faults(options: argparse.Namespace) -> int:
    """Set, list or take away fault rules of the emulator that runs."""
    running = StateDirectory(options.state_dir).read()
    if not running:
        return fail("no embedded AWS runs")
    try:
        print(run_command(running["endpoint"], options))
    except CommandError as error:
        return fail(str(error))
    return 0


def fail(message: str) -> int:
    """Say what is wrong in one line."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    return 1


def _pace(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: give virtual seconds a real second, more than 0")
    return value


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("start", help="start it in the background and wait until it answers")
    source = starting.add_mutually_exclusive_group(required=True)
    source.add_argument("--estate", type=Path, help="YAML file with accounts and servers")
    source.add_argument(
        "--load", type=Path, metavar="FILE", help="state to go on from; only one that you saved yourself"
    )
    starting.add_argument("--port", type=int, default=DEFAULT_PORT, help="TCP port on 127.0.0.1, 0 for a free one")
    starting.add_argument("--pace", type=_pace, help="at most so many virtual seconds a real second")
    starting.add_argument("--foreground", action="store_true", help="serve in this process")
    starting.set_defaults(run=start)
    stopping = commands.add_parser("stop", help="stop it; nothing runs: nothing to do")
    stopping.set_defaults(run=stop)
    showing = commands.add_parser("status", help="show clock, accounts, servers, jobs, executions, functions")
    showing.set_defaults(run=status)
    saving = commands.add_parser("save", help="save the whole state to a file, for start --load; nothing may run")
    saving.add_argument("file", type=Path, help="the file that is written")
    saving.set_defaults(run=save)
    failing = commands.add_parser("faults", help="set, list and take away fault rules")
    add_commands(failing)
    failing.set_defaults(run=faults)
    for command in (starting, stopping, showing, saving, failing):
        command.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, help="pid, endpoint and log")
    making = commands.add_parser("estate", help="write an estate file of any size")
    making.add_argument("--servers", type=int, required=True, help="how many servers, 10 to 5000")
    making.add_argument(
        "--accounts", type=int, help="accounts that they replicate to; as few as the quota of 300 allows"
    )
    making.add_argument("--seed", type=int, default=1, help="varies which server is what (default 1)")
    making.add_argument("--output", type=Path, help="the file; standard output when left out")
    making.set_defaults(run=estate)
    options = parser.parse_args(arguments)
    result: int = options.run(options)
    return result


if __name__ == "__main__":
    sys.exit(main())
