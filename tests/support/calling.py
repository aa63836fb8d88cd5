"""Callers of the API: a till with a key, through Django's own client or ahead of it, as the server does.

The product's client for Python calls in this process too, carried to the application by hand.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from django.test import Client

import greenloop_client
from greenloop.services.people.clients import issue_key, register_client
from tests.support.asking import ask

NOW = datetime.now(UTC)
ALL_SCOPES = (
    *("orders:read", "orders:write", "refunds:write", "members:read", "members:write", "wallets:read"),
    *("wallets:write", "merchants:read", "merchants:write", "statements:read", "webhooks:write"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return the code of the problem that it is."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        return str(self.json["code"])


@dataclass(slots=True)
class Caller:
    """Somebody who calls with a key. `ahead` calls the busiest routes as the server does, past Django."""

    token: str = ""
    signs: bool = False
    ahead: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: str) -> Answer:
        return self.call("GET", path, None, **more)

    def post(self, path: str, body: Any = None, **more: str) -> Answer:
        return self.call("POST", path, body, **more)

    def call(self, method: str, path: str, body: Any = None, **more: str) -> Answer:
        """Call; `more` are headers, with _ for -."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body, default=str).encode()
        headers = {"content-type": "application/json"} | self.headers
        headers |= {name.replace("_", "-").lower(): value for name, value in more.items()}
        if self.token and self.signs:
            headers |= signature(self.token, method, path, content, headers.get("idempotency-key", ""))
        elif self.token:
            headers = {"authorization": f"Bearer {self.token}"} | headers
        return past_django(method, path, content, headers) if self.ahead else by_django(method, path, content, headers)


def by_django(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Ask through Django's middleware and routes."""
    kind = headers.get("content-type", "")
    left = {name: value for name, value in headers.items() if name != "content-type"}
    found: Any = Client(raise_request_exception=False).generic(method, path, body, content_type=kind, headers=left)
    content = b"".join(found.streaming_content) if found.streaming else bytes(found.content)
    return Answer(found.status_code, {name.lower(): value for name, value in found.items()}, content)


def past_django(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Ask the WSGI application's fast lane, as the server does."""
    from greenloop.api import busy

    name, _, query = path.partition("?")
    environ = {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in headers.items()}
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": name, "QUERY_STRING": query, "CONTENT_LENGTH": str(len(body))}
    environ |= {"CONTENT_TYPE": headers.get("content-type", "")}
    begun: list[Any] = []
    answer = busy.serve(environ | {"wsgi.input": BytesIO(body)}, lambda *told: begun.extend(told))
    assert answer is not None, f"{method} {path} is not one of the busiest routes"
    return Answer(int(begun[0][:3]), {key.lower(): value for key, value in begun[1]}, b"".join(answer))


class InProcess:
    """Carries the requests of the product's client to the application in this process."""

    def carry(self, request: greenloop_client.Request) -> greenloop_client.Answer:
        """Ask as a server does: all that stands between the wire and the routes is passed."""
        from greenloop.config.wsgi import application

        path, _, query = request.target.partition("?")
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
        target = f"{unquote(path, 'latin-1')}?{query}"
        found = ask(application, target, method=request.method, body=request.body, **environ)
        return greenloop_client.Answer(found.status, found.headers, found.body)

    def close(self) -> None:
        """Do nothing: nothing is open."""


def by_client(token: str, *, signs: bool = False) -> greenloop_client.Client:
    """Return the product's client with a key, in this process."""
    return greenloop_client.Client("", token, signs=signs, carrier=InProcess())


def signature(token: str, method: str, path: str, body: bytes, key: str = "", **given: Any) -> dict[str, str]:
    """Sign a request as docs/api.md tells developers to, in a few lines that share nothing with the product."""
    _, number, secret = token.split("_", 2)
    created, nonce = given.get("created", int(datetime.now(UTC).timestamp())), given.get("nonce", secrets.token_hex(16))
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    covered = '"@method" "@path" "@query" "content-digest"' + (' "idempotency-key"' if key else "")
    params = f'({covered});created={created};keyid="{number}";nonce="{nonce}";alg="hmac-sha256"'
    name, _, query = path.partition("?")
    lines = [f'"@method": {method}', f'"@path": {name}', f'"@query": ?{query}', f'"content-digest": {digest}']
    lines += [f'"idempotency-key": {key}'] if key else []
    base = "\n".join([*lines, f'"@signature-params": {params}']).encode()
    made = base64.b64encode(hmac.new(secret.encode(), base, hashlib.sha256).digest()).decode()
    return {"content-digest": digest, "signature-input": f"sig={params}", "signature": f"sig=:{made}:"}


def till_of(merchant: str, *, scopes: tuple[str, ...] = ALL_SCOPES, at: datetime = NOW, **more: Any) -> Caller:
    """Return a merchant's till with a new key."""
    name = f"tills of {merchant}"
    register_client(name=name, kind="merchant", merchants=[merchant], at=at)
    return Caller(issue_key(client=name, scopes=scopes, by="console", at=at, **more).token)


def partner_of(*merchants: str, name: str = "mall", scopes: tuple[str, ...] = ALL_SCOPES, at: datetime = NOW) -> Caller:
    """Return a partner that acts for merchants, with a new key."""
    register_client(name=name, kind="partner", merchants=merchants, at=at)
    return Caller(issue_key(client=name, scopes=scopes, by="console", at=at).token)
