"""A town for each test of a verb: on SQLite and on PostgreSQL, its books proved afterwards."""

from typing import TYPE_CHECKING

import pytest

from tests.support.databases import Database

if TYPE_CHECKING:
    from tests.support.town import Town


@pytest.fixture
def town(database: Database) -> "Town":
    """The plain town at noon of its first day."""
    from tests.support.town import found_town

    return found_town()
