"""Books against statements, by set: an item is all that both say of one kind and number, and either agrees or not.

The steps are part of their caller's transaction. What agrees is settled; what doesn't is a case, until it does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.services.books.reconciling.lines import BANK, INSTITUTION
from greenloop.store import sql

TIMING = timedelta(days=3)
"""So long one side may be ahead of the other: days end at different hours, weekends have none. Then it is missing."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One kind of items: whose statements, which lines, and the SQL of what the books expect of them."""

    account: str
    kinds: tuple[str, ...]
    looked: str
    expected: str


def compare(which: Pass, *, run_id: int, at: datetime) -> None:
    """Open, refresh and close the cases of a pass, and settle the lines of all that agrees."""
    now, early = sql.instant(at), sql.instant(at - TIMING)
    kinds = ", ".join(f"'{kind}'" for kind in which.kinds)
    facts = {"now": now, "early": early, "run": run_id, "account": which.account}
    items = _ITEMS.format(looked=which.looked.format(kinds=kinds), expected=which.expected, kinds=kinds)
    if sql.rows(_EXPLAINED, facts):
        sql.run(_AGREES.format(items=items), facts)
        sql.run(_UNSETTLED, facts)
    sql.run(_CASES.format(items=items), facts)
    sql.run(_CLOSED.format(kinds=kinds), facts)
    sql.run(_SETTLED.format(kinds=kinds), facts)


_OPEN_LINES = """
    SELECT kind, number FROM statement_line
    WHERE settled_at IS NULL AND account = %(account)s AND kind IN ({kinds})
"""
# What the institution was told, in the terms of its statement: a fee is a payout, a chargeback bears its payment's
# number, and only money that came in has a plus sign. A split moves nothing and has one too.
_LINE_KIND = """CASE i.kind WHEN 'collect' THEN 'payment' WHEN 'fee' THEN 'payout' WHEN 'back' THEN 'chargeback'
    ELSE i.kind END"""
_LINE_NUMBER = "CASE i.kind WHEN 'back' THEN i.payment ELSE i.number END"
_LINE_SIGN = "CASE WHEN i.kind IN ('refund', 'payout', 'fee', 'back') THEN -1 ELSE 1 END"
# The last statement's end: what came later is on none yet. What a statement lists is compared whenever it came.
_REACHED = "{at} <= (SELECT MAX(s.until_at) FROM payment_statement s WHERE s.account = %(account)s)"
_IS_LISTED = """EXISTS (SELECT 1 FROM statement_line l
    WHERE l.account = %(account)s AND l.number = n.number AND l.kind = n.kind)"""
_ORDER_OF = "JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no"

# A payment that its payer may still make, at a till, is expected once the institution says that it is made. One that
# was closed never is: what is listed of it all the same belongs to nobody.
_IS_PAYABLE = f"""{_REACHED.format(at="o.paid_at")}
    AND (i.expires_at IS NULL OR i.expires_at <= %(now)s OR i.state NOT IN ('waiting', 'sent'))"""

PAYMENTS = Pass(
    INSTITUTION,
    ("payment",),
    f"""{_OPEN_LINES} UNION SELECT 'payment', number FROM payment_instruction i
        WHERE i.kind = 'collect' AND i.reconciled_at IS NULL AND i.state <> 'closed'""",  # noqa: S608  constants of this file
    f"""
    SELECT n.kind, n.number, o.cash_fen, 0, o.paid_at
    FROM looked n JOIN payment_instruction i ON i.number = n.number {_ORDER_OF}
    WHERE i.kind = 'collect' AND i.state <> 'closed' AND ({_IS_PAYABLE} OR {_IS_LISTED})
    """,  # noqa: S608
)
# An instruction is expected on a statement once the institution says that it is done, or should have said so long ago.
# A refund of cash that isn't confirmed yet has left the books' money in transit: it is expected once that is confirmed.
_IN_HAND = f"(i.state = 'done' AND {_REACHED.format(at='i.made_at')} OR i.made_at <= %(early)s OR {_IS_LISTED})"
INSTRUCTED = Pass(
    INSTITUTION,
    ("split", "refund", "payout", "bring", "chargeback", "other"),
    f"""{_OPEN_LINES} UNION SELECT {_LINE_KIND}, {_LINE_NUMBER} FROM payment_instruction i
        WHERE i.kind <> 'collect' AND i.reconciled_at IS NULL""",  # noqa: S608  constants of this file
    f"""
    SELECT n.kind, n.number, i.amount_fen * {_LINE_SIGN}, 0, i.made_at
    FROM looked n JOIN payment_instruction i ON i.number = n.number AND {_LINE_KIND} = n.kind
    WHERE i.kind IN ('split', 'payout', 'fee', 'bring') AND {_IN_HAND}
    UNION ALL SELECT n.kind, n.number, -i.amount_fen, 0, i.made_at
    FROM looked n JOIN payment_instruction i ON i.number = n.number AND n.kind = 'refund' {_ORDER_OF}
    WHERE i.kind = 'refund' AND o.confirmed_at IS NOT NULL AND {_IN_HAND}
    UNION ALL SELECT n.kind, n.number, -i.amount_fen, 0, i.made_at
    FROM looked n JOIN payment_instruction i ON i.payment = n.number AND n.kind = 'chargeback' {_ORDER_OF}
    WHERE i.kind = 'back' AND o.confirmed_at IS NOT NULL
    """,  # noqa: S608
)
# The bank books one sum a day for all that the institution lists: no line of it is for one order.
DAYS = Pass(
    BANK,
    ("settlement", "other"),
    f"""{_OPEN_LINES} UNION SELECT 'settlement', 'day/' || s.name FROM payment_statement s
        WHERE s.account = 'institution' AND s.total_fen <> 0
            AND s.taken_at >= (SELECT MIN(b.taken_at) FROM payment_statement b WHERE b.account = 'bank')
            AND NOT EXISTS (SELECT 1 FROM statement_line l WHERE l.account = 'bank' AND l.kind = 'settlement'
                AND l.number = 'day/' || s.name AND l.settled_at IS NOT NULL)""",  # noqa: S608
    """
    SELECT n.kind, n.number, s.total_fen, 0, s.taken_at
    FROM looked n JOIN payment_statement s ON n.number = 'day/' || s.name
    WHERE n.kind = 'settlement' AND s.account = 'institution'
    """,
)

