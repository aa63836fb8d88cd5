"""The log: one JSON object a line on stderr, lines for people where stderr is a terminal; never any personal data.

Our own lines say nothing of a person by design. Lines of libraries, and faults that nobody expected, may carry
what somebody typed: of those only the kind and the place in the code are kept, never their arguments or messages.
`GREENLOOP_LOG_LEVEL` is info, warning (no line for each request) or debug; `GREENLOOP_LOG_FORMAT` is json or text.

Lines of requests that went well are gathered for a tenth of a second and written together: one by one they took a
quarter of the orders a server could take (measured). A process that is killed may lose those; one that ends loses none.
"""

import atexit
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from select import PIPE_BUF
from threading import Event, Lock, Thread
from traceback import walk_tb
from typing import Any, TextIO

import msgspec

from greenloop.core.faults import Breach, Refusal
from greenloop.services import trail

Line = dict[str, Any]
FRAMES = 12
CHAIN = 4
LEVELS = ("debug", "info", "warning", "error")
GATHERED_S = 0.1
GATHERED_MAX = 100_000
"""Lines that wait at most where none can be written: the oldest go first."""
_gathered: deque[str] = deque(maxlen=GATHERED_MAX)
_due = Event()
_writing = Lock()


def level() -> str:
    """Return the level that the environment names, info if it names none that there is."""
    named = os.environ.get("GREENLOOP_LOG_LEVEL", "").lower()
    return named if named in LEVELS else "info"


def settings() -> dict[str, Any]:
    """Return what Django sets its logging up by; whatever libraries say goes the same way as what we say."""
    handler = {"handlers": ["console"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "greenloop.config.logs.Formatter"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "line"},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "loggers": {
            "django": {**handler, "level": "ERROR"},
            "greenloop": {**handler, "level": level().upper()},
            # A strange Host header is answered with 400; it is no fault of ours, and strangers send many.
            "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
            "axes": {**handler, "level": "ERROR"},
            "huey": {**handler, "level": "WARNING"},
        },
    }


class Formatter(logging.Formatter):
    """Writes a record of the standard library's logging as a line of ours."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        return rendered(record.levelname.lower(), record.name, _said(record), _fault(record))


def rendered(level_name: str, name: str, event: str, facts: Mapping[str, Any]) -> str:
    """Return one line: its instant, level, logger and event, the request it belongs to, then the facts."""
    line: Line = {"at": _now(), "level": level_name, "log": name, "event": event}
    if request_id := trail.request_id():
        line["request_id"] = request_id
    return _renderer()(None, level_name, line | dict(facts))


def write(level_name: str, name: str, event: str, facts: Mapping[str, Any]) -> None:
    """Write a line past the standard library's machinery, which would cost each request four times as much.

    A line of the level info is written within a tenth of a second; any other at once, after those that were before it.
    """
    _gathered.append(f"{rendered(level_name, name, event, facts)}\n")
    if level_name != "info":
        flush()
    elif not _due.is_set():
        _due.set()
        _begin_writing()


def flush() -> None:
    """Write the lines that have been gathered, as many at once as a pipe takes without mixing them with another's."""
    with _writing:
        part = ""
        while _gathered:
            line = _gathered.popleft()
            if part and len(part) + len(line) > PIPE_BUF:
                _stream().write(part)
                part = ""
            part += line
        if part:
            _stream().write(part)


@cache
def _begin_writing() -> None:
    Thread(target=_keep_writing, name="greenloop-log", daemon=True).start()


def _keep_writing() -> None:
    while _due.wait():
        time.sleep(GATHERED_S)
        _due.clear()
        with suppress(OSError):  # a full disk or a reader that is gone: what comes later may be written again
            flush()


def _stream() -> TextIO:
    return sys.stderr


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def _renderer() -> Callable[[Any, str, Line], str]:
    """Return structlog's renderer of lines; it is imported with the first line, so that commands start fast."""
    form = os.environ.get("GREENLOOP_LOG_FORMAT", "").lower()
    if form == "text" or (form != "json" and sys.stderr.isatty()):
        from structlog.dev import ConsoleRenderer

        people = ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="at", pad_event_to=0, sort_keys=False)
        return lambda logger, name, line: str(people(logger, name, line))
    from structlog.processors import JSONRenderer

    encode = msgspec.json.Encoder(enc_hook=str).encode
    programs = JSONRenderer(serializer=lambda line, **_: encode(line).decode())
    return lambda logger, name, line: str(programs(logger, name, line))


def _said(record: logging.LogRecord) -> str:
    """Return what a record says; of a library's only what it says of everybody: its template, without arguments."""
    if record.name.partition(".")[0] == "greenloop":
        return record.getMessage()
    return str(record.msg).replace("%s: %s", "request failed").partition("%")[0].strip()


def _fault(record: logging.LogRecord) -> Line:
    found = record.exc_info[1] if record.exc_info else None
    if found is None:
        return {}
    chain: list[Line] = []
    fault: BaseException | None = found
    while fault is not None and len(chain) < CHAIN:
        chain.append(_about(fault))
        fault = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    return {"fault": chain}


def _about(fault: BaseException) -> Line:
    """Say of an exception what it is and where; its message only if we wrote it."""
    line: Line = {"kind": type(fault).__name__}
    if isinstance(fault, Breach):
        line["what"] = str(fault)
    elif isinstance(fault, Refusal):
        line["code"] = fault.code
    elif sqlstate := getattr(fault, "sqlstate", None):
        line["code"] = sqlstate
    frames = [
        f"{Path(frame.f_code.co_filename).stem}:{number} {frame.f_code.co_name}"
        for frame, number in walk_tb(fault.__traceback__)
    ]
    return line | {"where": frames[-FRAMES:]}


# Before whatever else is registered, so that it is the last of all: what ends before it may leave lines.
atexit.register(flush)
