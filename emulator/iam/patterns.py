"""Wildcards and policy variables, compiled once for each pattern.

In actions and condition values `*` stands for any text. In resources it stays inside its segment of the ARN, but for
the last segment, which contains everything from the sixth part on; missing segments are `*`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_TOKEN = re.compile(r"\$\{([^}]*)\}|\*|\?|[^*?$]+|\$")
_LITERAL_VARIABLES = {"*": "*", "?": "?", "$": "$"}
_ARN_SEGMENTS = 6

Variable = Callable[[str], str | None]
"""Returns the value of a condition key, None when the request has none."""


@lru_cache(maxsize=8192)
def wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Compile a pattern without variables: `*` is any text, `?` any one character."""
    return re.compile(_translate(pattern, ".*", "."), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=8192)
def arn(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of a resource's ARN."""
    if pattern == "*":
        return re.compile(".*", re.DOTALL)
    segments = split_arn(pattern)
    segments += ["*"] * (_ARN_SEGMENTS - len(segments))
    parts = [_translate(segment, "[^:]*", "[^:]") for segment in segments[:-1]]
    return re.compile(":".join([*parts, _translate(segments[-1], ".*", ".")]), re.DOTALL)


def split_arn(text: str) -> list[str]:
    """Return the six segments of an ARN, fewer when it is incomplete; a colon inside `${…}` does not separate."""
    segments: list[str] = []
    start = depth = 0
    for position, character in enumerate(text):
        if text.startswith("${", position):
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and not depth and len(segments) < _ARN_SEGMENTS - 1:
            segments.append(text[start:position])
            start = position + 1
    return [*segments, text[start:]]


def has_variables(pattern: str) -> bool:
    """Tell whether a pattern holds `${…}`."""
    return "${" in pattern


def substitute(pattern: str, value_of: Variable) -> str | None:
    """Put values in for the variables of a pattern; None when one has no value.

    What a value contains is meant literally: its `*`, `?` and `$` come back as `${*}`, `${?}` and `${$}`.
    """
    parts = []
    for match in _TOKEN.finditer(pattern):
        name = match.group(1)
        if name is None or name in _LITERAL_VARIABLES:
            parts.append(match.group())
            continue
        key, _, default = name.partition(",")
        value = value_of(key.strip())
        if value is None:
            if not default:
                return None
            value = default.strip().strip("'")
        parts.append(re.sub(r"[*?$]", lambda found: f"${{{found.group()}}}", value))
    return "".join(parts)


def plain(pattern: str) -> str:
    """Return a pattern as the text that it is, where wildcards have no meaning."""
    return re.sub(r"\$\{([*?$])\}", r"\1", pattern)


def _translate(pattern: str, many: str, one: str) -> str:
    parts = []
    for match in _TOKEN.finditer(pattern):
        token, variable = match.group(), match.group(1)
        if token == "*":
            parts.append(many)
        elif token == "?":
            parts.append(one)
        else:
            parts.append(re.escape(_LITERAL_VARIABLES.get(variable, token) if variable else token))
    return "".join(parts)
