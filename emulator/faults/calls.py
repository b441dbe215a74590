"""What a fault does to an API call."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence

from emulator.apicall import ApiCall
from emulator.auth import Principal
from emulator.clock import CLOCK
from emulator.faults import named, unprocessed
from emulator.faults.rules import Occasion, Rule
from emulator.iam.denials import Denial
from emulator.iam.request import Need
from emulator.refusals import Refusal, declared_status, denied, failed, render, throttled

Answer = tuple[int, dict[str, str], bytes]


class NoAnswerError(ConnectionResetError):
    """The connection is closed without an answer, which clients take for a time-out at once."""

    def __init__(self, rule_id: str):
        super().__init__(errno.ECONNRESET, f"rule {rule_id} lets nobody answer")


def occasion_of(call: ApiCall, principal: Principal) -> Occasion:
    """Return what rules may look at in a call."""
    return Occasion(
        "call",
        {
            "service": call.service,
            "operation": call.operation,
            "account": principal.account,
            "region": call.region,
            "principal": lambda: names_of(principal.arn),
            "server": lambda: named.servers(call, principal.account),
        },
    )


def names_of(arn: str) -> tuple[str, ...]:
    """Return what a principal is called: its ARN, and the name of its user or role."""
    kind, _, rest = arn.split(":", 5)[5].partition("/")
    return arn, rest.split("/", 1)[0] if kind == "assumed-role" else rest.rsplit("/", 1)[-1]


def answer(
    rule: Rule, call: ApiCall, principal: Principal, needs: Sequence[Need], ask: Callable[[bytes], Answer]
) -> Answer:
    """Answer a call that a rule strikes.

    Args:
        rule: The rule.
        call: The call.
        principal: Who makes it.
        needs: The permissions that it takes.
        ask: Lets the backend do what a body asks for, the call's own or a part of it.

    Raises:
        NoAnswerError: nobody answers.
    """
    if rule.kind == "timeout_before":
        raise NoAnswerError(rule.rule_id)
    if rule.kind == "timeout_after":
        ask(call.body)
        raise NoAnswerError(rule.rule_id)
    if rule.kind == "slow":
        CLOCK.pass_time(rule.parameters["seconds"])
        time.sleep(rule.parameters.get("real_seconds", 0))
        return ask(call.body)
    if rule.kind == "unprocessed":
        return unprocessed.answer(call, rule.parameters.get("processed", 1), ask)
    return render(call, refusal(rule, call, principal, needs))


def refusal(rule: Rule, call: ApiCall, principal: Principal, needs: Sequence[Need]) -> Refusal:
    """Return the error that a rule of a kind with an error answers."""
    given = rule.parameters
    words = {"message": given.get("message"), "retry_after": given.get("retry_after")}
    if rule.kind == "throttle":
        return throttled(call, **words)
    if rule.kind == "denied":
        need = needs[0] if needs else Need(f"{call.service}:{call.operation}")
        denial = Denial(need, principal.arn, explicit=False)
        return denied(call, given.get("message") or denial.message_of(call.service))
    if rule.kind == "server_error":
        usual = failed(call, **words)
        code = given.get("error", usual.code)
        status = given.get("status") or declared_status(call.service, code) or usual.status
        return Refusal(code, usual.message, status, usual.retry_after)
    return Refusal(
        given["error"],
        given.get("message", "An error that the emulator was told to answer."),
        given.get("status") or declared_status(call.service, given["error"]) or 400,
        given.get("retry_after"),
        given.get("members", {}),
    )
