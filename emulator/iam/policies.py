"""Policy documents, and what they say about one action on one resource: an explicit Deny wins, and silence denies.

What the emulator cannot understand never allows anything: a statement with an unknown condition allows nothing when it
is an Allow, and denies what its actions and resources cover when it is a Deny.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from emulator.iam import conditions, patterns
from emulator.iam.conditions import Condition
from emulator.iam.context import Context, NotUnderstoodError

_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}
)
_WITH_VARIABLES = "2012-10-17"

Note = Callable[[str], None]
"""Takes the text about something that was not understood."""


class PolicyError(ValueError):
    """A policy document that cannot be read."""


class Decision(Enum):
    """What the policies say."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    DENIED = "denied"


@dataclass(frozen=True)
class Statement:
    """One statement. Exactly one of `actions` and `not_actions` is given, and at most one of the resources."""

    allows: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    principals: dict[str, tuple[str, ...]] | None
    variables: bool

    def covers_action(self, action: str) -> bool:
        """Tell whether the statement is about an action."""
        if self.actions:
            return _any_action(self.actions, action)
        return not _any_action(self.not_actions, action)

    def covers_resource(self, resource: str | None, context: Context) -> bool:
        """Tell whether the statement is about a resource.

        None stands for one that the emulator cannot name: an Allow covers it only when it covers everything, a Deny
        always does.
        """
        if resource is None:
            return not self.allows or "*" in self.resources
        if self.not_resources:
            return not self._any_resource(self.not_resources, resource, context)
        return self._any_resource(self.resources, resource, context)

    def holds(self, context: Context) -> bool:
        """Tell whether all conditions hold.

        Raises:
            NotUnderstoodError: one of them cannot be decided, and no other one fails.
        """
        unclear = None
        for condition in self.conditions:
            try:
                if not condition.holds(context):
                    return False
            except NotUnderstoodError as reason:
                unclear = reason
        if unclear is not None:
            raise unclear
        return True

    def _any_resource(self, wanted: Iterable[str], resource: str, context: Context) -> bool:
        for pattern in wanted:
            ready: str | None = pattern
            if self.variables and patterns.has_variables(pattern):
                ready = patterns.substitute(pattern, context.value)
            if ready is not None and patterns.arn(ready).fullmatch(resource):
                return True
        return False


class Policies:
    """All statements that speak for one identity."""

    def __init__(self, statements: Iterable[Statement]):
        self._statements = tuple(statements)
        self._about: dict[str, tuple[Statement, ...]] = {}

    def about(self, action: str) -> tuple[Statement, ...]:
        """Return the statements about an action, the Denys first."""
        found = self._about.get(action)
        if found is None:
            about = [statement for statement in self._statements if statement.covers_action(action)]
            found = self._about[action] = tuple(sorted(about, key=lambda statement: statement.allows))
        return found

    def decide(self, action: str, resource: str | None, context: Context, note: Note) -> Decision:
        """Return what the policies say about an action (`service:Name`) on a resource (an ARN, `*`, or None)."""
        for statement in self.about(action):
            try:
                applies = statement.covers_resource(resource, context) and statement.holds(context)
            except NotUnderstoodError as reason:
                note(f"{action}: {reason}")
                applies = not statement.allows
            if applies:
                return Decision.ALLOWED if statement.allows else Decision.DENIED
        return Decision.NOT_ALLOWED


@lru_cache(maxsize=4096)
def policies_of(documents: tuple[str, ...]) -> Policies:
    """Return the statements of several policy documents together.

    Raises:
        PolicyError: one of them cannot be read.
    """
    return Policies(statement for document in documents for statement in parse(document))


@lru_cache(maxsize=4096)
def parse(document: str) -> tuple[Statement, ...]:
    """Read a policy document.

    Raises:
        PolicyError: it is no policy.
    """
    try:
        content = json.loads(document)
    except ValueError as error:
        raise PolicyError(f"a policy is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise PolicyError("a policy is no JSON object")
    statements = _listed(content.get("Statement", []))
    variables = content.get("Version") == _WITH_VARIABLES
    return tuple(_statement(item, variables=variables) for item in statements)


def _statement(item: Any, *, variables: bool) -> Statement:
    if not isinstance(item, dict) or set(item) - _ELEMENTS or item.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"not a policy statement: {json.dumps(item)}")
    if ("Action" in item) == ("NotAction" in item):
        raise PolicyError(f"a policy statement needs either Action or NotAction: {json.dumps(item)}")
    if "NotPrincipal" in item:
        raise PolicyError(f"NotPrincipal is not emulated: {json.dumps(item)}")
    return Statement(
        allows=item["Effect"] == "Allow",
        actions=_texts(item.get("Action", [])),
        not_actions=_texts(item.get("NotAction", [])),
        resources=_texts(item.get("Resource", [])),
        not_resources=_texts(item.get("NotResource", [])),
        conditions=tuple(
            conditions.parse(operator, key, _texts(values), variables=variables)
            for operator, block in item.get("Condition", {}).items()
            for key, values in block.items()
        ),
        principals=_principals(item.get("Principal")),
        variables=variables,
    )


def _principals(value: Any) -> dict[str, tuple[str, ...]] | None:
    if value is None:
        return None
    if value == "*":
        return {"AWS": ("*",)}
    if not isinstance(value, dict):
        raise PolicyError(f"not a principal: {json.dumps(value)}")
    return {kind: _texts(names) for kind, names in value.items()}


def _any_action(wanted: Iterable[str], action: str) -> bool:
    return any(patterns.wildcard(pattern, ignore_case=True).fullmatch(action) for pattern in wanted)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in _listed(value))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
