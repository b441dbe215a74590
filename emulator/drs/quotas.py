"""The service quotas of DRS [https://docs.aws.amazon.com/general/latest/gr/drs.html]."""

from __future__ import annotations

from dataclasses import dataclass

SERVICE_CODE = "drs"
SERVICE_NAME = "AWS Elastic Disaster Recovery"


@dataclass(frozen=True)
class Quota:
    """One quota: its code, its name in the console, its default value, and whether AWS raises it on request."""

    code: str
    name: str
    value: int
    adjustable: bool


CONCURRENT_JOBS = Quota("L-D88FAC3A", "Concurrent jobs in progress", 20, adjustable=False)
JOBS_PER_SERVER = Quota("L-DD6D028C", "Max concurrent jobs per source server", 1, adjustable=False)
SERVERS_PER_JOB = Quota("L-B827C881", "Max number of source servers in a single job", 100, adjustable=False)
SERVERS_IN_JOBS = Quota("L-05AFA8C6", "Max number of source servers in all jobs", 500, adjustable=False)
REPLICATING_SERVERS = Quota("L-C1D14A2B", "Max number of active source servers", 300, adjustable=False)
TOTAL_SERVERS = Quota("L-E28BE5E0", "Max number of total source servers per AWS Region", 4000, adjustable=True)
LAUNCH_ACTIONS = Quota("L-0588D03B", "Max number of launch actions per resource", 200, adjustable=False)
LAUNCH_CONFIGURATION_TEMPLATES = Quota(
    "L-1F3FAE4D", "Max number of launch configuration templates per account", 1, adjustable=False
)

QUOTAS = (
    CONCURRENT_JOBS,
    REPLICATING_SERVERS,
    TOTAL_SERVERS,
    JOBS_PER_SERVER,
    LAUNCH_ACTIONS,
    LAUNCH_CONFIGURATION_TEMPLATES,
    Quota("L-4B0323BD", "Max number of source networks per account", 100, adjustable=True),
    SERVERS_PER_JOB,
    SERVERS_IN_JOBS,
)
DEFAULTS = {quota.code: quota.value for quota in QUOTAS}
