"""Payments that nobody made in time: closed at the institution first, and their orders cancelled only then.

What the institution has closed can't be paid any more, so an order is never cancelled under somebody who pays. What was
perhaps being sent is waited for before; what was paid at the last moment is paid.
"""

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import monotonic

from greenloop.services.books.institution.gateway import Gateway, Said, Told, Unreachable
from greenloop.services.books.institution.notices import hear
from greenloop.services.books.institution.sending import instructions
from greenloop.services.loop.refund import CANCEL, RefundForm, refund_due
from greenloop.services.verb import verb
from greenloop.store import locks, sql

log = logging.getLogger("greenloop.institution")
AT_ONCE = 8
BATCH = 200
LEASE = timedelta(minutes=3)
"""So long one process has to close what it took, and so long what couldn't be closed waits."""
CLOSING_S = 120


def close_due(*, gateway: Gateway | None, at: datetime, number: str = "") -> int:
    """Close payments whose time is over, all or the one of a number; return of how many it is known what became.

    Where the institution is away, or none is named, they wait.
    """
    mine = claim_closing(at=at, number=number)
    untold = [told for told, attempts in mine if not attempts]
    said = [_closed(told, at) for told in untold]
    if gateway is not None and len(mine) > len(untold):
        until = monotonic() + CLOSING_S

        def close(told: Told) -> Said | None:
            return None if monotonic() > until else _close(gateway, told, at)

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="institution") as threads:
            found = threads.map(close, [told for told, attempts in mine if attempts])
            said += [each for each in found if each is not None]
    hear(said=said, at=at)
    return len(said)


@verb
def claim_closing(*, at: datetime, number: str = "") -> list[tuple[Told, int]]:
    """Take payments whose time is over, with how often each was sent; they are the caller's until its lease ends.

    What somebody may be sending right now is left until that is over, and nobody begins to send what is taken here.
    """
    lock = "FOR UPDATE SKIP LOCKED" if sql.is_postgresql() else ""
    now, until = sql.instant(at), sql.instant(at + LEASE)
    tries: dict[str, int] = dict(sql.rows(f"{_OVER} {lock}", [now, now, now, number, number, BATCH]))
    sql.rows_in(_LEASED, list(tries), [until, until])
    return [(told, tries[told.number]) for told in instructions(list(tries))]


def _close(gateway: Gateway, told: Told, at: datetime) -> Said | None:
    """Return what became of a payment that is to be closed, None while that isn't known."""
    try:
        answer = gateway.end(told)
        if answer.is_accepted:
            return _closed(told, at)
        log.info("%s could not be closed: %s", told.number, answer.fault)
        return gateway.query(told)
    except Unreachable as fault:
        log.warning("%s could not be closed: %s", told.number, fault)
        return None


def _closed(told: Told, at: datetime) -> Said:
    """Return what it means that the institution has closed a payment, or was never told of it."""
    digest = hashlib.sha256(f"closed/{told.number}".encode()).hexdigest()
    return Said(
        f"closed-{told.number}", told.number, told.number, "failed", told.amount_fen, at, digest, is_answer=True
    )


def cancel_unpaid(*, at: datetime, number: str = "") -> int:
    """Cancel the orders of payments that are closed, as `cancel` does, or the one's; return how many were cancelled.

    Vouchers and coupons go back to the shopper, and no cash: none was paid. What can't be cancelled yet is tried anew.
    """
    rows = sql.rows(_CLOSED, [sql.instant(at), number, number, BATCH])
    if not rows:
        return 0
    forms = [RefundForm(ref, order_no, CANCEL, int(fen)) for _, ref, order_no, fen in rows]
    done = refund_due(forms=forms, at=at)
    states = zip(rows, done.states, strict=True)
    cancelled = [row[0] for row, state in states if state == "paid"]
    settle_closed(cancelled=cancelled, others=[row[0] for row in rows if row[0] not in set(cancelled)], at=at)
    return len(cancelled)


@verb
def settle_closed(*, cancelled: Sequence[str], others: Sequence[str], at: datetime) -> None:
    """Note which closed payments there is nothing left to do about, and when the others are looked at again."""
    locks.instructions([*cancelled, *others])
    sql.rows_in(_LOOKED_AT, cancelled, [None])
    sql.rows_in(_LOOKED_AT, others, [sql.instant(at + LEASE)])


_OVER = """
    SELECT number, attempts FROM payment_instruction
    WHERE close_at <= %s AND expires_at <= %s AND state IN ('waiting', 'sent', 'failed')
        AND (state <> 'waiting' OR attempts = 0 OR next_at <= %s) AND (%s = '' OR number = %s)
    ORDER BY close_at, id LIMIT %s
"""
_LEASED = "UPDATE payment_instruction SET close_at = %s, next_at = %s WHERE number IN ({keys}) RETURNING number"
_LOOKED_AT = "UPDATE payment_instruction SET close_at = %s WHERE number IN ({keys}) RETURNING number"
_CLOSED = """
    SELECT i.number, m.ref, o.order_no,
        COALESCE(own.amount_fen, o.cash_fen + o.voucher_fen + o.coupon_fen - o.refunded_fen)
    FROM payment_instruction i
    JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    JOIN merchant m ON m.id = o.merchant_id
    LEFT JOIN refund own ON own.merchant_id = o.merchant_id AND own.order_id = o.id AND own.refund_no = 'cancel'
    WHERE i.close_at IS NOT NULL AND i.close_at <= %s AND i.state = 'closed' AND (%s = '' OR i.number = %s)
    ORDER BY i.id LIMIT %s
"""
