# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine whose source server extends one of a staging account is in the failback cycle."""

from __future__ import annotations

from .failback_facts import MachineFacts
from .failback_words import Position, refused


def locate(facts: MachineFacts, end_original: bool) -> Position:
    """Return the position of such a machine, as L(failback.locate) does."""
    del end_original
    return refused(facts.kind, "the failback of an extended source server is not supported yet")
