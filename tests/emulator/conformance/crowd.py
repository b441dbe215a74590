"""An account of DRS that has several of everything that DRS can list: for paginators and for odd requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.emulator.drs.support import TARGET, Drs, frozen

NOT_EMULATED = frozenset(
    {
        "AssociateSourceNetworkStack",
        "CreateSourceNetwork",
        "DeleteSourceNetwork",
        "DescribeSourceNetworks",
        "ExportSourceNetworkCfnTemplate",
        "StartSourceNetworkRecovery",
        "StartSourceNetworkReplication",
        "StopSourceNetworkReplication",
    }
)
"""The operations of DRS that answer NotEmulatedException. Take out what is emulated by now; nothing may be added."""

REGION = "us-west-2"
SUBNET = "subnet-0c000000000000001"
STAGING_ACCOUNTS = {"111111111111": 4, "333333333333": 1, "444444444444": 1}
OWN = 9


def _server_id(account: str, number: int) -> str:
    return f"s-{account}{number:05}"


def estate() -> dict[str, Any]:
    """Return servers in the target account, and in three accounts whose servers can be extended into it."""
    network = {"cidr": "10.9.0.0/16", "subnets": {"only": {"cidr": "10.9.0.0/20"}}}
    own = {**network, "subnets": {"only": {"cidr": "10.9.0.0/20", "id": SUBNET}}}
    accounts: dict[str, Any] = {}
    servers: dict[str, Any] = {}
    for account, count in {TARGET: OWN, **STAGING_ACCOUNTS}.items():
        accounts[account] = {
            "access_keys": [
                {
                    "user": "operator",
                    "access_key_id": f"AKIACROWDED{account[:9]}",
                    "secret_access_key": f"secret-of-the-crowded-account-{account}",
                }
            ],
            "drs_target_accounts": [] if account == TARGET else [TARGET],
            "regions": {REGION: {"drs": True, "networks": {"only": own if account == TARGET else network}}},
        }
        place = {"account": account, "region": REGION}
        for number in range(count):
            servers[f"host-{account}-{number}"] = {
                "id": _server_id(account, number),
                "os": "Linux",
                "instance_type": "t3.small",
                "disks": {"/dev/xvda": 8},
                "addresses": {"only": f"10.9.1.{10 + number}"},
                "source": place,
                "replication": {**place, "staging_subnet": "only", "ebs_encryption": "NONE"},
            }
    return {"drs_settings": {"jitter": 0}, "accounts": accounts, "servers": servers}


@dataclass
class Crowd:
    """The running emulator and what was made in it: identifiers by kind."""

    drs: Drs
    servers: list[str] = field(default_factory=lambda: [_server_id(TARGET, number) for number in range(OWN)])
    jobs: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)

    def call(self, operation: str) -> Callable[..., dict[str, Any]]:
        """Return boto3's method for an operation."""
        found: Callable[..., dict[str, Any]] = getattr(self.drs.api, method(operation))
        return found


def method(name: str) -> str:
    """Return boto3's name of an operation."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Run it."""
    with frozen(estate()) as drs:
        made = Crowd(drs)
        for operation, stock in _STOCK.items():
            if operation not in NOT_EMULATED:
                stock(made)
        yield made


def _extend(made: Crowd) -> None:
    for account in STAGING_ACCOUNTS:
        arn = f"arn:aws:drs:{REGION}:{account}:source-server/{_server_id(account, 0)}"
        made.drs.api.create_extended_source_server(sourceServerArn=arn)


def _recover(made: Crowd) -> None:
    for server in made.servers:
        made.drs.launch_into(server, SUBNET)
    made.jobs = [made.drs.start(server, isDrill=True) for server in made.servers[:3]]
    made.drs.advance(1000)


