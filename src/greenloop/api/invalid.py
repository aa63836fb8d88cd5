"""Bodies and queries that aren't what an address takes: what is wrong, in our own sentences, by the field at fault.

Pydantic and msgspec each say it in English of their own, by kinds that are many; the frequent ones have a sentence
here, all others share one. What the libraries say is never passed on.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from greenloop.api.problems import Problem
from greenloop.core.faults import say

CODE = "body.invalid"
_TEXT = say("{field_name} must be a text.")
_WHOLE = say("{field_name} must be a whole number, written without quotes or decimals.")
_FLAG = say("{field_name} must be true or false.")
_LIST = say("{field_name} must be a list, written in brackets.")
_OBJECT = say("{field_name} must be an object, written in braces.")
_INSTANT = say(
    "{field_name} must be an instant written as RFC 3339 does, such as 2026-01-31T18:05:00+08:00, in the years 2000 to "
    "2199."
)
_LEAST = say("{field_name} must be at least {least}.")
_MOST = say("{field_name} must be at most {most}.")
_SHORT = say("{field_name} has {least} characters at least.")
_LONG = say("{field_name} has {most} characters at most.")
_FEW = say("{field_name} holds {least} at least.")
_MANY = say("{field_name} holds {most} at most.")
_MISSING = say("{field_name} is missing; add it.")
_UNKNOWN = say("{field_name} is not known here; remove it.")
_FORM = say("{field_name} is not of the form that is read here.")
_OTHER = say("{field_name} is not what this address takes.")
_WHOLLY = say("The body isn't what this address takes.")

_BY_KIND = {
    "missing": _MISSING,
    "extra_forbidden": _UNKNOWN,
    "string_type": _TEXT,
    "string_too_short": _SHORT,
    "string_too_long": _LONG,
    "string_pattern_mismatch": _FORM,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _OTHER,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "list_type": _LIST,
    "too_short": _FEW,
    "too_long": _MANY,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "greater_than_equal": _LEAST,
    "less_than_equal": _MOST,
    "literal_error": say("{field_name} must be one of: {options}."),
    "date_type": say("{field_name} must be a day written as 2025-01-31."),
    "date_parsing": say("{field_name} must be a day written as 2025-01-31."),
    "day": say("{field_name} must be a day written as 2025-01-31."),
    "instant": _INSTANT,
    "text.nul": say("{field_name} can't hold the character NUL."),
    "nested": say("{field_name} is nested deeper than {most} levels."),
}
_OF_MSGSPEC = (
    (re.compile(r"Object missing required field `(?P<name>.*)`"), _MISSING),
    (re.compile(r"Object contains unknown field `(?P<name>.*)`"), _UNKNOWN),
    (re.compile(r"Expected `str` of length >= (?P<least>\d+)"), _SHORT),
    (re.compile(r"Expected `str` of length <= (?P<most>\d+)"), _LONG),
    (re.compile(r"Expected `str` matching regex .*"), _FORM),
    (re.compile(r"Expected `int` >= (?P<least>-?\d+)"), _LEAST),
    (re.compile(r"Expected `int` <= (?P<most>-?\d+)"), _MOST),
    (re.compile(r"Expected `array` of length >= (?P<least>\d+)"), _FEW),
    (re.compile(r"Expected `array` of length <= (?P<most>\d+)"), _MANY),
    (re.compile(r"Expected `str(?: \| null)?`, got .*"), _TEXT),
    (re.compile(r"Expected `int`, got .*"), _WHOLE),
    (re.compile(r"Expected `bool`, got .*"), _FLAG),
    (re.compile(r"Expected `array`, got .*"), _LIST),
    (re.compile(r"Expected `object`, got .*"), _OBJECT),
    (re.compile(r"Expected `datetime.*|Invalid RFC3339 encoded datetime"), _INSTANT),
)


def by_pydantic(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the refusal of what pydantic found first."""
    first = errors[0]
    # ("body", "name of the parameter", "field", …): what stands in a body or query is named as its sender wrote it.
    place = [str(part) for part in first["loc"][1:]]
    if first["loc"][0] == "body" and place:
        place = place[1:]
    given = first.get("ctx", {})
    facts = {
        "least": given.get("ge", given.get("min_length")),
        "most": given.get("le", given.get("max_length", given.get("most"))),
        "options": given.get("expected", ""),
    }
    return _problem(".".join(place), _BY_KIND.get(first["type"], _OTHER), facts)


def by_msgspec(said: str) -> Problem:
    """Return the refusal of what msgspec has found: its sentence, and behind it the place."""
    reason, _, place = said.partition(" - at `$")
    path = place.strip(".`")
    for pattern, message in _OF_MSGSPEC:
        if found := pattern.fullmatch(reason):
            facts = found.groupdict()
            return _problem(".".join(filter(None, (path, facts.pop("name", "")))), message, facts)
    return _problem(path, _OTHER, {})


def _problem(field: str, message: str, facts: Mapping[str, Any]) -> Problem:
    if not field:
        return Problem(422, CODE, _WHOLLY)
    return Problem(422, CODE, message, field=field, field_name=field, **facts)
