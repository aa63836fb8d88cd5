"""How one document differs from another, value by value, for somebody who has to agree to the change."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs: its path, and the value before and after as JSON; None where there is none."""

    path: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[Difference, ...]:
    """Return every value that differs, by path in the order of the paths.

    Objects are taken apart, and so are lists of objects; a list of plain values is one value.
    """
    old, new = dict(_values(before, "")), dict(_values(after, ""))
    return tuple(
        Difference(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys(), key=_order)
        if old.get(path) != new.get(path)
    )


def _order(path: str) -> tuple[tuple[str, int], ...]:
    """Return what a path is sorted by: places in a list as numbers."""
    parts = path.replace("]", "").replace("[", ".#").split(".")
    return tuple(("#", int(part[1:])) if part[:1] == "#" and part[1:].isdecimal() else (part, 0) for part in parts)


def _values(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _values(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        for place, inner in enumerate(value):
            yield from _values(inner, f"{path}[{place}]")
    else:
        yield path, json.dumps(value, sort_keys=True, ensure_ascii=False)
