"""Functions in a VPC: their interfaces there, made with the permissions of their role.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html. AWS shares interfaces between functions of one
subnet and groups; here each function has its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.ec2.models import ec2_backends

from emulator.auth import Principal
from emulator.completion import replace
from emulator.ec2.identifiers import made_for
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.request import Need
from emulator.lambda_runner.errors import InvalidParameterValue
from emulator.machines.reach import INTERFACES

_NEEDED = ("CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets")


def install() -> None:
    """Give functions with VpcConfig their interfaces."""
    backend = LambdaBackend
    replace(
        backend,
        create_function=_creating(backend.create_function),
        update_function_configuration=_configuring(backend.update_function_configuration),
        delete_function=_deleting(backend.delete_function),
    )
    replace(LambdaFunction, vpc_config=property(_shown))


def _creating(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(self: LambdaBackend, spec: dict[str, Any]) -> Any:
        config = spec.get("VpcConfig") or {}
        _check(self, config, spec["Role"])
        function = original(self, spec)
        _connect(self, function.function_arn, config)
        return function

    return create


def _configuring(original: Callable[..., Any]) -> Callable[..., Any]:
    def configure(self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        if body.get("VpcConfig") is None:
            return original(self, function_name, qualifier, body)
        function = self.get_function(function_name)
        _check(self, body["VpcConfig"], body.get("Role") or function.role)
        answer = original(self, function_name, qualifier, body)
        _disconnect(self, function.function_arn)
        _connect(self, function.function_arn, body["VpcConfig"])
        return answer

    return configure


def _deleting(original: Callable[..., Any]) -> Callable[..., Any]:
    def delete(self: LambdaBackend, function_name: str, qualifier: str | None = None) -> Any:
        function = self.get_function(function_name) if qualifier is None else None
        answer = original(self, function_name, qualifier)
        if function is not None:
            _disconnect(self, function.function_arn)
        return answer

    return delete


def _check(backend: LambdaBackend, config: dict[str, Any], role: str) -> None:
    subnet_ids, group_ids = config.get("SubnetIds") or [], config.get("SecurityGroupIds") or []
    if bool(subnet_ids) != bool(group_ids):
        raise InvalidParameterValue("Both SubnetIds and SecurityGroupIds are needed to be in a VPC, or neither")
    if not subnet_ids:
        return
    for name in _NEEDED:
        if ENFORCEMENT.require([Need(f"ec2:{name}", "*")], Principal.of_role(role, "lambda"), backend.region_name):
            raise InvalidParameterValue(f"The provided execution role does not have permissions to call {name} on EC2")
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    known = {subnet_id: subnet for zone in ec2.subnets.values() for subnet_id, subnet in zone.items()}
    for subnet_id in subnet_ids:
        if subnet_id not in known:
            raise InvalidParameterValue(
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. "
                f"EC2 Error Message: The subnet ID '{subnet_id}' does not exist"
            )
    networks = {known[subnet_id].vpc_id for subnet_id in subnet_ids}
    for group_id in group_ids:
        group = ec2.get_security_group_from_id(group_id)
        if group is None or group.vpc_id not in networks:
            raise InvalidParameterValue(
                "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. "
                f"EC2 Error Message: The security group '{group_id}' does not exist"
            )
    if len(networks) > 1:
        raise InvalidParameterValue("The subnets of a function are in one VPC")


def _connect(backend: LambdaBackend, function_arn: str, config: dict[str, Any]) -> None:
    if not config.get("SubnetIds"):
        return
    ec2: Any = ec2_backends[backend.account_id][backend.region_name]
    name, made = function_arn.rsplit(":", 1)[-1], []
    for subnet_id in config["SubnetIds"]:
        with made_for("function", function_arn, subnet_id):
            interface = ec2.create_network_interface(
                subnet_id, None, None, config["SecurityGroupIds"], f"AWS Lambda VPC ENI-{name}"
            )
        interface.interface_type = "lambda"
        interface.requester_managed = True
        made.append(interface.id)
    INTERFACES[function_arn] = made


def _disconnect(backend: LambdaBackend, function_arn: str) -> None:
    ec2: Any = ec2_backends[backend.account_id][backend.region_name]
    for interface_id in INTERFACES.pop(function_arn, []):
        ec2.delete_network_interface(interface_id)


def _shown(self: LambdaFunction) -> dict[str, Any] | None:
    config = self._vpc_config
    if not config or not config.get("SubnetIds"):
        return None
    ec2 = ec2_backends[self.account_id][self.region]
    return {**config, "VpcId": ec2.get_subnet(config["SubnetIds"][0]).vpc_id}
