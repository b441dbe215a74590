"""Slightly wrong documents: a good one with one to three parts left out, replaced, renamed or exchanged."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

JUNK = [None, True, -1, 0, 3, 1.5, 10**12, "", "x", "ü" * 300, "{% $ %}", [], [None], {}, {"x": {}}]


@st.composite
def mutated(draw: Any, document: Any) -> Any:
    """Return a document with a few mistakes, or other values that happen to be right."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(changed))
        if not places:
            return changed
        parent, key = draw(st.sampled_from(places))
        action = draw(st.sampled_from(["remove", "replace", "rename", "exchange"]))
        if action == "remove":
            del parent[key]
        elif action == "replace":
            parent[key] = copy.deepcopy(draw(st.sampled_from(JUNK)))
        elif action == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from(["", "x", f"{key}s"]))] = parent.pop(key)
        else:
            other, name = draw(st.sampled_from(places))
            parent[key] = copy.deepcopy(other[name])
    return changed


def _places(value: Any) -> Any:
    """Yield every place in a document, as a container and a key or index."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)
