"""CreateStateMachine and UpdateStateMachine: what AWS checks and moto does not.

Restores: the same name with another definition is StateMachineAlreadyExists (moto answers the old machine as if all
were well), a role or log group that does not exist is refused, and kinds of machines that are not emulated say so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.logs.models import logs_backends
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.eval.event.logging import CloudWatchLoggingConfiguration
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from emulator.completion import replace
from emulator.stepfunctions import executions, tags
from emulator.stepfunctions.errors import api_error
from emulator.stepfunctions.roles import check_role


def _check_logging(configuration: Any) -> None:
    if not configuration or configuration.get("level", "OFF") == "OFF":
        return
    parts = CloudWatchLoggingConfiguration.extract_log_arn_parts_from(configuration)
    if parts is None:
        raise api_error("InvalidLoggingConfiguration", "Invalid Logging Configuration: one log group ARN is needed.")
    account, region, group = parts
    if group not in logs_backends[account][region].groups:
        raise api_error("InvalidLoggingConfiguration", f"Invalid Logging Configuration: no log group {group}.")


def _check_emulated(kind: str | None, publish: bool | None) -> None:
    if kind == "EXPRESS":
        raise NotImplementedError("Express workflows are not part of this version")
    if publish:
        raise NotImplementedError("versions of state machines are not part of this version")


def _create(original: Callable[..., StateMachine]) -> Callable[..., StateMachine]:
    def create(
        self: StepFunctionsParserBackend,
        name: str,
        definition: str,
        roleArn: str,  # noqa: N803 - moto's name
        **settings: Any,
    ) -> StateMachine:
        _check_emulated(settings.get("sm_type"), settings.get("publish"))
        self._validate_name(name)
        self._validate_role_arn(roleArn)
        check_role(roleArn, definition, self.account_id, self.region_name)
        _check_logging(settings.get("loggingConfiguration"))
        tags.check({tag["key"]: tag["value"] for tag in settings.get("tags") or []}, {}, name)
        known = next((machine for machine in self.state_machines if machine.name == name), None)
        logging = settings.get("loggingConfiguration") or {"level": "OFF"}
        if known is not None and (known.definition, known.loggingConfiguration) != (definition, logging):
            raise api_error("StateMachineAlreadyExists", f"State Machine Already Exists: '{known.arn}'")
        return original(self, name=name, definition=definition, roleArn=roleArn, **settings)

    return create


def _update(original: Callable[..., StateMachine]) -> Callable[..., StateMachine]:
    def update(
        self: StepFunctionsParserBackend,
        arn: str,
        definition: str | None = None,
        role_arn: str | None = None,
        **settings: Any,
    ) -> StateMachine:
        _check_emulated(None, settings.get("publish"))
        if role_arn is not None:
            self._validate_role_arn(role_arn)
        machine = self.describe_state_machine(arn)
        check_role(role_arn or machine.roleArn, definition or machine.definition, self.account_id, self.region_name)
        _check_logging(settings.get("logging_configuration"))
        return original(self, arn, definition=definition, role_arn=role_arn, **settings)

    return update


def _delete(original: Callable[..., None]) -> Callable[..., None]:
    """End what runs: AWS deletes a machine when its executions have ended, which it ends at their next transition."""

    def delete(self: StepFunctionsParserBackend, arn: str) -> None:
        for machine in self.state_machines:
            if machine.arn == arn:
                for execution in list(machine.executions):
                    executions.stop(execution, error=None, cause="The state machine was deleted.")
        original(self, arn)

    return delete


def install() -> None:
    """Check state machines as AWS does."""
    backend = StepFunctionsParserBackend
    replace(
        backend,
        create_state_machine=_create(backend.create_state_machine),
        delete_state_machine=_delete(backend.delete_state_machine),
        update_state_machine=_update(backend.update_state_machine),
    )
