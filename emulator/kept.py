"""What a saved state keeps beside moto's backends. Whoever remembers something registers it, beside the store.

Of an object, every attribute is either kept or forgotten on purpose; a table is kept whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_OBJECTS: dict[str, tuple[Any, tuple[str, ...]]] = {}
_TABLES: dict[str, dict[Any, Any]] = {}


def keep(name: str, item: object, attributes: Iterable[str], forgotten: Iterable[str] = ()) -> None:
    """Keep attributes of an object.

    Args:
        name: what the saved state calls it.
        item: the object, one in a process.
        attributes: those that are kept.
        forgotten: those that are not.

    Raises:
        ValueError: the object has an attribute that is neither kept nor forgotten.
    """
    kept = tuple(attributes)
    undecided = vars(item).keys() ^ {*kept, *forgotten}
    if undecided:
        raise ValueError(f"{name}: is {', '.join(sorted(undecided))} kept in a saved state, or forgotten?")
    _OBJECTS[name] = (item, kept)


def keep_table(name: str, table: dict[Any, Any]) -> None:
    """Keep a table whole."""
    _TABLES[name] = table


def content() -> dict[str, dict[Any, Any]]:
    """Return everything that is kept, by its name."""
    objects = {name: {key: getattr(item, key) for key in kept} for name, (item, kept) in _OBJECTS.items()}
    return {**objects, **_TABLES}


def restore(saved: dict[str, dict[Any, Any]]) -> None:
    """Take over what another process has kept."""
    for name, (item, _) in _OBJECTS.items():
        vars(item).update(saved[name])
    for name, table in _TABLES.items():
        table.clear()
        table.update(saved[name])


def is_kept(item: object) -> bool:
    """Tell whether an object or a table is kept."""
    return any(item is other for other, _ in _OBJECTS.values()) or any(item is table for table in _TABLES.values())
