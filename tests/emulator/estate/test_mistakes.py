"""Every mistake in an estate file is one clear line that names the key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from emulator.estate import EstateError
from emulator.estate.document import parse
from emulator.estate.files import read

TARGET = "222222222222"
REGION = f"accounts.{TARGET}.regions.us-west-2"
NETWORK = f"{REGION}.networks.home"
GOOD: dict[str, Any] = {
    "accounts": {
        TARGET: {
            "regions": {
                "us-west-2": {
                    "drs": True,
                    "networks": {
                        "home": {
                            "cidr": "10.10.0.0/16",
                            "subnets": {
                                "db": {"cidr": "10.10.1.0/24"},
                                "web": {"cidr": "10.10.4.0/26"},
                                "far": {"cidr": "10.10.6.0/24", "zone": "b"},
                            },
                            "security_groups": {"db": {}},
                        }
                    },
                },
                "us-east-1": {},
            }
        }
    },
    "server_defaults": {
        "os": "Linux",
        "instance_type": "t3.small",
        "disks": {"/dev/xvda": 8},
        "source": {"account": TARGET, "region": "us-west-2"},
        "replication": {"account": TARGET, "region": "us-west-2", "staging_subnet": "db"},
    },
    "server_kinds": {"db": {"tags": {"Tier": "database"}}},
    "servers": {"db-1": {"kind": "db", "addresses": {"db": "10.10.1.11"}}},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the good estate with one value at a path (`/` between keys) changed."""
    document = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    place = document
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return document


def test_the_good_estate_is_good() -> None:
    estate = parse(GOOD)
    server = estate.servers[0]
    assert server.fqdn == "db-1.example.internal"
    assert server.tags == {"Tier": "database"}
    assert server.server_id.startswith("s-")
    assert len(server.server_id) == 19
    assert parse(GOOD) == estate


HOME = f"accounts/{TARGET}/regions/us-west-2/networks/home"


