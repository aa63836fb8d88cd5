"""The formats of statements by name: which file is whose, and how each is read."""

import re
from collections.abc import Callable

from greenloop.core.faults import Refusal, say
from greenloop.services.books.reconciling.csv_files import Columns, Row, china, instant, read_csv, yuan
from greenloop.services.books.reconciling.lines import BANK, CHARGEBACK, INSTITUTION, OTHER, SETTLEMENT, Line, Listed

KINDS = frozenset({"payment", "split", "refund", "payout", "bring", CHARGEBACK})
_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


def settlement_of(text: str, trade_no: str) -> tuple[str, str]:
    """Return the kind and number of a bank's line: a day's settlement names its day; all else is to be looked at."""
    if found := _DAY.search(text):
        return SETTLEMENT, f"day/{'-'.join(found.groups())}"
    return OTHER, trade_no


def _sandbox_line(row: Row) -> Line:
    kind = row["kind"] if row["kind"] in KINDS else OTHER
    return Line(kind, row["number"], row["trade_no"], yuan(row["amount"]), instant(row["booked_at"]))


def _bank_line(row: Row) -> Line:
    fen = yuan(row["收入金额"] or "0") - yuan(row["支出金额"] or "0")
    kind, number = settlement_of(row["摘要"], row["交易流水号"])
    return Line(kind, number, row["交易流水号"], fen, china(row["交易时间"]), row["摘要"])


SANDBOX = Columns(
    account=INSTITUTION,
    encoding="utf-8-sig",
    needs=("kind", "number", "trade_no", "amount", "booked_at"),
    line=_sandbox_line,
    balance=lambda row: row["amount"] if row["kind"] == "balance" else "",
    is_total=lambda row: row["kind"] == "balance",
)
BANK_GBK = Columns(
    account=BANK,
    encoding="gb18030",
    needs=("交易时间", "收入金额", "支出金额", "余额", "摘要", "交易流水号"),
    line=_bank_line,
    balance=lambda row: row["余额"],
    is_total=lambda row: not row["交易流水号"],
)


def _sandbox(data: bytes) -> Listed:
    return read_csv(data, SANDBOX)


def _bank_gbk(data: bytes) -> Listed:
    return read_csv(data, BANK_GBK)


PROFILES: dict[str, Callable[[bytes], Listed]] = {"sandbox": _sandbox, "bank-csv-gbk": _bank_gbk}


def read(data: bytes, profile: str) -> Listed:
    """Read a statement of a named profile.

    :raises Refusal: the profile isn't known, or the file isn't one of it.
    """
    if profile not in PROFILES:
        message = say("Name one of these profiles of statements: {profiles}.")
        raise Refusal("statement.profile", message, field="--profile", profiles=", ".join(PROFILES))
    return PROFILES[profile](data)
