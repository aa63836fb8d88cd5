"""The language people are spoken to in. It needs no framework, so that every command can speak it from its start."""

import os
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Literal

from greenloop.core.faults import Refusal

Language = Literal["en", "zh"]
LANGUAGES = ("en", "zh")
CATALOGS = Path(__file__).resolve().parent.parent / "locale"
ASKED_IN = ("GREENLOOP_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""Where the environment names a language: the first that is set decides."""

_spoken: list[Language] = ["en"]


def language_of(environment: str | None) -> Language:
    """Return `zh` for a language that begins so, such as zh_CN.UTF-8, else `en`."""
    return "zh" if (environment or "").lower().startswith("zh") else "en"


def choose(asked: str | None) -> Language:
    """Speak `asked` from now on, or what the environment names; return it."""
    named = asked or next((os.environ[name] for name in ASKED_IN if os.environ.get(name)), "en")
    _spoken[0] = language_of(named)
    return _spoken[0]


def spoken() -> Language:
    """Return the language in use, `en` or `zh`."""
    return _spoken[0]


@cache
def _catalog(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    return translation("django", CATALOGS, ["zh_Hans"], fallback=True)


def gettext(sentence: str) -> str:
    """Return a sentence in the language in use; one that has no translation stays English."""
    return _catalog(spoken()).gettext(sentence) if sentence else ""


def told(refusal: Refusal) -> str:
    """Return what a refusal says, in the language in use."""
    facts = dict(refusal.facts)
    reasons = facts.get("reasons")
    if isinstance(reasons, tuple):
        facts["list"] = " ".join(f"[{reason.field}] {told(reason)}" for reason in reasons)
    return gettext(refusal.message).format(**facts)
