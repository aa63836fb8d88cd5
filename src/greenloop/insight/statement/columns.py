"""The columns of a statement's files, their lines, and how figures stand in them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from django.utils.translation import gettext as _

from greenloop.store.queries.statements import DaySums, Statement

Kind = Literal["text", "count", "fen"]
Value = str | int


class Column(NamedTuple):
    """One column: its heading, what stands in it, and how wide it is drawn, in characters."""

    heading: str
    kind: Kind
    width: int


def day_columns() -> list[Column]:
    """Return the columns of the days."""
    return [
        Column(_("Merchant"), "text", 16),
        Column(_("Day"), "text", 14),
        Column(_("Sales"), "count", 8),
        Column(_("Sales not confirmed yet"), "count", 12),
        Column(_("Price, ¥"), "fen", 14),
        Column(_("Cash, ¥"), "fen", 14),
        Column(_("Vouchers, ¥"), "fen", 14),
        Column(_("Coupons, ¥"), "fen", 14),
        Column(_("Concession, ¥"), "fen", 14),
        Column(_("Earned, ¥"), "fen", 14),
        Column(_("Refunds"), "count", 9),
        Column(_("Price refunded, ¥"), "fen", 14),
        Column(_("Concession that fell, ¥"), "fen", 14),
        Column(_("Withheld from shoppers, ¥"), "fen", 14),
        Column(_("Cost of refunds, ¥"), "fen", 14),
        Column(_("Money brought back, ¥"), "fen", 14),
        Column(_("Paid out, ¥"), "fen", 14),
        Column(_("Owed at the end, ¥"), "fen", 16),
    ]


def day_lines(merchant: str, statement: Statement) -> Iterator[list[Value]]:
    """Yield what was owed before, one line for each day on which something moved, and the sums."""
    yield [merchant, _("brought forward"), *_values(DaySums()), statement.opening_fen]
    for day in statement.days:
        yield [merchant, day.date.isoformat(), *_values(day.sums), day.balance_fen]
    yield [merchant, _("together"), *_values(statement.total), statement.closing_fen]


def _values(sums: DaySums) -> list[Value]:
    return [
        *(sums.orders, sums.unconfirmed, sums.price_fen, sums.cash_fen, sums.voucher_fen, sums.coupon_fen),
        *(sums.concession_fen, sums.earned_fen, sums.refunds, sums.refunded_fen, sums.conceded_back_fen),
        *(sums.withheld_fen, sums.refund_dues_fen, sums.deposit_fen, sums.payout_fen),
    ]


def payout_columns() -> list[Column]:
    """Return the columns of the payouts."""
    return [
        Column(_("Business date"), "text", 14),
        Column(_("Amount, ¥"), "fen", 14),
        Column(_("Sales of the period, ¥"), "fen", 16),
        Column(_("Refunds of the period, ¥"), "fen", 16),
        Column(_("Money brought back, ¥"), "fen", 16),
        Column(_("From other days, ¥"), "fen", 16),
    ]


def payout_lines(statement: Statement) -> Iterator[list[Value]]:
    """Yield each payout with what it covered, oldest first."""
    for each in reversed(statement.payouts):
        parts = (each.sales_fen, -each.refunds_fen, each.deposits_fen, each.earlier_fen)
        yield [each.business_date.isoformat(), each.amount_fen, *parts]


def in_yuan(fen: int) -> Decimal:
    """Return fen as yuan, exactly."""
    return Decimal(fen).scaleb(-2)
