"""Tags of state machines: at most 50, none that begins with `aws:`, on machines that exist.

moto tags any ARN with anything. https://docs.aws.amazon.com/step-functions/latest/apireference/API_TagResource.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from emulator.completion import replace
from emulator.stepfunctions.errors import api_error

_MOST = 50


def check(tags: dict[str, str], known: dict[str, str], arn: str) -> None:
    """Raise what AWS answers when a machine with tags cannot get these too."""
    reserved = sorted(key for key in tags if key.lower().startswith("aws:"))
    if reserved:
        raise api_error("ValidationException", f"Tag keys that begin with aws: are reserved: {', '.join(reserved)}")
    if len({**known, **tags}) > _MOST:
        raise api_error("TooManyTags", f"{arn} has at most {_MOST} tags")


def _existing(original: Callable[..., Any]) -> Callable[..., Any]:
    def ask(self: StepFunctionsParserBackend, arn: str, *args: Any) -> Any:
        if not any(machine.arn == arn for machine in self.state_machines):
            raise api_error("ResourceNotFound", f"Resource not found: '{arn}'")
        return original(self, arn, *args)

    return ask


def _tag(original: Callable[..., None]) -> Callable[..., None]:
    def tag(self: StepFunctionsParserBackend, arn: str, tags: dict[str, str]) -> None:
        check(tags, self.tagger.get_tag_dict_for_resource(arn), arn)
        original(self, arn, tags)

    return tag


def install() -> None:
    """Check tags."""
    backend = StepFunctionsParserBackend
    replace(
        backend,
        tag_resource=_existing(_tag(backend.tag_resource)),
        untag_resource=_existing(backend.untag_resource),
        list_tags_for_resource=_existing(backend.list_tags_for_resource),
    )
