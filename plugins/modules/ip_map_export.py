#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Export the IP map."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ip_map_export
short_description: Write the IP map to a CSV file
version_added: 0.1.0
description:
  - Writes an address plan that people can review in a spreadsheet.
  - It has a line for every network interface and network profile, and the columns C(server_key), C(hostname),
    C(interface), C(profile), C(address) (empty when it is dynamic), C(rule), C(subnet_id), C(cidr), C(source_address),
    C(source_subnet) and C(version).
  - The file is in UTF-8. A cell that a spreadsheet would take for a formula has an apostrophe before it.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - disaster_recovery.aws.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  table:
    description: Name of the DynamoDB table, in the Region of the module.
    type: str
    required: true
  path:
    description: The file to write, on the host that the module runs on.
    type: path
    required: true
  delimiter:
    description: What stands between cells. Excel wants V(;) where a comma is the decimal sign.
    type: str
    choices: [",", ";"]
    default: ","
  byte_order_mark:
    description: Whether the file begins with the mark by which Excel knows UTF-8.
    type: bool
    default: false
seealso:
  - module: disaster_recovery.aws.ip_map_import
  - module: disaster_recovery.aws.ip_map_info
"""

EXAMPLES = r"""
- name: Export the address plan
  disaster_recovery.aws.ip_map_export:
    region: us-west-2
    table: disaster-recovery-ip-map
    path: addresses.csv
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
rows:
  description: Number of lines below the header.
  returned: success
  type: int
"""

from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.disaster_recovery.aws.plugins.module_utils._module import Clients, run_module
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.ip_map_table import IpMapTable
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_csv import render_plan
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.ip_map_search import Search


def run(params: dict[str, Any], clients: Clients, check_mode: bool) -> dict[str, Any]:
    """Write the file where it differs."""
    entries = IpMapTable(clients("dynamodb"), params["table"]).find(Search())
    content = render_plan(entries, delimiter=params["delimiter"], byte_order_mark=params["byte_order_mark"])
    before = _replace(Path(params["path"]), content, check_mode)
    return {
        "changed": before != content,
        "path": params["path"],
        "rows": sum(len(entry.profiles) for entry in entries),
        "diff": {
            "before": before.decode(errors="replace"),
            "after": content.decode(),
            "before_header": params["path"],
            "after_header": params["path"],
        },
    }


def _replace(path: Path, content: bytes, check_mode: bool) -> bytes:
    """Write a file as a whole, short of the write in check mode, and return what was in it."""
    problems = Problems()
    before = b""
    try:
        before = path.read_bytes() if path.exists() else b""
        if before != content and not check_mode:
            partial = path.with_name(path.name + ".part")
            partial.write_bytes(content)
            partial.replace(path)
    except OSError as error:
        problems.add(str(path), "path", f"cannot be written: {error.strerror}")
    problems.raise_if_any()
    return before


def main() -> NoReturn:
    """Entry point."""
    run_module(
        {
            "table": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "delimiter": {"type": "str", "choices": [",", ";"], "default": ","},
            "byte_order_mark": {"type": "bool", "default": False},
        },
        run,
    )


if __name__ == "__main__":
    main()
