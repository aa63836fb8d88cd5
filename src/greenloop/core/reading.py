"""Typed reading of documents that people and other programs wrote: every value is checked before it is used.

A document is what `json.loads` returns. Types are strict (true is not 1, 1.0 is not 1), and every fault names the path
of the value at fault. Faults are collected, so that a whole document can be answered at once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from greenloop.core.faults import Refusal, say

WHOLE_MAX = 10**60
"""No whole number in a document may lie beyond ±WHOLE_MAX: far above any use, and every result stays printable."""
TEXT_LENGTH_MAX = 200

_MISSING = object()


class Fields:
    """Reads the values of one JSON object.

    A value at fault adds a Refusal to `faults` and a harmless stand-in is returned; call `check`, or look at `sound`,
    before anything that was read is used.
    """

    __slots__ = ("_before", "_source", "at", "faults")

    def __init__(self, source: Mapping[str, object], at: str = "", faults: list[Refusal] | None = None) -> None:
        self._source = source
        self.at = at
        self.faults = [] if faults is None else faults
        self._before = len(self.faults)

    @property
    def sound(self) -> bool:
        """Whether nothing was found at fault since this reader was made."""
        return len(self.faults) == self._before

    def check(self) -> None:
        """Go on only if everything read so far was sound.

        :raises Refusal: the first fault that was found.
        """
        if not self.sound:
            raise self.faults[self._before]

    def take(self, found: Iterable[Refusal]) -> None:
        """Note faults that were found elsewhere, under this reader's path."""
        for fault in found:
            self.faults.append(Refusal(fault.code, fault.message, field=f"{self.at}{fault.field}", **fault.facts))

    def fault(self, key: str, message: str, code: str = "document.value", **facts: object) -> None:
        """Note that the value under `key` is wrong; `message` may use {field} beside `facts`."""
        path = f"{self.at}{shown(key)}"
        self.faults.append(Refusal(code, message, field=path, **{"field_name": path, **facts}))

    def has(self, key: str) -> bool:
        """Tell whether `key` is there at all."""
        return key in self._source

    def only(self, known: Collection[str]) -> None:
        """Find fault with every key that is not among `known`: most are misspelt."""
        for key in self._source:
            if key not in known:
                self.fault(
                    key,
                    say("{field_name} is not known here; remove it, or use one of: {known}."),
                    "document.unknown_key",
                    known=", ".join(known),
                )

    def whole(self, key: str, *, least: int = -WHOLE_MAX, most: int = WHOLE_MAX) -> int:
        """Read a whole number between `least` and `most`."""
        value = self._get(key)
        if type(value) is int and least <= value <= most:
            return value
        if value is not _MISSING:
            self._not_whole(key, value, least, most)
        return max(least, min(most, 1))

    def maybe_whole(self, key: str, *, least: int = -WHOLE_MAX, most: int = WHOLE_MAX) -> int | None:
        """Read a whole number, or null; what is missing is null."""
        if self._source.get(key) is None:
            return None
        return self.whole(key, least=least, most=most)

    def text(self, key: str, *, length_max: int = TEXT_LENGTH_MAX) -> str:
        """Read a text that is not empty, not longer than `length_max`, and can be written as UTF-8."""
        value = self._get(key)
        if isinstance(value, str) and is_text(value, length_max):
            return value
        if value is not _MISSING:
            self.fault(
                key,
                say("{field_name} must be a text of 1 to {most} characters, readable as UTF-8."),
                most=length_max,
            )
        return ""

    def maybe_text(self, key: str, *, length_max: int = TEXT_LENGTH_MAX) -> str | None:
        """Read a text, or null; what is missing is null."""
        if self._source.get(key) is None:
            return None
        return self.text(key, length_max=length_max)

    def choice(self, key: str, options: Collection[str]) -> str:
        """Read one of the texts in `options`."""
        value = self._get(key)
        if isinstance(value, str) and value in options:
            return value
        if value is not _MISSING:
            self.fault(key, say("{field_name} must be one of: {options}."), options=", ".join(options))
        return next(iter(options))

    def maybe_choice(self, key: str, options: Collection[str]) -> str | None:
        """Read one of the texts in `options`, or null; what is missing is null."""
        return None if self._source.get(key) is None else self.choice(key, options)

    def maybe_texts(self, key: str) -> frozenset[str] | None:
        """Read a list of different texts, or null for no list; what is missing is null. An empty list is a fault."""
        values = self._source.get(key)
        if values is None:
            return None
        if isinstance(values, list | tuple) and values:
            texts = frozenset(value for value in values if isinstance(value, str) and is_text(value))
            if len(texts) == len(values):
                return texts
        self.fault(key, say("{field_name} must be a list of one or more different texts, or null."))
        return None

    def maybe_wholes(self, key: str, *, least: int, most: int) -> frozenset[int] | None:
        """Read a list of different whole numbers, or null for no list; what is missing is null."""
        values = self._source.get(key)
        if values is None:
            return None
        if isinstance(values, list | tuple) and values:
            wholes = frozenset(value for value in values if type(value) is int and least <= value <= most)
            if len(wholes) == len(values):
                return wholes
        message = say("{field_name} must be a list of one or more different whole numbers, {least} to {most}, or null.")
        self.fault(key, message, least=least, most=most)
        return None

    def day(self, key: str) -> date:
        """Read a day written as 2025-01-31."""
        value = self._get(key)
        if isinstance(value, str) and len(value) == 10:
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        if value is not _MISSING:
            self.fault(key, say("{field_name} must be a day written as 2025-01-31."))
        return date(2000, 1, 1)

    def ratio(self, key: str) -> tuple[int, int]:
        """Read a ratio [a, b] with 0 ≤ a ≤ b and b > 0."""
        value = self._get(key)
        if isinstance(value, list | tuple) and len(value) == 2:
            upper, lower = value
            if type(upper) is int and type(lower) is int and 0 <= upper <= lower <= WHOLE_MAX and lower > 0:
                return upper, lower
        if value is not _MISSING:
            self.fault(
                key, say("{field_name} must be two whole numbers [a, b] with 0 ≤ a ≤ b and b > 0: the ratio a/b.")
            )
        return 1, 1

    def inner(self, key: str) -> "Fields | None":
        """Read an object whose faults carry this key in their path; None if there is no object."""
        before = len(self.faults)
        source = self.mapping(key)
        return Fields(source, f"{self.at}{shown(key)}.", self.faults) if len(self.faults) == before else None

    def mapping(self, key: str) -> Mapping[str, object]:
        """Read an object as it is, its keys checked to be texts."""
        value = self._get(key)
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            return value
        if value is not _MISSING:
            self.fault(key, say("{field_name} must be an object, written in braces."))
        return {}

    def amounts(self, key: str, *, most: int) -> dict[str, int]:
        """Read an object of whole numbers from 0 to `most`, by name."""
        amounts: dict[str, int] = {}
        for name, value in self.mapping(key).items():
            if is_text(name) and type(value) is int and 0 <= value <= most:
                amounts[name] = value
            else:
                self.fault(key, say("{field_name} must hold whole numbers from 0 to {most}, by name."), most=most)
        return amounts

    def maybe_amounts(self, key: str, *, most: int) -> dict[str, int] | None:
        """Read an object of whole numbers by name; None where it is missing or null."""
        return None if self._source.get(key) is None else self.amounts(key, most=most)

    def objects(self, key: str) -> Iterator["Fields"]:
        """Read a list of objects, one after the other."""
        value = self._get(key)
        if not isinstance(value, list | tuple):
            if value is not _MISSING:
                self.fault(key, say("{field_name} must be a list of objects, written in brackets."))
            return
        for number, item in enumerate(value):
            if isinstance(item, Mapping) and all(isinstance(name, str) for name in item):
                yield Fields(item, f"{self.at}{key}[{number}].", self.faults)
            else:
                self.fault(f"{key}[{number}]", say("{field_name} must be an object, written in braces."))

    def _get(self, key: str) -> object:
        value = self._source.get(key, _MISSING)
        if value is _MISSING:
            self.fault(key, say("{field_name} is missing; add it."), "document.missing")
        return value

    def _not_whole(self, key: str, value: object, least: int, most: int) -> None:
        if type(value) is not int:
            self.fault(key, say("{field_name} must be a whole number, written without quotes or decimals."))
        elif value < least:
            self.fault(key, say("{field_name} must be at least {least}."), least=least)
        else:
            self.fault(key, say("{field_name} must be at most {most}."), most=most)


def root(document: object) -> Fields:
    """Begin to read a document.

    :raises Refusal: it is no JSON object.
    """
    if isinstance(document, Mapping) and all(isinstance(key, str) for key in document):
        return Fields(document)
    raise Refusal("document.object", say("The document must be one JSON object, written in braces."))


def is_text(value: str, length_max: int = TEXT_LENGTH_MAX) -> bool:
    """Tell whether `value` has 1 to `length_max` characters and can be written as UTF-8."""
    return 0 < len(value) <= length_max and not any("\ud800" <= character <= "\udfff" for character in value)


def shown(value: str) -> str:
    """Shorten a text of unknown origin so that it can be shown inside a sentence."""
    return value[:40].encode("utf-8", "replace").decode()
