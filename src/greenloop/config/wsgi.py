"""The product as one WSGI application: what machines ask and the API's busiest routes first, Django for all others."""

import os
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenloop.config.settings")

from django.core.wsgi import get_wsgi_application

_pages = get_wsgi_application()

from greenloop.api import busy  # noqa: E402  models can be imported only now
from greenloop.config import process  # noqa: E402
from greenloop.config.arriving import arrived  # noqa: E402
from greenloop.config.operations import beside  # noqa: E402
from greenloop.config.requests import followed  # noqa: E402

_django = arrived(_pages)


def _answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    answer = busy.serve(environ, start_response)
    return _django(environ, start_response) if answer is None else answer


application = followed(beside(_answer))
if process.SERVING in os.environ:
    process.begin()
