# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drill left behind in EC2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Leftover:
    """A thing that is still there after the clean-up of the drill that it belonged to.

    Attributes:
        kind: C(instance), C(volume) or C(network-interface).
        server_key: The server whose instance had it; empty when only its tags say that it is the drill's.
        state: What EC2 says of it (C(available), C(in-use)).
        region: Where it is; empty for the Region of the orchestrator.
    """

    kind: str
    id: str
    server_key: str
    state: str
    region: str = ""


def leftover_text(leftover: Mapping[str, Any]) -> str:
    """Return a leftover, as a plain dict, for a person."""
    owner = f" of {leftover['server_key']}" if leftover["server_key"] else ""
    where = f" in {leftover['region']}" if leftover.get("region") else ""
    return f"{leftover['kind']} {leftover['id']}{owner}{where} ({leftover['state']})"
