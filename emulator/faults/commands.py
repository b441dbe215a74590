"""`python -m emulator faults add|list|clear`: fault rules from the command line."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
from typing import Any

import yaml

from emulator.report import table


class CommandError(Exception):
    """The command cannot be done; the message is one line for a person."""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    adding = actions.add_parser("add", help="set a rule")
    adding.add_argument("rule", help="the rule as YAML or JSON: '{kind: throttle, service: drs, operation: Describe*}'")
    actions.add_parser("list", help="show the rules that are set")
    clearing = actions.add_parser("clear", help="take one rule away, or all")
    clearing.add_argument("id", nargs="?", help="of the rule; all when left out")


def run(endpoint: str, options: argparse.Namespace) -> str:
    """Do a command and return what to print.

    Raises:
        CommandError: the emulator refuses it.
    """
    if options.action == "list":
        return "\n".join(table(_ask(endpoint, "GET", {})["faults"])) or "no faults are set"
    if options.action == "add":
        return f"fault {_ask(endpoint, 'POST', _rule(options.rule))['id']} is set"
    _ask(endpoint, "DELETE", {"id": options.id} if options.id else {})
    return f"fault {options.id} is taken away" if options.id else "no faults are set"


def _rule(text: str) -> dict[str, Any]:
    try:
        rule = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CommandError(f"the rule is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(rule, dict):
        raise CommandError(
            f"the rule is {text!r}: give a mapping, '{{kind: throttle, service: drs, operation: \"*\"}}'"
        )
    return rule


def _ask(endpoint: str, method: str, body: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(body, default=str).encode() if body else None
    request = urllib.request.Request(f"{endpoint}/_embedded/faults", data=data, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise CommandError(str(json.load(error)["error"])) from error
    except OSError as error:
        raise CommandError(f"{endpoint} does not answer: {error}") from error
