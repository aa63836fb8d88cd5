"""Write events and their deliveries, inside the transaction of the verb that makes them happen."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
class Listeners:
    """The clients that asked for a kind of events and are concerned: their endpoints, and who concerns which clients.

    Clients are found by their merchants and by the members that they enrolled, in order; `everybody` is all of them.
    """

    endpoints: Mapping[int, Sequence[int]]
    of_merchant: Mapping[int, Sequence[int]]
    of_account: Mapping[int, Sequence[int]]
    everybody: Sequence[int]

    def concerned(self, news: News) -> Sequence[int]:
        """Return the clients that are told."""
        if news.merchant_id is not None:
            return self.of_merchant.get(news.merchant_id, ())
        return self.everybody if news.account_id is None else self.of_account.get(news.account_id, ())


def tell(kind: str, news: Callable[[], Iterable[News]], *, at: datetime) -> int:
    """Write what happened for each client concerned that asked to be told; return how many events were written.

    `news` is asked only where somebody did, so a verb pays one small query where nobody listens; and of those who did
    only they are looked up whom it concerns, however many there are. What a client was told of before, by its kind and
    `about`, it is not told again.
    """
    if not _listened(kind):
        return 0
    told = list(news())
    who = _listeners(kind, told)
    lines = ((client, each.about, _body(kind, each.data, at)) for each in told for client in who.concerned(each))
    return _write_all(kind, lines, who, at)


def tell_together(
    kind: str,
    about: str,
    news: Callable[[], Iterable[News]],
    data: Callable[[Sequence[Mapping[str, object]]], Mapping[str, object]],
    *,
    at: datetime,
) -> int:
    """Write one event for each client concerned that asked for `kind`: what `data` makes of all that concerns it."""
    if not _listened(kind):
        return 0
    told = list(news())
    who = _listeners(kind, told)
    theirs: dict[int, list[Mapping[str, object]]] = {}
    for each in told:
        for client in who.concerned(each):
            theirs.setdefault(client, []).append(each.data)
    lines = ((client, about, _body(kind, data(theirs[client]), at)) for client in sorted(theirs))
    return _write_all(kind, lines, who, at)


def _listened(kind: str) -> bool:
    return bool(sql.rows(f"{_LISTEN} LIMIT 1", [f"% {kind} %"]))


def _listeners(kind: str, told: Sequence[News]) -> Listeners:
    """Look up who is to be told: by the merchants and members of the news, so that nobody else costs anything."""
    asked = [f"% {kind} %"]
    merchants = sorted({each.merchant_id for each in told if each.merchant_id is not None})
    accounts = sorted({each.account_id for each in told if each.merchant_id is None and each.account_id is not None})
    is_for_all = any(each.merchant_id is None and each.account_id is None for each in told)
    endpoints: dict[int, list[int]] = {}

    def by_key(rows: Iterable[sql.Row]) -> dict[int, list[int]]:
        clients: dict[int, set[int]] = {}
        for endpoint, client, key in rows:
            endpoints.setdefault(client, []).append(endpoint)
            clients.setdefault(key, set()).add(client)
        return {key: sorted(found) for key, found in clients.items()}

    of_merchant = by_key(sql.rows_in(_OF_MERCHANT, merchants, asked))
    of_account = by_key(sql.rows_in(_OF_ACCOUNT, accounts, asked))
    everybody = by_key((*row, 0) for row in (sql.rows(_LISTEN, asked) if is_for_all else ()))
    own = {client: sorted(set(found)) for client, found in endpoints.items()}
    return Listeners(own, of_merchant, of_account, everybody.get(0, ()))


def _body(kind: str, data: Mapping[str, object], at: datetime) -> str:
    """Return an event as it is sent: the bytes that are signed are these."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": stamp, "data": data}, ensure_ascii=False, separators=(",", ":"))


def _write_all(kind: str, lines: Iterator[tuple[int, str, str]], who: Listeners, at: datetime) -> int:
    written = 0
    while part := list(islice(lines, ROWS_MAX)):
        written += _write(kind, part, who, at)
    return written


def _write(kind: str, lines: Sequence[tuple[int, str, str]], who: Listeners, at: datetime) -> int:
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


_LISTEN = "SELECT id, client_id FROM webhook_endpoint WHERE ended_at IS NULL AND ' ' || kinds || ' ' LIKE %s"
_OF_MERCHANT = """
    SELECT e.id, e.client_id, a.merchant_id FROM client_merchant a JOIN webhook_endpoint e ON e.client_id = a.client_id
    WHERE e.ended_at IS NULL AND ' ' || e.kinds || ' ' LIKE %s AND a.merchant_id IN ({keys})
"""
_OF_ACCOUNT = """
    SELECT e.id, e.client_id, a.account_id FROM client_member a JOIN webhook_endpoint e ON e.client_id = a.client_id
    WHERE e.ended_at IS NULL AND ' ' || e.kinds || ' ' LIKE %s AND a.account_id IN ({keys})
"""
_EVENT = """
    INSERT INTO outbox_event (id, client_id, kind, about, body, at) VALUES {values}
    ON CONFLICT (client_id, kind, about) DO NOTHING RETURNING id, client_id
"""
_DELIVERY = ("id", "event_id", "endpoint_id", "state", "next_at")
