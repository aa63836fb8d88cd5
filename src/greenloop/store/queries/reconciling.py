"""Cases where books and statements differ, and how the custodian's balance ties to the ledger's."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One difference: what the books expect and what the statements list, in fen, since when, and how it ended."""

    id: int
    account: str
    kind: str
    number: str
    difference: str
    expected_fen: int
    found_fen: int
    state: str
    since_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Tie:
    """The custodian's money beside the ledger's, in fen. What no open case explains is `unexplained_fen`: 0, or alarm.

    `listed_fen` is the sum of the institution's statements, `ledger_fen` the balance of trust:bank, `apart_fen` what
    of it moved outside the institution. `cases` are the differences by kind: how many, and their found less booked.
    """

    listed_fen: int
    ledger_fen: int
    apart_fen: int
    cases: tuple[tuple[str, int, int], ...]

    @property
    def explained_fen(self) -> int:
        """Return what the cases add up to."""
        return sum(fen for _, _, fen in self.cases)

    @property
    def unexplained_fen(self) -> int:
        """Return what nothing explains."""
        return self.listed_fen + self.apart_fen - self.ledger_fen - self.explained_fen


def cases(*, state: str = "", before: int = LAST, limit: int) -> list[CaseRow]:
    """Return cases, newest first; those in one state (open, closed) where one is named."""
    which = "AND state = %s" if state else ""
    params = [before, *([state] if state else []), limit]
    return [_case(row) for row in sql.rows(f"{_CASE} WHERE id < %s {which} ORDER BY id DESC LIMIT %s", params)]


def case(case_id: int) -> CaseRow:
    """Return one case.

    :raises Refusal: there is none.
    """
    found = sql.rows(f"{_CASE} WHERE id = %s", [case_id])
    if not found:
        raise Refusal("case.unknown", say("There is no case {case}."), field="case", case=str(case_id))
    return _case(found[0])


def counts() -> dict[tuple[str, str], int]:
    """Return how many cases there are, by (difference, state)."""
    found = sql.rows("SELECT difference, state, COUNT(*) FROM reconciliation_case GROUP BY difference, state")
    return {(difference, state): count for difference, state, count in found}


def tie() -> Tie:
    """Return how the institution's statements tie to the ledger; all postings of trust:bank are summed for it."""
    listed = sql.value(
        "SELECT COALESCE(SUM(amount_fen), 0) FROM statement_line WHERE account = 'institution' AND kind <> 'split'"
    )
    ledger = sql.value("SELECT debits_fen - credits_fen FROM ledger_account WHERE name = 'trust:bank'")
    differing = [(name, count, int(fen)) for name, count, fen in sql.rows(_DIFFERING)]
    waiting = [(name, count, int(fen)) for name, count, fen in sql.rows(_WAITING) if count]
    return Tie(int(listed), int(ledger), int(sql.value(_APART) or 0), (*differing, *waiting))


def any_statement() -> bool:
    """Tell whether the institution ever sent a statement."""
    return sql.value("SELECT 1 FROM payment_statement WHERE account = 'institution' LIMIT 1") is not None


def gap_fen() -> int:
    """Return what the institution's last statement says is left, less what all lines until its end add up to.

    It is not 0 where a statement is missing; 0 where statements don't say what is left.
    """
    found = sql.rows(_LEFT)
    if not found:
        return 0
    balance_fen, until_at = found[0]
    return int(balance_fen) - int(sql.value(_LISTED_UNTIL, [until_at]))


def _case(row: sql.Row) -> CaseRow:
    number, account, kind, about, difference, expected, found, state, since, opened, closed, by, outcome = row
    return CaseRow(
        *(number, account, kind, about, difference, expected, found, state),
        since_at=sql.moment(since),
        opened_at=sql.moment(opened),
        closed_at=None if closed is None else sql.moment(closed),
        closed_by=by,
        outcome=outcome,
    )


_CASE = """
    SELECT id, account, kind, number, difference, expected_fen, found_fen, state, since_at, opened_at, closed_at,
        closed_by, outcome
    FROM reconciliation_case
"""
_LEFT = """
    SELECT balance_fen, until_at FROM payment_statement WHERE account = 'institution' AND balance_fen IS NOT NULL
    ORDER BY until_at DESC, id DESC LIMIT 1
"""
_LISTED_UNTIL = """
    SELECT COALESCE(SUM(amount_fen), 0) FROM statement_line
    WHERE account = 'institution' AND kind <> 'split' AND booked_at <= %s
"""
# What a case leaves between the statements and the ledger: a payment is in the ledger's bank once it is confirmed, all
# else once it is expected. Splits and notices move nothing.
_DIFFERING = """
    SELECT c.difference, COUNT(*), SUM(c.found_fen - CASE
        WHEN c.kind <> 'payment' THEN c.expected_fen
        WHEN o.confirmed_at IS NOT NULL THEN o.cash_fen ELSE 0 END)
    FROM reconciliation_case c
    LEFT JOIN payment_instruction i ON c.kind = 'payment' AND i.number = c.number
    LEFT JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    WHERE c.account = 'institution' AND c.kind NOT IN ('split', 'notice')
        AND (c.state = 'open' OR c.closed_by <> 'lines')
    GROUP BY c.difference ORDER BY c.difference
"""
# Booked, and not expected on a statement yet: what the institution was told and has not said that it did.
_WAITING = """
    SELECT 'on its way', COUNT(*), COALESCE(SUM(CASE WHEN i.kind = 'bring' THEN -i.amount_fen ELSE i.amount_fen END), 0)
    FROM payment_instruction i LEFT JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    WHERE i.reconciled_at IS NULL AND i.kind IN ('refund', 'payout', 'fee', 'bring', 'back')
        AND (i.kind NOT IN ('refund', 'back') OR o.confirmed_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM reconciliation_case c WHERE c.account = 'institution'
            AND c.number = CASE i.kind WHEN 'back' THEN i.payment ELSE i.number END
            AND c.kind = CASE i.kind WHEN 'fee' THEN 'payout' WHEN 'back' THEN 'chargeback' ELSE i.kind END
            AND c.expected_fen <> 0 AND (c.state = 'open' OR c.closed_by <> 'lines'))
"""
_APART = """
    SELECT SUM(CASE WHEN d.name = 'trust:bank' THEN p.amount_fen ELSE -p.amount_fen END)
    FROM posting p JOIN journal j ON j.id = p.journal_id
        JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    WHERE 'trust:bank' IN (d.name, c.name) AND j.key NOT LIKE 'reconciled/%%'
        AND NOT EXISTS (SELECT 1 FROM payment_instruction i WHERE i.journal_id = j.id)
"""