def _plan(made: Crowd) -> None:
    api = made.drs.api
    for number, server in enumerate(made.servers[3:6]):
        arn = api.create_recovery_plan(name=f"plan-{number}")["recoveryPlan"]["recoveryPlanArn"]
        recover = {"serverStepConfiguration": {"servers": [{"serverArn": made.drs.server(server)["arn"]}]}}
        wait = {"waitStepConfiguration": {"waitDurationMinutes": 1}}
        for step, configuration in enumerate((recover, wait, wait)):
            api.create_recovery_plan_step(recoveryPlanArn=arn, stepName=f"step-{step}", configuration=configuration)
        execution = api.start_recovery_plan_execution(recoveryPlanArn=arn, mode="DRILL")["recoveryPlanExecution"]
        made.plans.append(arn)
        made.executions.append(execution["recoveryPlanExecutionArn"])


def _launch_configuration_template(made: Crowd) -> None:
    made.drs.api.create_launch_configuration_template(copyTags=True)


def _replication_configuration_template(made: Crowd) -> None:
    rules = (("MINUTE", 10, 60), ("HOUR", 1, 24), ("DAY", 1, 7))
    made.drs.api.create_replication_configuration_template(
        stagingAreaSubnetId=SUBNET,
        replicationServersSecurityGroupsIDs=[],
        ebsEncryption="DEFAULT",
        bandwidthThrottling=0,
        stagingAreaTags={},
        pitPolicy=[
            {"units": units, "interval": interval, "retentionDuration": kept} for units, interval, kept in rules
        ],
    )


def _launch_actions(made: Crowd) -> None:
    for number in range(3):
        made.drs.api.put_launch_action(
            resourceId=made.servers[0],
            actionCode="AWS-RunShellScript",
            order=1001 + number,
            actionId=f"00000000-0000-4000-8000-00000000000{number}",
            optional=True,
            active=True,
            name=f"action {number}",
            actionVersion="1",
            category="OTHER",
            description="does nothing",
        )


def _source_networks(made: Crowd) -> None:
    for _ in range(3):
        vpc = made.drs.ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        made.drs.api.create_source_network(vpcID=vpc, originAccountID=TARGET, originRegion=REGION)


_STOCK: dict[str, Callable[[Crowd], None]] = {
    "CreateExtendedSourceServer": _extend,
    "StartRecovery": _recover,
    "CreateRecoveryPlan": _plan,
    "CreateLaunchConfigurationTemplate": _launch_configuration_template,
    "CreateReplicationConfigurationTemplate": _replication_configuration_template,
    "PutLaunchAction": _launch_actions,
    "CreateSourceNetwork": _source_networks,
}

REQUESTS: dict[str, Callable[[Crowd], dict[str, Any]]] = {
    "DescribeJobLogItems": lambda made: {"jobID": made.jobs[0]},
    "DescribeJobs": lambda made: {"filters": {"jobIDs": made.jobs}},
    "DescribeLaunchConfigurationTemplates": lambda _: {},
    "DescribeRecoveryInstances": lambda made: {"filters": {"sourceServerIDs": made.servers[:3]}},
    "DescribeRecoverySnapshots": lambda made: {"sourceServerID": made.servers[0], "order": "ASC"},
    "DescribeReplicationConfigurationTemplates": lambda _: {},
    "DescribeSourceNetworks": lambda _: {},
    "DescribeSourceServers": lambda _: {},
    "ListExtensibleSourceServers": lambda _: {"stagingAccountID": "111111111111"},
    "ListLaunchActions": lambda made: {"resourceId": made.servers[0]},
    "ListRecoveryPlanExecutionSteps": lambda made: {"recoveryPlanExecutionArn": made.executions[0]},
    "ListRecoveryPlanExecutions": lambda _: {},
    "ListRecoveryPlanSteps": lambda made: {"recoveryPlanArn": made.plans[0]},
    "ListRecoveryPlans": lambda _: {},
    "ListStagingAccounts": lambda _: {},
}
"""What lists some of what was made, by the operation that does it."""
