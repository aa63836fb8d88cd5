"""Signing in by the pages: Mei by her phone, Lin at work; and what their pages say."""

import re
import time
from datetime import UTC, datetime
from typing import Any

from allauth.mfa.totp.internal import auth
from django.test import Client

Sent = list[tuple[str, str]]
MEI, NOBODY = "+8613800138000", "+8613700137000"
PASSWORD, SECRET = "a long first password", "JBSWY3DPEHPK3PXP"
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def page(answer: Any) -> str:
    """Return what a page says, without its markup and the marks that differ each time."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", answer.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def code_of(sent: Sent) -> str:
    found = re.search(r"\b\d{6}\b", sent[-1][1])
    assert found, sent
    return found.group()


def totp(*, steps: int = 0) -> str:
    return str(auth.format_hotp_value(auth.hotp_value(SECRET, int(time.time()) // 30 + steps)))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


def ask(client: Client, phone: str = MEI) -> Any:
    return client.post("/sign-in/", {"phone": phone})


def signed_in(client: Client) -> int | None:
    number = client.session.get("_auth_user_id")
    return None if number is None else int(number)


def at_work(client: Client, name: str = "Lin Wei", password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in/staff/", {"name": name, "password": password} | more)
