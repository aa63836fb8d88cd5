"""A town for each test of a verb: on SQLite and on PostgreSQL, its books proved afterwards."""

from typing import TYPE_CHECKING

import pytest

from greenloop.core.faults import Refusal
from tests.support.databases import Database

if TYPE_CHECKING:
    from tests.support.town import Town


@pytest.fixture
def town(database: Database) -> "Town":
    """The plain town at noon of its first day."""
    from tests.support.town import found_town

    return found_town()


@pytest.fixture(autouse=True)
def every_refusal_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a sentence wants a fact that its refusal doesn't carry."""
    made = Refusal.__init__

    def make(refusal: Refusal, code: str, message: str, *, field: str | None = None, **facts: object) -> None:
        made(refusal, code, message, field=field, **facts)
        assert str(refusal)

    monkeypatch.setattr(Refusal, "__init__", make)
