"""A statement as comma-separated text that office programs open as it is meant."""

import csv
from collections.abc import Iterator

from greenloop.core.money import yuan
from greenloop.insight.statement.columns import Column, Value, day_columns, day_lines
from greenloop.store.queries.statements import Statement

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Without it, office programs in Chinese read UTF-8 as something else."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Echo:
    """Hands back what a writer writes."""

    def write(self, text: str) -> str:
        return text


def lines(merchant: str, statement: Statement) -> Iterator[str]:
    """Yield the file line by line: headings, what was owed before, the days, the sums."""
    writer = csv.writer(_Echo())
    columns = day_columns()
    yield BOM + writer.writerow([guarded(column.heading) for column in columns])
    for line in day_lines(merchant, statement):
        yield writer.writerow([_cell(column, value) for column, value in zip(columns, line, strict=True)])


def guarded(text: str) -> str:
    """Return a text that no office program takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _cell(column: Column, value: Value) -> str:
    if isinstance(value, str):
        return guarded(value)
    return yuan(value) if column.kind == "fen" else str(value)
