"""Rendering: the template environment, what every page knows, and the one way to show a page."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.messages import get_messages
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.http import content_disposition_header
from jinja2 import Environment, StrictUndefined

from greenloop.core.faults import Refusal
from greenloop.store.queries import minting
from greenloop.store.queries.minting import Standing
from greenloop.web import access, clock, words

THEMES = ("light", "dark")
LANGUAGES = {"en": "en", "zh-hans": "zh-Hans"}


def environment(**options: Any) -> Environment:
    """Return the environment of all our templates: a name that a view forgot is an error, not a blank."""
    made = Environment(  # noqa: S701  Django passes autoescape=True  # nosec B701
        **{**options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True},
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(translation.gettext, translation.ngettext)  # type: ignore[attr-defined]
    made.globals.update(
        static=static,
        url=lambda name, *args: reverse(name, args=args),
        language=lambda: LANGUAGES.get(translation.get_language() or "en", "en"),
        visitor_of=access.visitor,
        reads_only=lambda request: access.only_reads(access.visitor(request)),
        theme_of=theme,
        messages_of=get_messages,
        minting_now=minting_now,
    )
    made.filters.update(words.filters())
    return made


def theme(request: HttpRequest) -> str:
    """Return the theme that a visitor chose, empty where the device decides."""
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else ""


def minting_now() -> Standing:
    """Return whether purchases make points, for every page to say; where the database can't be asked, as ever."""
    try:
        return minting.shown(clock.now())
    except DatabaseError:
        return minting.AS_EVER


def act(request: HttpRequest, verb: Callable[[], object], sentence: str) -> None:
    """Do what a form asks for; the next page says the sentence, or why it wasn't done."""
    try:
        verb()
    except Refusal as refusal:
        messages.error(request, words.told(refusal))
    else:
        messages.success(request, sentence)


def download(content: bytes, name: str, kind: str) -> HttpResponse:
    """Return a file to keep. Like pages, it is somebody's own."""
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    answer["Cache-Control"] = "private, no-store"
    return answer


def show(request: HttpRequest, template: str, *, status: int = 200, **facts: Any) -> HttpResponse:
    """Return a page. Pages are somebody's own: nobody on the way keeps them."""
    response = render(request, template, facts, status=status)
    response["Cache-Control"] = "private, no-store"
    return response
