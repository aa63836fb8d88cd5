"""One document has one text: RFC 8785, on its own example of an order of keys, and refused where it has no form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.trust.canonical import WHOLE_MAX, read, text_of

plain = st.none() | st.booleans() | st.integers(-WHOLE_MAX, WHOLE_MAX) | st.text(max_size=8)
documents = st.dictionaries(
    st.text(max_size=4),
    st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner)),
    max_size=5,
)


def test_keys_are_in_the_order_of_their_utf_16_units() -> None:
    # RFC 8785, 3.2.3: a smiley, whose first unit is 0xd83d, comes before a Hebrew presentation form, 0xfb33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(text_of(dict.fromkeys(keys)))) == [
        *("\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"),
    ]


def test_only_what_must_be_escaped_is() -> None:
    # RFC 8785, 3.2.2.2, without its number.
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u007f/"
    assert text_of([text]) == '["\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"\u007f/"]'


def test_there_are_no_blanks_and_lists_keep_their_order() -> None:
    assert text_of({"b": [3, None, True], "a": {"d": -1, "c": "绿环"}}) == '{"a":{"c":"绿环","d":-1},"b":[3,null,true]}'


@pytest.mark.parametrize(
    "value", [1.0, WHOLE_MAX + 1, -WHOLE_MAX - 1, b"a", {1: 2}, {"a": {1}}, "\ud83d", {"\ud83d": 1}]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each is another sentence
        text_of([value])


def test_nothing_is_nested_without_end() -> None:
    deep: object = 1
    for _ in range(17):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        text_of(deep)


@given(document=documents)
def test_a_text_is_read_again_and_written_the_same(document: dict[str, object]) -> None:
    text = text_of(document)
    assert read(text) == document
    assert text_of(read(text)) == text


@pytest.mark.parametrize(
    "text", ['{"b":1,"a":2}', '{"a": 1}', '{"a":1.0}', '{"a":1}\n', "[1]", '{"a":1,"a":1}', '{"a":"\\u0041"}', "{", ""]
)
def test_any_other_text_of_a_document_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="canonical"):
        read(text)
