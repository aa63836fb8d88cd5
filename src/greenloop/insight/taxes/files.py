"""The files of a quarter: who is withheld from, sums by class, both as CSV and as a workbook, and a manifest.

The files hold yuan, for people; the manifest holds whole fen. Nothing in them is a formula.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256

from django.utils.translation import gettext as _
from xlsxwriter import Workbook

from greenloop.core.money import yuan
from greenloop.insight.statement.as_csv import BOM, guarded
from greenloop.insight.statement.as_xlsx import PLAIN
from greenloop.insight.statement.columns import in_yuan
from greenloop.insight.taxes.quarter import ClassLine, HolderLine, Quarter
from greenloop.insight.taxes.words import NAMES

MANIFEST = "manifest.json"
Cell = str | int | None
"""A text, an amount in fen, or nothing."""


@dataclass(frozen=True, slots=True)
class Table:
    """One list: its title, its headings and its rows."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def files(quarter: Quarter, *, tariff: Mapping[str, object], at: datetime) -> dict[str, bytes]:
    """Return the files of a quarter by name; the manifest, which names the others by their hashes, is the last."""
    listed, summed = _withheld(quarter), _summed(quarter)
    found = {
        "withholding.csv": _as_csv(listed),
        "classes.csv": _as_csv(summed),
        f"tax-{quarter.name}.xlsx": _as_xlsx([listed, summed]),
    }
    return found | {MANIFEST: _manifest(quarter, found, tariff=tariff, at=at)}


def _withheld(quarter: Quarter) -> Table:
    headings = [
        *(_("holder"), _("account"), _("identity (from your own records)"), _("tax class")),
        *(_("received, ¥"), _("taken back, ¥"), _("expired unspent, ¥")),
        *(_("taxable base, ¥"), _("to withhold, ¥"), _("taken back beyond it, ¥")),
    ]
    return Table(_("Withholding"), headings, [_holder_row(line) for line in quarter.holders])


def _holder_row(line: HolderLine) -> list[Cell]:
    sums, assessed = line.sums, line.assessed
    return [
        *(line.ref, str(line.account_id), "", str(NAMES[line.name])),
        *(sums.received_fen, sums.taken_back_fen, sums.expired_fen),
        *(assessed.base_fen, assessed.due.fen, assessed.left_over_fen),
    ]


def _summed(quarter: Quarter) -> Table:
    headings = [
        *(_("tax class"), _("received, ¥"), _("taken back, ¥"), _("expired unspent, ¥")),
        *(_("taxable base, ¥"), _("to withhold, ¥")),
    ]
    rows: list[list[Cell]] = [
        [
            *(str(NAMES[each.name]), each.sums.received_fen, each.sums.taken_back_fen, each.sums.expired_fen),
            *(each.base_fen, each.withheld_fen),
        ]
        for each in quarter.classes
    ]
    return Table(_("Classes"), headings, rows)


def _as_csv(table: Table) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([guarded(heading) for heading in table.headings])
    for row in table.rows:
        writer.writerow([_text(cell) for cell in row])
    return (BOM + stream.getvalue()).encode()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return guarded(cell) if isinstance(cell, str) else yuan(cell)


def _as_xlsx(tables: Sequence[Table]) -> bytes:
    stream = io.BytesIO()
    with Workbook(stream, {"in_memory": True, **PLAIN}) as book:
        # The instant of making is left out: the same quarter gives the same bytes.
        book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)})
        head, amount = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "#,##0.00"})
        for table in tables:
            sheet = book.add_worksheet(table.title)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(table.headings) - 1, 20)
            sheet.write_row(0, 0, table.headings, head)
            for number, row in enumerate(table.rows, 1):
                for place, cell in enumerate(row):
                    if isinstance(cell, int):
                        sheet.write_number(number, place, in_yuan(cell), amount)
                    elif cell is not None:
                        sheet.write_string(number, place, cell)
    return stream.getvalue()


def _manifest(quarter: Quarter, made: Mapping[str, bytes], *, tariff: Mapping[str, object], at: datetime) -> bytes:
    document = {
        "quarter": quarter.name,
        "since_at": quarter.span[0].isoformat(),
        "until_at": quarter.span[1].isoformat(),
        "utc_offset_minutes": quarter.offset_minutes,
        "made_at": at.astimezone(UTC).isoformat(),
        "classes": {each.name: _class_facts(quarter, each) for each in quarter.classes},
        "ledger": [{**asdict(tie), "difference_fen": tie.rows_fen - tie.ledger_fen} for tie in quarter.ties],
        "difference_fen": quarter.difference_fen,
        "withheld_fen": quarter.withheld_fen,
        "kept_back_fen": 0,
        "tariff": tariff,
        "files": {name: sha256(content).hexdigest() for name, content in made.items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _class_facts(quarter: Quarter, line: ClassLine) -> dict[str, object]:
    own = [each.assessed for each in quarter.holders if each.name == line.name]
    facts: dict[str, object] = asdict(line.sums)
    if line.withheld_fen is None:
        return facts
    return facts | {
        "holders": len(own),
        "base_fen": line.base_fen,
        "withheld_fen": line.withheld_fen,
        "left_over_fen": sum(each.left_over_fen for each in own),
        "remainder_ppm": sum(each.due.remainder_ppm for each in own),
    }
