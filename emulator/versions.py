"""The pinned packages: the emulator completes them from the inside, so it starts with exactly these versions."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


class VersionError(Exception):
    """Another version is installed; the message is one line for a person."""


def check_versions() -> None:
    """Compare what is installed with what `requirements.txt` pins.

    Raises:
        VersionError: a package is missing or of another version.
    """
    for name, wanted in re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)", REQUIREMENTS.read_text("utf-8"), re.MULTILINE):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "no version of it"
        if installed != wanted:
            raise VersionError(
                f"{name} {wanted} is needed, {installed} is installed: pip install -r emulator/requirements.txt"
            )
