"""Read a parsed YAML document strictly: every mistake is one line that names the key it is at."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any

_MISSING = object()


class EstateError(ValueError):
    """The estate cannot be loaded; the text names the key in the file and what is wrong there."""


class Section:
    """A mapping of the document at a path, with the keys that it may have."""

    def __init__(self, value: Any, path: str, known: Iterable[str] | None = None):
        """Check that `value` is a mapping with text keys, of `known` keys only when these are given."""
        if not isinstance(value, dict):
            raise EstateError(f"{path}: must be a mapping, not {_kind(value)}")
        for key in value:
            if not isinstance(key, str):
                raise EstateError(f"{path}: key {key!r} must be a text, put it in quotes")
        if known is not None:
            unknown = [key for key in value if key not in set(known)]
            if unknown:
                raise EstateError(f"{_join(path, unknown[0])}: unknown key; known here: {', '.join(sorted(known))}")
        self.value = value
        self.path = path

    def at(self, key: str) -> str:
        """Return the path of a key, for messages."""
        return _join(self.path, key)

    def __contains__(self, key: str) -> bool:
        return self.value.get(key) is not None

    def get(self, key: str, default: Any = _MISSING) -> Any:
        """Return a value as it is; without a default it must be there."""
        value = self.value.get(key)
        if value is not None:
            return value
        if default is _MISSING:
            raise EstateError(f"{self.at(key)}: missing")
        return default

    def text(self, key: str, default: Any = _MISSING) -> Any:
        """Return a text."""
        return self._of(key, default, str, "a text")

    def flag(self, key: str, default: Any = _MISSING) -> Any:
        """Return true or false."""
        return self._of(key, default, bool, "true or false")

    def number(self, key: str, default: Any = _MISSING, lowest: float = 0) -> Any:
        """Return a number."""
        value = self.get(key, default)
        if value is not default and (isinstance(value, bool) or not isinstance(value, int | float) or value < lowest):
            raise EstateError(f"{self.at(key)}: must be a number of at least {lowest}, not {value!r}")
        return value

    def choice(self, key: str, allowed: Iterable[str], default: Any = _MISSING) -> Any:
        """Return one of the allowed texts."""
        value = self.get(key, default)
        if value is not default and value not in allowed:
            raise EstateError(f"{self.at(key)}: {value!r} must be one of {', '.join(allowed)}")
        return value

    def matching(self, key: str, pattern: str, form: str, default: Any = _MISSING) -> Any:
        """Return a text of a form, such as an identifier."""
        value = self.text(key, default)
        if value is not default and not re.fullmatch(pattern, value):
            raise EstateError(f"{self.at(key)}: {value!r} must be {form}")
        return value

    def cidr(self, key: str) -> ipaddress.IPv4Network:
        """Return an IPv4 network."""
        text = self.text(key)
        try:
            return ipaddress.IPv4Network(text)
        except ValueError as error:
            raise EstateError(f"{self.at(key)}: {text!r} is not an IPv4 network: {error}") from error

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, empty when the key is missing."""
        value = self.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise EstateError(f"{self.at(key)}: must be a list of texts")
        return value

    def text_map(self, key: str) -> dict[str, str]:
        """Return a mapping of texts to texts, empty when the key is missing."""
        section = Section(self.get(key, {}), self.at(key))
        return {name: section.text(name) for name in section.value}

    def section(self, key: str, known: Iterable[str] | None = None) -> Section:
        """Return the mapping below a key, empty when the key is missing."""
        return Section(self.get(key, {}), self.at(key), known)

    def sections(self, key: str, known: Iterable[str]) -> Iterator[tuple[str, Section]]:
        """Yield the names and mappings of the mapping below a key."""
        below = self.section(key)
        for name in below.value:
            yield name, Section(below.value[name] or {}, below.at(name), known)

    def _of(self, key: str, default: Any, kind: type, form: str) -> Any:
        value = self.get(key, default)
        if value is not default and not isinstance(value, kind):
            hint = ", put it in quotes" if kind is str else ""
            raise EstateError(f"{self.at(key)}: must be {form}, not {value!r}{hint}")
        return value


def address(text: Any, path: str) -> str:
    """Return an IPv4 address as text."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise EstateError(f"{path}: {text!r} is not an IPv4 address") from error


def merge(base: dict[str, Any], above: dict[str, Any], deep: frozenset[str]) -> dict[str, Any]:
    """Return `base` with `above` laid over it; of the keys in `deep` the mappings are merged, the rest is replaced."""
    merged = dict(base)
    for key, value in above.items():
        both = key in deep and isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value
    return merged


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"
