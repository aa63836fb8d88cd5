"""Addresses of operations, spelled as the server spells them: a signature covers each character."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

PLAIN = "-._~!$&'()*+,;=:@"


def address(path: str, places: Sequence[str | int] = (), query: Mapping[str, str | int | None] | None = None) -> str:
    """Return a path whose {places} are filled in their order, with what is given of its query."""
    parts = path.split("{")
    filled = [
        quote(str(place), safe=PLAIN) + part.partition("}")[2] for place, part in zip(places, parts[1:], strict=True)
    ]
    return with_query("".join([parts[0], *filled]), **(query or {}))


def with_query(target: str, **query: str | int | None) -> str:
    """Return a target with more in its query; what is None is left out."""
    words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    text = urlencode({name: value for name, value in words.items() if value is not None})
    return f"{target}{'&' if '?' in target else '?'}{text}" if text else target
