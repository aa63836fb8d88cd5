"""A town whose tills call the API, on both databases, and a process that remembers nothing of another test."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.databases import Database

if TYPE_CHECKING:
    from tests.support.calling import Caller
    from tests.support.town import Town


@pytest.fixture
def town(database: Database) -> "Town":
    """The plain town at noon of its first day."""
    from tests.support.town import found_town

    return found_town()


@pytest.fixture(autouse=True, scope="session")
def static_files() -> None:
    """Put what the browsable documents load where the middleware looks for it."""
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Let no key, no count of calls and no writer's connection outlive its test."""
    yield
    from greenloop.api import callers, limits
    from greenloop.api.loop import till, wallet

    till.writer.rest()
    wallet.reader.rest()
    callers.forget()
    limits.forget()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Callable[[datetime], None]":
    """What sets the API's clock."""
    return lambda at: monkeypatch.setattr("greenloop.api.clock.now", lambda: at)


@pytest.fixture
def till(town: "Town") -> "Caller":
    """The grocer's till, with a key for everything that a merchant may do."""
    from tests.support.calling import till_of

    return till_of("grocer")
