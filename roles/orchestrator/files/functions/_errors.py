# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of a function's errors. The state machines match them, so they are words of that language."""

# ruff: noqa: N818

from __future__ import annotations


class Transient(Exception):
    """The same call may succeed later. The state machines retry it."""


class InvalidRequest(Exception):
    """The request cannot be fulfilled as it is. The run ends."""


class Conflict(Exception):
    """Something is in a state that does not allow the call. An operator is asked."""


class NotFound(Exception):
    """Something that must exist does not. An operator is asked."""


class DrsNotInitialized(Exception):
    """DRS is not initialised in this account and Region. An operator is asked."""


class AwsRefused(Exception):
    """AWS refused a call for another reason. An operator is asked."""
