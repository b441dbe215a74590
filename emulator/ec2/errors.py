"""Errors of EC2 that moto does not have, with EC2's codes and texts."""

from __future__ import annotations

from collections.abc import Sequence

from moto.ec2.exceptions import EC2ClientError


def outside_subnet(address: str) -> EC2ClientError:
    """Return the error for an address that the subnet does not contain."""
    return EC2ClientError("InvalidParameterValue", f"Address {address} does not fall within the subnet's address range")


def reserved_address(address: str) -> EC2ClientError:
    """Return the error for one of the five addresses that AWS keeps in each subnet."""
    return EC2ClientError("InvalidParameterValue", f"Address {address} is in subnet's reserved address range")


def address_in_use(address: str) -> EC2ClientError:
    """Return the error for an address that another interface holds."""
    return EC2ClientError("InvalidIPAddress.InUse", f"Address {address} is in use.")


def not_an_address(address: str) -> EC2ClientError:
    """Return the error for a text that is no IPv4 address."""
    return EC2ClientError(
        "InvalidParameterValue", f"Value ({address}) for parameter privateIpAddress is invalid. Invalid IPv4 address."
    )


def subnet_full(subnet_id: str) -> EC2ClientError:
    """Return the error for a subnet without a free address."""
    return EC2ClientError(
        "InsufficientFreeAddressesInSubnet",
        f"The specified subnet does not have enough free addresses to satisfy the request. Subnet: {subnet_id}",
    )


def group_not_found(group_id: str) -> EC2ClientError:
    """Return the error for a security group that does not exist."""
    return EC2ClientError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")


def group_of_other_network(group_id: str, subnet_id: str) -> EC2ClientError:
    """Return the error for a security group of another VPC than the subnet's."""
    return EC2ClientError(
        "InvalidParameter", f"Security group {group_id} and subnet {subnet_id} belong to different networks."
    )


def template_version_not_found(template_id: str, version: object) -> EC2ClientError:
    """Return the error for a version that a launch template does not have."""
    return EC2ClientError(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version {version} for the launch template with ID {template_id}.",
    )


def token_of_another_request() -> EC2ClientError:
    """Return the error for a client token that was used with other parameters."""
    return EC2ClientError(
        "IdempotentParameterMismatch",
        "The request uses the same client token as a previous, but non-identical request.",
    )


def type_not_in_zone(instance_type: str, zone: str, offering: Sequence[str]) -> EC2ClientError:
    """Return the error for an instance type that a zone does not offer."""
    return EC2ClientError(
        "Unsupported",
        f"Your requested instance type ({instance_type}) is not supported in your requested Availability Zone ({zone})."
        f" Please retry your request by not specifying an Availability Zone or choosing {', '.join(offering)}.",
    )


def insufficient_capacity(instance_type: str, zone: str, others: Sequence[str]) -> EC2ClientError:
    """Return the error for a zone that has no more room for an instance type."""
    advice = (
        f" You can currently get {instance_type} capacity by not specifying an Availability Zone in your request or "
        f"choosing {', '.join(others)}."
        if others
        else ""
    )
    return EC2ClientError(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone})."
        f" Our system will be working on provisioning additional capacity.{advice}",
    )


def no_type_fits() -> EC2ClientError:
    """Return the error for instance requirements that no instance type satisfies."""
    return EC2ClientError(
        "InvalidParameterValue", "No instance type satisfies the instance requirements in the Availability Zone."
    )


def profile_not_found(parameter: str, value: str) -> EC2ClientError:
    """Return the error for an instance profile that does not exist."""
    return EC2ClientError(
        "InvalidParameterValue",
        f"Value ({value}) for parameter iamInstanceProfile.{parameter} is invalid. "
        f"Invalid IAM Instance Profile {'name' if parameter == 'name' else 'ARN'}",
    )


def interface_in_use(interface_id: str) -> EC2ClientError:
    """Return the error for an interface that is attached to another instance."""
    return EC2ClientError("InvalidNetworkInterface.InUse", f"Interface: [{interface_id}] in use.")


def too_many_groups() -> EC2ClientError:
    """Return the error for more security groups than an interface may have."""
    return EC2ClientError(
        "SecurityGroupsPerInterfaceLimitExceeded",
        "The maximum number of security groups per interface has been reached.",
    )
