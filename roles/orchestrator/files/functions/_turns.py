# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves that wait for their turn: each has the task token of its state in its record until it is answered."""

from __future__ import annotations

import json

from _records import read_plan, read_run
from _runtime import Call, client, runs
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.dynamodb import call as aws_call
from ansible_collections.disaster_recovery.aws.plugins.module_utils.aws.errors import AwsError
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core import turns

GONE = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})
"""Answers to a token that was answered before, or whose execution is over."""


def wake_waves(call: Call) -> None:
    """Tell every wave whose turn it is now, or that need not wait any more; said twice, it is heard once."""
    run = read_run(call)
    plan = read_plan(run)
    waves = runs().get_waves(call.run_id)
    for number, token in runs().turn_tokens(call.run_id).items():
        now = turns.turn(plan, number, waves, aborting=bool(run.get("aborting")))
        if now != turns.WAIT:
            wave = plan.waves[number - 1]
            _answer(token, turns.answer(now, soak=wave.soak, steps=wave.steps.phases(run["mode"])))
            runs().update_wave(call.run_id, number, {"turn_token": None})


def _answer(token: str, answer: dict[str, object]) -> None:
    try:
        aws_call(
            client("stepfunctions").send_task_success,
            "tell a wave that it is its turn",
            taskToken=token,
            output=json.dumps(answer),
        )
    except AwsError as error:
        if error.code not in GONE:
            raise
