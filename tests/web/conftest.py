"""What tests of pages share: style sheets where pages look for them, text messages that are kept, a fresh start."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command

from greenloop.services.people import texts

SENDER = "tests.web.conftest.Kept"


class Kept(texts.Sender):
    """Keeps text messages instead of sending them, as (phone, text)."""

    sent: list[tuple[str, str]] = []  # noqa: RUF012  one list for the process

    def send(self, *, phone: str, text: str) -> None:
        self.sent.append((phone, text))


@pytest.fixture(scope="session", autouse=True)
def styled() -> None:
    """Put what browsers load where the pages name it."""
    call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Keep text messages; yield them."""
    from django.conf import settings

    monkeypatch.setattr(settings, "GREENLOOP_TEXTS", SENDER)
    Kept.sent.clear()
    yield Kept.sent
    Kept.sent.clear()
