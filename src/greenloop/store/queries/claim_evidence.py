"""What a second person wants to know of the holder behind a claim, in four statements, whatever the alliance's size."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from greenloop.store import sql

DAYS = 14
SHOPS_MAX = 8
LINKS_MAX = 20
DAY, WEEK, MONTH = timedelta(days=1), timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """Who the holder is by number: since when, who brought them, what came of whom they brought, and how they buy.

    `brought` people made purchases that gave the holder red points, `red_fen` of the split in all. `refunded` are
    orders of 30 days with a refund.
    """

    member: str | None
    merchant: str | None
    created_at: datetime
    referrer: str | None
    brought: int
    red_fen: int
    red_points: int
    orders_day: int
    orders_week: int
    orders_month: int
    refunded: int
    spent_month_fen: int
    holds: int
    earlier: int
    turned_down: int


@dataclass(frozen=True, slots=True)
class Day:
    """What left and came back to the holder's wallets on one local day, in fen."""

    day: date
    drawn_fen: int
    spent_fen: int
    returned_fen: int


@dataclass(frozen=True, slots=True)
class ShopRow:
    """Purchases at one merchant that gave the holder points, in fen: those with the largest concessions first."""

    merchant: str
    orders: int
    cash_fen: int
    concession_fen: int
    refunded_fen: int
    last_at: datetime
    own: bool


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An account that owns, works for or is linked to a merchant that the holder has to do with, or the seller."""

    merchant: str
    account_id: int
    relation: str
    is_holder: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    standing: Standing
    days: tuple[Day, ...]
    shops: tuple[ShopRow, ...]
    links: tuple[LinkRow, ...]


def evidence(account_id: int, merchant_id: int | None, *, at: datetime, offset_minutes: int) -> Evidence:
    """Return what is known of a holder at an instant; `merchant_id` is the seller of a spend."""
    return Evidence(
        _standing(account_id, at),
        _days(account_id, at, offset_minutes),
        _shops(account_id),
        _links(account_id, merchant_id),
    )


def _standing(account_id: int, at: datetime) -> Standing:
    day, week, month = (sql.instant(at - span) for span in (DAY, WEEK, MONTH))
    params = [account_id, account_id, day, week, month, month, month, account_id]
    member, merchant, created_at, referrer, *counts = sql.rows(_STANDING, params)[0]
    return Standing(member, merchant, sql.moment(created_at), referrer, *(int(each or 0) for each in counts))


def _days(account_id: int, at: datetime, offset_minutes: int) -> tuple[Day, ...]:
    since = sql.instant(at - timedelta(days=DAYS))
    found = sql.rows(_DAYS.format(day=sql.local_date("j.effective_at")), [offset_minutes, account_id, since])
    return tuple(Day(sql.day(day), *map(int, sums)) for day, *sums in found)


def _shops(account_id: int) -> tuple[ShopRow, ...]:
    found = sql.rows(_SHOPS, [account_id, account_id, account_id, SHOPS_MAX])
    return tuple(
        ShopRow(ref, orders, int(cash), int(concession), int(refunded), sql.moment(last), bool(own))
        for ref, orders, cash, concession, refunded, last, own in found
    )


def _links(account_id: int, merchant_id: int | None) -> tuple[LinkRow, ...]:
    found = sql.rows(_LINKS, [account_id, account_id, account_id, merchant_id, LINKS_MAX])
    return tuple(LinkRow(ref, account, relation, bool(mine)) for ref, account, relation, mine in found)


# Two indices know the orders of a member: those that have points, and those that wait for them.
_STANDING = """
    WITH bought AS (
        SELECT paid_at, refunded_fen, voucher_fen FROM orders WHERE member_id = %s AND entry_cycle IS NOT NULL
        UNION ALL
        SELECT paid_at, refunded_fen, voucher_fen FROM orders WHERE member_id = %s AND entry_cycle IS NULL
    )
    SELECT m.ref, (SELECT MIN(s.ref) FROM merchant s WHERE s.account_id = a.id), a.created_at,
        (SELECT r.ref FROM member r WHERE r.account_id = m.referrer_id),
        (SELECT COUNT(DISTINCT b.member_id) FROM orders b WHERE b.referrer_id = a.id AND b.red_points > 0),
        (SELECT SUM(t.red_fen) FROM referral_month t WHERE t.account_id = a.id),
        (SELECT SUM(p.points) FROM position p JOIN cohort c ON c.id = p.cohort_id JOIN pool o ON o.id = c.pool_id
            WHERE p.account_id = a.id AND o.is_red),
        (SELECT COUNT(*) FROM bought WHERE paid_at >= %s),
        (SELECT COUNT(*) FROM bought WHERE paid_at >= %s),
        (SELECT COUNT(*) FROM bought WHERE paid_at >= %s),
        (SELECT COUNT(*) FROM bought WHERE paid_at >= %s AND refunded_fen > 0),
        (SELECT SUM(voucher_fen) FROM bought WHERE paid_at >= %s),
        (SELECT COUNT(*) FROM hold h WHERE h.account_id = a.id),
        (SELECT COUNT(*) FROM claim c WHERE c.account_id = a.id),
        (SELECT COUNT(*) FROM claim c WHERE c.account_id = a.id AND c.state = 'rejected')
    FROM account a LEFT JOIN member m ON m.account_id = a.id WHERE a.id = %s
"""
_DAYS = """
    SELECT {day} AS day, SUM(CASE e.kind WHEN 'draw' THEN e.amount_fen ELSE 0 END),
        SUM(CASE e.kind WHEN 'spend' THEN e.amount_fen ELSE 0 END),
        SUM(CASE e.kind WHEN 'return' THEN e.amount_fen ELSE 0 END)
    FROM wallet_entry e JOIN journal j ON j.id = e.journal_id
    WHERE e.account_id = %s AND j.effective_at >= %s GROUP BY 1 ORDER BY 1 DESC
"""
_SHOPS = """
    SELECT m.ref, COUNT(*), SUM(o.cash_fen), SUM(o.concession_fen - o.concession_lost_fen), SUM(o.refunded_fen),
        MAX(o.paid_at),
        CASE WHEN m.account_id = %s OR EXISTS (
            SELECT 1 FROM merchant_link l WHERE l.merchant_id = m.id AND l.account_id = %s) THEN 1 ELSE 0 END
    FROM orders o JOIN merchant m ON m.id = o.merchant_id
    WHERE o.member_id = %s AND o.entry_cycle IS NOT NULL
    GROUP BY m.id, m.ref, m.account_id ORDER BY 4 DESC, m.id LIMIT %s
"""
_LINKS = """
    SELECT m.ref, l.account_id, l.relation, CASE WHEN l.account_id = %s THEN 1 ELSE 0 END
    FROM merchant m JOIN merchant_link l ON l.merchant_id = m.id
    WHERE m.account_id = %s OR m.id IN (SELECT merchant_id FROM merchant_link WHERE account_id = %s) OR m.id = %s
    ORDER BY 4 DESC, m.id, l.id LIMIT %s
"""
