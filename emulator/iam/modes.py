"""Whose policies are enforced: those of roles, those of everybody, or nobody's."""

from __future__ import annotations

ROLES, ALL, NONE = "roles", "all", "none"
MODES = (ROLES, ALL, NONE)