MISTAKES: list[tuple[str, Any, str | None]] = [
    ("server", {}, "server: unknown key; known here: accounts, drs_settings, faults, iam, server_defaults,"),
    ("iam", {"enforce": "some"}, "iam.enforce: 'some' must be one of roles, all, none"),
    ("iam", {"enforced": "all"}, "iam.enforced: unknown key; known here: enforce"),
    ("accounts", {}, "accounts: an estate needs at least one account"),
    ("accounts/12", {}, "accounts.12: an account id has 12 digits"),
    (f"accounts/{TARGET}/region", {}, f"accounts.{TARGET}.region: unknown key"),
    (f"accounts/{TARGET}/drs_target_accounts", ["me"], "'me': an account id has 12 digits"),
    (f"accounts/{TARGET}/roles", {"r": {"trusted_accounts": ["me"]}}, "'me': an account id has 12 digits"),
    (f"accounts/{TARGET}/roles", {"r": {"policies": ["mine"]}}, "'mine': name a policy that AWS manages, by its ARN"),
    (f"accounts/{TARGET}/roles", {"r": {"trusts": []}}, "unknown key; known here: policies, trusted_accounts"),
    (f"accounts/{TARGET}/regions/us-moon-1", {}, f"accounts.{TARGET}.regions.us-moon-1: AWS has no Region"),
    (f"accounts/{TARGET}/regions/us-west-2/drs", "yes", f"{REGION}.drs: must be true or false, not 'yes'"),
    (
        f"accounts/{TARGET}/regions/us-west-2/drs_quotas",
        {"L-C1D14A2B": 400},
        f"{REGION}.drs_quotas.L-C1D14A2B: AWS raises only these quotas of DRS: L-4B0323BD, L-E28BE5E0",
    ),
    (
        f"accounts/{TARGET}/regions/us-west-2/drs_quotas",
        {"L-E28BE5E0": 300},
        f"{REGION}.drs_quotas.L-E28BE5E0: must be a number of at least 4000, not 300",
    ),
    (f"{HOME}/cidr", None, f"{NETWORK}.cidr: missing"),
    (f"{HOME}/cidr", "10.10.0.0/33", f"{NETWORK}.cidr: '10.10.0.0/33' is not an IPv4 network"),
    (f"{HOME}/cidr", "10.10.1.0/16", f"{NETWORK}.cidr: '10.10.1.0/16' is not an IPv4 network"),
    (f"{HOME}/cidr", "10.0.0.0/8", f"{NETWORK}.cidr: the prefix of a VPC is /16 to /28, not /8"),
    (f"{HOME}/id", "vpc-1", f"{NETWORK}.id: 'vpc-1' must be vpc- and 8 or 17 hexadecimal digits"),
    (f"{HOME}/subnets/db/cidr", "10.11.1.0/24", "subnets.db.cidr: 10.11.1.0/24 is not inside 10.10.0.0/16"),
    (f"{HOME}/subnets/web/cidr", "10.10.1.0/26", "subnets.web.cidr: 10.10.1.0/26 overlaps subnet db"),
    (f"{HOME}/subnets/db/zone", "q", "subnets.db.zone: Region us-west-2 has no zone us-west-2q; there are: us-w"),
    (f"{HOME}/subnets/db/size", 3, f"{NETWORK}.subnets.db.size: unknown key; known here: cidr, id, zone"),
    ("faults", {"kind": "denied"}, "faults: must be a list of rules"),
    ("faults", ["all"], "faults.0: must be a mapping, not str 'all'"),
    ("faults", [{"kind": "explode"}], "faults.0: there is no kind of fault 'explode'"),
    ("faults", [{"kind": "replication", "lag": -1}], "faults.0: lag is -1: give a number, 0 or more"),
    ("faults", [{"kind": "launch_failure", "phase": "BOOT"}], "faults.0: phase is 'BOOT': give one of CLEANUP"),
    ("faults", [{"kind": "replication", "state": "STALLED", "server": "db-9"}], "faults.0.server: no server 'db-9'"),
    ("faults", [{"kind": "lost_event", "id": "a"}] * 2, "faults.1.id: 'a' is already that of another fault"),
    ("throttling/drss", False, "throttling.drss: botocore has no service drss"),
    ("throttling/drs", "published", "throttling.drs: AWS publishes no limits of it; only of ec2, stepfunctions"),
    ("throttling/ec2", True, "throttling.ec2 is True: give published, false, or operations"),
    ("throttling/drs", {"Start": [1, 1]}, "throttling.drs: it has no operation Start; write it as in the API"),
    ("throttling/drs", {"*": [1]}, "throttling.drs.* is [1]: give [burst, tokens a second]"),
    ("throttling/drs", {"*": [1, 0]}, "throttling.drs.* is [1, 0]: burst is a whole number from 1"),
    ("drs_settings/speed", 3, "drs_settings.speed: unknown key; known here: "),
    ("drs_settings/jitter", 1, "drs_settings.jitter: must be less than 1, not 1"),
    ("drs_settings/default_page_size", 1.5, "drs_settings.default_page_size: must be a whole number, not 1.5"),
    ("drs_settings/windows_factor", "x", "drs_settings.windows_factor: must be a number of at least 0, not 'x'"),
    (
        "drs_settings/template_version_on_update",
        "never",
        "drs_settings.template_version_on_update: 'never' must be one of when",
    ),
    (
        "drs_settings/terminate_job_keeps_participants",
        0,
        "drs_settings.terminate_job_keeps_participants: must be true or false, not 0",
    ),
    ("servers/db-1/kind", "dbx", "servers.db-1.kind: no server kind 'dbx'; there are: db"),
    ("servers/db-1/colour", "red", "servers.db-1.colour: unknown key"),
    ("server_kinds/db/colour", "red", "server_kinds.db.colour: unknown key"),
    ("servers/db-1/id", "s-1", "servers.db-1.id: 's-1' must be s- and 17 letters or digits"),
    ("servers/db-1/addresses", {"dbx": "10.10.1.11"}, "servers.db-1.addresses.dbx: no subnet 'dbx' in Region"),
    ("servers/db-1/addresses/db", "10.10.2.11", "addresses.db: 10.10.2.11 is not inside 10.10.1.0/24"),
    ("servers/db-1/addresses/db", "10.10.1.2", "addresses.db: 10.10.1.2 is one of the five addresses that AWS"),
    ("servers/db-1/addresses/db", "10.10.1", "addresses.db: '10.10.1' is not an IPv4 address"),
    ("servers/db-1/addresses/far", "10.10.6.11", "servers.db-1.addresses: all interfaces of a server are in one"),
    ("servers/db-1/addresses", {}, "servers.db-1.addresses: a server needs at least one subnet and address"),
    ("servers/db-1/security_groups", ["web"], "servers.db-1.security_groups: no security group 'web' in network"),
    ("servers/db-1/tags", {"Cost": 4711}, "servers.db-1.tags.Cost: must be a text, not 4711, put it in quotes"),
    ("servers/db-1/disks", {}, "servers.db-1.disks: a server needs at least one disk"),
    ("servers/db-1/source", {"account": "1"}, "servers.db-1.source.account: no account '1'; there are: 2222"),
    ("servers/db-1/source", {"region": "eu-west-1"}, "account 222222222222 declares no Region 'eu-west-1'"),
    ("servers/db-1/replication", {"region": "us-east-1"}, "us-east-1 of account 222222222222 has no 'drs: true'"),
    ("servers/db-1/replication", {"state": "FINE"}, "servers.db-1.replication.state: 'FINE' must be one of"),
    ("servers/db-1/instance_profile", "Mine", "servers.db-1.instance_profile: 'Mine' must be one of AWS"),
    ("servers/db-1/replication", {"lag": -1}, "servers.db-1.replication.lag: must be a number of at least 0"),
    ("servers/db-1/fail_launch", {"phase": "BOOT"}, "servers.db-1: fail_launch.phase 'BOOT' must be one of"),
    ("servers/db-2", {"addresses": {"db": "10.10.1.11"}}, "servers.db-2.addresses: 10.10.1.11 is already that of"),
    (
        "servers/db-2",
        {"addresses": {"db": "10.10.1.12"}, "id": "s-00000000000000001"},
        None,
    ),
]


