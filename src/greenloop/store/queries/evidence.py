"""All that is known of one case: the lines of statements, what the institution was told and said, and the order."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql
from greenloop.store.queries.reconciling import CaseRow

MOST = 100


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line of a statement, in fen; `trade_no` is the custodian's own number."""

    statement: str
    kind: str
    trade_no: str
    amount_fen: int
    booked_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class ToldRow:
    """One instruction that has to do with it, and how far it has come."""

    key: str
    number: str
    merchant: str
    order_no: str
    amount_fen: int
    state: str
    made_at: datetime
    fault: str


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One thing that the institution said; `source` is notice or answer."""

    outcome: str
    amount_fen: int
    occurred_at: datetime
    received_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person needs to decide on a case: up to 100 of each. `order_id` is None where there is no order."""

    lines: tuple[LineRow, ...]
    told: tuple[ToldRow, ...]
    said: tuple[SaidRow, ...]
    order_id: int | None


def evidence(case: CaseRow) -> Evidence:
    """Return what is known of a case."""
    lines = [
        LineRow(name, kind, trade_no, fen, sql.moment(at), text)
        for name, kind, trade_no, fen, at, text in sql.rows(_LINES, [case.account, case.number, MOST])
    ]
    told = [
        ToldRow(key, number, merchant, order_no, fen, state, sql.moment(at), fault)
        for key, number, merchant, order_no, fen, state, at, fault in sql.rows(_TOLD, [case.number, case.number, MOST])
    ]
    said = [
        SaidRow(outcome, fen, sql.moment(occurred), sql.moment(received), source)
        for outcome, fen, occurred, received, source in sql.rows(_SAID, [case.number, MOST])
    ]
    return Evidence(tuple(lines), tuple(told), tuple(said), sql.value(_ORDER, [case.number]))


_LINES = """
    SELECT s.name, l.kind, l.trade_no, l.amount_fen, l.booked_at, l.text
    FROM statement_line l JOIN payment_statement s ON s.id = l.statement_id
    WHERE l.account = %s AND l.number = %s ORDER BY l.id LIMIT %s
"""
_TOLD = """
    SELECT i.key, i.number, COALESCE(m.ref, ''), i.order_no, i.amount_fen, i.state, i.made_at, i.fault
    FROM payment_instruction i LEFT JOIN merchant m ON m.id = i.merchant_id
    WHERE i.number = %s OR (i.payment = %s AND i.kind <> 'split') ORDER BY i.id LIMIT %s
"""
_SAID = """
    SELECT outcome, amount_fen, occurred_at, received_at, source FROM payment_notice
    WHERE number = %s ORDER BY id LIMIT %s
"""
_ORDER = """
    SELECT o.id FROM payment_instruction i JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    WHERE i.number = %s
"""
