"""Send what is due, at least once, after the commit that wrote it and only when the trust book holds its journal.

While the books are broken no payout and no fee is sent, whenever it was written; all else is. That is asked when a
batch is taken, and again before each of them leaves.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from time import monotonic

from greenloop.services.books.institution.failures import note_failed
from greenloop.services.books.institution.gateway import Answer, Gateway, Told, Unreachable
from greenloop.services.outbox import news
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.queries import soundness

log = logging.getLogger("greenloop.institution")
AT_ONCE = 8
BATCH = 400
LEASE = timedelta(minutes=3)
"""Longer than a batch takes to send: until then nobody else sends it. Sent twice, the institution does it once."""
SENDING_S = 120
"""So long a batch goes on sending; one call more takes 20 seconds at most, so it ends within the lease."""
FIRST_WAIT = timedelta(seconds=5)
WAIT_MAX = timedelta(hours=1)
TILL_WAIT_MAX = timedelta(seconds=20)
"""So long a payment waits at most, for a payer stands at its till."""
FAULT_MAX, SHOW_MAX = 200, 512
LEAVES_TRUST = frozenset({"payout", "fee"})
HELD = Answer(is_accepted=False, is_final=False, fault="not sent: the books are broken")
TILLS_AT_ONCE = 16
"""Tills that wait for the institution's answer at a time: an institution that is slow keeps no more threads busy."""
_turns = BoundedSemaphore(TILLS_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a pass came to: instructions accepted, refused for good, and left for later."""

    accepted: int
    refused: int
    later: int


def send_due(*, gateway: Gateway, at: datetime) -> Sent:
    """Send one batch of what is due; nothing of the database is held while the institution is spoken to."""
    batch = claim(at=at)
    begun = monotonic()
    answers = _all_sent(batch, _caller(gateway, until=begun + SENDING_S))
    record(answers=list(zip(batch, answers, strict=True)), at=at + timedelta(seconds=int(monotonic() - begun)))
    accepted = [answer for answer in answers if answer.is_accepted]
    refused = sum(not answer.is_accepted and answer.is_final for answer in answers)
    return Sent(len(accepted), refused, len(batch) - len(accepted) - refused)


def send_now(*, gateway: Gateway, number: str, at: datetime) -> bool:
    """Send one payment while its till waits, if it is due; tell whether it was tried.

    Where many tills wait already, it is left to the clock, which sends it within seconds.
    """
    with turn() as mine_now:
        mine = claim(at=at, number=number) if mine_now else []
        call = _caller(gateway, until=monotonic() + SENDING_S)
        begun = monotonic()
        answers = [(told, call(told)) for told in mine]
        if answers:
            record(answers=answers, at=at + timedelta(seconds=int(monotonic() - begun)))
        return bool(mine)


@contextmanager
def turn() -> Iterator[bool]:
    """Tell whether a till may wait for the institution now: what is left to the clock is seen to within seconds."""
    is_mine = _turns.acquire(blocking=False)
    try:
        yield is_mine
    finally:
        if is_mine:
            _turns.release()


def _all_sent(batch: Sequence[Told], call: Callable[[Told], Answer]) -> list[Answer]:
    """Send a batch, several at once, and return the answers in its order.

    Each is handed over only once a line is free, so what was found out by then keeps it here.
    """
    answers: list[Future[Answer]] = []
    free = BoundedSemaphore(AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="institution") as threads:
        for told in batch:
            free.acquire()
            held = told.kind in LEAVES_TRUST and soundness.broken() is not None
            answers.append(threads.submit((lambda _: HELD) if held else call, told))
            answers[-1].add_done_callback(lambda _: free.release())
        return [each.result() for each in answers]


@verb
def claim(*, at: datetime, number: str = "") -> list[Told]:
    """Take what is due, oldest first, or the one payment of a number; it is the caller's until its lease ends.

    Payouts and fees that are due wait for as long as the books are broken, and go out then. A payment whose time is
    over isn't sent any more.
    """
    lock = "FOR UPDATE SKIP LOCKED" if sql.is_postgresql() else ""
    now, until = sql.instant(at), sql.instant(at + LEASE)
    due = sql.rows(f"{_ONE} {lock}", [number, now, now]) if number else sql.rows(f"{_DUE} {lock}", [now, now, BATCH])
    mine = [row[0] for row in due]
    sql.rows_in(_LEASED, mine, [until])
    return instructions(mine)


def instructions(numbers: Sequence[str]) -> list[Told]:
    """Return instructions by their numbers as they are sent, in the order in which they were written."""
    return [Told(*row) for row in sorted(sql.rows_in(_TOLD, numbers), key=lambda row: int(row[1][1:]))]


@verb
def record(*, answers: Sequence[tuple[Told, Answer]], at: datetime) -> None:
    """Write down what the institution answered, and what a payer's phone opens. What a notice has said stands."""
    now = sql.instant(at)
    locks.instructions(told.number for told, _ in answers)
    accepted = [(answer.show[:SHOW_MAX], now, told.number) for told, answer in answers if answer.is_accepted]
    sql.run_many(_ACCEPTED, accepted)
    refused = [
        (answer.fault[:FAULT_MAX], told.number)
        for told, answer in answers
        if not answer.is_accepted and answer.is_final
    ]
    sql.run_many(_REFUSED, refused)
    note_failed([number for _, number in refused], at=at)
    news.payments("failed", [number for _, number in refused], at=at)
    asked = [told.number for told, answer in answers if not answer.is_final]
    waits = {
        number: wait(tried, most=TILL_WAIT_MAX if is_at_till else WAIT_MAX)
        for number, tried, is_at_till in sql.rows_in(_TRIES, asked)
    }
    later = [
        (sql.instant(at + waits[told.number]), answer.fault[:FAULT_MAX], told.number)
        for told, answer in answers
        if not answer.is_accepted and not answer.is_final and told.number in waits
    ]
    sql.run_many(_LATER, later)


def wait(tries: int, *, most: timedelta = WAIT_MAX) -> timedelta:
    """Return how long an instruction waits after so many tries that failed: twice as long each time, up to `most`."""
    return min(FIRST_WAIT * (1 << min(max(tries - 1, 0), 12)), most)


def _caller(gateway: Gateway, *, until: float) -> Callable[[Told], Answer]:
    calls: dict[str, Callable[[Told], Answer]] = {
        "collect": gateway.collect,
        "split": gateway.split,
        "refund": gateway.refund,
        "payout": gateway.pay_out,
        "fee": gateway.pay_out,
    }

    def call(told: Told) -> Answer:
        if monotonic() > until:
            return Answer(is_accepted=False, is_final=False, fault="not sent: the batch took too long")
        try:
            return calls[told.kind](told)
        except Unreachable as fault:
            log.warning("%s could not be sent: %s", told.number, fault)
            return Answer(is_accepted=False, is_final=False, fault=str(fault))

    return call


# A split names its payment by the institution's own number, which a notice or an answer has told.
_DUE = """
    SELECT i.number FROM payment_instruction i
    WHERE i.state = 'waiting' AND i.next_at <= %s
        AND (i.journal_id IS NULL OR NOT EXISTS (SELECT 1 FROM pending_journal p WHERE p.journal_id = i.journal_id))
        AND (i.kind <> 'split' OR EXISTS (
            SELECT 1 FROM payment_notice n WHERE n.number = i.payment AND n.outcome = 'success'))
        AND (i.kind NOT IN ('payout', 'fee') OR NOT EXISTS (SELECT 1 FROM books_broken WHERE cleared_at IS NULL))
        AND (i.expires_at IS NULL OR i.expires_at > %s)
    ORDER BY i.next_at, i.id LIMIT %s
"""
_ONE = """
    SELECT number FROM payment_instruction
    WHERE number = %s AND kind = 'collect' AND state = 'waiting' AND next_at <= %s
        AND (expires_at IS NULL OR expires_at > %s)
"""
_LEASED = """
    UPDATE payment_instruction SET attempts = attempts + 1, next_at = %s
    WHERE number IN ({keys}) AND state = 'waiting' RETURNING number
"""
_TOLD = """
    SELECT i.kind, i.number, i.amount_fen, COALESCE(m.ref, ''), i.order_no, i.payment, COALESCE(p.amount_fen, 0),
        COALESCE((SELECT MAX(n.trade_no) FROM payment_notice n WHERE n.number = i.payment AND n.outcome = 'success'),
                 '')
    FROM payment_instruction i LEFT JOIN merchant m ON m.id = i.merchant_id
        LEFT JOIN payment_instruction p ON p.number = i.payment
    WHERE i.number IN ({keys})
"""
_ACCEPTED = """
    UPDATE payment_instruction SET fault = '', show = %s, sent_at = CASE state WHEN 'waiting' THEN %s ELSE sent_at END,
        state = CASE state WHEN 'waiting' THEN 'sent' ELSE state END
    WHERE number = %s
"""
_REFUSED = "UPDATE payment_instruction SET state = 'failed', fault = %s WHERE number = %s AND state = 'waiting'"
_TRIES = """
    SELECT number, attempts, expires_at IS NOT NULL FROM payment_instruction
    WHERE number IN ({keys}) AND state = 'waiting'
"""
_LATER = "UPDATE payment_instruction SET next_at = %s, fault = %s WHERE number = %s AND state = 'waiting'"
