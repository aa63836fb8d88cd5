"""The formats of statements by name: which file is whose, and how each is read."""

from collections.abc import Callable

from greenloop.core.faults import Refusal, say
from greenloop.services.books.reconciling.camt import read_camt
from greenloop.services.books.reconciling.csv_files import Columns, Row, china, instant, read_csv, yuan
from greenloop.services.books.reconciling.lines import BANK, CHARGEBACK, INSTITUTION, OTHER, Line, Listed, settlement_of
from greenloop.services.books.reconciling.mt940 import read_mt940

KINDS = frozenset({"payment", "split", "refund", "payout", "bring", CHARGEBACK})


def _sandbox_line(row: Row) -> Line:
    kind = row["kind"] if row["kind"] in KINDS else OTHER
    return Line(kind, row["number"], row["trade_no"], yuan(row["amount"]), instant(row["booked_at"]))


def _bank_line(row: Row) -> Line:
    fen = yuan(row["收入金额"] or "0") - yuan(row["支出金额"] or "0")
    kind, number = settlement_of(row["摘要"], row["交易流水号"])
    return Line(kind, number, row["交易流水号"], fen, china(row["交易时间"]), row["摘要"])


# Each cell of a bill begins with a backtick; our own number says what a line is for.
# A fee of the institution's own is none of that, whichever payment it is for: the payment came whole.
_KIND_OF = {"c": "payment", "s": "split", "r": "refund", "p": "payout", "f": "payout"}
_WHAT_FOR = ("业务名称", "业务类型", "业务", "类型")


def _bill_line(row: Row) -> Line:
    told = {name: cell.removeprefix("`") for name, cell in row.items()}
    number, trade_no = told["业务凭证号"], told["资金流水单号"]
    if any("手续费" in told.get(name, "") for name in _WHAT_FOR):
        number = trade_no
    kind = _KIND_OF.get(number[:1], OTHER) if number[1:].isdigit() and number != trade_no else OTHER
    fen = yuan(told["收支金额(元)"]) * {"收入": 1, "支出": -1}[told["收支类型"]]
    amount_fen = abs(fen) if kind == "split" else fen
    return Line(kind, number or trade_no, trade_no, amount_fen, china(told["记账时间"]), told["备注"])


def _is_after_totals(row: Row) -> bool:
    """Tell whether a row is no line: the totals at the end have another heading, no instant, and fewer cells."""
    return "-" not in row["记账时间"] and not row["收支类型"]


def _is_bank_total(row: Row) -> bool:
    """Tell whether a row is no line: totals have neither an instant nor a reference."""
    return not row["交易流水号"] and not row["交易时间"][:1].isdigit()


BILL = Columns(
    account=INSTITUTION,
    encoding="utf-8-sig",
    needs=("记账时间", "资金流水单号", "收支类型", "收支金额(元)", "备注", "业务凭证号"),
    line=_bill_line,
    balance=lambda _: "",
    is_total=_is_after_totals,
)
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
    is_total=_is_bank_total,
)


def _sandbox(data: bytes) -> Listed:
    return read_csv(data, SANDBOX)


def _bank_gbk(data: bytes) -> Listed:
    return read_csv(data, BANK_GBK)


def _bill(data: bytes) -> Listed:
    return read_csv(data, BILL)


PROFILES: dict[str, Callable[[bytes], Listed]] = {
    "sandbox": _sandbox,
    "wechat-fundflow": _bill,
    "bank-csv-gbk": _bank_gbk,
    "camt053": read_camt,
    "mt940": read_mt940,
}


OF_INSTITUTION = {"sandbox": "sandbox", "wechat-fundflow": "wechat"}
"""The institution whose statements a profile is for, by the name under which its notices come."""


def check_belongs(profile: str, institution: str) -> None:
    """Accept a profile of the institution that is named, or of a bank; where none is named, any.

    :raises Refusal: it is that of another institution, whose statements could confirm nothing here.
    """
    if institution and OF_INSTITUTION.get(profile, institution) != institution:
        message = say("The profile {profile} isn't that of the institution {institution}.")
        raise Refusal("statement.profile", message, field="--profile", profile=profile, institution=institution)


def of_institution(institution: str) -> str:
    """Return the profile of an institution's statements, by the name under which its notices come.

    :raises Refusal: no profile is known that is its own.
    """
    for profile, whose in OF_INSTITUTION.items():
        if whose == institution:
            return profile
    message = say("Name one of these profiles of statements: {profiles}.")
    raise Refusal("statement.profile", message, field="--profile", profiles=", ".join(PROFILES))


def read(data: bytes, profile: str) -> Listed:
    """Read a statement of a named profile.

    :raises Refusal: the profile isn't known, or the file isn't one of it.
    """
    if profile not in PROFILES:
        message = say("Name one of these profiles of statements: {profiles}.")
        raise Refusal("statement.profile", message, field="--profile", profiles=", ".join(PROFILES))
    return PROFILES[profile](data)
