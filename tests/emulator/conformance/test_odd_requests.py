"""Whatever is sent, DRS answers within its model: a success that fits, or one of its errors; never a 500, never a hang.

Each of the 70 operations gets requests that hypothesis makes from its input shape: mostly of the right form and about
things that exist, some slightly wrong. They meet servers, jobs, recovery instances and plans in many states, because
what one request changes stays for the next, and the clock goes on in between.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.drs.operations import OPERATIONS
from emulator.drs.responses import AS_AWS_ANSWERS
from emulator.validation import problems
from tests.emulator.conformance.crowd import NOT_EMULATED, REQUESTS, SUBNET, Crowd, crowd
from tests.emulator.drs.test_protocol import MODEL
from tests.support.embedded import ROOT

EXAMPLES = 5
ENDING = ("Delete", "Disconnect", "Stop", "Terminate", "Untag")
ORDER = sorted(MODEL.operation_names, key=lambda name: (name.startswith(ENDING), name))
"""What takes away comes last, so that the rest finds something."""

JUNK = st.sampled_from([None, True, -1, 0, 10**12, 1.5, "", "x", "ü" * 3000, [], [None], {}, {"": ""}])


class Requests:
    """Sends requests that boto3 would not send, over one connection."""

    def __init__(self, made: Crowd):
        self.endpoint = made.drs.aws.endpoint
        keys = made.drs.aws.credentials()
        self.credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
        self.session = URLLib3Session(timeout=20)
        self.known = _known(made)
        self.made = made

    def send(self, name: str, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        """Send a request and return status, headers (lower case) and body."""
        operation = MODEL.operation_model(name)
        path, query, body = operation.http["requestUri"], {}, dict(request)
        for member, shape in operation.input_shape.members.items() if operation.input_shape else ():
            location = shape.serialization.get("location")
            if location == "uri":
                path = path.replace(f"{{{member}}}", quote(str(body.pop(member, "x")) or "x", safe=""))
            elif location == "querystring":
                query[shape.serialization["name"]] = body.pop(member, "")
        url = f"{self.endpoint}{path}{'?' + urlencode(query, doseq=True) if query else ''}"
        data = None if operation.http["method"] in ("GET", "DELETE") else json.dumps(body)
        sent = AWSRequest(operation.http["method"], url, {"Content-Type": "application/json"}, data)
        SigV4Auth(self.credentials, "drs", "us-west-2").add_auth(sent)
        response = self.session.send(sent.prepare())
        headers = {key.lower(): value for key, value in response.headers.items()}
        return response.status_code, headers, json.loads(response.text) if response.text else {}


INVENTED = {
    "SourceServerID": ["s-00000000000000000"],
    "JobID": ["drsjob-00000000000000000"],
    "RecoveryInstanceID": ["i-00000000000000000"],
    "RecoverySnapshotID": ["pit-00000000000000000"],
    "ARN": ["arn:aws:iam::111111111111:role/a-role-name"],
    "AccountID": ["999999999999"],
    "AwsRegion": ["us-west-2", "us-east-1"],
    "ISO8601DatetimeString": ["2026-01-01T00:00:00Z", "2026-02-31T00:00:00Z", "9999999-12-31T23:59:59Z"],
    "SubnetID": [SUBNET, "subnet-00000000000000000"],
    "TagKey": ["Name", "aws:mine", "dr:run"],
}


def _known(made: Crowd) -> dict[str, list[str]]:
    """Return values by the names of shapes and members: identifiers of what exists, and some that name nothing."""
    found: dict[str, set[str]] = defaultdict(set)
    for operation in set(REQUESTS) - NOT_EMULATED:
        answer = made.call(operation)(**REQUESTS[operation](made))
        answer.pop("ResponseMetadata")
        _harvest(MODEL.operation_model(operation).output_shape, answer, found)
    arns = found["ARN"] | found["StrictDRSARN"]
    found |= {"StrictDRSARN": arns, "ARN": arns, "LaunchActionResourceId": found["SourceServerID"]}
    return {name: sorted(found.get(name, ())) + INVENTED.get(name, []) for name in {*found, *INVENTED}}


def _harvest(shape: Any, value: Any, found: dict[str, set[str]]) -> None:
    if shape.type_name == "structure":
        for name, member in value.items():
            _harvest(shape.members[name], member, found)
            if name.upper().endswith(("ID", "ARN")) and isinstance(member, str):
                found[name].add(member)
    elif shape.type_name == "list":
        for item in value:
            _harvest(shape.member, item, found)
    elif shape.type_name == "string" and shape.name.upper().endswith(("ID", "ARN")):
        found[shape.name].add(value)


@pytest.fixture(scope="module")
def requests() -> Iterator[Requests]:
    """Requests to an account that has several of everything."""
    with crowd() as made:
        yield Requests(made)


def values(shape: Any, known: dict[str, list[str]], member: str = "") -> st.SearchStrategy[Any]:
    """Return a strategy of values of a shape, as a member of that name: almost all of its form."""
    form = st.sampled_from(known[member]) if known.get(member) else of_form(shape, known)
    return st.integers(0, 15).flatmap(lambda number: form if number else JUNK)


def of_form(shape: Any, known: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    """Return a strategy of values of the form of a shape, whose members are not always."""
    limits = shape.metadata
    if shape.type_name == "structure":
        members = {name: values(member, known, name) for name, member in shape.members.items()}
        required = {name: members.pop(name) for name in shape.required_members}
        return st.fixed_dictionaries(required, optional=members)
    if shape.type_name == "list":
        least = limits.get("min", 0)
        return st.lists(values(shape.member, known), min_size=least, max_size=min(limits.get("max", 3), least + 3))
    if shape.type_name == "map":
        return st.dictionaries(of_form(shape.key, known), values(shape.value, known), max_size=3)
    if shape.type_name in ("integer", "long"):
        low = limits.get("min", 0)
        return st.integers(low, limits.get("max", low + 1000))
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.name in known or "enum" in limits:
        return st.sampled_from(known.get(shape.name) or limits["enum"])
    if "pattern" in limits:
        return st.from_regex(limits["pattern"], fullmatch=True)
    return st.text(min_size=limits.get("min", 0), max_size=20)


def wrong_with(name: str, status: int, headers: dict[str, str], answer: dict[str, Any]) -> list[Any]:
    """Return what is wrong with an answer by the model; nothing when all is well."""
    operation = MODEL.operation_model(name)
    if status == operation.http["responseCode"]:
        return problems(operation.output_shape, answer, AS_AWS_ANSWERS) if operation.output_shape else list(answer)
    code = headers.get("x-amzn-errortype", "")
    if (status, code) == (501, "NotEmulatedException"):
        return [] if name in NOT_EMULATED else [answer]
    shape = next((error for error in MODEL.error_shapes if error.name == code), None)
    if shape is None or status != shape.metadata["error"]["httpStatusCode"] or status >= 500:
        return [f"{status} {code}"]
    return [*problems(shape, answer), *(["the code"] if answer.get("code", code) != code else [])]


def test_what_is_not_emulated_is_listed() -> None:
    """README of emulator/drs: every other operation answers NotEmulatedException, never an empty success."""
    assert set(MODEL.operation_names) - set(OPERATIONS) == NOT_EMULATED
    assert len(MODEL.operation_names) == 70
    readme = (ROOT / "emulator" / "drs" / "README.md").read_text("utf-8")
    listed = re.findall(r"\w+", readme.partition("| subject | emulated |")[2].partition("\n\n")[0])
    assert sorted(name for name in listed if name in MODEL.operation_names) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", ORDER)
def test_no_request_breaks_the_service(requests: Requests, name: str) -> None:
    shape = MODEL.operation_model(name).input_shape

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(of_form(shape, requests.known) if shape else st.just({}))
    def send(request: dict[str, Any]) -> None:
        status, headers, answer = requests.send(name, request)
        assert wrong_with(name, status, headers, answer) == [], (request, answer)

    send()
    requests.made.drs.advance(200)
