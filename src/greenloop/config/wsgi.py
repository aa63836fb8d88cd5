"""The product as one WSGI application: the busiest routes of the API first, Django for all others."""

import os
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenloop.config.settings")

from django.core.wsgi import get_wsgi_application

_django = get_wsgi_application()

from greenloop.api import busy  # noqa: E402  models can be imported only now


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer one request."""
    answer = busy.serve(environ, start_response)
    return _django(environ, start_response) if answer is None else answer
