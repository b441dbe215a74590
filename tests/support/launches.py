"""A generated estate with an IP map, and the modules about launch configurations run on it, every call counted."""

from __future__ import annotations

from collections import ChainMap
from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.modules import drs_launch_configuration, ip_map

from emulator.estate.document import parse
from emulator.estate.generator import HOME_REGION, RECOVERY_REGION, TARGET, generate
from tests.support.embedded import EmbeddedAws
from tests.support.orchestrator import options

TABLE = "launches-ip-map"
PROFILES = {"failover": "recovery", "test": "drill"}
READING = ("Describe", "Get", "List", "BatchGet", "Query")


def subnet_map(estate: dict[str, Any]) -> list[dict[str, Any]]:
    """Map the home subnets of all accounts of a generated estate to their equals in the recovery and drill networks."""
    accounts = parse(estate).accounts
    away = accounts[TARGET].regions[RECOVERY_REGION]
    mapped = []
    for name, subnet in ChainMap(*(account.regions[HOME_REGION].subnets for account in accounts.values())).items():
        profiles = {}
        for profile, kind in PROFILES.items():
            found = away.subnet(name.replace("home", kind), name)
            group = away.networks[found.network].groups[f"{kind}-{name.rsplit('-', 1)[1]}"]
            profiles[profile] = {
                "subnet_id": found.subnet_id,
                "cidr": str(found.cidr),
                "security_groups": [group.group_id],
                "address": "keep_host_part",
            }
        mapped.append({"source_cidr": str(subnet.cidr), **profiles})
    return mapped


class Launches:
    """A generated estate of one account, mapped.

    Args:
        servers: How many.
    """

    def __init__(self, servers: int) -> None:
        estate = generate(servers)
        self.aws = EmbeddedAws(estate)
        self.aws.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        self.networks = subnet_map(estate)
        mapping = options(ip_map, table=TABLE, subnet_map=self.networks, source_region=HOME_REGION)
        mapped = ip_map.run(mapping, self.clients, False)
        self.entries: list[dict[str, Any]] = mapped["entries"]
        self.keys: list[str] = sorted({entry["server_key"] for entry in self.entries})
        self.ids = {entry["server_key"]: entry["drs"]["source_server_id"] for entry in self.entries}
        found = self.aws.client("drs").describe_source_servers(maxResults=1000)["items"]
        windows = {
            item["sourceServerID"] for item in found if "Windows" in item["sourceProperties"]["os"]["fullString"]
        }
        self.linux = [key for key in self.keys if self.ids[key] not in windows]

    def clients(self, service: str, region: str | None = None, credentials: None = None) -> Any:
        """Return a client as modules get them."""
        assert credentials is None, "the estate has one account"
        return self.aws.client(service, region or RECOVERY_REGION)

    def run(
        self, module: Any = drs_launch_configuration, *, check: bool = False, **given: Any
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """Run a module with the IP map, and return its answer and how often it called what."""
        if not given.keys() & {"ip_map_table", "ip_map_entries"}:
            given["ip_map_entries"] = self.entries
        before = self._counts()
        answer = module.run(options(module, **given), self.clients, check)
        after = self._counts()
        return answer, {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name)}

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for entry in self.aws.control("calls")["counts"]:
            counts[entry["operation"]] = counts.get(entry["operation"], 0) + entry["count"]
        return counts

    def configuration(self, key: str) -> dict[str, Any]:
        """Return the DRS launch configuration of a server."""
        answer: dict[str, Any] = self.aws.client("drs").get_launch_configuration(sourceServerID=self.ids[key])
        return answer

    def template_id(self, key: str) -> str:
        """Return the launch template of a server."""
        return str(self.configuration(key)["ec2LaunchTemplateID"])

    def versions(self, key: str) -> list[dict[str, Any]]:
        """Return the versions of a server's launch template, the oldest first."""
        answer = self.aws.client("ec2").describe_launch_template_versions(LaunchTemplateId=self.template_id(key))
        return sorted(answer["LaunchTemplateVersions"], key=lambda version: version["VersionNumber"])

    def default(self, key: str) -> dict[str, Any]:
        """Return what a server launches with."""
        data: dict[str, Any] = next(item for item in self.versions(key) if item["DefaultVersion"])["LaunchTemplateData"]
        return data

    def reset(self, key: str) -> None:
        """Give a server the launch configuration and the template that DRS gives a new one."""
        self.aws.client("ec2").delete_launch_template(LaunchTemplateId=self.template_id(key))
        self.aws.client("drs").update_launch_configuration(
            sourceServerID=self.ids[key],
            launchDisposition="STARTED",
            targetInstanceTypeRightSizingMethod="BASIC",
            copyPrivateIp=False,
            copyTags=False,
        )

    def by_hand(self, key: str, source: bool = True, **data: Any) -> int:
        """Make a version with other data the default, as a person would, and return its number."""
        ec2, template_id = self.aws.client("ec2"), self.template_id(key)
        origin = {"SourceVersion": "$Default"} if source else {}
        made = ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData=data, **origin)
        number = int(made["LaunchTemplateVersion"]["VersionNumber"])
        ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(number))
        return number


def writes(calls: dict[str, int]) -> dict[str, int]:
    """Return the calls that are not mere reads."""
    return {name: count for name, count in calls.items() if not name.startswith(READING)}
