"""What is logged while a block runs, as programs read it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from greenloop.config import logs


class Log:
    """What was written, line by line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        logs.flush()
        return self.stream.getvalue()

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.text.splitlines()]


@contextmanager
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Keep all that is logged until the block ends, whichever way it comes."""
    logs.flush()  # what others have left
    kept = Log()
    monkeypatch.setenv("GREENLOOP_LOG_FORMAT", "json")
    monkeypatch.setattr(logs, "_stream", lambda: kept.stream)
    logs._renderer.cache_clear()
    handler = logging.StreamHandler(kept.stream)
    handler.setFormatter(logs.Formatter())
    loggers = [logging.getLogger(name) for name in ("greenloop", "django")]
    for each in loggers:
        each.addHandler(handler)
    try:
        yield kept
    finally:
        logs.flush()
        for each in loggers:
            each.removeHandler(handler)
        logs._renderer.cache_clear()
