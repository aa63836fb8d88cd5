"""Banks' statements as SWIFT MT940, through the library that knows the banks' dialects."""

import mt940

from greenloop.core.faults import Refusal, say
from greenloop.core.money import fen_of
from greenloop.services.books.reconciling.csv_files import china
from greenloop.services.books.reconciling.lines import BANK, Line, Listed, settlement_of

CURRENCY = "CNY"


def read_mt940(data: bytes) -> Listed:
    """Read a statement: amounts are in yuan, and the bank's own reference tells lines apart.

    :raises Refusal: it is no MT940, names another currency, or a line has no reference.
    """
    try:
        found = mt940.parse(data.decode("gb18030"))
        lines = tuple(_line(each.data) for each in found)
        closing = found.data.get("final_closing_balance")
        balance_fen = None if closing is None else _fen(closing.amount)
    except Refusal:
        raise
    except Exception as fault:  # whatever the library makes of a file that is none
        message = say("Row {row} of the file can't be read: {why}.")
        raise Refusal("statement.row", message, field="file", row=0, why=type(fault).__name__) from fault
    if not lines and balance_fen is None:
        raise Refusal("statement.format", say("The file is no statement of the form MT940."), field="file")
    return Listed(BANK, lines, balance_fen)


def _line(told: dict[str, object]) -> Line:
    trade_no = str(told.get("bank_reference") or "").strip()
    if not 0 < len(trade_no) <= 64:
        message = say("A line of the file has no reference of the bank's, so it couldn't be told from another.")
        raise Refusal("statement.reference", message, field="file")
    text = str(told.get("transaction_details") or "").replace("\n", " ").strip()
    kind, number = settlement_of(text, trade_no)
    day = told.get("entry_date") or told.get("date")
    return Line(kind, number, trade_no, _fen(told["amount"]), china(str(day)), text)


def _fen(amount: object) -> int:
    """Return an amount of the library's as fen, with its sign."""
    currency, value = getattr(amount, "currency", None), getattr(amount, "amount", None)
    if currency != CURRENCY:
        message = say("The file is in {currency}; statements here are in yuan (CNY).")
        raise Refusal("statement.currency", message, field="file", currency=currency)
    return fen_of(str(value))
