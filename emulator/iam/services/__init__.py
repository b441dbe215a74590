"""Which permissions a call needs, one file a service or family.

A service without a table needs the action of the operation's own name, on a resource that the emulator cannot name.
Sources: the Service Authorization Reference, and section 8 of the facts about DRS.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.apicall import ApiCall
from emulator.iam.request import Need, Request
from emulator.iam.services import data, drs, ec2, identity, workflows

Table = Callable[[Request], list[Need]]

_TABLES: dict[str, Table] = {
    "dynamodb": data.dynamodb,
    "s3": data.s3,
    "drs": drs.needs,
    "ec2": ec2.needs,
    "iam": identity.iam,
    "sts": identity.sts,
    "lambda": workflows.functions,
    "stepfunctions": workflows.states,
    "sns": workflows.sns,
    "sqs": workflows.sqs,
    "events": workflows.events,
    "logs": workflows.logs,
    "ssm": workflows.ssm,
    "service-quotas": workflows.quotas,
}

# Prefixes of IAM's actions that are not botocore's service names.
_PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "sesv2": "ses",
}


def needs(call: ApiCall, request: Request) -> list[Need]:
    """Return the permissions that a call needs; none for a call that everybody may make."""
    table = _TABLES.get(call.service)
    if table is not None:
        return table(request)
    return [Need(f"{_PREFIXES.get(call.service, call.service)}:{call.operation}", None)]
