"""The tag policy: read with every problem named, resolved in the documented order, judged without regard to luck."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.declaration import declaration_problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.errors import DeclarationError, Problems
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.launch_tags import LaunchTags, ServerTags
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_policy import (
    Ec2Tags,
    Resolution,
    TagPolicy,
    Unreadable,
    findings,
    launch_tags,
    parse_server_variables,
    parse_tag_policy,
    resolve,
)
from ansible_collections.disaster_recovery.aws.plugins.module_utils.core.tag_rules import TagRule, judge, read_rules
from hypothesis import given
from hypothesis import strategies as st

GONE = Unreadable("there is no instance i-1", "give the tag another source")


def policy(*rules: dict[str, Any], **members: Any) -> TagPolicy:
    return parse_tag_policy({"tags": list(rules), **members})


def resolved(
    declared: TagPolicy,
    actual: dict[str, str] | None = None,
    variables: dict[str, str] | None = None,
    ec2: Ec2Tags = None,
) -> Resolution:
    return resolve(declared, actual or {}, variables=variables or {}, ec2=ec2, where="db-1 (s-1)")


def kinds(declared: TagPolicy, resolution: Resolution, tags: dict[str, str]) -> list[tuple[str, str]]:
    return [(finding.key, finding.kind) for finding in findings(declared, resolution, tags)]


def test_the_first_source_that_has_a_value_gives_it() -> None:
    rule = {"key": "Cost", "variable": "cost", "ec2_tag": "CostCentre", "default": "0"}
    declared = policy(rule)
    actual = {"Cost": "9"}
    everything = resolved(declared, actual, {"cost": "1"}, {"CostCentre": "2"})
    assert (everything.values, everything.sources) == ({"Cost": "1"}, {"Cost": "variable"})
    assert resolved(declared, actual, {}, {"CostCentre": "2"}).sources == {"Cost": "ec2_tag"}
    assert resolved(declared, actual, {}, {"Other": "2"}).sources == {"Cost": "default"}
    assert resolved(declared, actual, {}, None).values == {"Cost": "0"}
    kept = resolved(policy({**rule, "default": None}), actual)
    assert (kept.values, kept.sources, kept.changes.any) == ({"Cost": "9"}, {"Cost": "source_server"}, False)
    assert resolved(policy({"key": "Cost", "value": "7"}), actual, {"cost": "1"}).changes.to_set == {"Cost": "7"}


def test_a_value_that_is_not_allowed_is_found_and_neither_written_nor_replaced() -> None:
    declared = policy({"key": "Env", "variable": "env", "ec2_tag": "Env", "default": "p", "allowed": ["p", "s"]})
    found = resolved(declared, {"Env": "p"}, {"env": "x"}, {"Env": "s"})
    assert (found.values, found.changes.any) == ({}, False)
    (finding,) = findings(declared, found, {"Env": "p"})
    assert (finding.key, finding.kind) == ("Env", "not_allowed")
    assert finding.what == "its variable env, for tag Env, is 'x', the policy allows p, s"
    numbers = policy({"key": "Cost", "ec2_tag": "Cost", "pattern": "[0-9]{4}"})
    assert kinds(numbers, resolved(numbers, {}, {}, {"Cost": "47111"}), {}) == [("Cost", "not_allowed")]
    kept = resolved(numbers, {"Cost": "old"}, {}, {})
    assert kept.values == {}
    assert kinds(numbers, kept, {"Cost": "old"}) == [("Cost", "not_allowed")]


def test_a_missing_mandatory_tag_is_a_finding_and_an_optional_one_is_none() -> None:
    declared = policy({"key": "Owner"}, {"key": "Team", "required": False})
    (finding,) = findings(declared, resolved(declared), {})
    assert (finding.key, finding.kind) == ("Owner", "missing")
    assert "no mandatory tag Owner" in finding.what
    assert kinds(declared, resolved(declared, {"Owner": ""}), {"Owner": ""}) == []


def test_a_key_that_differs_only_in_case_is_another_tag_and_a_finding() -> None:
    declared = policy({"key": "Owner", "ec2_tag": "Owner"})
    resolution = resolved(declared, {"OWNER": "x"}, {}, {"owner": "bob"})
    assert resolution.values == {}
    found = findings(declared, resolution, {"OWNER": "x"})
    assert [(finding.key, finding.kind) for finding in found] == [
        ("Owner", "case"),
        ("Owner", "missing"),
        ("Owner", "case"),
    ]
    assert "its EC2 instance has the tag owner, the policy says Owner" in found[0].what
    assert "the source server has the tag OWNER, the policy says Owner" in found[2].what
    both = policy({"key": "Owner", "value": "a"}, {"key": "owner", "value": "b"})
    assert kinds(both, resolved(both), {"Owner": "a", "owner": "b"}) == []


def test_what_could_not_be_read_is_not_guessed_and_not_removed() -> None:
    declared = policy({"key": "Owner", "ec2_tag": "Owner", "default": "x"}, purge_tags=True, copy_ec2_tags=True)
    resolution = resolved(declared, {"Owner": "bob", "Copied": "before"}, {}, GONE)
    assert not resolution.changes.any
    assert kinds(declared, resolution, {"Owner": "bob"}) == [("Owner", "unreadable"), ("", "unreadable")]
    assert launch_tags(declared, resolution) == ServerTags({}, purge=False)


def test_exact_removes_what_the_policy_does_not_name_and_spares_what_is_not_ours() -> None:
    declared = policy({"key": "Owner", "value": "x"}, {"key": "Tier", "required": False}, purge_tags=True)
    own = {"aws:x": "", "AWSElasticDisasterRecoveryManaged": "", "drs.amazonaws.com-job": "", "dr:server-key": "db-1"}
    resolution = resolved(declared, {**own, "Tier": "web", "owner": "y", "Old": "z"})
    assert resolution.changes.to_remove == ("Old", "owner")
    assert launch_tags(declared, resolution) == ServerTags({"Owner": "x", "Tier": "web"}, purge=True)
    after = resolution.changes.applied({**own, "Tier": "web", "owner": "y", "Old": "z"})
    assert kinds(declared, resolution, after) == []


def test_all_tags_of_the_instance_can_be_copied_except_those_of_others() -> None:
    declared = policy({"key": "Owner", "value": "x"}, copy_ec2_tags=True)
    instance = {
        "Name": "db-1",
        "Owner": "y",
        "aws:x": "1",
        "AWSElasticDisasterRecoveryManaged": "",
        "dr:server-key": "k",
    }
    resolution = resolved(declared, {}, {}, instance)
    assert resolution.values == {"Owner": "x", "Name": "db-1"}
    assert resolution.sources == {"Owner": "constant", "Name": "ec2_tag"}


def test_what_aws_would_refuse_names_server_and_source() -> None:
    declared = policy({"key": "Owner", "variable": "owner"}, copy_ec2_tags=True)
    with pytest.raises(DeclarationError) as refused:
        resolved(declared, {}, {"owner": "a#b"}, {f"k{number}": "" for number in range(45)})
    lines = str(refused.value).splitlines()
    assert lines[0].startswith("tags of db-1 (s-1), variable.Owner: 'a#b'")
    assert "46 tags" in lines[1]
    with pytest.raises(DeclarationError, match=r"tags of db-1 \(s-1\): 51 tags"):
        resolved(policy({"key": "Owner", "value": "x"}), {f"k{number}": "" for number in range(50)})


def test_an_instance_needs_room_for_all_tags() -> None:
    declared = policy({"key": "Owner", "value": "x"})
    tags = {f"k{number}": "" for number in range(45)}
    resolution = resolved(declared, tags)
    after = resolution.changes.applied(tags)
    assert kinds(declared, resolution, after) == [("", "limit")]
    assert kinds(declared, resolution, {**dict(list(after.items())[1:]), "aws:x": "", "dr:server-key": ""}) == []


def test_a_policy_is_read_with_its_short_form() -> None:
    declared = parse_tag_policy({"tags": [{"key": "Team", "allowed": ["a"]}], "purge_tags": True}, {"Owner": "x"})
    assert declared.rules == (TagRule("Owner", value="x"), TagRule("Team", allowed=("a",)))
    assert (declared.purge_tags, declared.copy_ec2_tags, declared.asks_ec2) == (True, False, False)
    assert parse_tag_policy(None, None) == TagPolicy()
    assert policy({"key": "Owner", "ec2_tag": "Owner"}).asks_ec2


def test_every_problem_of_a_policy_is_named_at_once() -> None:
    rules = [
        {"key": "Owner", "value": 4711},
        {"key": "aws:x"},
        {"key": "AWSElasticDisasterRecoveryManaged"},
        {"key": "Env", "default": "q", "allowed": ["p"]},
        {"key": "Cost", "pattern": "["},
        {"key": "Team", "value": "x", "ec2_tag": "Team"},
        {"key": "Env"},
        {"kee": "x"},
        {"key": "Short"},
        {"key": "Long", "default": "x" * 257, "ec2_tag": "e" * 129},
        {"key": "Var", "variable": "not a name"},
    ]
    declaration = {
        "dr_tag_policy": {"tags": rules, "purge": True},
        "dr_mandatory_tags": {"Short": "x", "drs.amazonaws.com-job": "y"},
        "dr_server_variables": {"db-1": {"cost": 4711}, "DB-1": {}, "db-2": []},
    }
    text = "\n".join(str(problem) for problem in declaration_problems(declaration))
    for expected in (
        "dr_server_variables.db-1.cost: 4711: must be a text",
        "dr_server_variables: 'DB-1': is named twice",
        "dr_server_variables.db-2: []: must be a mapping",
        "dr_tag_policy: 'purge': unknown key",
        "dr_mandatory_tags.drs.amazonaws.com-job: 'drs.amazonaws.com-job': is a key of DRS itself",
        "dr_tag_policy.tags[0] (Owner).value: 4711: must be a text",
        "dr_tag_policy.tags[1] (aws:x).key: 'aws:x': keys that start with aws: are reserved",
        "dr_tag_policy.tags[2] (AWSElasticDisasterRecoveryManaged).key: 'AWSElasticDisasterRecoveryManaged': is a key",
        "dr_tag_policy.tags[3] (Env).default: 'q': is not allowed by its own rule: the policy allows p",
        "dr_tag_policy.tags[4] (Cost).pattern: '[': is no regular expression",
        "dr_tag_policy.tags[5] (Team).value: 'x': is a constant, so that no other source is asked: take out ec2_tag",
        "dr_tag_policy.tags[6]: 'Env': is declared twice",
        "dr_tag_policy.tags[7]: 'kee': unknown key",
        "dr_tag_policy.tags[7].key: None: missing",
        "dr_tag_policy.tags: 'Short': is declared in dr_mandatory_tags too",
        "dr_tag_policy.tags[9] (Long).ec2_tag",
        "dr_tag_policy.tags[9] (Long).default",
        "dr_tag_policy.tags[10] (Var).variable: 'not a name': must be the name of an inventory variable",
    ):
        assert expected in text, text
    with pytest.raises(DeclarationError, match="46 tags"):
        parse_tag_policy({"tags": [{"key": f"k{number}"} for number in range(46)]})


def test_variables_are_read_by_server_key() -> None:
    assert parse_server_variables({"DB-1": {"cost": "1"}}) == {"db-1": {"cost": "1"}}
    assert parse_server_variables(None) == {}


def test_a_rule_of_a_gate_knows_no_sources_and_survives_its_document() -> None:
    rules = [TagRule("Owner", value="x"), TagRule("Env", required=False, ec2_tag="Env", allowed=("p",), pattern="p|q")]
    gate = tuple(rule.for_gate() for rule in rules)
    assert gate[0] == TagRule("Owner", allowed=("x",))
    problems = Problems()
    documents = [rule.to_document() for rule in gate]
    assert read_rules(documents, "tags", problems, known=("key", "required", "allowed", "pattern")) == gate
    assert len(problems) == 0
    assert [finding.kind for finding in judge(gate, {"Owner": "y"}, "it")] == ["not_allowed"]


def test_tags_of_a_server_go_before_those_of_all() -> None:
    tags = LaunchTags({"Owner": "all", "Env": "p"}, {"s-1": ServerTags({"Owner": "one"}, purge=True)})
    assert tags.of("s-1") == ServerTags({"Owner": "one", "Env": "p"}, purge=True)
    assert tags.of("s-2") == ServerTags({"Owner": "all", "Env": "p"})


KEYS = ("Owner", "owner", "Env", "Cost", "aws:x", "drs.amazonaws.com-job", "dr:server-key", "Name")
POLICY_KEYS = ("Owner", "owner", "Env", "Cost", "Name")
VALUES = ("", "a", "b", "c")
texts = st.none() | st.sampled_from(VALUES)
tag_maps = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))


@st.composite
def rules_(draw: st.DrawFn, key: str) -> TagRule:
    allowed = tuple(draw(st.lists(st.sampled_from(VALUES), unique=True, max_size=2)))
    constant = draw(texts)
    default = draw(texts)
    rule = TagRule(key, required=draw(st.booleans()), allowed=allowed)
    if constant is not None and rule.refusal(constant) is None:
        return TagRule(key, required=rule.required, value=constant, allowed=allowed)
    return TagRule(
        key,
        required=rule.required,
        variable=draw(st.none() | st.sampled_from(["v", "w"])),
        ec2_tag=draw(st.none() | st.sampled_from(POLICY_KEYS)),
        default=default if default is not None and rule.refusal(default) is None else None,
        allowed=allowed,
    )


@st.composite
def policies(draw: st.DrawFn) -> TagPolicy:
    keys = draw(st.lists(st.sampled_from(POLICY_KEYS), unique=True))
    return TagPolicy(
        rules=tuple(draw(rules_(key)) for key in keys),
        purge_tags=draw(st.booleans()),
        copy_ec2_tags=draw(st.booleans()),
    )


@given(
    declared=policies(),
    actual=tag_maps,
    variables=st.dictionaries(st.sampled_from(["v", "w"]), st.sampled_from(VALUES)),
    ec2=tag_maps | st.none() | st.just(GONE),
)
def test_properties_of_resolution(
    declared: TagPolicy, actual: dict[str, str], variables: dict[str, str], ec2: Ec2Tags
) -> None:
    first = resolved(declared, actual, variables, ec2)
    after = first.changes.applied(actual)
    again = resolved(declared, after, variables, ec2)
    rules = {rule.key: rule for rule in declared.rules}

    # A second run changes nothing, and means the same.
    assert not again.changes.any
    assert again.values == first.values
    # Every value has a source, reaches the server, and is one that its rule allows.
    assert first.values.keys() == first.sources.keys()
    assert first.values.items() <= after.items()
    assert all(rules[key].refusal(value) is None for key, value in first.values.items() if key in rules)
    # Nothing of AWS, of DRS or of this collection is written or removed.
    others = [key for key in KEYS if key not in POLICY_KEYS]
    assert {key: after.get(key) for key in others} == {key: actual.get(key) for key in others}
    # No tag that the policy names is ever removed, and none at all when it is not exact.
    assert not set(first.changes.to_remove) & rules.keys()
    assert declared.purge_tags or not first.changes.to_remove
    # A required tag that no server has after the run is a finding of that key.
    left = {finding.key for finding in findings(declared, first, after) if finding.kind != "case"}
    assert left >= {key for key, rule in rules.items() if rule.required and key not in after}
    # Where every value is there and allowed, nothing is found but other spellings.
    if all(rule.key in first.values for rule in declared.rules) and not isinstance(ec2, Unreadable):
        assert not left
