"""Who calls the API: keys with their clients, and what a client may see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sealed, sql

LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class KeyFact:
    """A live key with its secret, its client, and the merchants (by ref) that the client acts for."""

    id: int
    client_id: int
    client: str
    secret: bytes
    scopes: frozenset[str]
    must_sign: bool
    expires_at: datetime
    merchants: frozenset[str]


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client of the API."""

    id: int
    name: str
    kind: str
    created_at: datetime
    merchants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key without its secret."""

    id: int
    scopes: tuple[str, ...]
    must_sign: bool
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None


def live(key_ids: Iterable[int]) -> dict[int, KeyFact]:
    """Return those of the keys that are not revoked."""
    found = sql.rows_in(_LIVE, key_ids)
    merchants: dict[int, set[str]] = {}
    for client_id, ref in sql.rows_in(_ACTS_FOR, {row[1] for row in found}):
        merchants.setdefault(client_id, set()).add(ref)
    return {
        number: KeyFact(
            *(number, client_id, name, _secret(number, secret), frozenset(scopes.split()), bool(must_sign)),
            *(sql.moment(expires), frozenset(merchants.get(client_id, ()))),
        )
        for number, client_id, name, secret, scopes, must_sign, expires in found
    }


def _secret(number: int, sealed_secret: str) -> bytes:
    return sealed.unseal(sealed_secret, sealed.product_key(sealed.API), f"key/{number}").encode()


def enrolled(client_id: int, account_id: int) -> bool:
    """Tell whether a member enrolled through a client."""
    return (
        sql.value("SELECT 1 FROM client_member WHERE client_id = %s AND account_id = %s", [client_id, account_id])
        is not None
    )


def newest(*, before: int = LATEST, limit: int) -> list[ClientRow]:
    """Return clients of ids below `before`, newest first."""
    return _shown(sql.rows(f"{_CLIENTS} WHERE id < %s ORDER BY id DESC LIMIT %s", [before, limit]))


def client(client_id: int) -> ClientRow:
    """Return a client.

    :raises Refusal: there is none.
    """
    if found := _shown(sql.rows(f"{_CLIENTS} WHERE id = %s", [client_id])):
        return found[0]
    raise Refusal("client.unknown", say("There is no client {name}."), field="client", name=str(client_id))


def client_named(name: str) -> ClientRow | None:
    """Return the client of a name, None where there is none."""
    found = _shown(sql.rows(f"{_CLIENTS} WHERE name = %s", [name]))
    return found[0] if found else None


def _shown(found: Sequence[sql.Row]) -> list[ClientRow]:
    acts: dict[int, list[str]] = {}
    for number, ref in sorted(sql.rows_in(_ACTS_FOR, [row[0] for row in found])):
        acts.setdefault(number, []).append(ref)
    return [
        ClientRow(number, name, kind, sql.moment(created), tuple(acts.get(number, ())))
        for number, name, kind, created in found
    ]


def keys(client_id: int) -> list[KeyRow]:
    """Return a client's keys, newest first."""
    return [
        KeyRow(
            *(number, tuple(scopes.split()), bool(must_sign), sql.moment(created), by, sql.moment(expires)),
            None if revoked is None else sql.moment(revoked),
        )
        for number, scopes, must_sign, created, by, expires, revoked in sql.rows(_KEYS, [client_id])
    ]


_LIVE = """
    SELECT k.id, k.client_id, c.name, k.sealed_secret, k.scopes, k.must_sign, k.expires_at
    FROM api_key k JOIN api_client c ON c.id = k.client_id WHERE k.revoked_at IS NULL AND k.id IN ({keys})
"""
_ACTS_FOR = """
    SELECT a.client_id, m.ref FROM client_merchant a JOIN merchant m ON m.id = a.merchant_id
    WHERE a.client_id IN ({keys})
"""
_CLIENTS = "SELECT id, name, kind, created_at FROM api_client"
_KEYS = """
    SELECT id, scopes, must_sign, created_at, created_by, expires_at, revoked_at FROM api_key WHERE client_id = %s
    ORDER BY id DESC
"""
