"""The server process: reads the estate, completes moto, listens on 127.0.0.1 and serves until it is told to end."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.accounts import AccountsError, check_accounts
from emulator.estate import EstateError, files
from emulator.http_server import HttpServer
from emulator.versions import VersionError, check_versions

HOST = "127.0.0.1"

# In this order: time first, since every backend copies moto's clock when it is loaded.
_PARTS = (
    "emulator.moto_time",
    "emulator.gaps",
    "emulator.lambda_runner",
    "emulator.run_command",
    "emulator.stepfunctions",
    "emulator.ec2",
    "emulator.events",
    "emulator.drs",
    "emulator.automation",
)
_FOREIGN_SETTINGS = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CONFIG_FILE", "MOTO_ACCOUNT_ID")


class StartError(Exception):
    """The emulator cannot start; the message is one line for a person."""


def read_estate(path: Path) -> dict[str, Any]:
    """Read an estate file.

    Raises:
        StartError: it cannot be read, or is no YAML mapping with `accounts`.
    """
    try:
        document: Any = files.read(path)
    except EstateError as error:
        raise StartError(f"estate {path}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("accounts"), dict) or not document["accounts"]:
        raise StartError(f"estate {path}: a mapping with 'accounts' is needed, see emulator/estate/README.md")
    try:
        check_accounts(document["accounts"])
    except AccountsError as error:
        raise StartError(f"estate {path}: {error}") from error
    return dict(document)


def open_server(port: int) -> HttpServer:
    """Listen on 127.0.0.1.

    Raises:
        StartError: the port is taken.
    """
    try:
        return HttpServer(HOST, port)
    except OSError as error:
        raise StartError(f"port {port} of {HOST} cannot be used: {error.strerror or error}") from error


def prepare(port: int) -> None:
    """Set moto up and complete it, before any backend is loaded."""
    os.environ["MOTO_PORT"] = str(port)
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    for name in _FOREIGN_SETTINGS:
        os.environ.pop(name, None)
    for name in _PARTS:
        importlib.import_module(name).install()


def load_estate(document: dict[str, Any], path: Path) -> None:
    """Create what the estate declares.

    Raises:
        StartError: the estate has a mistake.
    """
    auth = importlib.import_module("emulator.auth")
    estate = importlib.import_module("emulator.estate")
    try:
        auth.create_accounts(document["accounts"])
        estate.load(document)
    except ValueError as error:
        raise StartError(f"estate {path}: {error}") from error


def load_state(path: Path) -> None:
    """Go on from a saved state.

    Raises:
        StartError: the file is none.
    """
    state_file = importlib.import_module("emulator.state_file")
    try:
        state_file.load(path)
    except state_file.StateError as error:
        raise StartError(f"saved state {path}: {error}") from error


def serve(
    estate: Path | None, port: int, pace: float | None, ready: Callable[[str], None], saved: Path | None = None
) -> None:
    """Serve until the process is told to end.

    Args:
        estate: The estate file; None with a saved state.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        pace: Virtual seconds a real second, None for no limit.
        ready: Called with the endpoint once requests are answered.
        saved: The saved state to go on from, instead of an estate.

    Raises:
        StartError: one line that says what is wrong.
    """
    try:
        check_versions()
    except VersionError as error:
        raise StartError(str(error)) from error
    document = read_estate(estate) if estate else {}
    server = open_server(port)
    prepare(server.port)

    from emulator import lambda_runner, moto_dispatch
    from emulator.application import Application, add_control_routes
    from emulator.clock import CLOCK
    from emulator.iam.control import add_routes
    from emulator.overview import add_sections

    application = Application(moto_dispatch.backends())
    add_control_routes(application)
    add_routes()
    add_sections(application.calls)
    try:
        if saved:
            load_state(saved)
        elif estate:
            load_estate(document, estate)
    except StartError:
        server.shutdown()  # its threads would keep the process
        raise
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.shutdown())
    CLOCK.set_pace(pace)
    CLOCK.start()
    ready(f"http://{HOST}:{server.port}")
    try:
        server.serve_forever(application)
    finally:
        CLOCK.stop()
        lambda_runner.shut_down()
