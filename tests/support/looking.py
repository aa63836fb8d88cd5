"""Callers of the API who have signed in: members, people of a merchant, the platform's people."""

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client

import greenloop_client
from greenloop.services.people.staff import appoint_staff, set_up_second_factor
from tests.support.calling import Answer, InProcess
from tests.support.signing import NOW, PASSWORD, SECRET
from tests.support.visiting import visit


@dataclass(slots=True)
class Looker:
    """Somebody who calls by a session, as the pages of the product do."""

    client: Client
    account_id: int

    def get(self, path: str) -> Answer:
        return _answer(self.client.get(path))

    def post(self, path: str, body: Any = None, **more: str) -> Answer:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        content = json.dumps({} if body is None else body, default=str)
        return _answer(self.client.post(path, content, content_type="application/json", headers=headers))

    def fresh(self) -> "Looker":
        """Have authenticated just now."""
        session = self.client.session
        session["account_authentication_methods"] = [
            {"method": "mfa", "at": time.time(), "reauthenticated": True},
        ]
        session.save()
        return self

    def by_client(self) -> greenloop_client.Client:
        """Call with the product's client, which is given what the browser has: the session and a page's token."""
        token = secrets.token_hex(16)
        had = {settings.SESSION_COOKIE_NAME: self.client.session.session_key, settings.CSRF_COOKIE_NAME: token}
        cookies = "; ".join(f"{name}={value}" for name, value in had.items())
        return greenloop_client.Client("", headers={"Cookie": cookies, "X-CSRFToken": token}, carrier=InProcess())


def _answer(found: Any) -> Answer:
    content = b"".join(found.streaming_content) if found.streaming else bytes(found.content)
    return Answer(found.status_code, {name.lower(): value for name, value in found.items()}, content)


def looker_of(account_id: int) -> Looker:
    """Return the session of an account."""
    return Looker(visit(account_id), account_id)


def staff_of(role: str, name: str = "") -> Looker:
    """Return the session of somebody of the platform, newly appointed."""
    account_id = appoint_staff(name=name or role.capitalize(), roles=[role], at=NOW, password=PASSWORD)
    set_up_second_factor(account_id=account_id, secret=SECRET, at=NOW)
    return looker_of(account_id)
