"""WeChat Pay behind the gateway's port, against a local server with real RSA; and what its library leaves open."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from wechatpayv3 import WeChatPay

from greenloop.core.faults import Refusal
from greenloop.services.books.institution import wechat
from greenloop.services.books.institution.gateway import Answer, NoStatement, Told, Unreachable
from tests.support import wechat as local
from tests.support.wechat import NOW, Server, billed, notice, platform, signed

PAID = {
    "out_trade_no": "c1",
    "transaction_id": "4200000001",
    "trade_state": "SUCCESS",
    "amount": {"total": 5_000, "currency": "CNY"},
    "success_time": "2026-01-05T20:00:00+08:00",
}
ENDED = "2026-01-05T20:00:00+08:00"
COLLECT = Told("collect", "c1", 5_000, "grocer", "a")
SPLIT = Told("split", "s2", 500, "grocer", "a", "c1", 5_000, "4200000001")
REFUND = Told("refund", "r3", 700, "grocer", "a", "c1", 5_000, "4200000001")
PAYOUT = Told("payout", "p4", 4_500, "grocer", "")
FEE = Told("fee", "f5", 100, "", "")


@pytest.fixture
def server() -> Iterator[Server]:
    with platform() as found:
        yield found


@pytest.fixture
def gateway(server: Server) -> wechat.WeChat:
    return wechat.WeChat(server.terms())


def test_a_payer_is_asked_by_a_code_and_the_payment_stays_frozen(server: Server, gateway: wechat.WeChat) -> None:
    server.answers["/v3/pay"] = (200, {"code_url": "weixin://wxpay/bizpayurl?pr=1"})
    assert gateway.collect(COLLECT) == Answer(is_accepted=True, show="weixin://wxpay/bizpayurl?pr=1")
    ((method, path, told),) = server.asked
    assert (method, path) == ("POST", "/v3/pay/transactions/native")
    assert (told["out_trade_no"], told["amount"], told["settle_info"]) == (
        *("c1", {"total": 5_000, "currency": "CNY"}, {"profit_sharing": True}),
    )


def test_a_split_sends_the_concession_to_the_trust_account(server: Server, gateway: wechat.WeChat) -> None:
    server.answers["/v3/profitsharing"] = (200, {"state": "PROCESSING"})
    assert gateway.split(SPLIT).is_accepted
    ((_, _, told),) = server.asked
    receiver = {"type": "MERCHANT_ID", "account": "1900000110", "amount": 500, "description": "concession"}
    assert (told["transaction_id"], told["out_order_no"], told["receivers"]) == ("4200000001", "s2", [receiver])
    assert told["unfreeze_unsplit"] is True


def test_a_code_that_nobody_scanned_is_closed_and_one_that_was_never_made_needs_no_closing(
    server: Server, gateway: wechat.WeChat
) -> None:
    server.answers["/v3/pay"] = (204, {})
    assert gateway.end(COLLECT) == Answer(is_accepted=True)
    ((method, path, told),) = server.asked
    assert (method, path, told) == ("POST", "/v3/pay/transactions/out-trade-no/c1/close", {"mchid": "1900000109"})
    server.answers["/v3/pay"] = (404, {"code": "ORDER_NOT_EXIST"})
    assert gateway.end(COLLECT) == Answer(is_accepted=True)
    # What is paid can't be closed, and what is away isn't known to be.
    server.answers["/v3/pay"] = (400, {"code": "ORDERPAID"})
    assert gateway.end(COLLECT) == Answer(is_accepted=False, fault="400 ORDERPAID")
    server.answers["/v3/pay"] = (500, {"code": "SYSTEM_ERROR"})
    assert not gateway.end(COLLECT).is_final


def test_a_day_without_a_bill_is_told_from_one_that_can_t_be_had(server: Server, gateway: wechat.WeChat) -> None:
    server.answers["/v3/bill"] = (400, {"code": "NO_STATEMENT_EXIST"})
    with pytest.raises(NoStatement):
        gateway.statement(date(2026, 1, 5))
    server.answers["/v3/bill"] = (500, {"code": "SYSTEM_ERROR"})
    with pytest.raises(Unreachable) as away:
        gateway.statement(date(2026, 1, 5))
    assert not isinstance(away.value, NoStatement)


def test_a_refund_names_the_payment_it_is_part_of(server: Server, gateway: wechat.WeChat) -> None:
    server.answers["/v3/refund"] = (200, {"status": "PROCESSING"})
    assert gateway.refund(REFUND).is_accepted
    ((_, _, told),) = server.asked
    assert (told["out_trade_no"], told["out_refund_no"], told["amount"]) == (
        *("c1", "r3", {"refund": 700, "total": 5_000, "currency": "CNY"}),
    )


def test_a_payee_s_name_is_sealed_on_the_way_and_stays_readable_here(server: Server, gateway: wechat.WeChat) -> None:
    server.answers["/v3/transfer"] = (200, {"batch_id": "1"})
    before = deepcopy(server.terms().payees)
    for told in (PAYOUT, PAYOUT, FEE):
        assert gateway.pay_out(told).is_accepted
    details = [told["transfer_detail_list"][0] for _, _, told in server.asked]
    assert [server.opened(each["user_name"]) for each in details] == ["张三", "张三", "平台"]
    assert [(each["out_detail_no"], each["transfer_amount"]) for each in details] == [
        *(("p4", 4_500), ("p4", 4_500), ("f5", 100)),
    ]
    assert gateway._terms.payees == before


def test_the_library_seals_names_in_its_caller_s_own_list(server: Server, gateway: wechat.WeChat) -> None:
    # What the adapter has to guard against: should the library stop doing so, this test says it.
    server.answers["/v3/transfer"] = (200, {"batch_id": "1"})
    detail = {"out_detail_no": "p4", "transfer_amount": 1, "transfer_remark": "p4", "openid": "o", "user_name": "张三"}
    WeChatPay.transfer_batch(gateway._pay, "p4", "p4", "p4", 1, 1, [detail])
    assert detail["user_name"] != "张三"


def test_a_merchant_without_a_payee_waits_until_one_is_named(server: Server, gateway: wechat.WeChat) -> None:
    answer = gateway.pay_out(Told("payout", "p9", 1, "baker", ""))
    assert (answer.is_accepted, answer.is_final, server.asked) == (False, False, [])


@pytest.mark.parametrize(
    ("status", "final"), [(400, True), (403, False), (404, True), (429, False), (500, False), (503, False)]
)
def test_a_no_is_final_only_where_asking_again_is_useless(
    server: Server, gateway: wechat.WeChat, status: int, final: bool
) -> None:
    server.answers["/v3/pay"] = (status, {"code": "WHY"})
    assert gateway.collect(COLLECT) == Answer(is_accepted=False, is_final=final, fault=f"{status} WHY")


@pytest.mark.parametrize(
    ("signs_as", "serial_no"),
    [("forger", local.serial("platform")), ("forger", ""), ("platform", "ABC"), ("platform", "no")],
    ids=["forged", "none", "unknown", "unreadable"],
)
def test_an_answer_that_isn_t_signed_is_none(
    server: Server, gateway: wechat.WeChat, signs_as: str, serial_no: str
) -> None:
    server.answers["/v3/pay"] = (200, {"code_url": "weixin://forged"})
    server.signs_as, server.serial_no = signs_as, serial_no
    with pytest.raises(Unreachable):
        gateway.collect(COLLECT)
    # And nobody was asked for certificates on account of it.
    assert [path for _, path, _ in server.asked] == ["/v3/pay/transactions/native"]


def test_a_dead_line_is_unreachable() -> None:
    dead = Server(address="http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        wechat.WeChat(dead.terms()).collect(COLLECT)


@pytest.mark.parametrize(
    ("told", "path", "document", "said"),
    [
        (COLLECT, "/v3/pay", PAID, ("c1", "4200000001", "success", 5_000)),
        (COLLECT, "/v3/pay", PAID | {"trade_state": "NOTPAY"}, None),
        (COLLECT, "/v3/pay", PAID | {"trade_state": "CLOSED"}, ("c1", "4200000001", "failed", 5_000)),
        # A payment that nobody made: no number of theirs, no amount, no instant.
        (COLLECT, "/v3/pay", {"out_trade_no": "c1", "trade_state": "CLOSED"}, ("c1", "c1", "failed", 5_000)),
        *(
            (
                *(SPLIT, "/v3/profitsharing"),
                {
                    "out_order_no": "s2",
                    "order_id": "30",
                    "state": "FINISHED",
                    "receivers": [
                        {"account": "1900000100", "amount": 4_500, "result": "SUCCESS", "finish_time": ENDED},
                        {"account": "1900000110", "amount": 500, "result": result, "finish_time": ENDED},
                    ],
                },
                said,
            )
            for result, said in (
                ("SUCCESS", ("s2", "30", "success", 500)),
                ("CLOSED", ("s2", "30", "failed", 500)),
                ("PENDING", None),
            )
        ),
        (
            *(REFUND, "/v3/refund"),
            {
                "out_refund_no": "r3",
                "refund_id": "50",
                "status": "SUCCESS",
                "amount": {"refund": 700},
                "success_time": "2026-01-05T20:00:00+08:00",
            },
            ("r3", "50", "success", 700),
        ),
        (
            *(SPLIT, "/v3/profitsharing"),
            {
                "out_order_no": "s2",
                "order_id": "30",
                "state": "FINISHED",
                "receivers": [{"amount": 500, "finish_time": "2026-01-05T20:00:00+08:00"}],
            },
            ("s2", "30", "success", 500),
        ),
        (
            *(PAYOUT, "/v3/transfer"),
            {
                "out_batch_no": "p4",
                "detail_id": "10",
                "detail_status": "FAIL",
                "transfer_amount": 4_500,
                "update_time": "2026-01-05T20:00:00+08:00",
            },
            ("p4", "10", "failed", 4_500),
        ),
    ],
)
def test_what_became_of_an_instruction(
    server: Server,
    gateway: wechat.WeChat,
    told: Told,
    path: str,
    document: dict[str, Any],
    said: tuple[Any, ...] | None,
) -> None:
    server.answers[path] = (200, document)
    found = gateway.query(told)
    assert (found and (found.number, found.trade_no, found.outcome, found.amount_fen)) == said
    assert found is None or found.is_answer


def test_what_nobody_knows_has_become_of_nothing(gateway: wechat.WeChat) -> None:
    assert gateway.query(COLLECT) is None


def test_a_bill_is_read_only_if_its_hash_is_the_announced_one(server: Server, gateway: wechat.WeChat) -> None:
    billed(server, "记账时间\r\n`2026-01-05".encode())
    assert gateway.statement(date(2026, 1, 5)) == "记账时间\r\n`2026-01-05".encode()
    server.bill += b"1"
    with pytest.raises(Unreachable):
        gateway.statement(date(2026, 1, 5))
    billed(server, b"x", url="http://elsewhere.example/file")
    with pytest.raises(Unreachable):
        gateway.statement(date(2026, 1, 5))


# --- notices


def refused(gateway: wechat.WeChat, headers: dict[str, str], body: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        gateway.verified(headers, body, at=NOW)
    return caught.value.code


def test_a_notice_that_the_platform_signed_is_heard(gateway: wechat.WeChat) -> None:
    body = notice("TRANSACTION.SUCCESS", PAID, notice_id="n17")
    found = gateway.verified(signed(body), body, at=NOW)
    assert (found.notice_id, found.number, found.trade_no, found.outcome, found.amount_fen) == (
        *("n17", "c1", "4200000001", "success", 5_000),
    )
    assert (found.occurred_at, found.is_answer) == (NOW, False)
    # Servers hand on names of headers as they like.
    assert gateway.verified({name.upper(): text for name, text in signed(body).items()}, body, at=NOW) == found


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365])
def test_a_notice_of_another_time_is_refused_however_well_it_is_signed(gateway: wechat.WeChat, minutes: int) -> None:
    body = notice("TRANSACTION.SUCCESS", PAID)
    assert refused(gateway, signed(body, at=NOW - timedelta(minutes=minutes)), body) == "notice.age"
    # The library by itself takes it.
    told = {name.lower(): text for name, text in signed(body, at=NOW - timedelta(minutes=minutes)).items()}
    assert gateway._pay.callback(told, body)["id"] == "n1"


@pytest.mark.parametrize("stamp", ["soon", "-1", "99999999999999999999", "1.5"])
def test_a_time_that_is_none_is_refused(gateway: wechat.WeChat, stamp: str) -> None:
    body = notice("TRANSACTION.SUCCESS", PAID)
    assert refused(gateway, signed(body, stamp=stamp), body) == "notice.age"


def test_an_unknown_certificate_is_refused_and_nobody_is_called(server: Server, gateway: wechat.WeChat) -> None:
    body = notice("TRANSACTION.SUCCESS", PAID)
    for headers in (signed(body, by="forger"), signed(body, serial_no="not hex"), signed(body, serial_no="0")):
        assert refused(gateway, headers, body) == "notice.signature"
    assert server.asked == []


@pytest.mark.parametrize(
    "name",
    [
        *("Wechatpay-Signature-Type", "Wechatpay-Signature", "Wechatpay-Nonce", "Wechatpay-Serial"),
    ],
)
def test_a_notice_without_one_of_its_headers_is_refused(gateway: wechat.WeChat, name: str) -> None:
    body = notice("TRANSACTION.SUCCESS", PAID)
    headers = {each: text for each, text in signed(body).items() if each != name}
    assert refused(gateway, headers, body) == "notice.signature"
    assert refused(gateway, headers | {name: ""}, body) == "notice.signature"


def test_a_notice_that_was_touched_is_refused(gateway: wechat.WeChat) -> None:
    body = notice("TRANSACTION.SUCCESS", PAID)
    assert refused(gateway, signed(body), body.replace(b"n1", b"n2")) == "notice.signature"
    assert refused(gateway, signed(body, by="forger", serial_no=local.serial("platform")), body) == "notice.signature"
    assert refused(gateway, signed(b"\xff"), b"\xff") == "notice.signature"
    assert refused(gateway, signed(b"[]"), b"[]") == "notice.signature"


def test_a_notice_that_is_sealed_for_another_is_refused(gateway: wechat.WeChat) -> None:
    body = notice("TRANSACTION.SUCCESS", PAID, secret="x" * 32)
    assert refused(gateway, signed(body), body) == "notice.signature"


@pytest.mark.parametrize(
    "resource", [{}, PAID | {"amount": {}}, PAID | {"amount": {"total": -1}}, PAID | {"trade_state": "USERPAYING"}]
)
def test_a_notice_that_says_too_little_is_refused(gateway: wechat.WeChat, resource: dict[str, Any]) -> None:
    body = notice("TRANSACTION.SUCCESS", resource)
    assert refused(gateway, signed(body), body) == "notice.content"


def test_a_refund_s_notice_and_a_payout_s_are_heard(gateway: wechat.WeChat) -> None:
    back = {"out_refund_no": "r3", "refund_id": "50", "refund_status": "SUCCESS", "amount": {"refund": 700}}
    body = notice("REFUND.SUCCESS", back | {"success_time": "2026-01-05T20:00:00+08:00"})
    found = gateway.verified(signed(body), body, at=NOW)
    assert (found.number, found.outcome, found.amount_fen) == ("r3", "success", 700)
    paid = {"out_batch_no": "p4", "batch_id": "1", "batch_status": "FINISHED", "success_amount": 4_500}
    body = notice("MCHTRANSFER.BATCH.FINISHED", paid | {"update_time": "2026-01-05T20:00:00+08:00"})
    found = gateway.verified(signed(body), body, at=NOW)
    assert (found.number, found.outcome, found.amount_fen) == ("p4", "success", 4_500)


def test_a_file_that_lacks_something_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        wechat.opened({"mchid": "1"})
    assert caught.value.code == "institution.terms"
