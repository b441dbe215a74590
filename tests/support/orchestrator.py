"""The orchestrator on an embedded AWS with a small estate: deployed and configured within a second or two.

The real archive and the real definitions, put in place by boto3; tests/end_to_end tests the playbook that does it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.accounts import Credentials
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.identity import caller
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.runs_table import RunsTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import plans
from ansible_collections.disaster_recovery.aws.plugins.modules import (
    drs_launch_configuration,
    ip_map,
    reproducible_zip,
)

from tests.support.embedded import TARGET, EmbeddedAws

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "orchestrator"
ESTATE = Path(__file__).with_name("small_estate.yml")
PREFIX = "dr"
REGION = "us-west-2"
FUNCTIONS = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["orchestrator_functions"]
HOME_REGION = "us-east-1"
PROBE_NETWORKS: dict[str, dict[str, Any]] = {
    "failover": {"subnet_ids": ["subnet-0a20100000000d001"], "security_group_ids": ["sg-0a20100000000d001"]},
    "test": {"subnet_ids": ["subnet-0a99100000000d001"], "security_group_ids": ["sg-0a99100000000d001"]},
    "failback": {
        "region": HOME_REGION,
        "subnet_ids": ["subnet-0a10100000000d001"],
        "security_group_ids": ["sg-0a10100000000d001"],
    },
}
MACHINES = {
    "wave": ("wave", ""),
    "follow": ("follow", ""),
    "failover": ("run", "failover"),
    "test": ("run", "test"),
    "failback": ("run", "failback"),
}

RESUMED = re.compile(r"-r[0-9]+$")  # ends the name of an execution that goes on with a run

STEP_FUNCTIONS = ["customer-freeze"]
STEP_DOCUMENTS = ["Switch-DNS", "Wait-For-Ever"]
STEP_ROLE = f"arn:aws:iam::{TARGET}:role/customer-automation"
"""What steps of waves may use: not there until a test makes it."""

KEYS = {name: f"{name}.example.internal" for name in ("db-1", "app-1", "app-2", "rep-1")}
IDS = {name: f"s-{name.replace('-', '')}{'0' * (16 - len(name))}01" for name in KEYS}

SUBNET_MAP = [
    {
        "source_cidr": "10.10.1.0/24",
        "failover": {
            "subnet_id": "subnet-0a20100000000d001",
            "cidr": "10.20.1.0/24",
            "security_groups": ["sg-0a20100000000d001"],
            "address": "keep_host_part",
        },
        "test": {
            "subnet_id": "subnet-0a99100000000d001",
            "cidr": "10.99.1.0/24",
            "security_groups": ["sg-0a99100000000d001"],
            "address": "keep_host_part",
        },
    },
    {
        "source_cidr": "10.10.5.0/28",
        "failover": {
            "subnet_id": "subnet-0a20500000000b001",
            "cidr": "10.20.5.0/28",
            "security_groups": ["sg-0a20100000000d001"],
            "address": "keep_host_part",
        },
        "test": {
            "subnet_id": "subnet-0a99500000000b001",
            "cidr": "10.99.5.0/28",
            "security_groups": ["sg-0a99100000000d001"],
            "address": "keep_host_part",
        },
    },
]

PLAN: dict[str, Any] = {
    "name": "small",
    "description": "Two tiers",
    "groups": {
        "db": {"tags": {"Tier": "database"}},
        "app": {"tags": {"Tier": "application"}},
        "rep": {"servers": [KEYS["rep-1"]]},
    },
    "waves": [
        {"name": "databases", "groups": ["db"], "retries": 0},
        {"name": "applications", "groups": ["app", "rep"], "retries": 0},
    ],
    "optional_servers": [KEYS["rep-1"]],
    "targets": {"rto": 7200, "rpo": 900},
    "decision": {"timeout": 3600, "default": "abort"},
}


class FunctionError(Exception):
    """A function raised: C(name) is the error's name, as the state machines match it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Deployment:
    """What role orchestrator deploys, in the target account of an embedded AWS.

    Args:
        aws: A running emulator.
        folder: Where the archive is built.
        probe_networks: Network profiles of C(PROBE_NETWORKS) that probes are made in.
        accounts: What the inventory declares as C(dr_accounts).
    """

    def __init__(
        self,
        aws: EmbeddedAws,
        folder: Path,
        probe_networks: Sequence[str] = (),
        accounts: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.aws = aws
        self._probe_networks = probe_networks
        self._accounts = accounts
        self.bucket = f"{PREFIX}-evidence-{TARGET}-{REGION}"
        self.topic_arn = f"arn:aws:sns:{REGION}:{TARGET}:{PREFIX}-notices"
        self.archive = folder / "functions.zip"
        self._make_stores()
        self._make_code()

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client of the target account."""
        return self.aws.client(service, region=region)

    def _make_stores(self) -> None:
        for table in ("runs", "ip-map"):
            self.client("dynamodb").create_table(
                TableName=f"{PREFIX}-{table}",
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
                SSESpecification={"Enabled": True, "SSEType": "KMS"},
                DeletionProtectionEnabled=True,
            )
            self.client("dynamodb").update_continuous_backups(
                TableName=f"{PREFIX}-{table}",
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
        self.client("sns").create_topic(Name=f"{PREFIX}-notices")
        self.client("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def _make_code(self) -> None:
        build_archive(self.archive)
        roles = deployed_roles(
            *(tuple(one[key] for one in self._accounts if key in one) for key in ("role_arn", "failback_role_arn"))
        )
        for name in FUNCTIONS:
            self._deploy_function(name, roles[name], Handler=f"{name.replace('-', '_')}.handler", Timeout=120)
        for profile in self._probe_networks:
            network = PROBE_NETWORKS[profile]
            vpc = {"SubnetIds": network["subnet_ids"], "SecurityGroupIds": network["security_group_ids"]}
            name, region = f"probe-{profile}", network.get("region", REGION)
            settings = {"Handler": "probe.handler", "Timeout": 25, "VpcConfig": vpc}
            self._deploy_function(name, roles[name], region, **settings)
        for name in MACHINES:
            self.client("stepfunctions").create_state_machine(
                name=f"{PREFIX}-{name}", definition=definition(name), roleArn=self._role(name, *roles[name])
            )

    def _deploy_function(
        self, name: str, role: tuple[dict[str, Any], dict[str, Any]], region: str = REGION, **settings: Any
    ) -> None:
        self.client("logs", region).create_log_group(logGroupName=f"/aws/lambda/{PREFIX}-{name}")
        self.client("lambda", region).create_function(
            FunctionName=f"{PREFIX}-{name}",
            Runtime="python3.12",
            Role=self._role(name, *role),
            Code={"ZipFile": self.archive.read_bytes()},
            Environment={"Variables": self.environment()},
            **settings,
        )

    def _role(self, name: str, trust: dict[str, Any], policy: dict[str, Any]) -> str:
        iam, role = self.client("iam"), f"{PREFIX}-{name}"
        answer = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=role, PolicyName="orchestrator", PolicyDocument=json.dumps(policy))
        return str(answer["Role"]["Arn"])

    def environment(self) -> dict[str, str]:
        """Return the variables that functions have."""
        return {
            "ACCOUNT_ID": TARGET,
            "PREFIX": PREFIX,
            "RUNS_TABLE": f"{PREFIX}-runs",
            "IP_MAP_TABLE": f"{PREFIX}-ip-map",
            "TOPIC_ARN": self.topic_arn,
            "EVIDENCE_BUCKET": self.bucket,
            "PROBE_NETWORKS": ",".join(
                f"{profile}={PROBE_NETWORKS[profile].get('region', REGION)}" for profile in self._probe_networks
            ),
            "STEP_FUNCTIONS": json.dumps(STEP_FUNCTIONS),
            "STEP_DOCUMENTS": json.dumps(STEP_DOCUMENTS),
            "ACCOUNTS": json.dumps(list(self._accounts)),
        }


class Orchestrator(Deployment):
    """A deployed orchestrator, whose estate is configured and whose plan is published.

    Args:
        aws: A running emulator with C(small_estate.yml), or with another estate and its map and plan.
        folder: Where the archive is built.
        subnet_map: Where the addresses of the estate's networks go.
        plan: The plan that is published.
        probe_networks: Network profiles of C(PROBE_NETWORKS) that probes are made in.
        accounts: What the inventory declares as C(dr_accounts); each has a C(role_arn), or is the target account.
    """

    def __init__(
        self,
        aws: EmbeddedAws,
        folder: Path,
        subnet_map: list[dict[str, Any]] | None = None,
        plan: dict[str, Any] | None = None,
        probe_networks: Sequence[str] = (),
        accounts: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(aws, folder, probe_networks, accounts)
        self._subnet_map = subnet_map or SUBNET_MAP
        self._plan = plan or PLAN
        self.runs = RunsTable(self.client("dynamodb"), f"{PREFIX}-runs")
        self._configure()

    def invoke(self, function: str, run_id: str, **event: Any) -> dict[str, Any]:
        """Call a function as the state machines do; C(now) is the embedded AWS's time unless given.

        Raises:
            FunctionError: It raised.
        """
        payload = {"run_id": run_id, "now": self.now(), **event}
        answer = self.client("lambda").invoke(FunctionName=f"{PREFIX}-{function}", Payload=json.dumps(payload))
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionError(result["errorType"], result["errorMessage"])
        return result

    def now(self) -> str:
        """Return the time of the embedded AWS."""
        return str(self.aws.control("clock")["now"])

    def publish(self, **changes: Any) -> str:
        """Publish the plan with changes, and return its name."""
        plan = plans.parse_plan({**self._plan, **changes})
        who = caller(self.client("sts"))
        self.runs.put_plan(plan.to_document(), digest=plans.digest(plan), by=who.arn, at=who.now)
        return plan.name

    def start(self, mode: str, run_id: str, plan: str = "small", **request: Any) -> str:
        """Start a run and return the ARN of its execution."""
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=f"arn:aws:states:{REGION}:{TARGET}:stateMachine:{PREFIX}-{mode}",
            name=run_id,
            input=json.dumps({"run_id": run_id, "plan": plan, "requested_by": "arn:aws:iam::1:user/me", **request}),
        )
        return str(answer["executionArn"])

    def follow(
        self, execution_arn: str, *, until_paused: bool = False, timeout: float = 120, interval: float = 0.1
    ) -> dict[str, Any]:
        """Wait until an execution ends (or its run is paused), and return it as DescribeExecution does."""
        run_id = RESUMED.sub("", execution_arn.rsplit(":", 1)[1])
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            execution = self.client("stepfunctions").describe_execution(executionArn=execution_arn)
            if execution["status"] != "RUNNING" or (until_paused and self.runs.open_pauses(run_id)):
                return dict(execution)
            time.sleep(interval)
        raise AssertionError(f"{execution_arn} did not end within {timeout} s; events: {self.kinds(run_id)}")

    def decide(self, run_id: str, decision: str, by: str = "") -> None:
        """Answer the open pause of a run, as the caller unless another is named."""
        (pause,) = self.runs.open_pauses(run_id)
        who = caller(self.client("sts"))
        self.runs.answer_pause(
            run_id, pause["pause_id"], decision=decision, by=by or who.arn, at=who.now, reason="the test says so"
        )
        token = self.runs.task_token(run_id, pause["pause_id"])
        self.client("stepfunctions").send_task_success(taskToken=token, output=json.dumps({"decision": decision}))

    def kinds(self, run_id: str) -> list[str]:
        """Return the kinds of a run's events in order."""
        return [event["kind"] for event in self.runs.events(run_id)]

    def statuses(self, run_id: str) -> dict[str, str]:
        """Return the status of every server of a run, by short name."""
        return {item["server_key"].split(".")[0]: item["status"] for item in self.runs.get_servers(run_id)}

    def jobs(self, run_id: str) -> list[dict[str, Any]]:
        """Return the DRS jobs of a run."""
        found = self.client("drs").describe_jobs(filters={})["items"]
        return [job for job in found if job["tags"].get("dr:run") == run_id]

    def change_source_server(self, name: str, **changes: Any) -> None:
        """Change a source server through the control API."""
        where = {"account": TARGET, "region": REGION, "source_server_id": IDS[name]}
        self.aws.control("drs/source-server", {**where, **changes})

    def _configure(self) -> None:
        def clients(service: str, region: str | None = None, credentials: Credentials | None = None) -> Any:
            own = credentials.arguments() if credentials else {}
            return self.aws.client(service, region or REGION, **own)

        mapping = options(
            ip_map,
            table=f"{PREFIX}-ip-map",
            subnet_map=self._subnet_map,
            source_region="us-east-1",
            accounts=list(self._accounts),
        )
        settings = options(
            drs_launch_configuration,
            ip_map_table=f"{PREFIX}-ip-map",
            defaults={"target_instance_type_right_sizing_method": "NONE", "copy_private_ip": False},
            mandatory_tags={"Owner": "dr-team"},
        )
        assert ip_map.run(mapping, clients, False)["changed"]
        assert drs_launch_configuration.run(settings, clients, False)["changed"]
        self.publish()


def options(module: Any, **given: Any) -> dict[str, Any]:
    """Return the options of a module as it gets them: those that are given, and the defaults of the others."""
    with mock.patch.object(module, "run_module") as run_module:
        module.main()
    (spec, _run), _more = run_module.call_args
    return {**{name: option.get("default") for name, option in spec.items()}, **given}


def build_archive(path: Path) -> None:
    """Build the functions' archive as role orchestrator does."""
    task = next(
        task
        for task in yaml.safe_load((ROLE / "tasks" / "functions.yml").read_text(encoding="utf-8"))
        if "disaster_recovery.aws.reproducible_zip" in task
    )
    sources = [
        {"prefix": "", **source, "src": source["src"].replace("{{ role_path }}", str(ROLE))}
        for source in task["disaster_recovery.aws.reproducible_zip"]["sources"]
    ]
    reproducible_zip.run(str(path), sources, packages=True, check_mode=False)


@cache
def deployed_roles(
    account_roles: tuple[str, ...] = (), failback_roles: tuple[str, ...] = ()
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return the trust and the policy of each role, rendered from the tasks that deploy them, by short name.

    Args:
        account_roles: Roles of other accounts that the inventory declares.
        failback_roles: Roles for a failback that it declares for the first of these accounts.
    """
    loader = DataLoader()
    variables: dict[str, Any] = {
        "orchestrator_prefix": PREFIX,
        "orchestrator_region": REGION,
        "orchestrator_caller": {"account": TARGET, "arn": f"arn:aws:iam::{TARGET}:user/dr-operator"},
        "orchestrator_source_region": HOME_REGION,
        "orchestrator_tags": {},
        "orchestrator_accounts": [
            {"role_arn": arn, **({"failback_role_arn": failback} if failback else {})}
            for arn, failback in zip_longest(account_roles, failback_roles)
        ],
        "orchestrator_probe_networks": PROBE_NETWORKS,
        "orchestrator_step_functions": STEP_FUNCTIONS,
        "orchestrator_step_documents": STEP_DOCUMENTS,
        "orchestrator_step_roles": [STEP_ROLE],
    }
    for name in ("main", "policies"):
        variables |= loader.load_from_file(str(ROLE / "vars" / f"{name}.yml"), trusted_as_template=True)
    tasks = loader.load_from_file(str(ROLE / "tasks" / "roles.yml"), trusted_as_template=True)

    def rendered(module: str, option: str) -> dict[str, dict[str, Any]]:
        found = {}
        for task in tasks:
            if module not in task:
                continue
            own = {**variables, **task.get("vars", {})}
            for item in Templar(loader, variables=own).template(task["loop"]):
                value = Templar(loader, variables={**own, "item": item}).template(task[module][option])
                found[item["key"] if isinstance(item, dict) else item] = value
        return found

    trusts = rendered("amazon.aws.iam_role", "assume_role_policy_document")
    rights = rendered("amazon.aws.iam_policy", "policy_json")
    return {name: (trust, rights[name]) for name, trust in trusts.items()}


def definition(machine: str) -> str:
    """Return the definition of a state machine as it is deployed."""
    source, mode = MACHINES[machine]
    text = (ROLE / "files" / "state_machines" / f"{source}.asl.yml").read_text(encoding="utf-8")
    for placeholder, value in {
        "${Mode}": mode,
        "${Partition}": "aws",
        "${FunctionArnPrefix}": f"arn:aws:lambda:{REGION}:{TARGET}:function:{PREFIX}-",
        "${WaveStateMachineArn}": f"arn:aws:states:{REGION}:{TARGET}:stateMachine:{PREFIX}-wave",
        "${FollowStateMachineArn}": f"arn:aws:states:{REGION}:{TARGET}:stateMachine:{PREFIX}-follow",
    }.items():
        text = text.replace(placeholder, value)
    return json.dumps(yaml.safe_load(text), sort_keys=True)


def request(run_id: str, mode: str, plan: str, requested_at: str) -> dict[str, str]:
    """Return what the state machine hands to open-run."""
    return {
        "plan": plan,
        "mode": mode,
        "execution_arn": f"arn:aws:states:{REGION}:{TARGET}:execution:{PREFIX}-{mode}:{run_id}",
        "requested_by": f"arn:aws:iam::{TARGET}:user/dr-operator",
        "requested_at": requested_at,
    }


def launch_home(orchestrator: Orchestrator, server_ids: Sequence[str]) -> dict[str, str]:
    """Launch source servers at home as the waves of a failback do, at addresses that AWS chooses.

    Returns:
        The instances by source server.
    """
    drs, ec2 = (orchestrator.client(service, "us-east-1") for service in ("drs", "ec2"))
    data = {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0a10100000000d001"}]}
    for server_id in server_ids:
        template = drs.get_launch_configuration(sourceServerID=server_id)["ec2LaunchTemplateID"]
        made = ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
        number = made["LaunchTemplateVersion"]["VersionNumber"]
        ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(number))
    drs.start_recovery(sourceServers=[{"sourceServerID": server_id} for server_id in server_ids])
    orchestrator.aws.control("clock", {"advance": 3600})
    launched = drs.describe_recovery_instances(filters={"sourceServerIDs": list(server_ids)})["items"]
    return {item["sourceServerID"]: item["recoveryInstanceID"] for item in launched}
