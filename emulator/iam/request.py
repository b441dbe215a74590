"""What the tables of permissions read of a request: its body, form, path and query; and what they answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import unescape

from emulator.apicall import ApiCall
from emulator.auth import PARTITION
from emulator.iam.context import Tags, Values


@dataclass(frozen=True)
class Need:
    """A permission that a call needs.

    `resource` is an ARN, `*` for an action that AWS authorises for no resource in particular, and None where the
    emulator cannot name the resource. `keys` are condition keys in lower case, `tags` those in the request,
    `resource_tags` those of the resource where they need not be looked up. `via` is the service that makes the call for
    its caller.
    """

    action: str
    resource: str | None = "*"
    keys: Mapping[str, Values] = field(default_factory=dict)
    tags: Tags | None = None
    resource_tags: Tags | None = None
    via: str | None = None


class Request:
    """An API call in an account, with its parameters as the wire has them."""

    def __init__(self, call: ApiCall, account: str, environ: Mapping[str, Any]):
        self.operation = call.operation
        self.region = call.region
        self.account = account
        self._call = call
        self._environ = environ

    @cached_property
    def json(self) -> dict[str, Any]:
        """The JSON body; empty when it is none, which the backend will refuse."""
        try:
            document = json.loads(self._call.body) if self._call.body else {}
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of the query protocols."""
        return dict(parse_qsl(self._call.body.decode("utf-8", "replace"), keep_blank_values=True))

    @cached_property
    def path(self) -> list[str]:
        """The parts of the path; an encoded slash does not separate."""
        raw = str(self._environ.get("RAW_URI") or self._environ.get("REQUEST_URI") or self._environ["PATH_INFO"])
        return [unquote(part) for part in raw.split("?", 1)[0].lstrip("/").split("/")]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The query string's names and values."""
        return parse_qsl(str(self._environ.get("QUERY_STRING", "")), keep_blank_values=True)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's parameters, where none is repeated."""
        return dict(self.pairs)

    def header(self, name: str) -> str:
        """Return a header, empty when it is missing."""
        return str(self._environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    def xml_texts(self, tag: str) -> list[str]:
        """Return the texts of all elements of this name in an XML body."""
        found = re.findall(rf"<{tag}>([^<]*)</{tag}>", self._call.body.decode("utf-8", "replace"))
        return [unescape(text) for text in found]

    def text(self, name: str) -> str | None:
        """Return a text of the JSON body."""
        value = self.json.get(name)
        return value if isinstance(value, str) else None

    def form_tags(self) -> dict[str, str] | None:
        """Return the tags of the form (`….N.Key` with `….N.Value`), None when there are none."""
        keys = [name for name in self.form if name.endswith(".Key")]
        return {self.form[name]: self.form.get(f"{name.removesuffix('Key')}Value", "") for name in keys} or None

    def listed(self, name: str) -> Iterator[str]:
        """Yield the values of a list of the form: `Name.1`, `Name.2`, or `Name` itself."""
        pattern = re.compile(rf"{re.escape(name)}(\.(member\.)?\d+)?")
        for key, value in self.form.items():
            if value and pattern.fullmatch(key):
                yield value

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        """Return an ARN of this call's Region and account."""
        where = f"{self.region if region else ''}:{self.account if account else ''}"
        return f"arn:{PARTITION}:{service}:{where}:{resource}"


def pass_role(role: str | None, service: str) -> list[Need]:
    """Return the need to hand a role to a service, none when no role is handed over."""
    return [Need("iam:PassRole", role, {"iam:passedtoservice": (service,)})] if role else []


def tags_of(value: Any) -> dict[str, str] | None:
    """Return tags from any of the forms in which JSON APIs take them, None when there are none."""
    if isinstance(value, dict):
        return {str(key): str(item) for key, item in value.items()} or None
    if not isinstance(value, list):
        return None
    tags = {}
    for item in value:
        if isinstance(item, dict):
            key = item.get("Key", item.get("key", item.get("TagKey")))
            tags[str(key)] = str(item.get("Value", item.get("value", item.get("TagValue", ""))))
        else:
            tags[str(item)] = ""
    return tags or None
