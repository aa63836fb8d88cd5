"""The report as a workbook: what it is of, then a sheet for each step. Amounts are numbers: nothing is a formula."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from xlsxwriter import Workbook

from greenloop.insight.statement.as_xlsx import PLAIN
from greenloop.insight.statement.columns import in_yuan
from greenloop.insight.supervision import told, words
from greenloop.insight.supervision.report import Report
from greenloop.insight.supervision.steps import Step

WIDE, NARROW = 58, 18
Cell = str | int | Decimal | None


def workbook(report: Report, *, language: str) -> bytes:
    """Return the workbook in a language, `en` or `zh`."""
    stream = BytesIO()
    with translation.override(told.LANGUAGES[language]), Workbook(stream, {"in_memory": True, **PLAIN}) as book:
        # Its own properties would say when it was packed: the same report is the same bytes.
        book.set_properties({"title": words.NAME_EN, "created": report.made_at.replace(tzinfo=None)})
        _Sheets(book).all(report)
    return stream.getvalue()


class _Sheets:
    """The sheets of one workbook and the formats they share."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.fen = book.add_format({"num_format": "#,##0.00"})
        self.count = book.add_format({"num_format": "#,##0"})
        self.text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})

    def all(self, report: Report) -> None:
        """Write every sheet."""
        self._cover(report)
        for number, step in enumerate(report.steps, 1):
            self._step(number, step)
        self._pools(report)
        lines = [(_(words.EXCEPTIONS[each.kind]), told.rare(each.count), _yuan(each.fen)) for each in report.exceptions]
        sheet = self._sheet(_("Exceptions"))
        self._table(sheet, 0, [_("exception"), _("found"), _("yuan")], lines)

    def _cover(self, report: Report) -> None:
        sheet = self._sheet(_("Report"))
        sheet.write_string(0, 0, f"{words.NAME_ZH} · {words.NAME_EN}", self.title)
        sheet.write_string(1, 0, f"{report.period.first_date} – {report.period.last_date}", self.title)
        lines: list[tuple[Cell, ...]] = [(told.verdict(report), ""), *((reason, "") for reason in told.reasons(report))]
        lines += [*told.facts(report), *((note, "") for note in [*told.notes(report), *told.checking()])]
        sheet.set_column(1, 1, WIDE)
        self._lines(sheet, 3, lines)

    def _step(self, number: int, step: Step) -> None:
        title, about = (_(each) for each in words.STEPS[step.key])
        sheet = self._sheet(f"{number} {title}"[:31])
        sheet.write_string(0, 0, about, self.title)
        figures = [(_(each.label), _number(each.value, each.unit)) for each in step.figures]
        row = self._table(sheet, 2, [_("figure"), _("yuan or count")], figures)
        for roll in step.rolls:
            lines = [(_("at the begin"), _yuan(roll.opening_fen))]
            lines += [(_(label), _yuan(fen)) for label, fen in roll.moves if fen]
            lines.append((_("at the end"), _yuan(roll.closing_fen)))
            row = self._table(sheet, row + 1, [_(words.ACCOUNTS[roll.account]), _("yuan")], lines)
        heads = [_("what ties"), _("pool"), _("by the ledger"), _("by the rows"), _("difference"), _("sums off")]
        ties = [
            (
                told.what(tie),
                told.pool(tie.pool),
                *map(_yuan, (tie.left_fen, tie.right_fen, tie.difference_fen)),
                tie.off,
            )
            for tie in step.ties
        ]
        self._table(sheet, row + 1, heads, ties)

    def _pools(self, report: Report) -> None:
        sheet = self._sheet(_("Pools and cycles"))
        lines = [
            (
                told.pool(line.pool),
                *map(_yuan, (line.opening_fen, line.inflow_fen, line.issued_fen, line.back_fen, line.closing_fen)),
                *map(_yuan, (line.drawn_fen, line.redeemed_fen, line.undrawn_fen, line.unspent_fen)),
            )
            for line in report.pools
        ]
        row = self._table(sheet, 0, told.pool_heads(), lines)
        cycles = [
            (
                told.pool(line.pool),
                line.cycle,
                told.moment(line.cutoff_at, report),
                *map(_yuan, (line.inflow_fen, line.issued_fen, line.free_fen)),
            )
            for line in report.cycles
        ]
        heads = [_("pool"), _("cycle"), _("cut off"), _("taken in"), _("released"), _("free after it")]
        self._table(sheet, row + 1, heads, cycles)

    def _sheet(self, title: str) -> Any:
        sheet = self.book.add_worksheet(title.replace("/", " "))
        sheet.set_column(0, 0, WIDE)
        sheet.set_column(1, 9, NARROW)
        return sheet

    def _table(self, sheet: Any, row: int, heads: Sequence[str], lines: Iterable[Sequence[Cell]]) -> int:
        for place, head in enumerate(heads):
            sheet.write_string(row, place, head, self.head)
        return self._lines(sheet, row + 1, lines)

    def _lines(self, sheet: Any, row: int, lines: Iterable[Sequence[Cell]]) -> int:
        """Write lines and return the row behind them."""
        for line in lines:
            for place, cell in enumerate(line):
                if isinstance(cell, str):
                    sheet.write_string(row, place, cell, self.text)
                elif cell is not None:
                    sheet.write_number(row, place, cell, self.count if isinstance(cell, int) else self.fen)
            row += 1
        return row


def _yuan(fen: int | None) -> Decimal | None:
    return None if fen is None else in_yuan(fen)


def _number(value: int | None, unit: str) -> Cell:
    if value is None:
        return _("too few to tell")
    return value if unit == "count" else _yuan(value)