_ITEMS = """
    WITH looked AS ({looked}),
    side (kind, number, expected_fen, found_fen, at) AS (
        {expected}
        UNION ALL SELECT l.kind, l.number, 0, l.amount_fen, l.booked_at
        FROM looked n JOIN statement_line l ON l.number = n.number AND l.kind = n.kind
        WHERE l.account = %(account)s
    ),
    item AS (
        SELECT kind, number, SUM(expected_fen) AS expected_fen, SUM(found_fen) AS found_fen, MIN(at) AS at
        FROM side GROUP BY kind, number
    )
"""
# What two people explained and what agrees after all, since an order or a line came late, is confirmed like any other.
_EXPLAINED = """
    SELECT 1 FROM reconciliation_case WHERE account = %(account)s AND state = 'closed' AND closed_by <> 'lines' LIMIT 1
"""
_AGREES = """
    {items}
    UPDATE reconciliation_case SET state = 'open', closed_by = ''
    WHERE account = %(account)s AND state = 'closed' AND closed_by <> 'lines' AND EXISTS (
        SELECT 1 FROM item WHERE item.kind = reconciliation_case.kind AND item.number = reconciliation_case.number
            AND item.expected_fen = item.found_fen)
"""
_UNSETTLED = """
    UPDATE statement_line SET settled_at = NULL WHERE account = %(account)s AND EXISTS (
        SELECT 1 FROM reconciliation_case c WHERE c.account = statement_line.account AND c.kind = statement_line.kind
            AND c.number = statement_line.number AND c.state = 'open')
"""
_CASES = """
    {items}
    INSERT INTO reconciliation_case
        (account, kind, number, difference, expected_fen, found_fen, state, since_at, opened_at, run_id)
    SELECT %(account)s, kind, number,
        CASE WHEN kind = 'chargeback' AND expected_fen = 0 THEN 'chargeback'
            WHEN expected_fen <> 0 AND found_fen <> 0 THEN 'wrong_amount'
            WHEN at > %(early)s THEN 'timing'
            WHEN found_fen = 0 THEN 'missing' ELSE 'extra' END,
        expected_fen, found_fen, 'open', at, %(now)s, %(run)s
    FROM item WHERE expected_fen <> found_fen
    ON CONFLICT (account, kind, number) DO UPDATE SET
        difference = excluded.difference, expected_fen = excluded.expected_fen, found_fen = excluded.found_fen,
        run_id = excluded.run_id,
        state = CASE WHEN reconciliation_case.state = 'closed' AND reconciliation_case.closed_by <> 'lines'
            AND reconciliation_case.expected_fen = excluded.expected_fen
            AND reconciliation_case.found_fen = excluded.found_fen THEN 'closed' ELSE 'open' END
"""
_CLOSED = """
    UPDATE reconciliation_case SET state = 'closed', closed_at = %(now)s, closed_by = 'lines'
    WHERE state = 'open' AND account = %(account)s AND kind IN ({kinds}) AND run_id <> %(run)s
"""
_SETTLED = """
    UPDATE statement_line SET settled_at = %(now)s
    WHERE settled_at IS NULL AND account = %(account)s AND kind IN ({kinds}) AND NOT EXISTS (
        SELECT 1 FROM reconciliation_case c
        WHERE c.account = statement_line.account AND c.kind = statement_line.kind
            AND c.number = statement_line.number AND c.state = 'open')
"""
