"""The API's document says one thing under one name: two kinds of messages never share it."""

import inspect
import sys
from collections import Counter
from typing import Any

import msgspec
from ninja import Schema


def named(part: Any) -> set[str]:
    """Return the names of the schemas that a part of the document refers to."""
    if isinstance(part, list):
        return {name for each in part for name in named(each)}
    if not isinstance(part, dict):
        return set()
    own = {str(part["$ref"]).rpartition("/")[2]} if "$ref" in part else set()
    return own | {name for each in part.values() for name in named(each)}


def kinds() -> Counter[str]:
    """Return how many kinds of messages the API's modules define under each name."""
    found = {
        kind
        for module in [each for name, each in sys.modules.items() if name.startswith("greenloop.api")]
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Schema | msgspec.Struct)
    }
    return Counter(kind.__name__ for kind in found)


def test_no_two_kinds_of_messages_have_one_name_in_the_document() -> None:
    from greenloop.api.routes import api

    many = kinds()
    assert many["OrderIn"] == 1
    assert many["Which"] > 1, "names of parameters may repeat: the document spells each parameter out"
    assert {name for name in named(api.get_openapi_schema()) if many[name] > 1} == set()
