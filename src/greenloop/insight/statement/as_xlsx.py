"""A statement as a workbook: days, payouts and orders, a sheet each. Sums are values: nothing in it is a formula."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import IO, Any

from django.utils.translation import gettext as _
from xlsxwriter import Workbook

from greenloop.insight.statement import columns
from greenloop.insight.statement.columns import Column, Value
from greenloop.store.queries.sales import SaleRow
from greenloop.store.queries.statements import Statement

ORDERS_MAX = 50_000
PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
HEAD_HEIGHT = 32


def write(stream: IO[bytes], *, merchant: str, statement: Statement, orders: Iterable[SaleRow]) -> None:
    """Write the workbook to a stream, row after row: it is never in memory as a whole.

    `orders` are oldest first; those beyond ORDERS_MAX are left out, and the last row says so.
    """
    with Workbook(stream, {"constant_memory": True, **PLAIN}) as book:
        sheets = _Sheets(book)
        sheets.table(_("Days"), columns.day_columns(), columns.day_lines(merchant, statement), last_is_sum=True)
        sheets.table(_("Payouts"), columns.payout_columns(), columns.payout_lines(statement))
        sheets.orders(orders, statement.period.offset_minutes)


class _Sheets:
    """The sheets of one workbook and the formats they share."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self.formats = {
            (kind, is_sum): book.add_format({"num_format": shape} | ({"bold": True, "top": 1} if is_sum else {}))
            for kind, shape in (("text", "@"), ("count", "#,##0"), ("fen", "#,##0.00"), ("at", "yyyy-mm-dd hh:mm"))
            for is_sum in (False, True)
        }

    def table(
        self, title: str, heads: Sequence[Column], lines: Iterable[Sequence[Value]], *, last_is_sum: bool = False
    ) -> None:
        """Write one sheet whose head stays in sight."""
        sheet = self._sheet(title, [(column.heading, column.width) for column in heads])
        rows = list(lines)
        for number, line in enumerate(rows, 1):
            is_sum = last_is_sum and number == len(rows)
            for place, (column, value) in enumerate(zip(heads, line, strict=True)):
                self._write(sheet, number, place, column.kind, value, is_sum=is_sum)

    def orders(self, orders: Iterable[SaleRow], offset_minutes: int) -> None:
        """Write the sheet of orders, cut where it would grow too long."""
        heads = [
            *((_("Order"), 22), (_("Paid at"), 18), (_("Price, ¥"), 13), (_("Cash, ¥"), 13), (_("Vouchers, ¥"), 13)),
            *((_("Coupons, ¥"), 13), (_("Concession, ¥"), 13), (_("Earned, ¥"), 13), (_("Refunded, ¥"), 13)),
            *((_("Cash confirmed"), 18), (_("Paid out on"), 14)),
        ]
        sheet = self._sheet(_("Orders"), heads)
        waiting = iter(orders)
        number = 0
        for number, order in enumerate(islice(waiting, ORDERS_MAX), 1):
            self._order(sheet, number, order, offset_minutes)
        if next(waiting, None) is not None:
            text = _("Only the first {most} orders are listed here; choose fewer days to see all of them.")
            sheet.write_string(number + 1, 0, text.format(most=f"{ORDERS_MAX:,}"), self.head)

    def _order(self, sheet: Any, number: int, order: SaleRow, offset_minutes: int) -> None:
        amounts = (order.price_fen, order.cash_fen, order.voucher_fen, order.coupon_fen)
        self._write(sheet, number, 0, "text", order.order_no)
        sheet.write_datetime(number, 1, _clock(order.paid_at, offset_minutes), self.formats["at", False])
        for place, fen in enumerate((*amounts, order.concession_fen, order.earned_fen, order.refunded_fen), 2):
            self._write(sheet, number, place, "fen", fen)
        if order.confirmed_at is not None:
            sheet.write_datetime(number, 9, _clock(order.confirmed_at, offset_minutes), self.formats["at", False])
        if order.paid_out_date is not None:
            self._write(sheet, number, 10, "text", order.paid_out_date.isoformat())

    def _sheet(self, title: str, heads: Sequence[tuple[str, int]]) -> Any:
        sheet = self.book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        sheet.set_row(0, HEAD_HEIGHT)
        for place, (heading, width) in enumerate(heads):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, heading, self.head)
        return sheet

    def _write(self, sheet: Any, row: int, place: int, kind: str, value: Value, *, is_sum: bool = False) -> None:
        shape = self.formats[kind, is_sum]
        if isinstance(value, str):
            sheet.write_string(row, place, value, shape)
        else:
            sheet.write_number(row, place, columns.in_yuan(value) if kind == "fen" else value, shape)


def _clock(at: datetime, offset_minutes: int) -> datetime:
    """Return local time as workbooks keep it: without a zone."""
    return (at + timedelta(minutes=offset_minutes)).replace(tzinfo=None)
