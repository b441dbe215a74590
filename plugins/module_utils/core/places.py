# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are: an account and a Region."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """An account and a Region; what is not known (yet) is empty."""

    account_id: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account_id} in {self.region}"
