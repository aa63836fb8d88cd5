"""What machines ask: /healthz, /readyz and /metrics, answered ahead of everything that looks at hosts or sessions."""

import hmac
import ipaddress
import os
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db import close_old_connections
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from greenloop.config.requests import Application, Environ
from greenloop.insight.gauges import Gauges
from greenloop.insight.readiness import readiness
from greenloop.services import trail
from greenloop.services.sharing import FOLDER, runs

JSON = "application/json"
Reply = tuple[int, str, bytes]


def beside(application: Application) -> Application:
    """Return the application with what machines ask answered beside it."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        view = VIEWS.get(environ.get("PATH_INFO", ""))
        if view is None:
            return application(environ, start_response)
        trail.route(environ["PATH_INFO"])
        method = environ.get("REQUEST_METHOD", "")
        status, kind, body = view(environ) if method in {"GET", "HEAD"} else _said(405, error="method.unknown")
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [] if method == "HEAD" else [body]

    return answer


def _said(status: int, **facts: object) -> Reply:
    return status, JSON, msgspec.json.encode(facts)


def health(environ: Environ) -> Reply:
    """Say that this process lives. Nothing is asked for it: a database that is down is no reason to restart this."""
    del environ
    return _said(200, alive=True)


def ready(environ: Environ) -> Reply:
    """Say whether requests may be sent here, and by codes alone why not."""
    del environ
    found = readiness()
    return _said(200 if found.ready else 503, ready=found.ready, reasons=found.reasons, notices=found.notices)


def metrics(environ: Environ) -> Reply:
    """Give Prometheus what it asks for, if it may ask."""
    if not _may_ask(environ):
        return _said(403, error="metrics.forbidden")
    counted: CollectorRegistry = REGISTRY
    if shared := os.environ.get(FOLDER):
        _bury(Path(shared))
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    now = CollectorRegistry()
    now.register(Gauges())
    try:
        return 200, CONTENT_TYPE_LATEST, generate_latest(counted) + generate_latest(now)
    finally:
        close_old_connections()


def _bury(folder: Path) -> None:
    """Forget what processes that have ended said of their present; what they counted stays."""
    for file in folder.glob("gauge_live*.db"):
        if not runs(file):
            number = int(file.stem.rpartition("_")[2])
            mark_process_dead(number, str(folder))  # type: ignore[no-untyped-call]


def _may_ask(environ: Environ) -> bool:
    """Let in who has the token; where none is set, this machine itself, but nobody whom a proxy speaks for."""
    if token := settings.GREENLOOP_METRICS_TOKEN:
        said = environ.get("HTTP_AUTHORIZATION", "")
        return hmac.compare_digest(said.encode("utf-8", "surrogateescape"), f"Bearer {token}".encode())
    if any(name in environ for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")):
        return False
    try:
        address = ipaddress.ip_address(environ.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)


VIEWS = {"/healthz": health, "/readyz": ready, "/metrics": metrics}
