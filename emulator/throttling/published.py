"""The limits that AWS publishes, for each account and Region.

EC2: Developer Guide, "Request throttling for the Amazon EC2 API". Step Functions: Developer Guide, "Service quotas".
Of DRS nothing is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from emulator.throttling.buckets import Limit

_DEFAULT_MUTATING = Limit(50, 5)
_MUTATING = Limit(100, 5)
_READING = Limit(100, 20)
UNFILTERED = Limit(50, 10)
"""Of a Describe call without any filter, identifier or page size."""

UNFILTERED_OPERATIONS = frozenset(
    {"DescribeInstances", "DescribeNetworkInterfaces", "DescribeSnapshots", "DescribeVolumes"}
)

EC2: Mapping[str, Limit] = {
    "RunInstances": Limit(5, 2),
    "StartInstances": Limit(5, 2),
    "TerminateInstances": _MUTATING,
    "CreateLaunchTemplateVersion": _MUTATING,
    "ModifyLaunchTemplate": _MUTATING,
    "CreateTags": Limit(100, 10),
    "CreateVolume": _MUTATING,
    "CreateSnapshot": _MUTATING,
    "DeleteVolume": _MUTATING,
    "CreateNetworkInterface": _MUTATING,
    "ModifySnapshotAttribute": _MUTATING,
    "Describe*": _READING,
    "Get*": _READING,
    "List*": _READING,
    "Search*": _READING,
    "*": _DEFAULT_MUTATING,
}
"""Requests, by operation; the longest pattern that fits counts, and each operation has a bucket of its own."""

EC2_RESOURCES: Mapping[str, Limit] = {
    "RunInstances": Limit(1000, 2),
    "StartInstances": Limit(1000, 2),
    "StopInstances": Limit(1000, 20),
    "TerminateInstances": Limit(1000, 20),
}
"""Instances, by operation, on top of the requests."""

_LARGE_REGIONS = frozenset({"us-east-1", "us-west-2", "eu-west-1"})
_STEP_FUNCTIONS: Mapping[str, tuple[Limit, Limit]] = {
    "StartExecution": (Limit(1300, 300), Limit(800, 150)),
    "StopExecution": (Limit(1000, 200), Limit(500, 25)),
    "DescribeExecution": (Limit(300, 15), Limit(250, 10)),
    "GetExecutionHistory": (Limit(400, 20), Limit(400, 20)),
    "SendTask*": (Limit(3000, 500), Limit(1500, 300)),
    "RedriveExecution": (Limit(1300, 300), Limit(800, 150)),
    "UpdateStateMachine": (Limit(100, 1), Limit(100, 1)),
    "TestState": (Limit(50, 10), Limit(50, 10)),
}


@cache
def step_functions(region: str) -> Mapping[str, Limit]:
    """Return the limits of Step Functions in a Region; three large Regions have more than the others."""
    column = 0 if region in _LARGE_REGIONS else 1
    return {operation: limits[column] for operation, limits in _STEP_FUNCTIONS.items()}


SERVICES = ("ec2", "stepfunctions")
"""The services whose limits are here."""
