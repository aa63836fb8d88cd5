"""The single orders, refunds, movements and payouts of a period, for auditors: streamed, never all in memory."""

from collections.abc import Iterator

from greenloop.store import sql
from greenloop.store.queries.statements import Period
from greenloop.store.queries.supervised import IN, params

LISTS = {
    "orders": (
        """id member_id merchant_id referrer_id pool_id rules_id journal_id paid_at cash_fen voucher_fen coupon_fen
        concession_fen green_part_fen red_part_fen coupon_part_fen fee_part_fen entry_cycle entered_fen kept_fen
        refunded_fen payout_id""",
        "orders",
        "t.id",
    ),
    "refunds": (
        """id order_id merchant_id journal_id paid_at amount_fen cash_fen voucher_fen coupon_fen withheld_fen
        concession_lost_fen dues_fen cycle payout_id""",
        "refund",
        "t.id",
    ),
    "movements": (
        "account_id journal_id line pool_id cycle kind amount_fen order_id",
        "wallet_entry",
        "t.journal_id, t.account_id, t.line",
    ),
    "payouts": ("id merchant_id journal_id business_date amount_fen", "payout", "t.id"),
}
"""By list: its columns, its table, its order."""


def columns(name: str) -> tuple[str, ...]:
    """Return the columns of a list."""
    return tuple(LISTS[name][0].split())


def parts(name: str, period: Period, *, rows_max: int) -> Iterator[list[sql.Row]]:
    """Yield the rows of a list whose journals took effect in a period, up to `rows_max` at a time; in a snapshot."""
    _, table, order = LISTS[name]
    wanted = ", ".join(f"t.{each}" for each in columns(name))
    statement = f"SELECT {wanted} FROM {table} t JOIN journal j ON j.id = t.journal_id WHERE {IN} ORDER BY {order}"  # noqa: S608
    yield from sql.parts(statement, params(period.since_at, period.until_at), rows_max=rows_max)
