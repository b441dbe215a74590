"""The control API under `/_embedded/`: what a test or `python -m emulator` asks of the emulator itself.

Other parts add their own routes with `route()`; a handler takes the JSON body (a dict) and returns a JSON-able value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any]], Any]

PREFIX = "/_embedded/"
_ROUTES: dict[tuple[str, str], Handler] = {}
_STATUS: dict[str, Callable[[], Any]] = {}
_PAGE: list[tuple[Callable[[], str], dict[str, str]]] = []


class ControlError(ValueError):
    """A control request that cannot be done; the message goes to the caller with status 400."""


def route(method: str, path: str, handler: Handler) -> None:
    """Serve `/_embedded/{path}` for this HTTP method.

    Raises:
        ValueError: somebody serves it already.
    """
    key = (method.upper(), path.strip("/"))
    if key in _ROUTES:
        raise ValueError(f"{method} {PREFIX}{path} has a handler already")
    _ROUTES[key] = handler


def add_status(name: str, provider: Callable[[], Any]) -> None:
    """Add a section to `GET /_embedded/status`; `provider` returns a JSON-able value."""
    _STATUS[name] = provider


def add_page(render: Callable[[], str], headers: dict[str, str]) -> None:
    """Serve what `render` returns, with these headers, at `GET /_embedded/`."""
    _PAGE[:] = [(render, headers)]


def page(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """Return the page and its headers when a request asks for it."""
    if path != PREFIX or method not in ("GET", "HEAD") or not _PAGE:
        return None
    render, headers = _PAGE[0]
    return render(), headers


def status(_body: dict[str, Any]) -> dict[str, Any]:
    """Return all sections of the status."""
    return {name: provider() for name, provider in _STATUS.items()}


def answer(method: str, path: str, raw: bytes) -> tuple[int, Any]:
    """Answer one control request: HTTP status and a JSON-able document."""
    name = path.removeprefix(PREFIX).strip("/")
    handler = _ROUTES.get((method, name))
    if handler is None:
        methods = sorted(known for known, other in _ROUTES if other == name)
        if methods:
            return 405, {"error": f"{PREFIX}{name} knows {', '.join(methods)}, not {method}"}
        known = ", ".join(sorted({other for _, other in _ROUTES}))
        return 404, {"error": f"{PREFIX}{name} does not exist; there are: {known}"}
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        return 400, {"error": f"the body is no JSON: {error}"}
    if not isinstance(body, dict):
        return 400, {"error": f"the body is a JSON {type(body).__name__}; give an object"}
    try:
        return 200, handler(body)
    except ValueError as error:
        return 400, {"error": str(error)}


route("GET", "status", status)
