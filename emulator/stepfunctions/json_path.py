"""JSONPath: a path that names one place gives its value, any other path gives a list (the rule of AWS's library).

moto gives a list for `$.Items[0].Status`, and compiles a path every time it is used.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from jsonpath_ng.ext.parser import parse
from jsonpath_ng.jsonpath import Child, Fields, Index, Root, This
from moto.stepfunctions.parser.asl.utils import json_path

from emulator.completion import replace


def _names_one_place(expression: Any) -> bool:
    if isinstance(expression, Child):
        return _names_one_place(expression.left) and _names_one_place(expression.right)
    if isinstance(expression, Fields):
        return len(expression.fields) == 1 and expression.fields[0] != "*"
    if isinstance(expression, Index):
        return len(expression.indices) == 1
    return isinstance(expression, (Root, This))


@lru_cache(maxsize=1024)
def _compile(path: str) -> tuple[Any, bool]:
    expression = parse(path)
    return expression, _names_one_place(expression)


def extract_json(path: str, data: Any) -> Any:
    """Return what a path selects in `data`.

    Raises:
        NoSuchJsonPathError: the path names one place that is not there.
    """
    expression, one_place = _compile(path)
    matches = expression.find(data)
    if not one_place:
        return [match.value for match in matches]
    if not matches:
        raise json_path.NoSuchJsonPathError(json_path=path, data=data)
    return matches[0].value


def install() -> None:
    """Hand this rule to the whole interpreter (its modules import the function by name)."""
    original = json_path.extract_json
    for module in list(sys.modules.values()):
        if getattr(module, "extract_json", None) is original:
            replace(module, extract_json=extract_json)
