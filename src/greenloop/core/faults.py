"""The two ways things go wrong: an expected no, and a broken promise."""

from typing import NoReturn


def say(template: str) -> str:
    """Mark `template` as a sentence for people, so that it is collected for translation."""
    return template


class Refusal(Exception):
    """An expected no: the request is at fault, nothing was written, the sentence says the way out.

    `message` is an English template; its `{names}` are filled from `facts`, after a door has translated it.
    `field` names the input at fault as its sender wrote it. `code` is stable for programs.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.field = field
        self.facts = facts

    def __str__(self) -> str:
        return self.message.format(**self.facts)


class Breach(Exception):
    """A broken invariant: work stops, nothing is recorded, people are called."""


def breach(message: str) -> NoReturn:
    """Raise a Breach that says `message`."""
    raise Breach(message)


def ensure(condition: bool, message: str) -> None:
    """Keep an assertion on in production.

    :raises Breach: `condition` is false.
    """
    if not condition:
        raise Breach(message)
