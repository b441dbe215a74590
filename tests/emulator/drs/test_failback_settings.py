"""The other values of the settings of failback: what public sources leave open [facts 6, 10.2]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.drs.support import Drs, frozen, replication_template
from tests.support.embedded import ACCOUNTS, TARGET

HOME, THERE = "subnet-0a000000000000001", "subnet-0a000000000000002"


def region(subnet: str, cidr: str, **keys: Any) -> dict[str, Any]:
    """Return a Region with one network of one subnet, `only`."""
    return {"networks": {"net": {"cidr": cidr, "subnets": {"only": {"id": subnet, "cidr": cidr}}}}, **keys}


def server(number: int, source_region: str, address: str) -> dict[str, Any]:
    return {
        "id": f"s-server{number:011}",
        "os": "Linux",
        "instance_type": "t3.small",
        "disks": {"/dev/xvda": 8},
        "tags": {"Tier": "web"},
        "addresses": {"only": address},
        "source": {"account": TARGET, "region": source_region},
        "replication": {"account": TARGET, "region": "us-west-2", "staging_subnet": "only", "ebs_encryption": "NONE"},
    }


ESTATE: dict[str, Any] = {
    "accounts": {
        TARGET: {
            **ACCOUNTS[TARGET],
            "regions": {
                "us-east-1": region(HOME, "10.1.0.0/24", drs=True, drs_staging_subnet="only"),
                "us-east-2": region("subnet-0a000000000000003", "10.3.0.0/24"),
                "us-west-2": region(THERE, "10.2.0.0/24", drs=True),
            },
        }
    },
    "drs_settings": {
        "initialisation_seconds": 10,
        "reverse_of_drills": False,
        "reverse_reuses_server": True,
        "failback_completes_at_launch": True,
        "reversed_arn_goes_stale": False,
        "reversed_server_copies_tags": True,
        "resync_when_encryption_changes": False,
        "replication_templates_per_region": 2,
    },
    "servers": {"one": server(1, "us-east-1", "10.1.0.10"), "two": server(2, "us-east-2", "10.3.0.10")},
}


@pytest.fixture(scope="module")
def there() -> Iterator[Drs]:
    """The recovery Region of a small estate with these settings."""
    with frozen(ESTATE) as running:
        yield running


def recovered(drs: Drs, server_id: str, subnet: str, **options: Any) -> str:
    """Recover a server and return its recovery instance; it has had ten seconds to initialise."""
    drs.launch_into(server_id, subnet)
    drs.recover(server_id, **options)
    return str(drs.server(server_id)["recoveryInstanceId"])


def test_the_settings_change_how_failback_goes(there: Drs) -> None:
    home, source = Drs(there.aws, region="us-east-1"), "s-server00000000001"
    drill = recovered(there, source, THERE, isDrill=True)
    with pytest.raises(there.api.exceptions.ConflictException, match="launched by a drill"):
        there.api.reverse_replication(recoveryInstanceID=drill)
    instance = recovered(there, source, THERE)
    first = there.api.reverse_replication(recoveryInstanceID=instance)["reversedDirectionSourceServerArn"]
    back = first.rsplit("/", 1)[1]
    assert home.server(back)["tags"] == {"Name": "one", "Tier": "web"}
    there.advance(3600)
    recovered(home, back, HOME)
    assert there.recovery_instance_of(source)["failback"]["state"] == "FAILBACK_COMPLETED"

    again = recovered(there, source, THERE)
    second = there.api.reverse_replication(recoveryInstanceID=again)["reversedDirectionSourceServerArn"]
    assert second == first == there.server(source)["reversedDirectionSourceServerArn"]
    assert home.server(back)["sourceProperties"]["identificationHints"]["awsInstanceID"] == again
    assert home.server(back)["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
    there.advance(1800)
    assert home.server(back)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_an_origin_region_without_drs_is_uninitialised(there: Drs) -> None:
    # 6.1 step 0: "without it ReverseReplication fails (UninitializedAccount or no template)"
    instance = recovered(there, "s-server00000000002", THERE)
    with pytest.raises(there.api.exceptions.UninitializedAccountException):
        there.api.reverse_replication(recoveryInstanceID=instance)
    elsewhere = there.aws.client("drs", region="us-east-2")
    elsewhere.initialize_service()
    with pytest.raises(there.api.exceptions.ResourceNotFoundException, match="no replication configuration template"):
        there.api.reverse_replication(recoveryInstanceID=instance)
    elsewhere.create_replication_configuration_template(**replication_template("subnet-0a000000000000003"))
    assert there.api.reverse_replication(recoveryInstanceID=instance)["reversedDirectionSourceServerArn"]


def test_a_new_encryption_alone_copies_nothing(there: Drs) -> None:
    source = "s-server00000000002"
    there.api.update_replication_configuration(sourceServerID=source, ebsEncryption="DEFAULT")
    assert there.server(source)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_more_templates_are_allowed(there: Drs) -> None:
    home = there.aws.client("drs", region="us-east-1")
    home.create_replication_configuration_template(**replication_template(HOME))
    with pytest.raises(home.exceptions.ServiceQuotaExceededException, match=r"\(2\)"):
        home.create_replication_configuration_template(**replication_template(HOME))
