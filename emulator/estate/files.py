"""Read an estate file. YAML forgets a key that stands twice; here that is a mistake."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from .reader import EstateError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is


class _StrictLoader(_Loader):  # type: ignore[misc]
    """YAML in which every key of a mapping stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise EstateError(f"line {key.start_mark.line + 1}: key {key.value!r} stands twice in one mapping")
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def read(path: Path) -> Any:
    """Return the YAML document of a file.

    Raises:
        EstateError: it cannot be read, or is no YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise EstateError(str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise EstateError(f"no UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise EstateError(f"no YAML: {reason}") from error
