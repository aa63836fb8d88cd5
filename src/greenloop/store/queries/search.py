"""Finding a member, a merchant or an order by what somebody reads out: a ref, a number, a phone, an order's number."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql
from greenloop.store.queries.lookups import written_id

FOUND_MAX = 8
BEGINNING_MIN = 2
LAST = "\U0010ffff"
"""Sorts behind every text that goes on."""


@dataclass(frozen=True, slots=True)
class HolderRow:
    """A member or a merchant."""

    account_id: int
    kind: str
    ref: str
    city: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order, with what tells it from others: who bought where, when, for how much in fen."""

    id: int
    merchant: str
    order_no: str
    member: str
    paid_at: datetime
    price_fen: int


def holders(text: str) -> list[HolderRow]:
    """Return members and merchants whose ref begins with a text, or whose account has that number; at most 16.

    A ref that is the text itself comes first.
    """
    number = written_id(text)
    # Under two letters nearly everybody would be found.
    begins = _BEGINS_POSTGRESQL if sql.is_postgresql() else _BEGINS
    if len(text) < BEGINNING_MIN:
        begins = _EXACT
    given = [text, *_bounds(begins, text), number]
    rows = sql.rows(_HOLDERS.format(begins=begins, most=FOUND_MAX), given * 2)
    found = {row[0]: HolderRow(*row) for row in rows}
    return sorted(found.values(), key=lambda row: (row.ref != text, row.account_id != number, row.ref, row.kind))


def holders_of(account_id: int) -> list[HolderRow]:
    """Return the member behind an account, and the merchants that it acts for as owner or clerk."""
    return [HolderRow(*row) for row in sql.rows(_BEHIND, [account_id] * 2)]


def orders(text: str) -> list[OrderRow]:
    """Return the orders with a number that somebody reads out: merchant/number, the number alone, or the id."""
    merchant, slash, order_no = text.partition("/")
    found = list(sql.rows(_ORDER_OF, [merchant, order_no])) if slash and merchant and order_no else []
    found += sql.rows(_ORDERS, [written_id(text), text, FOUND_MAX])
    seen = {row[0]: row for row in found}
    return [
        OrderRow(number, merchant, order_no, member, sql.moment(paid_at), price)
        for number, merchant, order_no, member, paid_at, price in seen.values()
    ]


def _bounds(begins: str, text: str) -> list[str]:
    if begins is _EXACT:
        return []
    if begins is _BEGINS:
        return [text, text + LAST]
    return ["".join(f"\\{letter}" if letter in "\\%_" else letter for letter in text) + "%"]


# The beginning of a ref is found in the index of each database: by its bytes on SQLite, by its pattern index on
# PostgreSQL, whose own order of letters depends on the machine.
_EXACT = "FALSE"
_BEGINS = "ref >= %s AND ref < %s"
_BEGINS_POSTGRESQL = "ref LIKE %s"
_HOLDERS = """
    SELECT account_id, 'member', ref, city FROM member WHERE ref = %s
    UNION ALL SELECT * FROM (SELECT account_id, 'member', ref, city FROM member WHERE {begins} LIMIT {most}) AS members
    UNION ALL SELECT account_id, 'member', ref, city FROM member WHERE account_id = %s
    UNION ALL SELECT account_id, 'merchant', ref, city FROM merchant WHERE ref = %s
    UNION ALL SELECT * FROM (
        SELECT account_id, 'merchant', ref, city FROM merchant WHERE {begins} LIMIT {most}
    ) AS sellers
    UNION ALL SELECT account_id, 'merchant', ref, city FROM merchant WHERE account_id = %s
"""
_BEHIND = """
    SELECT account_id, 'member', ref, city FROM member WHERE account_id = %s
    UNION ALL
    SELECT m.account_id, 'merchant', m.ref, m.city FROM merchant_link l JOIN merchant m ON m.id = l.merchant_id
        WHERE l.account_id = %s AND l.relation IN ('owner', 'clerk')
"""
_FACTS = "o.id, m.ref, o.order_no, COALESCE(b.ref, s.ref), o.paid_at, o.cash_fen + o.voucher_fen + o.coupon_fen"
_BUYERS = """
    LEFT JOIN member b ON b.account_id = o.member_id LEFT JOIN merchant s ON s.account_id = o.member_id
"""
_ORDER_OF = f"""
    SELECT {_FACTS} FROM merchant m JOIN orders o ON o.merchant_id = m.id {_BUYERS}
    WHERE m.ref = %s AND o.order_no = %s
"""  # noqa: S608
# A number alone is looked for merchant by merchant, each a probe of the unique index: never a scan over orders, which
# a join might become.
_ORDERS = f"""
    SELECT {_FACTS} FROM orders o JOIN merchant m ON m.id = o.merchant_id {_BUYERS}
    WHERE o.id IN (
        SELECT id FROM orders WHERE id = %s
        UNION ALL
        SELECT id FROM (
            SELECT id FROM (
                SELECT (SELECT x.id FROM orders x WHERE x.merchant_id = y.id AND x.order_no = %s) AS id FROM merchant y
            ) AS probes WHERE id IS NOT NULL LIMIT %s
        ) AS few
    )
"""  # noqa: S608
