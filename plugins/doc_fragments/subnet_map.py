# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say where servers launch."""

from __future__ import annotations


class ModuleDocFragment:
    """The subnet map and what belongs to it."""

    DOCUMENTATION = r"""
options:
  subnet_map:
    description:
      - Where the servers of each source subnet launch, inventory variable C(dr_subnet_map).
      - Source networks may have any prefix length and lie in each other. The longest source prefix wins.
      - The same source network may be mapped once for each account, Region and subnet (VPC) that has it.
    type: list
    elements: dict
    suboptions:
      source_cidr:
        description: Source network. Either this or O(subnet_map[].source_subnet_id) is required.
        type: str
      source_subnet_id:
        description: Source subnet, whose network EC2 is asked for.
        type: str
      source_account_id:
        description:
          - Account of the source, 12 digits in quotes. A source subnet is in the account of the credentials without it.
          - A rule that names an account or a Region is for servers of it only. Of rules with the same prefix length the
            one wins that names the source subnet, then the one that names the account, then one that names the Region.
        type: str
      source_region:
        description: Region of the source. A source subnet is in O(source_region) without it.
        type: str
      failover:
        description: &target
          - Where servers launch in this profile, a dictionary.
          - C(subnet_id) and C(cidr) are the target subnet and its network, which have to agree.
          - C(security_groups) is a list of ids or names of security groups of the subnet's VPC.
          - C(address) is the address rule, V(keep_host_part) when it is missing. V(keep_host_part) adds the host part
            of the source address to the start of the target network, V(keep_address) keeps the address, V(dynamic)
            sets none, and V(explicit) requires one in O(addresses) for every server that is mapped here.
          - C(account_id) and C(region) say where the subnet is. Without them, in the account of the credentials and the
            Region of the module; for O(subnet_map[].failback), where the source subnet is.
          - C(staging_subnet_id) is for servers that are protected within one Region. It says where they replicate to as
            long as this profile is where they would launch, a subnet of another availability zone than the one in which
            they run then. A failback of such servers needs it in C(failover) and in C(failback).
        type: dict
      test:
        description: *target
        type: dict
      failback:
        description:
          - Where servers go back to, a dictionary like O(subnet_map[].failover). Without it to their original subnet,
            address and security groups, as EC2 knows them.
        type: dict
  addresses:
    description:
      - Explicit addresses, inventory variable C(dr_addresses). They override the rule and are checked in the same way.
    type: list
    elements: dict
    default: []
    suboptions:
      server_key:
        description: Key of the server.
        type: str
      interface:
        description: Network interface, 0 is the primary one.
        type: int
      profile:
        description: Network profile.
        type: str
      address:
        description: The address.
        type: str
  profiles:
    description: Profiles that every interface needs a target in.
    type: list
    elements: str
    choices: [failover, test, failback]
    default: [failover, test]
  source_region:
    description:
      - Region in which the source servers run, inventory variable C(dr_source_region).
      - EC2 is asked there for source subnets, for targets of O(subnet_map[].failback), and for the addresses of source
        instances of which DRS knows none; the last without it in the Region that DRS names as the origin. There, too,
        it is asked where source instances are, for their way home.
    type: str
"""
