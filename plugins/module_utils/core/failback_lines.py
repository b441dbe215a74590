# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person reads of a failback: where its servers are, what is being followed, and what is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .failback_view import NEXT
from .failback_words import Action
from .original_instance import Step
from .tables import table_lines
from .timestamps import format_seconds

Data = Mapping[str, Any]

NAMED = 4
"""Servers that one line names; the others are counted."""

STAGES: Mapping[str, str] = {
    "protected": "at home, protected",
    "recovered": "recovered, not replicated back yet",
    "reversing": "replicating back",
    "in_sync": "in sync, to be launched at home",
    "launching": "being launched at home",
    "returned": "at home, not protected yet",
    "protecting_again": "at home, being protected again",
    "protected_again": "at home, protected, to be tidied",
    "refused": "needs a person",
}
"""Stages of the cycle in their order (architecture, section 10), in words."""

STEPS: Mapping[Step, str] = {
    Step.ALLOW: "let DRS launch into the original instance",
    Step.STOP: "stop the original instance",
    Step.TERMINATE: "terminate the original instance, which frees its address",
    Step.GIVE_UP: "launch a new instance instead of into the original one",
}
"""What is done with original instances before a launch, in words."""

PHASES: Mapping[str, str] = {"prepare-failback": "way home", "protect-again": "protection"}
"""What is followed, by the function that follows it."""

THERE: Mapping[str, frozenset[str]] = {
    "prepare-failback": frozenset({"in_sync", "launching", "returned", "protecting_again", "protected_again"}),
    "protect-again": frozenset({"protected_again", "protected"}),
}
"""Stages in which nothing is waited for any more in a phase."""


FATES = {
    "launched_into": "launched into",
    "replaced": "replaced",
    "kept": "left alone",
    "gone": "not there any more",
}
"""What became of original instances (L(original_instance.Fate))."""


def followed(data: Data) -> str:
    """Return how far the replications of a phase are, as the event C(replication_followed) tells it."""
    counts = {str(stage): int(count) for stage, count in data["stages"].items() if count}
    done = sum(count for stage, count in counts.items() if stage in THERE[data["phase"]])
    others = [
        f"{counts[stage]} {STAGES.get(stage, stage)}"
        for stage in [*STAGES, *sorted(counts.keys() - STAGES.keys())]
        if counts.get(stage) and stage not in THERE[data["phase"]]
    ]
    slowest, left = data.get("slowest"), data.get("seconds_left")
    return " · ".join(
        [
            f"{PHASES[data['phase']]}: {done} of {data['servers']} in sync",
            *others,
            *([f"slowest {slowest['server_key']}: {slowest['text']}"] if slowest else []),
            *([f"some {format_seconds(left)} left"] if left and not slowest else []),
        ]
    )


def steps_taken(word: str, data: Sequence[Data]) -> str:
    """Return one line for steps of servers: events C(failback_step_begun) and C(failback_step_done)."""
    by_action: dict[str, list[str]] = {}
    for step in data:
        by_action.setdefault(str(step["action"]), []).append(str(step["server_key"]))
    return "; ".join(f"{_words(action)}: {word} for {_names(keys)}" for action, keys in by_action.items())


def settings_written(data: Sequence[Data]) -> str:
    """Return one line for events C(settings_written): how many servers, and what the way home does not take over."""
    servers = {key: found for event in data for key, found in event["servers"].items()}
    left_out = sorted({name for found in servers.values() for name in found["left_out"]})
    without = f"; left out: {', '.join(left_out)}" if left_out else ""
    return f"launch settings for the way home: written for {_names(list(servers))}{without}"


def originals_settled(data: Sequence[Data]) -> str:
    """Return one line for events C(original_settled): what became of the original instances."""
    by_fate: dict[str, list[str]] = {}
    for settled in data:
        by_fate.setdefault(str(settled["fate"]), []).append(str(settled["server_key"]))
    fates = "; ".join(f"{FATES.get(fate, fate)}: {_names(keys)}" for fate, keys in by_fate.items())
    return f"original instances {fates}"


def cycle_lines(servers: Sequence[Data]) -> list[str]:
    """Return the table of a dry run: where every server is, what is waited for, and what comes next.

    Args:
        servers: What module C(dr_failback_info) returns as C(servers).
    """
    if not servers:
        return ["No server."]
    columns = ("Server", "Kind", "Where it is", "What comes next")
    return table_lines(columns, [_row(server) for server in servers])


def _row(server: Data) -> tuple[str, ...]:
    stage = str(server["stage"])
    coming = server.get("refusal") or (f"waits: {server['waiting']}" if server.get("waiting") else "")
    action = server.get("action")
    return (
        str(server["server_key"]),
        str(server["kind"]).replace("_", " "),
        STAGES.get(stage, stage),
        coming or (_words(str(action)) if action else "nothing: it is home"),
    )


def _words(action: str) -> str:
    if action in set(Step):
        return STEPS[Step(action)]
    return NEXT[Action(action)] if action in set(Action) else action.replace("_", " ")


def _names(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return f"{len(keys)} server{'' if len(keys) == 1 else 's'} ({', '.join(keys[:NAMED])}{more})"
