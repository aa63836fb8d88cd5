"""Each request from its first byte to its last, whoever answers it: its id, its line in the log, its measures."""

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

from greenloop.config import logs
from greenloop.services import measures, trail
from greenloop.services.trail import Trail

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static/"})
"""Routes that machines ask for all the time: they are measured, and leave no line."""


def followed(application: Application) -> Application:
    """Return the application with its requests followed: X-Request-Id is taken or drawn, bound, and answered."""
    silent = logs.level() in {"warning", "error"}

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        begun = perf_counter()
        found = trail.begin(environ.get("HTTP_X_REQUEST_ID", ""))
        status = 500

        def start(told: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal status
            status = int(told[:3])
            return start_response(told, [*headers, ("X-Request-Id", found.request_id)], *more)

        def ended() -> None:
            _tell(environ, found, status, perf_counter() - begun, silent=silent)

        try:
            parts = application(environ, start)
        except BaseException:
            ended()
            raise
        if isinstance(parts, list | tuple):  # all of it is there already
            ended()
            return parts
        return _Parts(parts, ended)

    return answer


class _Parts:
    """An answer that is sent in parts; its request ends when the server closes it."""

    def __init__(self, parts: Iterable[bytes], ended: Callable[[], None]) -> None:
        self._parts, self._ended = parts, ended

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        try:
            if close := getattr(self._parts, "close", None):
                close()
        finally:
            self._ended()


def _tell(environ: Environ, found: Trail, status: int, seconds: float, *, silent: bool) -> None:
    """Measure a request and write its line: the pattern of its route, never its address or its query."""
    route = found.route or ("/static/" if environ.get("PATH_INFO", "").startswith("/static/") else "none")
    method = environ.get("REQUEST_METHOD", "")
    method = method if method in METHODS else "other"
    measures.answered(method=method, route=route, status=status, seconds=seconds)
    if not ((silent and status < 500) or (route in QUIET and status < 400)):
        facts: dict[str, Any] = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        if found.caller:
            facts["caller"] = found.caller
        if found.number is not None:
            facts["client"] = str(found.number)
        if found.refusal:
            facts["refusal"] = found.refusal
        logs.write("error" if status >= 500 else "info", "greenloop.requests", "request", facts)
    trail.end()
