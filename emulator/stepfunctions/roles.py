"""Roles of state machines: what AWS checks when a machine gets one.

The role must exist and trust Step Functions, and a machine that waits for other executions must be allowed to have the
rule made through which it hears of their end.
"""

from __future__ import annotations

from emulator.auth import Principal
from emulator.iam.enforcement import ENFORCEMENT
from emulator.iam.identities import find_role
from emulator.iam.modes import NONE
from emulator.iam.request import Need
from emulator.iam.trust import trusts_service
from emulator.stepfunctions.errors import api_error

_WAITS_FOR_EXECUTIONS = "states:startExecution.sync"
_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"


def check_role(role_arn: str, definition: str, account: str, region: str) -> None:
    """Check the role of a state machine with a definition (JSON).

    Raises:
        AWSError: AWS refuses it.
    """
    missing = find_role(role_arn) is None
    if missing or (ENFORCEMENT.mode != NONE and not trusts_service(role_arn, "states.amazonaws.com", account)):
        why = f": {role_arn} does not exist" if missing else f": {role_arn}"
        raise api_error(
            "AccessDeniedException",
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume "
            f"the provided role{why}",
        )
    if _WAITS_FOR_EXECUTIONS in definition:
        rule = f"arn:aws:events:{region}:{account}:rule/{_RULE}"
        session = f"arn:aws:sts::{account}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/StepFunctions"
        needs = [Need(f"events:{name}", rule) for name in ("PutTargets", "PutRule", "DescribeRule")]
        if ENFORCEMENT.require(needs, Principal(account, session, role_arn), region):
            raise api_error("AccessDeniedException", f"'{role_arn}' is not authorized to create managed-rule.")
