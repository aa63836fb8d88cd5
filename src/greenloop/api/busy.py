"""The busiest routes, served ahead of Django: a till's order crosses no middleware that it has no use for.

The same functions answer when Django routes to them, so nothing is taken in two ways.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.db import OperationalError
from django.utils import translation

from greenloop.api import bodies, callers, limits
from greenloop.api.callers import Client, Environ
from greenloop.api.loop import till, wallet
from greenloop.api.problems import COMMON, Problem, Reply, language, reply
from greenloop.core.faults import Breach, Refusal, say
from greenloop.services import measures, trail

log = logging.getLogger("greenloop.api")
Route = Callable[[Environ, bytes, Client], Reply]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
ROUTES: dict[tuple[str, str], tuple[str, Route]] = {
    ("POST", "/v1/orders"): ("orders:write", till.one),
    ("POST", "/v1/orders/bulk"): ("orders:write", till.bulk),
}
"""By method and address, the scope that a key needs there, and what answers."""
WALLETS = "/v1/wallets/"
_REASONS = {
    200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content",
    429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer one of the busiest routes as WSGI; None for any other address."""
    path = environ["PATH_INFO"]
    pattern, found = path, ROUTES.get((environ["REQUEST_METHOD"], path))
    if found is None:
        if (found := _wallet(environ, path)) is None:
            return None
        pattern = f"{WALLETS}{{account_id}}"
    trail.route(pattern)
    scope, route = found
    return send(answered(environ, lambda: _called(environ, scope, route)), start_response)


def send(answer: Reply, start_response: StartResponse) -> list[bytes]:
    """Send an answer as WSGI."""
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        *COMMON,
        *answer.headers,
    ]
    start_response(f"{answer.status} {_REASONS[answer.status]}", headers)
    return [answer.body]


def _called(environ: Environ, scope: str, route: Route) -> Reply:
    bytes_max = limits.body_bytes_max(environ["PATH_INFO"])
    caller, body = callers.signer(environ, scope, lambda: bodies.read(environ, bytes_max, known=True))
    return route(environ, body, caller)


def _wallet(environ: Environ, path: str) -> tuple[str, Route] | None:
    """Return the route of a wallet as it is now, asked for with a key; all else about wallets is Django's."""
    if not path.startswith(WALLETS) or environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING"):
        return None
    account_id = path[len(WALLETS) :]
    if not account_id or "/" in account_id or not callers.has_key(environ):
        return None
    return "wallets:read", lambda _environ, _body, caller: wallet.one(account_id, caller)


def answered(environ: Environ, call: Callable[[], Reply]) -> Reply:
    """Return what a route answers; a no of any kind becomes a problem, and nothing escapes."""
    try:
        return call()
    except (Refusal, Problem) as fault:
        return refused(environ, fault)
    except OperationalError as fault:
        log.critical("the database can't be used: %s", type(fault).__name__)
        message = say(
            "The books can't be reached. Whether this was done is not known: ask again with the same numbers."
        )
        return refused(environ, Problem(503, "service.unavailable", message, retry_after_s=2))
    except Breach as fault:
        log.critical("an invariant is broken, nothing was recorded: %s", fault)
        message = say("The books refused this, and nothing was recorded. An alarm is in the server's log.")
        return refused(environ, Problem(500, "service.breach", message))
    except Exception:
        log.exception("a route failed")
        message = say("Something failed on our side. Nothing was half done; please try again in a minute.")
        return refused(environ, Problem(500, "service.failed", message))


def refused(environ: Environ, fault: Refusal | Problem) -> Reply:
    """Return the answer that says a no, counted, in the caller's language."""
    measures.refused(fault.code)
    with translation.override(language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))):
        return reply(fault)
