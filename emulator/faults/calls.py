"""What a fault does to an API call."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

from emulator.apicall import ApiCall
from emulator.auth import Principal
from emulator.clock import CLOCK
from emulator.faults import errors, named
from emulator.faults.errors import Refusal
from emulator.faults.rules import Occasion, Rule

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


def answer(rule: Rule, call: ApiCall, principal: Principal, ask: Callable[[], Answer]) -> Answer:
    """Answer a call that a rule strikes.

    Args:
        rule: The rule.
        call: The call.
        principal: Who makes it.
        ask: Lets the backend do what the call asks for.

    Raises:
        NoAnswerError: nobody answers.
    """
    if rule.kind == "timeout_before":
        raise NoAnswerError(rule.rule_id)
    if rule.kind == "timeout_after":
        ask()
        raise NoAnswerError(rule.rule_id)
    if rule.kind == "slow":
        CLOCK.pass_time(rule.parameters["seconds"])
        time.sleep(rule.parameters.get("real_seconds", 0))
        return ask()
    return errors.render(call, refusal(rule, call, principal))


def refusal(rule: Rule, call: ApiCall, principal: Principal) -> Refusal:
    """Return the error that a rule of a kind with an error answers."""
    given = rule.parameters
    words = {"message": given.get("message"), "retry_after": given.get("retry_after")}
    if rule.kind == "throttle":
        return errors.throttled(call, **words)
    if rule.kind == "denied":
        return errors.denied(call, principal.arn, given.get("message"))
    if rule.kind == "server_error":
        usual = errors.failed(call, **words)
        code = given.get("error", usual.code)
        status = given.get("status") or errors.declared_status(call.service, code) or usual.status
        return Refusal(code, usual.message, status, usual.retry_after)
    return Refusal(
        given["error"],
        given.get("message", "An error that the emulator was told to answer."),
        given.get("status") or errors.declared_status(call.service, given["error"]) or 400,
        given.get("retry_after"),
        given.get("members", {}),
    )
