"""Write events and their deliveries, inside the transaction of the verb that makes them happen."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from greenloop.services import ids
from greenloop.store import sql
from greenloop.store.sql import Row

ROWS_MAX = 500


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened: `about` names it among events of its kind, `data` is what is told of it.

    Told are the clients that act for the merchant `merchant_id`, those through which the member `account_id` enrolled,
    or, without either, all.
    """

    about: str
    data: Mapping[str, object]
    merchant_id: int | None = None
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The clients that asked for a kind of events: their endpoints, and whom they act for."""

    endpoints: Mapping[int, Sequence[int]]
    merchants: Mapping[int, frozenset[int]]


def subscribers(kind: str) -> Subscribers | None:
    """Return who asked for a kind of events; None, after one small query, where nobody did."""
    found: dict[int, list[int]] = {}
    for endpoint, client in sql.rows(_ENDPOINTS, [f"% {kind} %"]):
        found.setdefault(client, []).append(endpoint)
    if not found:
        return None
    merchants: dict[int, set[int]] = {client: set() for client in found}
    for client, merchant in sql.rows_in(_ACTS_FOR, found):
        merchants[client].add(merchant)
    return Subscribers(found, {client: frozenset(theirs) for client, theirs in merchants.items()})


def tell(kind: str, news: Callable[[Subscribers], Iterable[News]], *, at: datetime) -> int:
    """Write what happened for each client concerned that asked to be told; return how many events were written.

    `news` is asked only where somebody did, so a verb pays one small query where nobody listens. What a client was told
    of before, by its kind and `about`, it is not told again.
    """
    who = subscribers(kind)
    if who is None:
        return 0
    told = list(news(who))
    enrolled = _enrolled(who, {each.account_id for each in told if each.account_id is not None})
    lines = (
        (client, each.about, _body(kind, each.data, at))
        for each in told
        for client in sorted(who.endpoints)
        if _concerns(each, client, who, enrolled)
    )
    written = 0
    while part := list(islice(lines, ROWS_MAX)):
        written += _write(kind, part, who, at)
    return written


def tell_client(
    kind: str, about: str, data: Callable[[frozenset[int]], Mapping[str, object] | None], at: datetime
) -> int:
    """Write one event for each client that asked for `kind`, with what `data` has to say of its merchants."""
    who = subscribers(kind)
    if who is None:
        return 0
    told = ((client, data(who.merchants[client])) for client in sorted(who.endpoints))
    lines = [(client, about, _body(kind, facts, at)) for client, facts in told if facts is not None]
    return sum(_write(kind, lines[n : n + ROWS_MAX], who, at) for n in range(0, len(lines), ROWS_MAX))


def _concerns(news: News, client: int, who: Subscribers, enrolled: frozenset[tuple[int, int]]) -> bool:
    if news.merchant_id is not None:
        return news.merchant_id in who.merchants[client]
    return news.account_id is None or (client, news.account_id) in enrolled


def _enrolled(who: Subscribers, accounts: set[int]) -> frozenset[tuple[int, int]]:
    return (
        frozenset(row for row in sql.rows_in(_ENROLLED, accounts) if row[0] in who.endpoints)
        if accounts
        else frozenset()
    )


def _body(kind: str, data: Mapping[str, object], at: datetime) -> str:
    """Return an event as it is sent: the bytes that are signed are these."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": stamp, "data": data}, ensure_ascii=False, separators=(",", ":"))


def _write(kind: str, lines: Sequence[tuple[int, str, str]], who: Subscribers, at: datetime) -> int:
    if not lines:
        return 0
    now = sql.instant(at)
    events: list[Row] = [
        (number, client, kind, about, body, now)
        for number, (client, about, body) in zip(ids.block(len(lines)), lines, strict=True)
    ]
    values = ", ".join([f"({sql.marks(6)})"] * len(events))
    new = sql.rows(_EVENT.format(values=values), [value for event in events for value in event])
    pairs = [(event, endpoint) for event, client in sorted(new) for endpoint in who.endpoints[client]]
    numbers = ids.block(len(pairs))
    sql.load("delivery", _DELIVERY, [(n, *pair, "waiting", now) for n, pair in zip(numbers, pairs, strict=True)])
    return len(new)


_ENDPOINTS = (
    "SELECT id, client_id FROM webhook_endpoint WHERE ended_at IS NULL AND ' ' || kinds || ' ' LIKE %s ORDER BY id"
)
_ACTS_FOR = "SELECT client_id, merchant_id FROM client_merchant WHERE client_id IN ({keys})"
_ENROLLED = "SELECT client_id, account_id FROM client_member WHERE account_id IN ({keys})"
_EVENT = """
    INSERT INTO outbox_event (id, client_id, kind, about, body, at) VALUES {values}
    ON CONFLICT (client_id, kind, about) DO NOTHING RETURNING id, client_id
"""
_DELIVERY = ("id", "event_id", "endpoint_id", "state", "next_at")
