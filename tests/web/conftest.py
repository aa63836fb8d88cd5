"""What tests of pages share: style sheets where pages look for them, text messages that are kept, Mei and Lin.

Models are imported inside fixtures: this file is read before Django is started.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from greenloop.services.people import texts
from tests.support.databases import Database

if TYPE_CHECKING:
    from tests.support.town import Town

SENDER = "tests.web.conftest.Kept"


class Kept(texts.Sender):
    """Keeps text messages instead of sending them, as (phone, text)."""

    sent: list[tuple[str, str]] = []  # noqa: RUF012  one list for the process

    def send(self, *, phone: str, text: str) -> None:
        self.sent.append((phone, text))


@pytest.fixture(scope="session", autouse=True)
def styled() -> None:
    """Put what browsers load where the pages name it."""
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Keep text messages; yield them."""
    from django.conf import settings

    monkeypatch.setattr(settings, "GREENLOOP_TEXTS", SENDER)
    Kept.sent.clear()
    yield Kept.sent
    Kept.sent.clear()


@pytest.fixture
def town(database: Database, sent: list[tuple[str, str]]) -> "Town":
    """Give the town; Mei has a phone."""
    from greenloop.services.people.sign_in import PhoneForm, give_phones
    from tests.support.signing import MEI, NOW
    from tests.support.town import found_town

    del database, sent
    town = found_town()
    give_phones(forms=[PhoneForm(town.ids["mei"], MEI)], at=NOW)
    return town


@pytest.fixture
def operator(database: Database, later: list[int]) -> int:
    """Appoint Lin, who has set up a second factor."""
    from greenloop.services.people.staff import appoint_staff, set_up_second_factor
    from tests.support.signing import NOW, PASSWORD, SECRET

    del database, later
    lin = appoint_staff(name="Lin Wei", roles=["operator"], at=NOW, password=PASSWORD)
    set_up_second_factor(account_id=lin, secret=SECRET, at=NOW)
    return lin


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stop the clock that sign-in reads, and let seconds pass by adding them to the list."""
    passed: list[int] = []
    stopped_at = time.time()
    monkeypatch.setattr(time, "time", lambda: stopped_at + sum(passed))
    return passed
