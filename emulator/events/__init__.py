"""EventBridge: what services put on the default bus of an account and Region, and the targets that moto lacks.

bus        the events of services: lost by a fault, silenced, or handed to the rules; the record of them
rules      moto's rules, completed: disabled ones, schedules, delivery beside the request
targets    who gets an event: Lambda, Step Functions, SNS, SQS, CloudWatch Logs
control    `/_embedded/events`
"""

from __future__ import annotations


def install() -> None:
    """Complete moto's rules."""
    from emulator.events import rules

    rules.install()
