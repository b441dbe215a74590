"""The JSON Schema of estate files says what the reader says, as far as a schema can."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from emulator.accounts import check_accounts
from emulator.drs.control import PHASES
from emulator.estate import EstateError, document, machines, places
from emulator.estate.generator import generate
from emulator.faults.schema import KINDS
from emulator.faults.schema import PHASES as FAULT_PHASES
from tests.emulator.estate.test_mistakes import GOOD, MISTAKES, changed
from tests.support.embedded import ROOT

SCHEMA: dict[str, Any] = json.loads((ROOT / "emulator" / "estate" / "schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
FILES = [ROOT / "emulator" / "estate" / "sample.yml", ROOT / "tests" / "support" / "small_estate.yml"]
# What a schema cannot see: one part of the file against another, and what AWS has.
BEYOND = (
    "AWS has no Region",
    "AWS raises only",
    "at least 4000",
    "IPv4",
    "the prefix of",
    "is not inside",
    "overlaps",
    "has no zone",
    "no server kind",
    "no subnet",
    "five addresses",
    "all interfaces",
    "a server needs at least one",
    "no security group",
    "no account",
    "declares no Region",
    "has no 'drs: true'",
    "is already that of",
    "drs_settings.",
    "no server 'db-9'",
    "botocore has no service",
    "publishes no limits",
    "has no operation",
)


@pytest.mark.parametrize(
    "estate", [*(yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES), GOOD, generate(400)]
)
def test_estates_fit_the_schema_and_the_reader(estate: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(estate)] == []
    check_accounts(estate["accounts"])
    assert len(document.parse(estate).servers) == len(estate["servers"])


@pytest.mark.parametrize(("path", "value", "text"), MISTAKES)
def test_the_schema_refuses_what_the_reader_refuses(path: str, value: Any, text: str | None) -> None:
    beyond = text is None or any(words in text for words in BEYOND)
    refused = not VALIDATOR.is_valid(changed(path, value))
    assert refused or beyond


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("account", places._ACCOUNT_KEYS),
        ("region", places._REGION_KEYS),
        ("network", places._NETWORK_KEYS),
        ("server_keys", machines._SERVER_KEYS),
    ],
)
def test_reader_and_schema_know_the_same_keys(name: str, keys: set[str]) -> None:
    assert set(SCHEMA["$defs"][name]["properties"]) == keys


def test_reader_and_schema_know_the_same_values() -> None:
    server = SCHEMA["$defs"]["server_keys"]["properties"]
    replication = server["replication"]["properties"]
    assert set(replication) == machines._REPLICATION_KEYS
    assert set(replication["state"]["enum"]) == {None, *machines.STATES}
    assert set(replication["ebs_encryption"]["enum"]) == {None, *machines.ENCRYPTIONS}
    assert tuple(server["fail_launch"]["properties"]["phase"]["enum"]) == PHASES
    fault = SCHEMA["$defs"]["fault"]["properties"]
    assert set(fault["kind"]["enum"]) == set(KINDS)
    assert set(fault["phase"]["enum"]) == {None, *FAULT_PHASES}
    fields = {name for kind in KINDS.values() for name in (*kind.conditions, *kind.parameters)}
    assert set(fault) == {"id", "kind", "from", "to", "probability", "seed", "skip", "times", *fields}
    with pytest.raises(EstateError) as error:
        document.parse({"accounts": {}, "nothing": 1})
    assert str(error.value).endswith(f"known here: {', '.join(sorted(SCHEMA['properties']))}")
