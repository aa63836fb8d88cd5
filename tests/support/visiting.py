"""Who looks at a page: browsers in which somebody is signed in, seats at a merchant, and what pages cost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.services.people.sign_in import seat
from greenloop.store.models import Account
from tests.support.signing import NOW, page

BACKEND = "greenloop.config.accounts.StaffBackend"
PHONES = {"owner": "+8613900139001", "clerk": "+8613900139002", "other": "+8613900139003"}


def visit(account_id: int, language: str = "en") -> Client:
    """Return a browser in which an account has signed in, past a second factor if it has one."""
    client = Client(headers={"accept-language": language})
    client.force_login(Account.objects.get(id=account_id), backend=BACKEND)
    # As the library notes it, so that nothing of the platform's asks for a code first.
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time()}]
    session["account_authentication_methods_user"] = str(account_id)
    session.save()
    return client


def seated(merchant: str, *, relation: str = "owner", phone: str = "owner") -> Client:
    """Return the browser of somebody who acts for a merchant."""
    return visit(seat(merchant=merchant, phone=PHONES[phone], relation=relation, at=NOW))


def said(client: Client, path: str, status: int = 200) -> str:
    """Return what a page says."""
    answer = client.get(path)
    assert answer.status_code == status, path
    return unescape(page(answer))


@contextmanager
def counted() -> Iterator[CaptureQueriesContext]:
    """Count the statements that a block of code sends to the database."""
    with CaptureQueriesContext(connection) as found:
        yield found


def file_of(answer: Any) -> bytes:
    """Return what a download holds."""
    assert answer.status_code == 200
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)
