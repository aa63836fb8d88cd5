"""The one text that a document is hashed by: RFC 8785 for what we keep, which has no fractions in it."""

import json
from collections.abc import Mapping
from typing import Any

from greenloop.core.faults import Refusal, say

WHOLE_MAX = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly (RFC 7493)."""
DEPTH_MAX = 16


def text_of(document: object) -> str:
    """Return a document as canonical JSON: keys in the order of their UTF-16 units, no blanks, no needless escape.

    It may hold texts, whole numbers up to 2^53 − 1 either way, true, false, null, lists, and objects whose keys are
    texts.

    :raises ValueError: there is anything else in it, or it is nested deeper than 16.
    """
    return json.dumps(_ordered(document, 0), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _ordered(value: object, depth: int) -> object:
    if depth > DEPTH_MAX:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        value.encode()  # half of a surrogate pair is no text
    elif isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("the keys of an object are texts")
        return {key: _ordered(value[key], depth + 1) for key in sorted(value, key=_units)}
    elif isinstance(value, list | tuple):
        return [_ordered(each, depth + 1) for each in value]
    elif type(value) is int:
        if abs(value) > WHOLE_MAX:
            raise ValueError(f"{value} is beyond 2^53 - 1")
    elif value is not None and not isinstance(value, bool):
        raise ValueError(f"{type(value).__name__} has no canonical form")
    return value


def _units(key: str) -> bytes:
    return key.encode("utf-16-be")


def read(text: str) -> dict[str, Any]:
    """Return the object that a canonical text is.

    :raises Refusal: it is no JSON object, or another text would be its canonical one.
    """
    try:
        document = json.loads(text)
        same = text_of(document) == text
    except (ValueError, RecursionError):
        document, same = None, False
    if not same or not isinstance(document, dict):
        raise Refusal("canonical.text", say("This is not canonical JSON (RFC 8785)."))
    return document
