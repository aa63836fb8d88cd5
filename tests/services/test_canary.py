"""A person who serves as canary (G15): once forgotten, no byte of them is left in the files or in the log."""

import base64
import json
import logging
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from greenloop.services.people.forget import forget
from greenloop.services.people.sign_in import PhoneForm, give_phones
from tests.support.databases import Database
from tests.support.ledger import fetch, whole_database
from tests.support.signing import NOW
from tests.support.town import Town

CANARY = "+8619912345678"


def spellings(told: str) -> list[bytes]:
    """Return a text as somebody might find it in a file: plain, without the country, as hex, in base 64, in UTF-16."""
    plain = [told, told.removeprefix("+86")]
    shown = [each.encode().hex() for each in plain] + [base64.b64encode(each.encode()).decode()[:-4] for each in plain]
    return [each.encode() for each in [*plain, *shown]] + [each.encode("utf-16-le") for each in plain]


def bytes_of(database: Database) -> bytes:
    """Return all that the database keeps: its files on SQLite, its rows on PostgreSQL."""
    if database.engine == "postgresql":
        return json.dumps({name: list(rows) for name, rows in whole_database().items()}, default=str).encode()
    path = Path(urlsplit(database.url).path)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


def test_of_a_person_who_is_forgotten_no_byte_is_left_in_files_or_logs(
    town: Town, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    give_phones(forms=[PhoneForm(town.ids["mei"], CANARY)], at=NOW)
    town.sell("mei", "grocer", 100_000)
    ((sealed_key,), (sealed, lookup)) = (
        fetch("SELECT sealed_key FROM person_key WHERE account_id = %s", town.ids["mei"])[0],
        fetch("SELECT sealed, lookup FROM identifier WHERE account_id = %s", town.ids["mei"])[0],
    )
    kept = [str(each).encode() for each in (sealed_key, sealed, lookup)]
    before = bytes_of(database)
    assert all(each in before for each in kept), "the search finds what is there"
    assert not any(each in before for each in spellings(CANARY))
    assert forget(account_id=town.ids["mei"], at=NOW + timedelta(days=1))
    after = bytes_of(database)
    assert not any(each in after for each in [*kept, *spellings(CANARY)])
    written = caplog.text.encode()
    assert not any(each in written for each in [*kept, *spellings(CANARY)])
    town.close(1)
