"""Why a call is not allowed, in the words of each service; its code and status are in `emulator.refusals`."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.iam.request import Need


@dataclass(frozen=True)
class Denial:
    """Why a call is refused: who lacks which permission, and the text about it."""

    need: Need
    principal: str
    explicit: bool
    trust: bool = False

    @property
    def message(self) -> str:
        """The text as most services write it."""
        service, _, name = self.need.action.partition(":")
        action = f"SNS:{name}" if service == "sns" else self.need.action
        resource = f'"{self.need.resource}"' if service == "s3" else self.need.resource
        where = "" if service == "ec2" and self.need.resource in (None, "*") else f" on resource: {resource or '*'}"
        text = f"User: {self.principal} is not authorized to perform: {action}{where}"
        if self.trust:
            return text
        if self.explicit:
            return f"{text} with an explicit deny in an identity-based policy"
        return f"{text} because no identity-based policy allows the {action} action"

    def message_of(self, service: str) -> str:
        """Return the text as a service writes it; EC2's is without the encoded message that follows on AWS."""
        return f"You are not authorized to perform this operation. {self.message}" if service == "ec2" else self.message
