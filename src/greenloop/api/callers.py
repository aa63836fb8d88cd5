"""Who calls: a key as a bearer, a key that signs, or somebody's session; and what each may do."""

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from greenloop.api import clock, limits, signing
from greenloop.api.gathering import Full, Gathering
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.services import trail
from greenloop.services.people.nonces import Nonce, use_nonces, used
from greenloop.store.queries import callers
from greenloop.store.queries.callers import KeyFact

FRESH_S = 5
"""How long a key is remembered: one that was revoked is refused after that at the latest."""
KEYS_MAX = 10_000
ID_MAX = 2**63 - 1
CHANGING = frozenset({"merchants:write", "webhooks:write"})
"""Scopes whose writes leave an entry in the audit log."""
Environ = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """A client that calls with a key: what the key allows, and the merchants that the client acts for."""

    id: int
    key_id: int
    scopes: frozenset[str]
    merchants: frozenset[str]
    nonce: str = ""
    """The nonce that this request was signed with, while it isn't used yet."""

    @property
    def name(self) -> str:
        """Return the client as records name it."""
        return f"client/{self.id}"


_known: dict[int, tuple[float, KeyFact | None]] = {}


def forget() -> None:
    """Forget all keys, and let go of the database."""
    _known.clear()
    _nonces.rest()
    _keys.rest()


def has_key(environ: Environ) -> bool:
    """Tell whether a request comes with a key, right or wrong."""
    return "HTTP_AUTHORIZATION" in environ or "HTTP_SIGNATURE_INPUT" in environ


def client(environ: Environ, scope: str, read: Callable[[], bytes]) -> Client:
    """Return the client behind a request that its key allows; a nonce is used.

    :raises Problem: there is no key, it is not good (any more), it lacks the scope, or it calls too often.
    """
    found, _ = signer(environ, scope, read)
    spend(found)
    return replace(found, nonce="")


def signer(environ: Environ, scope: str, read: Callable[[], bytes]) -> tuple[Client, bytes]:
    """Return the client behind a request that its key allows, and the body; the nonce is still to be used.

    `read` reads the body, once all is well that can be known without it: for nobody else does a thread wait.

    :raises Problem: there is no key, it is not good (any more), it lacks the scope, or it calls too often.
    """
    fact, nonce = known(environ)
    limits.count(fact.id, changes=scope in CHANGING and environ["REQUEST_METHOD"] != "GET")
    if scope not in fact.scopes:
        raise no_scope(scope)
    body = read()
    if nonce:
        signing.check_digest(environ.get("HTTP_CONTENT_DIGEST", ""), body)
    return Client(fact.client_id, fact.id, fact.scopes, fact.merchants, nonce), body


def known(environ: Environ) -> tuple[KeyFact, str]:
    """Return whose key a request comes with, and the nonce where it is signed; its body is not looked at.

    :raises Problem: there is no key, or it is not good (any more).
    """
    try:
        fact, nonce = _signed(environ) if "HTTP_SIGNATURE_INPUT" in environ else (_bearer(environ), "")
    except Problem as no:
        if no.status == 401:
            limits.failed(environ)
        raise
    trail.caller("client", fact.client_id)
    return fact, nonce


def spend(caller: Client) -> None:
    """Use the nonce of a request that was signed.

    :raises Problem: the queue is full.
    :raises Refusal: it was used before.
    """
    if not caller.nonce:
        return
    try:
        once = _nonces.ask((caller.key_id, caller.nonce))
    except Full:
        raise busy() from None
    if not once:
        raise used()


def acts_for(caller: Client, merchant: str, field: str = "merchant") -> None:
    """Accept a merchant that the caller acts for.

    :raises Problem: it is another's, or unknown: which of the two is not said.
    """
    if merchant not in caller.merchants:
        message = say("This key doesn't act for a merchant {merchant}.")
        raise Problem(403, "auth.merchant", message, field=field, merchant=merchant)


def _bearer(environ: Environ) -> KeyFact:
    kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    prefix, _, rest = token.partition("_")
    number, _, secret = rest.partition("_")
    if kind.lower() != "bearer" or prefix != "glk" or not number.isascii() or not number.isdigit() or len(number) > 19:
        raise no_key()
    fact = _live(int(number), environ)
    if fact is None or not hmac.compare_digest(secret.encode("utf-8", "surrogateescape"), fact.secret):
        signing.refuse("auth.key", say("This key is not known, has ended, or was revoked."))
    if fact.must_sign:
        signing.refuse("auth.must_sign", say("This key only signs requests; it is not sent itself."))
    return fact


def _signed(environ: Environ) -> tuple[KeyFact, str]:
    """Return whose signature a request bears, and its nonce; the body is not looked at yet."""
    signed = signing.read(environ["HTTP_SIGNATURE_INPUT"], environ.get("HTTP_SIGNATURE", ""))
    fact = _live(signed.key_id, environ)
    if fact is None:
        signing.refuse("auth.key", say("This key is not known, has ended, or was revoked."))
    signing.check(
        signed,
        fact.secret,
        now_s=int(time.time()),
        method=environ["REQUEST_METHOD"],
        path=quote(environ["PATH_INFO"].encode("latin-1"), safe="/-._~!$&'()*+,;=:@"),
        query=environ.get("QUERY_STRING", ""),
        headers={
            "content-digest": environ.get("HTTP_CONTENT_DIGEST", ""),
            "idempotency-key": environ.get("HTTP_IDEMPOTENCY_KEY", ""),
        },
    )
    return fact, signed.nonce


def no_key() -> Problem:
    """Return the refusal of a request that names nobody."""
    return Problem(401, "auth.none", say("Send a key: Authorization: Bearer glk_…, or sign the request with one."))


def no_scope(scope: str, field: str | None = None) -> Problem:
    """Return the refusal of a key that may not do what it asks for."""
    message = say("This key lacks the scope {scope}. Ask for one that has it.")
    return Problem(403, "auth.scope", message, field=field, scope=scope)


def busy() -> Problem:
    """Return the refusal of a server that has as much to do as it can take on."""
    return Problem(503, "service.busy", say("The server is busy, and nothing was done. Ask again."), retry_after_s=1)


def _live(key_id: int, environ: Environ) -> KeyFact | None:
    if key_id > ID_MAX:  # no database has such a number
        return None
    now_s = time.monotonic()
    read_s, fact = _known.get(key_id, (0.0, None))
    if not read_s or now_s - read_s > FRESH_S:
        if fact is None:  # a key that was good is asked for again, whatever else came from its address
            limits.may_try(environ)
        if len(_known) > KEYS_MAX:
            _known.clear()
        try:
            fact = _keys.ask(key_id)
        except Full:
            raise busy() from None
        _known[key_id] = now_s, fact
    return fact if fact and clock.now() < fact.expires_at else None


_nonces: Gathering[Nonce, bool] = Gathering(
    "nonces", lambda nonces: use_nonces(nonces=nonces, at=clock.now()), batch_max=500, queue_max=2_000
)


def _read(key_ids: Sequence[int]) -> list[KeyFact | None]:
    found = callers.live(key_ids)
    return [found.get(number) for number in key_ids]


# A request's thread keeps no connection: what it needs to know of a key is read by one thread for all.
_keys: Gathering[int, KeyFact | None] = Gathering("keys", _read, batch_max=500, queue_max=2_000)
