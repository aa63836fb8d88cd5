"""Banks' statements as ISO 20022 camt.053: booked entries, their amounts and references, and the closing balance."""

from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # names only: defusedxml reads  # nosec B405

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from greenloop.core.faults import Refusal, say
from greenloop.core.money import fen_of
from greenloop.services.books.reconciling.csv_files import china
from greenloop.services.books.reconciling.lines import BANK, Line, Listed, settlement_of

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053."
BOOKED, CLOSING, CURRENCY = "BOOK", "CLBD", "CNY"


def read_camt(data: bytes) -> Listed:
    """Read a statement. Entries that aren't booked are none; amounts are in yuan.

    :raises Refusal: it is no camt.053, names another currency, or an entry can't be read.
    """
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as fault:
        raise _unread(0, type(fault).__name__) from fault
    space = root.tag.partition("}")[0].removeprefix("{")
    if not space.startswith(NAMESPACE):
        raise Refusal("statement.format", say("The file is no statement of the form camt.053."), field="file")
    names = {"c": space}
    entries = root.findall("c:BkToCstmrStmt/c:Stmt/c:Ntry", names)
    lines = []
    for place, entry in enumerate(entries, 1):
        try:
            if _text(entry, "c:Sts/c:Cd", names) == BOOKED or _text(entry, "c:Sts", names) == BOOKED:
                lines.append(_line(entry, names))
        except (LookupError, ValueError, Refusal) as fault:
            raise _unread(place, fault) from fault
    return Listed(BANK, tuple(lines), _balance_fen(root, names))


def _line(entry: Element, names: dict[str, str]) -> Line:
    told = ("c:AcctSvcrRef", "c:NtryRef", "c:NtryDtls/c:TxDtls/c:Refs/c:AcctSvcrRef")
    trade_no = next((text for path in told if (text := _text(entry, path, names))), "")
    if not 0 < len(trade_no) <= 64:
        raise ValueError("an entry without a reference of the bank's")
    words = [each.text or "" for each in entry.iterfind(".//c:RmtInf/c:Ustrd", names)]
    text = " ".join([*words, _text(entry, "c:AddtlNtryInf", names)]).strip()
    kind, number = settlement_of(text, trade_no)
    dated = _text(entry, "c:BookgDt/c:DtTm", names) or _text(entry, "c:BookgDt/c:Dt", names)
    return Line(kind, number, trade_no, _fen(entry, names), _instant(dated), text)


def _fen(holder: Element, names: dict[str, str]) -> int:
    """Return an amount with its sign: a debit leaves the account."""
    amount = holder.find("c:Amt", names)
    if amount is None or amount.get("Ccy") != CURRENCY:
        raise ValueError("an amount that isn't in yuan")
    sign = {"CRDT": 1, "DBIT": -1}[_text(holder, "c:CdtDbtInd", names) or "none"]
    return sign * fen_of(amount.text or "")


def _balance_fen(root: Element, names: dict[str, str]) -> int | None:
    for balance in root.findall("c:BkToCstmrStmt/c:Stmt/c:Bal", names):
        if _text(balance, "c:Tp/c:CdOrPrtry/c:Cd", names) == CLOSING:
            try:
                return _fen(balance, names)
            except (LookupError, ValueError, Refusal) as fault:
                raise _unread(0, fault) from fault
    return None


def _text(holder: Element, path: str, names: dict[str, str]) -> str:
    return (holder.findtext(path, "", names) or "").strip()


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else china(text)


def _unread(place: int, why: Any) -> Refusal:
    message = say("Row {row} of the file can't be read: {why}.")
    return Refusal("statement.row", message, field="file", row=place, why=why)
