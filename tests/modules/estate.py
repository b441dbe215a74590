"""The sample estate in an embedded AWS, and single tasks run against it as a playbook would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.support.embedded import ROOT, EmbeddedAws
from tests.support.playbook import Outcome, run_playbook

INVENTORY = ROOT / "tests/modules/inventory"
DECLARATION: dict[str, Any] = yaml.safe_load((INVENTORY / "group_vars/all/declaration.yml").read_text(encoding="utf-8"))
TABLE = f"{DECLARATION['dr_prefix']}-ip-map"
KEYWORDS = frozenset({"check_mode", "diff"})
SAMPLE = ROOT / "emulator/estate/sample.yml"
READING = ("Describe", "Get", "List", "BatchGet", "Query")


class Estate:
    """The sample estate (or another one), with an empty IP map table, for one test file."""

    def __init__(self, directory: Path, document: dict[str, Any] | None = None) -> None:
        self.aws = EmbeddedAws(document or SAMPLE)
        self._directory = directory
        self._files = 0
        self.make_table(TABLE)

    def make_table(self, name: str) -> str:
        """Make an empty IP map table and return its name."""
        self.aws.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        return name

    @property
    def connection(self) -> dict[str, str]:
        """The inventory variables that say where AWS is."""
        keys = self.aws.credentials()
        return {
            "dr_endpoint_url": self.aws.endpoint,
            "dr_access_key": keys["aws_access_key_id"],
            "dr_secret_key": keys["aws_secret_access_key"],
        }

    def configure(self, *arguments: str, succeeds: bool = True, **variables: Any) -> Outcome:
        """Run the playbook configure with the declaration of these tests."""
        return run_playbook(
            "disaster_recovery.aws.configure",
            *arguments,
            inventory=INVENTORY,
            variables={**self.connection, **variables},
            succeeds=succeeds,
        )

    def tasks(self, *tasks: dict[str, Any], arguments: tuple[str, ...] = (), **variables: Any) -> list[dict[str, Any]]:
        """Run tasks (module name without namespace: its options) in one play and return what each answered.

        The keywords C(check_mode) and C(diff) may stand beside the module.
        """
        self._files += 1
        playbook = self._directory / f"tasks-{self._files}.yml"
        results = self._directory / f"results-{self._files}.json"
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": yaml.safe_load((ROOT / "playbooks/configure.yml").read_text(encoding="utf-8"))[0][
                "module_defaults"
            ],
            "tasks": [
                *(
                    {
                        "name": f"Task {number}",
                        **{
                            key if key in KEYWORDS else f"disaster_recovery.aws.{key}": value
                            for key, value in task.items()
                        },
                        "register": f"answer_{number}",
                        "ignore_errors": True,
                    }
                    for number, task in enumerate(tasks)
                ),
                {
                    "name": "Write down the answers",
                    "ansible.builtin.copy": {
                        "dest": str(results),
                        "content": "{{ answers | to_json }}",
                        "mode": "0600",
                    },
                    "vars": {"answers": [f"{{{{ answer_{number} }}}}" for number in range(len(tasks))]},
                    "check_mode": False,
                    "diff": False,
                },
            ],
        }
        playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
        run_playbook(playbook, *arguments, inventory=INVENTORY, variables={**self.connection, **variables})
        answers: list[dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
        return answers

    def client(self, service: str, *, region: str = "us-west-2") -> Any:
        """Return a client as a module gets it, for tests that call a module's C(run) without Ansible."""
        return self.aws.client(service, region)

    def writes(self) -> dict[str, int]:
        """Return how many calls the target account has made so far of every operation that is not a mere read."""
        counts: dict[str, int] = {}
        for entry in self.aws.control("calls")["counts"]:
            name = entry["operation"]
            if entry["service"] in {"drs", "ec2", "dynamodb"} and not name.startswith(READING):
                counts[name] = counts.get(name, 0) + entry["count"]
        return counts

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the source servers of the target account by name."""
        items = self.aws.client("drs").describe_source_servers(filters={})["items"]
        return {item["tags"]["Name"]: item for item in items}

    def template(self, name: str) -> tuple[str, list[dict[str, Any]]]:
        """Return the launch template of a server and its versions, the oldest first."""
        server_id = self.servers()[name]["sourceServerID"]
        configuration = self.aws.client("drs").get_launch_configuration(sourceServerID=server_id)
        template_id = configuration["ec2LaunchTemplateID"]
        answer = self.aws.client("ec2").describe_launch_template_versions(LaunchTemplateId=template_id)
        return template_id, sorted(answer["LaunchTemplateVersions"], key=lambda version: version["VersionNumber"])

    def default_data(self, name: str) -> dict[str, Any]:
        """Return what a server launches with."""
        return next(version for version in self.template(name)[1] if version["DefaultVersion"])["LaunchTemplateData"]

    def items(self, table: str) -> list[dict[str, Any]]:
        """Return everything in an IP map table, in DynamoDB's form."""
        found: list[dict[str, Any]] = self.aws.client("dynamodb").scan(TableName=table)["Items"]
        return found

    def stop(self) -> None:
        """Stop the embedded AWS."""
        self.aws.stop()
