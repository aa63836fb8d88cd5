"""What a supervision report lists beside the tied sums: what waits, was held, failed, came late or was taken back.

Each kind is one query of (subject, fen, instant), summed for everybody and listed row by row for auditors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql
from greenloop.store.queries.supervised import IN, during, params

ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class ExceptionSum:
    """How many exceptions of a kind there are, over how much (fen), and since when the oldest."""

    kind: str
    count: int
    fen: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """One exception: the number of the order, refund, case, account, cycle or run that it is about."""

    kind: str
    subject: int
    fen: int
    at: datetime


def exceptions(since_at: datetime, until_at: datetime) -> list[ExceptionSum]:
    """Return the exceptions of a period by kind, in the order of KINDS, in one statement."""
    found = {row[0]: row for row in sql.rows(_spoken(_SUMS), params(since_at, until_at))}
    return [
        ExceptionSum(kind, int(count), int(fen or 0), None if oldest is None else sql.moment(oldest))
        for kind, count, fen, oldest in (found[kind] for kind in KINDS)
    ]


def exception_rows(since_at: datetime, until_at: datetime) -> Iterator[list[ExceptionRow]]:
    """Yield every exception of a period, kind after kind, some thousands at a time."""
    for kind, query in KINDS.items():
        asked = _spoken(f"{query} ORDER BY 3, 1")
        for part in sql.parts(asked, params(since_at, until_at), rows_max=ROWS_MAX):
            yield [ExceptionRow(kind, int(row[0]), int(row[1]), sql.moment(row[2])) for row in part]


def _spoken(query: str) -> str:
    """Return a query in the database's own words for ten minutes."""
    late = "c.started_at > c.due_at + INTERVAL '10 minutes'"
    return query.replace(
        "<late>", late if sql.is_postgresql() else "julianday(c.started_at) > julianday(c.due_at) + 0.00695"
    )


KINDS = {
    "refund.after_payout": f"""SELECT r.id AS subject, r.cash_fen + r.voucher_fen + r.coupon_fen AS fen, r.paid_at AS at
        FROM refund r JOIN journal j ON j.id = r.journal_id JOIN orders o ON o.id = r.order_id
        JOIN payout y ON y.id = o.payout_id
        WHERE {IN} AND y.journal_id < r.journal_id""",  # noqa: S608
    "refund.pending": """SELECT r.id AS subject, r.amount_fen AS fen, r.asked_at AS at FROM refund r
        WHERE r.state = 'pending' AND r.asked_at < %(until)s""",
    "refund.waiting": """SELECT r.id AS subject, r.amount_fen AS fen, r.paid_at AS at FROM refund r
        WHERE r.effect = 'waiting' AND r.paid_at < %(until)s""",
    "settlement.held": """SELECT s.cycle AS subject, s.issued_fen AS fen, s.proposed_at AS at FROM settlement_run s
        WHERE s.state = 'held' AND s.proposed_at < %(until)s""",
    "settlement.decided": f"""SELECT s.cycle AS subject, s.issued_fen AS fen, s.decided_at AS at FROM settlement_run s
        WHERE {during("s.decided_at")}""",  # noqa: S608
    "hold.order": """SELECT h.order_id AS subject, o.concession_fen - o.concession_lost_fen AS fen, h.placed_at AS at
        FROM hold h JOIN orders o ON o.id = h.order_id
        WHERE h.placed_at < %(until)s AND (h.released_at IS NULL OR h.released_at >= %(until)s)""",
    "hold.account": """SELECT h.account_id AS subject, 0 AS fen, h.placed_at AS at FROM hold h
        WHERE h.account_id IS NOT NULL AND h.placed_at < %(until)s
            AND (h.released_at IS NULL OR h.released_at >= %(until)s)""",
    "cash.unconfirmed": """SELECT o.id AS subject, o.cash_fen - o.refunded_cash_fen AS fen, o.paid_at AS at
        FROM orders o JOIN journal j ON j.id = o.journal_id
        WHERE j.effective_at < %(until)s AND (o.confirmed_at IS NULL OR o.confirmed_at >= %(until)s)
            AND o.cash_fen > o.refunded_cash_fen""",
    "case.open": """SELECT c.id AS subject, ABS(c.found_fen - c.expected_fen) AS fen, c.opened_at AS at
        FROM reconciliation_case c
        WHERE c.opened_at < %(until)s AND (c.closed_at IS NULL OR c.closed_at >= %(until)s)""",
    "payment.undone": """SELECT i.id AS subject, i.amount_fen AS fen, i.made_at AS at FROM payment_instruction i
        WHERE i.kind IN ('payout', 'fee', 'refund') AND i.state <> 'done' AND i.made_at < %(until)s""",
    "overclaim": f"""SELECT b.refund_id AS subject, b.voucher_fen + b.expired_fen + b.cash_fen + b.dues_fen
            + b.reserve_fen AS fen, j.effective_at AS at
        FROM clawback b JOIN refund r ON r.id = b.refund_id
        JOIN journal j ON j.id = COALESCE(r.effect_journal_id, r.journal_id) WHERE {IN}""",  # noqa: S608
    "debt": """SELECT w.account_id AS subject, SUM(w.debt_fen) AS fen, MIN(m.at) AS at FROM wallet w
        JOIN (SELECT MAX(effective_at) AS at FROM journal) m ON 1 = 1 WHERE w.debt_fen > 0 GROUP BY w.account_id""",
    "clock.late": f"""SELECT c.id AS subject, 0 AS fen, c.due_at AS at FROM run c
        WHERE {during("c.due_at")} AND (c.state = 'failed' OR c.attempts > 1 OR <late>)""",  # noqa: S608
    "books.broken": """SELECT b.id AS subject, 0 AS fen, b.since_at AS at FROM books_broken b
        WHERE b.since_at < %(until)s AND (b.cleared_at IS NULL OR b.cleared_at >= %(since)s)""",
}
"""The kinds, each with the query that finds them."""
_SUMS = " UNION ALL ".join(
    f"SELECT '{kind}', COUNT(*), SUM(fen), MIN(at) FROM ({query}) AS each_one"  # noqa: S608  constants of this file
    for kind, query in KINDS.items()
)
