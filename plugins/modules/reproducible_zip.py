#!/usr/bin/python
# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build a ZIP archive that has the same bytes whenever its content is the same."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reproducible_zip
short_description: Build a ZIP archive whose bytes depend on its content alone
version_added: 0.1.0
description:
  - Packs files from one or more directories into one archive, for example the code of a Lambda function.
  - Names are sorted, timestamps and permissions are fixed and nothing is compressed, so that equal content gives
    an equal archive on every machine, and a service that compares digests is not given it again without need.
  - The archive is written only when its bytes would differ.
author:
  - The disaster_recovery.aws maintainers (@disaster-recovery)
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return changed status prediction without modifying the target.
  diff_mode:
    support: none
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
options:
  path:
    description: The archive. Its directory must exist.
    type: path
    required: true
  sources:
    description: What to pack. Two sources may not give the same name in the archive.
    type: list
    elements: dict
    required: true
    suboptions:
      src:
        description: A directory.
        type: path
        required: true
      prefix:
        description: Where in the archive the content of O(sources[].src) goes; the archive's root when not set.
        type: str
        default: ""
      patterns:
        description:
          - Globs, relative to O(sources[].src), of the files to pack; V(**) means any number of directories.
          - Each must find at least one file. Compiled Python files are never packed.
        type: list
        elements: str
        default: ["**/*"]
  packages:
    description:
      - Add an empty C(__init__.py) to every directory of the archive that lacks one and lies on the way to a Python
        file below O(sources[].prefix), so that the prefix can be imported as a regular package.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Pack the functions with the code that they share with the modules
  disaster_recovery.aws.reproducible_zip:
    path: /var/tmp/functions.zip
    packages: true
    sources:
      - src: roles/orchestrator/files/functions
        patterns: ["*.py"]
      - src: plugins/module_utils
        prefix: ansible_collections/disaster_recovery/aws/plugins/module_utils
        patterns: ["core/*.py", "aws/*.py"]
"""

RETURN = r"""
path:
  description: The archive.
  returned: always
  type: str
  sample: /var/tmp/functions.zip
sha256:
  description: Digest of the archive, base64 as C(CodeSha256) of AWS Lambda shows it.
  returned: always
  type: str
  sample: x6Qv2rOQk0uT0bHkcCUfD7fV2JQZyVtq6m1ghdSgH9A=
names:
  description: Names in the archive, sorted.
  returned: always
  type: list
  elements: str
  sample: [open_run.py]
"""

import base64
import hashlib
import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.basic import AnsibleModule

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that the format can tell
READABLE_FILE = 0o100644 << 16


def collect(sources: list[dict[str, Any]]) -> dict[str, bytes]:
    """Read the files of all sources.

    Args:
        sources: C({src, prefix, patterns}) of each.

    Returns:
        Content by name in the archive.

    Raises:
        ValueError: A source is no directory, a pattern finds nothing, or two files want one name.
    """
    content: dict[str, bytes] = {}
    for source in sources:
        root = Path(source["src"])
        if not root.is_dir():
            raise ValueError(f"sources: src {source['src']!r} is not a directory")
        found: set[Path] = set()
        for pattern in source["patterns"]:
            files = {file for file in root.glob(pattern) if file.is_file() and file.suffix != ".pyc"}
            if not files:
                raise ValueError(f"sources: pattern {pattern!r} finds no file in {source['src']!r}")
            found |= files
        for file in found:
            name = str(PurePosixPath(source["prefix"], file.relative_to(root).as_posix()))
            if name in content:
                raise ValueError(f"sources: two files want the name {name!r} in the archive")
            content[name] = file.read_bytes()
    return content


def package_markers(names: list[str], prefixes: list[str]) -> dict[str, bytes]:
    """Return an empty C(__init__.py) for each directory below a prefix that lacks one on the way to a Python file."""
    roots = {PurePosixPath(prefix).parts[0] for prefix in prefixes if prefix}
    folders = {
        folder
        for name in names
        if name.endswith(".py") and PurePosixPath(name).parts[0] in roots
        for folder in PurePosixPath(name).parents
        if folder.parts
    }
    return {str(folder / "__init__.py"): b"" for folder in folders if str(folder / "__init__.py") not in names}


def archive(content: dict[str, bytes]) -> bytes:
    """Return a ZIP archive of C(content): sorted names, fixed timestamps and permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_STORED  # compressed bytes depend on the version of zlib
            entry.create_system = 3
            entry.external_attr = READABLE_FILE
            packed.writestr(entry, content[name])
    return buffer.getvalue()


def run(path: str, sources: list[dict[str, Any]], packages: bool, check_mode: bool) -> dict[str, Any]:
    """Build the archive and write it where it differs.

    Returns:
        The module's result.

    Raises:
        ValueError: The sources are wrong, see L(collect).
        OSError: A file cannot be read or the archive cannot be written.
    """
    content = collect(sources)
    if packages:
        content.update(package_markers(list(content), [source["prefix"] for source in sources]))
    data = archive(content)
    target = Path(path)
    changed = not target.is_file() or target.read_bytes() != data
    if changed and not check_mode:
        partial = target.with_name(target.name + ".part")
        partial.write_bytes(data)
        partial.replace(target)
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return {"changed": changed, "path": path, "sha256": digest, "names": sorted(content)}


def main() -> None:
    module = AnsibleModule(  # type: ignore[no-untyped-call]
        argument_spec={
            "path": {"type": "path", "required": True},
            "sources": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "src": {"type": "path", "required": True},
                    "prefix": {"type": "str", "default": ""},
                    "patterns": {"type": "list", "elements": "str", "default": ["**/*"]},
                },
            },
            "packages": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    try:
        result = run(parameters["path"], parameters["sources"], parameters["packages"], module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
