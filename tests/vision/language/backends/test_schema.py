"""Answers against their schema: what is valid, and every way not to be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.language.backends.schema import MAX_ANSWER, check, grammar, read_answer, whole_schema
from vision.language.model import NoAnswer

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "threat": {"type": "integer", "minimum": 0, "maximum": 3},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "seen": {"type": "boolean"},
        "note": {"type": "string", "maxLength": 10},
    },
}
GOOD: dict[str, Any] = {"colour": "red", "threat": 2, "share": 0.5, "seen": True, "note": "a man"}


def text(**changed: Any) -> str:
    return json.dumps(GOOD | changed)


VALID = [
    # as it should be
    (text(), GOOD),
    # a server that wraps it in a code block
    (f"```json\n{text()}\n```", GOOD),
    # whole numbers written as fractions, fractions as whole numbers
    (text(threat=2.0, share=1), GOOD | {"share": 1.0}),
    # another order: the schema's comes out
    (json.dumps(dict(reversed(GOOD.items()))), GOOD),
    # line breaks within a text become spaces
    (text(note="a\nb\t"), GOOD | {"note": "a b"}),
    # any script
    (text(note="人在门口"), GOOD | {"note": "人在门口"}),
]


@pytest.mark.parametrize(("said", "values"), VALID)
def test_valid(said: str, values: dict[str, Any]) -> None:
    read = read_answer(said, SCHEMA)
    assert read == values
    assert list(read) == list(SCHEMA["properties"])
    assert type(read["threat"]) is int


INVALID = [
    "",  # nothing
    "I see a man.",  # prose
    "[1]",  # no object
    "null",
    text()[:-3],  # cut off
    text() + text(),  # two
    text(colour="green"),  # not in the list
    text(colour=["red"]),
    text(threat=4),  # beyond its range
    text(threat=-1),
    text(threat=1.5),  # no whole number
    text(threat=True),  # a boolean is no number
    text(threat="2"),  # nor is a text
    text(share=1.01),
    '{"colour": "red", "threat": 2, "share": NaN, "seen": true, "note": ""}',
    '{"colour": "red", "threat": 2, "share": 1e999, "seen": true, "note": ""}',
    text(seen=1),
    text(seen="true"),
    text(note="x" * 11),  # too long
    text(note=None),
    '{"colour": "red", "threat": 2, "share": 0, "seen": true, "note": "\\ud800"}',  # half of a character
    text(extra=1),  # not asked for
    json.dumps({key: value for key, value in GOOD.items() if key != "note"}),  # missing
    '{"colour": "red", "colour": "blue", "threat": 2, "share": 0.5, "seen": true, "note": ""}',  # twice
    "[" * 100000,  # nested without an end
    " " * (MAX_ANSWER + 1),
]


@pytest.mark.parametrize("said", INVALID)
def test_invalid(said: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        read_answer(said, SCHEMA)
    assert caught.value.failure == "invalid"
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@given(st.text(max_size=200))
def test_any_text_is_valid_or_no_answer(said: str) -> None:
    with pytest.raises(NoAnswer):
        read_answer(said, SCHEMA)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner),
    )
)
def test_any_value_is_valid_or_no_answer(raw: object) -> None:
    try:
        values = check(raw, SCHEMA)
    except NoAnswer:
        return
    assert list(values) == list(SCHEMA["properties"])


def test_an_enum_of_numbers_does_not_take_booleans() -> None:
    with pytest.raises(NoAnswer):
        check({"a": True}, {"properties": {"a": {"enum": [0, 1]}}})


def test_the_whole_schema_says_what_is_meant_anyway() -> None:
    whole = whole_schema({"properties": {"a": {"enum": ["x"]}, "b": {"type": "string"}}})
    assert whole["required"] == ["a", "b"]
    assert whole["additionalProperties"] is False
    assert whole["properties"]["a"]["type"] == "string"
    assert whole["properties"]["b"]["maxLength"] == 400


def test_the_grammar_of_a_schema() -> None:
    lines = grammar(SCHEMA).splitlines()
    assert lines[0].startswith('root ::= "{" "\\"colour\\"" col f0 com "\\"threat\\"" col f1 com ')
    assert lines[1:8] == [
        'col ::= ":" " "?',
        'com ::= "," " "?',
        'f0 ::= "\\"red\\"" | "\\"blue\\""',
        'f1 ::= "0" | "1" | "2" | "3"',
        'f2 ::= ("0" | [1-9] [0-9]{0,8}) ("." [0-9]{1,4})?',
        'f3 ::= "true" | "false"',
        'f4 ::= "\\"" char{0,10} "\\""',
    ]
