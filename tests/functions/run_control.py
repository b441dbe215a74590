"""Steps of tests that stop, abort and go on with runs."""

from __future__ import annotations

from typing import Any

from ansible_collections.disaster_recovery.aws.plugins.modules import dr_execution

from tests.support.embedded import TARGET
from tests.support.orchestrator import PREFIX, REGION, Orchestrator, options

MACHINE_ARN = f"arn:aws:states:{REGION}:{TARGET}:stateMachine:{PREFIX}-"


def execute(
    orchestrator: Orchestrator, state: str, run_id: str, *, check_mode: bool = False, **given: Any
) -> dict[str, Any]:
    """Run module dr_execution."""

    def clients(service: str, region: str | None = None, credentials: object = None) -> Any:
        return orchestrator.client(service, region or REGION)

    chosen = options(dr_execution, **{"state": state, "run_id": run_id, "reason": "the test says so", **given})
    return dr_execution.run({**chosen, "prefix": PREFIX}, clients, check_mode)


def until(orchestrator: Orchestrator, run_id: str, kind: str, times: int = 1) -> None:
    """Advance the time until an event of this kind is recorded so many times."""
    for _ in range(400):
        if orchestrator.kinds(run_id).count(kind) >= times:
            return
        orchestrator.aws.control("clock", {"advance": 10})
    raise AssertionError(f"no {kind}, only {orchestrator.kinds(run_id)}")


def stop_executions(orchestrator: Orchestrator) -> None:
    """Stop every execution, as a person in the console does."""
    states = orchestrator.client("stepfunctions")
    for machine in ("test", "failback", "wave", "follow"):
        found = states.list_executions(stateMachineArn=f"{MACHINE_ARN}{machine}", statusFilter="RUNNING")["executions"]
        for execution in found:
            states.stop_execution(executionArn=execution["executionArn"])
