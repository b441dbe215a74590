"""How moto is completed: attributes of its classes and modules are replaced, and only such as exist.

A release of moto that renames one would otherwise silently lose the completion.
"""

from __future__ import annotations

from typing import Any


def replace(owner: Any, /, **replacements: Any) -> None:
    """Replace attributes of a class or module of moto.

    Raises:
        AttributeError: moto has no such attribute (any more).
    """
    for name, replacement in replacements.items():
        if not hasattr(owner, name):
            raise AttributeError(f"moto's {owner.__name__} has no {name}; this emulator completes moto 5.2.5")
        setattr(owner, name, replacement)


def add(owner: Any, /, **additions: Any) -> None:
    """Add attributes that moto does not have.

    Raises:
        AttributeError: moto has this attribute by now.
    """
    for name, addition in additions.items():
        if hasattr(owner, name):
            raise AttributeError(f"moto's {owner.__name__} has {name} by now; this emulator completes moto 5.2.5")
        setattr(owner, name, addition)
