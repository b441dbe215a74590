"""Pages of sorted items; a token names the last item that was seen, so items that come or go shift nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .errors import ValidationError
from .identifiers import digest
from .settings import SETTINGS

Item = TypeVar("Item")
LARGEST_PAGE = 1000
_MARK_LENGTH = 16


def page(
    items: Iterable[Item], key: Callable[[Item], list[Any]], request: dict[str, Any]
) -> tuple[list[Item], str | None]:
    """Return one page of `items` and the token of the next.

    Args:
        items: all items.
        key: the sort key of an item: a list of JSON values, unique among the items.
        request: the request's members, of which `maxResults` and `nextToken` are used.

    Raises:
        ValidationError: the token was not made by this operation.
    """
    ordered = sorted(items, key=key)
    token = request.get("nextToken")
    if token:
        last = _decode(token)
        try:
            ordered = [item for item in ordered if key(item) > last]
        except TypeError as error:
            raise ValidationError("Invalid nextToken", "fieldValidationFailed") from error
    size = min(request.get("maxResults") or SETTINGS.default_page_size, LARGEST_PAGE)
    chosen = ordered[:size]
    return chosen, _encode(key(chosen[-1])) if len(ordered) > size else None


def answer(name: str, items: list[Any], token: str | None) -> dict[str, Any]:
    """Return a page as an operation's output."""
    return {name: items} if token is None else {name: items, "nextToken": token}


def _encode(key: list[Any]) -> str:
    text = json.dumps(key)
    return base64.urlsafe_b64encode(f"{_mark(text)}{text}".encode()).decode()


def _decode(token: str) -> list[Any]:
    try:
        marked = base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError as error:
        raise ValidationError("Invalid nextToken", "fieldValidationFailed") from error
    text = marked[_MARK_LENGTH:]
    if marked[:_MARK_LENGTH] != _mark(text):
        raise ValidationError("Invalid nextToken", "fieldValidationFailed")
    key: list[Any] = json.loads(text)
    return key


def _mark(text: str) -> str:
    """Return what tells a token that was made here from one that was made up."""
    return digest("page", text)[:_MARK_LENGTH]