@pytest.mark.parametrize(("path", "value", "text"), MISTAKES)
def test_a_mistake_is_named(path: str, value: Any, text: str | None) -> None:
    document = changed(path, value)
    if text is None:
        assert len(parse(document).servers) == 2
        return
    with pytest.raises(EstateError) as error:
        parse(document)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_two_servers_do_not_share_an_id() -> None:
    document = changed("servers/db-1/id", "s-00000000000000001")
    document["servers"]["db-2"] = {"id": "s-00000000000000001", "addresses": {"db": "10.10.1.12"}}
    with pytest.raises(EstateError, match=r"servers\.db-2\.id: s-0{16}1 is already that of servers\.db-1\.id"):
        parse(document)


def test_a_subnet_name_is_used_once_in_a_region() -> None:
    document = changed(
        f"accounts/{TARGET}/regions/us-west-2/networks/other",
        {"cidr": "10.11.0.0/16", "subnets": {"db": {"cidr": "10.11.1.0/24"}}},
    )
    with pytest.raises(EstateError, match="db is already that of"):
        parse(document)


@pytest.mark.parametrize("document", [None, [], "text", {"accounts": {222222222222: {}}}])
def test_what_is_no_estate_at_all(document: Any) -> None:
    with pytest.raises(EstateError):
        parse(document)


def test_more_servers_than_replicate_into_an_account_are_refused() -> None:
    document = copy.deepcopy(GOOD)
    document["accounts"][TARGET]["regions"]["us-west-2"]["networks"]["home"]["subnets"]["big"] = {
        "cidr": "10.10.8.0/22"
    }
    document["servers"] = {
        f"db-{number}": {"addresses": {"big": f"10.10.{8 + number // 256}.{number % 256}"}} for number in range(10, 311)
    }
    with pytest.raises(
        EstateError, match=r"servers: 301 servers replicate to us-west-2 of account 222222222222; DRS t"
    ):
        parse(document)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "estate.yml"
    path.write_text("accounts: {}\nservers:\n  db-1: {kind: a}\n  db-1: {kind: b}\n", encoding="utf-8")
    with pytest.raises(EstateError, match=r"^line 4: key 'db-1' stands twice in one mapping$"):
        read(path)
