"""The size of items, which ends a page of a query, is what moto computes for itself."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.utilities import bytesize

from emulator.gaps.dynamodb import _size_of_item

LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.text().map(lambda text: {"S": text}),
    st.integers().map(lambda number: {"N": str(number)}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    st.lists(st.text(), min_size=1, max_size=3, unique=True).map(lambda texts: {"SS": texts}),
    st.lists(st.integers().map(str), min_size=1, max_size=3, unique=True).map(lambda numbers: {"NS": numbers}),
)
VALUES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda parts: {"L": parts}),
        st.dictionaries(st.text(), below, max_size=3).map(lambda parts: {"M": parts}),
    ),
    max_leaves=8,
)


@given(attributes=st.dictionaries(st.text(min_size=1), VALUES, max_size=4))
def test_the_size_of_any_item(attributes: dict[str, Any]) -> None:
    item = Item(DynamoType({"S": "key"}), None, attributes)
    assert _size_of_item(item) == sum(bytesize(name) + value.size() for name, value in item.attrs.items())
