# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the option C(tag_policy)."""

from __future__ import annotations


class ModuleDocFragment:
    """The option that says which tags servers must have."""

    DOCUMENTATION = r"""
options:
  tag_policy:
    description:
      - Which tags servers must have and where the values come from, inventory variable C(dr_tag_policy).
      - "The first source that has a value gives it, in this order: O(tag_policy.tags[].value),
        O(tag_policy.tags[].variable), O(tag_policy.tags[].ec2_tag), O(tag_policy.tags[].default). Where none has
        one, the tag that the source server has stays."
      - A value that O(tag_policy.tags[].allowed) or O(tag_policy.tags[].pattern) refuses is a finding. It is not
        written, and no later source takes its place.
    type: dict
    suboptions:
      tags:
        description: One element for each key, at most 45.
        type: list
        elements: dict
        suboptions:
          key:
            description: Key of the tag. Case matters, C(owner) and C(Owner) are two tags. Required.
            type: str
          required:
            description: Whether a server without this tag is a finding. An empty value is a value.
            type: bool
            default: true
          value:
            description: Constant for all servers. No other source may be given beside it.
            type: str
          variable:
            description: Inventory variable of the server that has the value.
            type: str
          ec2_tag:
            description: Key of the tag of the EC2 source instance that has the value. Case matters.
            type: str
          default:
            description: Value where no source has one.
            type: str
          allowed:
            description: Values that the tag may have.
            type: list
            elements: str
          pattern:
            description: Regular expression (of Python) that the whole value must match.
            type: str
      purge_tags:
        description:
          - Whether tags that the policy does not name are removed, from source servers and from what is launched.
          - A key without any source keeps what the server has. Tags of AWS, of DRS and of this collection (C(dr:))
            stay.
        type: bool
        default: false
      copy_ec2_tags:
        description:
          - Whether all other tags of the EC2 source instance are copied, too, except those of AWS, of DRS and of this
            collection.
        type: bool
        default: false
"""
