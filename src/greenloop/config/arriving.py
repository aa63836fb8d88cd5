"""Bodies of what Django serves: there before Django is entered, so that nothing in it waits for a sender."""

from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from typing import Any

import msgspec
from django.conf import settings

from greenloop.api import bodies, busy, callers, limits
from greenloop.api.door import PREFIX
from greenloop.api.problems import Problem, Reply
from greenloop.config.requests import Application, Environ


def arrived(application: Application) -> Application:
    """Return the application, entered once a body is there; a key's request is left to read its own, after its key."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        length, path = bodies.length(environ), environ["PATH_INFO"]
        ours = path.startswith(PREFIX)
        if length and not (ours and callers.has_key(environ)):
            bytes_max = limits.body_bytes_max(path) if ours else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            try:
                # What is too large is refused by its length alone, and who is nobody without being heard.
                shows = not ours or settings.SESSION_COOKIE_NAME in environ.get("HTTP_COOKIE", "")
                body = bodies.read(environ, bytes_max, known=False) if shows and length <= bytes_max else b""
            except Problem as fault:
                told = busy.refused(environ, fault)
                return busy.send(told if ours else _plain(told), start_response)
            environ["wsgi.input"] = BytesIO(body)
        return application(environ, start_response)

    return answer


def _plain(told: Reply) -> Reply:
    """Return a refusal as somebody at a browser reads it."""
    detail = msgspec.json.decode(told.body)["detail"]
    return replace(told, body=detail.encode(), content_type="text/plain; charset=utf-8")
