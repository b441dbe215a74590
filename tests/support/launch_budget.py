"""How many calls the module drs_launch_configuration makes for N servers, by name, and the budget for them.

The sums hold for every N: tests and benchmarks measure that each term is what is really called.
"""

from __future__ import annotations

from math import ceil

TEMPLATES_A_PAGE = 200
SERVERS_A_PAGE = 1000
BOTH_ENDS_UP_TO = 1000


def looking(servers: int, *, page: int = TEMPLATES_A_PAGE, both_ends: bool | None = None) -> dict[str, int]:
    """Return the calls of a look at an estate that is as declared.

    Args:
        servers: N; the account has a launch template for each and no others.
        page: Templates or versions in one answer.
        both_ends: Whether default and latest versions are read; None as the module decides.
    """
    if both_ends is None:
        both_ends = servers <= BOTH_ENDS_UP_TO
    return {
        "GetLaunchConfiguration": servers,
        "DescribeLaunchTemplateVersions": ceil((2 if both_ends else 1) * servers / page),
        "DescribeSourceServers": ceil(servers / SERVERS_A_PAGE),
        "DescribeSubnets": 1,
        "DescribeSecurityGroups": 1,
        "DescribeInstanceTypeOfferings": 1,
    }


def changing(servers: int, *, page: int = TEMPLATES_A_PAGE, both_ends: bool | None = None) -> dict[str, int]:
    """Return the calls of a change of everything: launch configuration and versions of both profiles of every server.

    Args:
        servers: N.
        page: Templates or versions in one answer.
        both_ends: Whether default and latest versions are read; None as the module decides.
    """
    if both_ends is None:
        both_ends = servers <= BOTH_ENDS_UP_TO
    guarding = ceil(servers / page) if both_ends else 0
    return {
        **looking(servers, page=page, both_ends=both_ends),
        "UpdateLaunchConfiguration": servers,
        "CreateLaunchTemplateVersion": 2 * servers,
        "ModifyLaunchTemplate": servers,
        "DescribeLaunchTemplates": 1 + guarding,
    }


def budget(servers: int, calls_a_server: int) -> float:
    """Return the most calls that N servers may cost: one each where they are equal, five for a change of everything."""
    return calls_a_server * servers + servers / 200 + 20
