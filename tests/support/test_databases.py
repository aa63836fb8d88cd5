"""The suite's own floor: a database each, and none for who didn't ask."""

import pytest
from django.db import OperationalError, connection, transaction

from tests.support.databases import Database


@pytest.mark.parametrize("run", [1, 2])
def test_what_one_test_commits_another_never_sees(database: Database, run: int) -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE left_behind (run integer)")
    assert connection.vendor == database.engine


def test_a_test_that_asks_for_no_database_reaches_none() -> None:
    with pytest.raises(OperationalError), connection.cursor():
        pass
