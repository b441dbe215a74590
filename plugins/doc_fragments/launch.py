# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that declare what source servers launch with."""

from __future__ import annotations


class ModuleDocFragment:
    """Launch settings, and where the networks come from."""

    DOCUMENTATION = r"""
options:
  ip_map_table:
    description:
      - Name of the DynamoDB table with the IP map, in the Region of the module.
      - Subnets, addresses and security groups of every server come from its entries.
      - At most one of O(ip_map_table) and O(ip_map_entries) may be given. With neither, every server needs a C(network)
        in its settings.
    type: str
  ip_map_entries:
    description:
      - Entries of the IP map, as M(disaster_recovery.aws.ip_map) returns them, instead of those in the table.
      - In check mode the table may not have them yet.
    type: list
    elements: dict
  defaults:
    description:
      - Launch settings of all servers. What is not given is left as it is in AWS.
      - Fields of the DRS launch configuration are C(launch_disposition) (V(STARTED), V(STOPPED)),
        C(target_instance_type_right_sizing_method) (V(NONE), V(BASIC), V(IN_AWS)), C(copy_private_ip), C(copy_tags),
        C(os_byol), C(post_launch_enabled), C(name), C(recovery_mode) (V(OPTIMAL), V(FAST)), and
        C(launch_into_instance_id), the EC2 instance to launch into, or an empty text to launch new instances.
      - C(post_launch_enabled) needs C(launch_disposition) V(STARTED), and on AWS an instance profile whose role may use
        SSM and the role C(AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole).
      - C(recovery_mode) V(FAST) needs a source on EC2, and on AWS version 6.42.20 of the agent.
      - Settings of the launch template are the following.
      - C(instance_type), which needs right-sizing V(NONE), because DRS overwrites the type otherwise.
      - C(alternative_instance_types), up to five types in the order in which they are tried where there is no capacity
        for C(instance_type). They are kept in the description of the template's versions, where a run finds them.
      - C(instance_profile), by name or ARN.
      - C(tags) of instances, volumes and network interfaces, beside O(mandatory_tags) and O(server_tags), which win.
      - C(metadata_options), with C(http_tokens), C(http_endpoint), C(http_put_response_hop_limit),
        C(http_protocol_ipv6) and C(instance_metadata_tags).
      - C(volumes), a list with C(device_name) (without it, every volume of the server), C(volume_type), C(size) (GiB,
        never less than the source's disk), C(iops), C(throughput) (MiB/s) and C(initialization_rate) (MiB/s). Later
        ones win.
      - C(network), a mapping of V(failover) and V(test) to a list of interfaces with C(interface) (V(0) is the primary
        one and the default), C(subnet_id), C(security_groups) and C(address) (without it, EC2 chooses one). It is used
        instead of the IP map's.
    type: dict
    default: {}
  overrides:
    description:
      - Settings of some servers, applied from first to last. Tags, metadata options and networks are merged by their
        names, volumes come after those before, everything else is replaced.
    type: list
    elements: dict
    default: []
    suboptions:
      match:
        description: Which servers, with C(tags), C(servers) and C(source_server_ids) as in O(match).
        type: dict
      settings:
        description: Their settings, as in O(defaults).
        type: dict
  servers:
    description: Settings of single servers by server key, applied last.
    type: dict
    default: {}
  mandatory_tags:
    description: Tags of instances, volumes and network interfaces that are launched, the same for all servers.
    type: dict
    default: {}
  server_tags:
    description:
      - Tags of instances, volumes and network interfaces by source server id, as
        M(disaster_recovery.aws.drs_source_server_tags) returns them in C(launch_tags).
      - They go before O(mandatory_tags).
    type: dict
    default: {}
  profiles:
    description:
      - Network profiles that a template version is kept for, where the IP map has them.
      - A failback launches on the source side, from other templates. They are not declared here.
    type: list
    elements: str
    choices: [failover, test]
    default: [failover, test]
  default_profile:
    description: Network profile that DRS launches in.
    type: str
    choices: [failover, test]
    default: failover
"""
