"""The IP map in a spreadsheet: exported, edited, imported, by modules and by playbooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError
from ansible_collections.disaster_recovery.aws.plugins.modules import ip_map_export, ip_map_import

from tests.modules.estate import DECLARATION, INVENTORY, TABLE, Estate
from tests.support.playbook import run_playbook

DECLARED: dict[str, Any] = {"subnet_map": DECLARATION["dr_subnet_map"], "source_region": "us-east-1"}
WEB_1 = "pay-web-1.example.internal"


def imported(path: Path, *, apply: bool = False, **keywords: Any) -> dict[str, Any]:
    """Return a task that imports a plan."""
    addresses = DECLARATION["dr_addresses"]
    options = {"table": TABLE, "path": str(path), "apply": apply, "addresses": addresses, **DECLARED}
    return {"ip_map_import": options, **keywords}


def edited(exported: Path, name: str, edits: dict[tuple[str, str], str]) -> Path:
    """Write a copy of a plan in which Excel changed addresses, by server and profile."""
    lines = exported.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        cells = line.split(",")
        address = edits.get((cells[0].split(".")[0], cells[3])) if cells[2] == "0" else None
        if address:
            lines[number] = ",".join([*cells[:4], address, *cells[5:]])
    copy = exported.with_name(name)
    copy.write_text("\r\n".join(lines).replace(",", ";"), encoding="utf-8-sig")
    return copy


def addresses_of(answer: dict[str, Any], profile: str = "failover") -> dict[str, tuple[str, str]]:
    """Return address and rule of each web server."""
    return {
        entry["server_key"].split(".")[0]: (entry["profiles"][profile]["address"], entry["profiles"][profile]["rule"])
        for entry in answer["entries"]
        if entry["server_key"].startswith("pay-web")
    }


def test_a_plan_goes_to_a_spreadsheet_and_back(shared_estate: Estate, tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    mapped = {"ip_map": {"table": TABLE, "addresses": DECLARATION["dr_addresses"], **DECLARED}}
    (first,) = shared_estate.tasks(mapped)

    def exported(check_mode: bool = False) -> dict[str, Any]:
        params = {"table": TABLE, "path": str(plan), "delimiter": ",", "byte_order_mark": False}
        return ip_map_export.run(params, shared_estate.client, check_mode)

    shown = exported(check_mode=True)
    assert not plan.exists()
    written, again = exported(), exported()
    assert shown == written
    assert written["diff"]["after"] == plan.read_text(encoding="utf-8")
    assert (written["changed"], again["changed"]) == (True, False)
    assert written["rows"] == 3 * len(first["entries"]) == len(plan.read_text(encoding="utf-8").splitlines()) - 1

    good = edited(
        plan,
        "good.csv",
        {
            ("pay-web-1", "failover"): "10.20.4.12",
            ("pay-web-2", "failover"): "10.20.4.11",
            ("pay-web-3", "test"): "10.99.4.90",
        },
    )
    bad = edited(
        plan,
        "bad.csv",
        {
            ("pay-web-1", "failover"): "10.20.4.1",
            ("pay-web-2", "failover"): "10.20.4.11",
            ("pay-web-3", "failover"): "10.20.4.100",
            ("pay-rep-1", "failover"): "10.20.2.99",
        },
    )
    ec2 = shared_estate.aws.client("ec2")
    ec2.create_network_interface(SubnetId="subnet-0a20400000000c001", PrivateIpAddress="10.20.4.100")
    begun = shared_estate.writes()["TransactWriteItems"]
    dry, wrong, checked, applied, unchanged, next_run, replaced = shared_estate.tasks(
        imported(good),
        imported(bad, apply=True),
        imported(good, apply=True, check_mode=True),
        imported(good, apply=True),
        imported(good, apply=True),
        mapped,
        {"ip_map": {**mapped["ip_map"], "imported_addresses": "replace"}, "check_mode": True},
        arguments=("--diff",),
    )
    assert shared_estate.writes()["TransactWriteItems"] == begun + 2, "the swap, and the third address"
    assert (dry["changed"], dry["applied"], len(dry["summary"])) == (False, False, 3)
    assert f"{WEB_1}/0 failover: 10.20.4.11 (keep_host_part) -> 10.20.4.12 (imported)" in dry["summary"]
    remedies = {problem["value"].strip("'"): problem for problem in wrong["problems"]}
    assert remedies.keys() == {"10.20.4.1", "10.20.4.11", "10.20.4.100", "10.20.2.99"}
    assert "five addresses" in remedies["10.20.4.1"]["remedy"]
    assert f"is held by interface 0 of {WEB_1}, profile failover" in remedies["10.20.4.11"]["remedy"]
    assert "is in use in subnet-0a20400000000c001 by eni-" in remedies["10.20.4.100"]["remedy"]
    assert "dr_addresses declares 10.20.2.77 here" in remedies["10.20.2.99"]["remedy"]
    assert all(problem["where"].startswith("bad.csv, line ") for problem in wrong["problems"])
    assert all(problem["where"].endswith(", column address") for problem in wrong["problems"])
    assert checked["changed"] is applied["changed"] is applied["applied"] is True
    assert dry["diff"] == checked["diff"] == applied["diff"]
    assert (unchanged["changed"], unchanged["summary"]) == (False, [])
    assert next_run["changed"] is False
    assert addresses_of(next_run) == {
        "pay-web-1": ("10.20.4.12", "imported"),
        "pay-web-2": ("10.20.4.11", "imported"),
        "pay-web-3": ("10.20.4.13", "keep_host_part"),
    }
    assert addresses_of(next_run, "test")["pay-web-3"] == ("10.99.4.90", "imported")
    assert addresses_of(replaced) == addresses_of(first)

    _playbooks(shared_estate, tmp_path)


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"nothing\.csv': cannot be read: No such file or directory"):
        ip_map_import.run({"path": str(tmp_path / "nothing.csv")}, _no_client, False)
    with pytest.raises(DeclarationError, match="cannot be written: No such file or directory"):
        ip_map_export._replace(tmp_path / "no" / "plan.csv", b"x", False)


def _no_client(*_service: str) -> Any:
    raise AssertionError("AWS was asked")


def _playbooks(estate: Estate, folder: Path) -> None:
    """The playbooks export a plan, and import it without writing."""
    outcome = run_playbook(
        "disaster_recovery.aws.ip_map_export",
        "disaster_recovery.aws.ip_map_import",
        inventory=INVENTORY,
        variables={**estate.connection, "dr_file": str(folder / "now.csv"), "dr_csv_delimiter": ";"},
    )
    assert "57 addresses are in" in outcome.output
    assert "The IP map has these addresses already" in outcome.output
    assert (folder / "now.csv").read_text(encoding="utf-8").startswith("server_key;hostname;interface;profile;address")
