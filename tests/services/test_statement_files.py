"""Statements as files: each format is read to the fen, and a file that can't be read whole isn't read at all."""

from datetime import UTC, datetime

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.books.reconciling.lines import Line, Listed
from greenloop.services.books.reconciling.profiles import PROFILES, check_belongs, read

NOON = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 4, 16, 0, tzinfo=UTC)

SANDBOX = """kind,number,trade_no,amount,booked_at
payment,c1,Tc1,12.34,2026-01-05T04:00:00+00:00
refund,r2,Tr2,-0.34,2026-01-05T04:00:00+00:00
odd,x,Tx,-1,2026-01-05T04:00:00+00:00
balance,,,11.00,
"""
GBK = """交易时间,收入金额,支出金额,余额,摘要,交易流水号
2026-01-05 12:00:00,"1,234.56",,"2,234.56",支付机构结算 20260105,B1
2026/01/05 12:00:00,,10.00,2224.56,账户管理费,B2
"""
BILL = """记账时间,微信支付业务单号,资金流水单号,业务,类型,收支类型,收支金额(元),账户结余(元),申请人,备注,业务凭证号
`2026-01-05 12:00:00,`42,`F1,`交易,`交易,`收入,`50.00,`50.00,`system,`,`c17
`2026-01-05 12:00:00,`43,`F2,`分账,`分账,`支出,`5.00,`45.00,`system,`,`s18
`2026-01-05 12:00:00,`44,`F3,`退款,`退款,`支出,`7.00,`38.00,`system,`,`r19
`2026-01-05 12:00:00,`45,`F4,`手续费,`手续费,`支出,`0.30,`37.70,`system,`,`
`2026-01-05 12:00:00,`42,`F5,`交易,`扣除交易手续费,`支出,`0.30,`37.40,`system,`,`c17
资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额
`4,`1,`50.00,`3,`12.30
"""
MT940 = """:20:STARTUMS
:25:BANK/ACC
:28C:1/1
:60F:C260105CNY1000,00
:61:2601050105C1234,56NTRFNONREF//B1
:86:SETTLE 20260105 INSTITUTION
:61:2601050105D10,00NTRFNONREF//B2
:86:fee
:62F:C260105CNY2224,56
"""
ENTRY = """<Ntry><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>
<BookgDt><DtTm>2026-01-05T12:00:00+08:00</DtTm></BookgDt><AcctSvcrRef>{ref}</AcctSvcrRef>
<NtryDtls><TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""
CAMT = """<?xml version="1.0" encoding="UTF-8"?>{dtd}
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{form}"><BkToCstmrStmt><Stmt>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">2224.56</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
{entries}</Stmt></BkToCstmrStmt></Document>"""


def entry(amount: str = "1234.56", sign: str = "CRDT", status: str = "BOOK", ref: str = "B1", text: str = "fee") -> str:
    return ENTRY.format(amount=amount, sign=sign, status=status, ref=ref, text=text)


def camt(*entries: str, form: str = "camt.053.001.08", dtd: str = "") -> bytes:
    return CAMT.format(entries="".join(entries), form=form, dtd=dtd).encode()


BANK_LINES = (
    Line("settlement", "day/2026-01-05", "B1", 123_456, MIDNIGHT, "SETTLE 20260105 INSTITUTION"),
    Line("other", "B2", "B2", -1_000, MIDNIGHT, "fee"),
)


def test_the_sandbox_s_own_form() -> None:
    assert read(SANDBOX.encode(), "sandbox") == Listed(
        "institution",
        (
            Line("payment", "c1", "Tc1", 1_234, NOON),
            Line("refund", "r2", "Tr2", -34, NOON),
            Line("other", "x", "Tx", -100, NOON),
        ),
        1_100,
    )


def test_a_bank_s_csv_in_gbk() -> None:
    assert read(GBK.encode("gbk"), "bank-csv-gbk") == Listed(
        "bank",
        (
            Line("settlement", "day/2026-01-05", "B1", 123_456, NOON, "支付机构结算 20260105"),
            Line("other", "B2", "B2", -1_000, NOON, "账户管理费"),
        ),
        222_456,
    )


def test_a_bill_of_all_that_moved() -> None:
    found = read(BILL.encode("utf-8-sig"), "wechat-fundflow")
    assert [(line.kind, line.number, line.trade_no, line.amount_fen) for line in found.lines] == [
        ("payment", "c17", "F1", 5_000),
        ("split", "s18", "F2", 500),
        ("refund", "r19", "F3", -700),
        ("other", "F4", "F4", -30),
        # What the institution keeps for itself makes no payment smaller.
        ("other", "F5", "F5", -30),
    ]
    assert {line.booked_at for line in found.lines} == {NOON}


def test_swift_s_older_form() -> None:
    assert read(MT940.encode(), "mt940") == Listed("bank", BANK_LINES, 222_456)


def test_iso_20022() -> None:
    found = read(
        camt(
            entry(text="SETTLE 20260105 INSTITUTION"),
            entry("10", "DBIT", ref="B2"),
            entry("77", status="PDNG", ref="B3"),
        ),
        "camt053",
    )
    assert [(line.kind, line.number, line.trade_no, line.amount_fen, line.text) for line in found.lines] == [
        (line.kind, line.number, line.trade_no, line.amount_fen, line.text) for line in BANK_LINES
    ]
    assert (found.account, found.balance_fen, found.lines[0].booked_at) == ("bank", 222_456, NOON)


@pytest.mark.parametrize(
    ("profile", "data", "code"),
    [
        ("nothing", b"", "statement.profile"),
        ("sandbox", b"", "statement.columns"),
        ("sandbox", b"kind,number\n", "statement.columns"),
        ("sandbox", b"\xff\xfe", "statement.encoding"),
        ("sandbox", SANDBOX.replace("12.34", "12.345").encode(), "statement.row"),
        ("sandbox", SANDBOX.replace("12.34", "a lot").encode(), "statement.row"),
        ("sandbox", SANDBOX.replace("T04", "T99").encode(), "statement.row"),
        ("bank-csv-gbk", GBK.replace("10.00", "1O.00").encode("gbk"), "statement.row"),
        ("bank-csv-gbk", GBK.encode("gbk").replace("交易流水号".encode("gbk"), b"id"), "statement.columns"),
        ("mt940", b"", "statement.format"),
        ("mt940", b"no statement at all", "statement.format"),
        ("mt940", MT940.replace("//B2", "").encode(), "statement.reference"),
        ("mt940", MT940.replace("CNY", "EUR").encode(), "statement.currency"),
        ("camt053", b"<a>", "statement.row"),
        ("camt053", b"<a/>", "statement.format"),
        ("camt053", camt(form="camt.052.001.08"), "statement.format"),
        ("camt053", camt(entry("1.234")), "statement.row"),
        ("camt053", camt(entry(sign="LEFT")), "statement.row"),
        ("camt053", camt(entry(ref="")), "statement.row"),
        ("camt053", camt(entry()).replace(b'Ccy="CNY">1234', b'Ccy="EUR">1234'), "statement.row"),
        ("camt053", camt(entry(text="&x;"), dtd='<!DOCTYPE x [<!ENTITY x "y">]>'), "statement.row"),
        ("camt053", camt(dtd='<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'), "statement.row"),
    ],
)
def test_a_file_that_can_t_be_read_whole_is_refused(profile: str, data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(data, profile)
    assert refused.value.code == code
    assert str(refused.value)


def test_every_profile_is_tried_here() -> None:
    assert set(PROFILES) == {"sandbox", "wechat-fundflow", "bank-csv-gbk", "camt053", "mt940"}


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        ("sandbox", SANDBOX.replace("c1,Tc1", "c1,")),
        ("sandbox", SANDBOX.replace("c1,Tc1", ",Tc1")),
        ("sandbox", SANDBOX.replace("Tc1", "T" * 65)),
        ("bank-csv-gbk", GBK.replace(",B2", ",")),
        ("wechat-fundflow", BILL.replace("`F2", "`")),
        ("wechat-fundflow", BILL.replace("`支出,`5.00", "`转出,`5.00")),
        ("wechat-fundflow", BILL.replace("`2026-01-05 12:00:00,`44", "`,`44")),
    ],
)
def test_a_row_that_can_t_be_told_from_others_is_refused_and_never_passed_over(profile: str, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(text.encode("gb18030" if profile == "bank-csv-gbk" else "utf-8"), profile)
    assert refused.value.code == "statement.row"


def test_a_bank_s_totals_are_no_lines() -> None:
    text = GBK + "合计,1234.56,10.00,,,\n"
    assert len(read(text.encode("gb18030"), "bank-csv-gbk").lines) == 2


def test_a_statement_of_another_institution_than_the_named_one_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        check_belongs("sandbox", "wechat")
    assert (refused.value.code, refused.value.field) == ("statement.profile", "--profile")
    for profile, institution in (
        ("sandbox", "sandbox"),
        ("wechat-fundflow", "wechat"),
        ("camt053", "wechat"),
        ("sandbox", ""),
    ):
        check_belongs(profile, institution)
