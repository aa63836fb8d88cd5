"""WeChat Pay's third API behind the gateway's port; what its library leaves open is closed here.

The library accepts signed notices of any age, fetches certificates when it doesn't know a serial, raises a bare
exception where a header is missing, encrypts names in its caller's own list, and knows one address only.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from requests import RequestException
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core
from wechatpayv3.utils import load_certificate

from greenloop.core.faults import Refusal, say
from greenloop.services.books.institution import signed
from greenloop.services.books.institution.gateway import Answer, NoStatement, Said, Told, Unreachable
from greenloop.services.books.institution.wechat_notices import said_of

ADDRESS = "https://api.mch.weixin.qq.com"
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
TIMEOUT_S = (5, 15)
FINAL = frozenset({400, 404, 409})
"""Answers that no repetition changes: what was asked is at fault. All else is asked again; 403 may be lack of money."""
TEXT_MAX = 32


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid for a merchant: the payer's own number of a person, and the name that has to be theirs."""

    openid: str
    name: str


@dataclass(frozen=True, slots=True)
class Terms:
    """A contract with the institution: numbers, keys (PEM without its frame), certificates, and who is paid.

    `certificates` are the institution's own, as PEM; they are named here and never fetched. `trust_mchid` is the
    account that concessions are split to; `platform` is who is paid the fee.
    """

    mchid: str
    appid: str
    serial: str
    private_key: str
    apiv3_key: str
    certificates: tuple[str, ...]
    notify_url: str
    trust_mchid: str
    platform: Payee
    payees: Mapping[str, Payee] = field(default_factory=dict)
    address: str = ADDRESS


class PlacedCore(Core):  # type: ignore[misc]  # it comes without types
    """The library's core at an address of our choice, with certificates that are given and never fetched."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        super().__init__(
            *(terms.mchid, terms.serial, terms.private_key, terms.apiv3_key),
            timeout=TIMEOUT_S,
        )

    @property
    def _gate_way(self) -> str:
        return self._terms.address

    @_gate_way.setter
    def _gate_way(self, address: str) -> None:
        """Leave what the library names alone."""

    def _init_certificates(self) -> None:
        self._certificates = [load_certificate(text) for text in self._terms.certificates]

    def _update_certificates(self) -> None:
        """Fetch nothing: an unknown serial is nobody's."""

    def _last_certificate(self) -> Any:
        """Return the certificate that names are sealed for: the one that lasts longest."""
        return max(self._certificates, key=lambda each: each.not_valid_after_utc)

    @property
    def serials(self) -> frozenset[str]:
        """Return the serials of the institution's certificates, as headers write them."""
        return frozenset(f"{each.serial_number:X}" for each in self._certificates)


class Placed(WeChatPay):  # type: ignore[misc]
    """The library's client on a core of ours."""

    def __init__(self, terms: Terms) -> None:
        self._type, self._mchid, self._appid = WeChatPayType.NATIVE, terms.mchid, terms.appid
        self._notify_url, self._partner_mode = terms.notify_url, False
        self._core = PlacedCore(terms)


class WeChat:
    """The gateway to WeChat Pay: a payer scans a code, the payment stays frozen until it is split."""

    def __init__(self, terms: Terms, *, now: Callable[[], datetime] = _now) -> None:
        """Speak under a contract's terms; `now` is the time of answers that name none."""
        self._terms, self._pay, self._now = terms, Placed(terms), now

    def collect(self, told: Told) -> Answer:
        """Ask for a code that the payer scans."""
        return self._told(
            lambda: self._pay.pay(
                description=told.merchant[:TEXT_MAX],
                out_trade_no=told.number,
                amount={"total": told.amount_fen, "currency": "CNY"},
                settle_info={"profit_sharing": True},
            )
        )

    def split(self, told: Told) -> Answer:
        """Send the concession to the trust account, and let the merchant's part go."""
        receiver = {"type": "MERCHANT_ID", "account": self._terms.trust_mchid, "amount": told.amount_fen}
        return self._told(
            lambda: self._pay.profitsharing_order(
                transaction_id=told.trade_no,
                out_order_no=told.number,
                receivers=[receiver | {"description": "concession"}],
                unfreeze_unsplit=True,
            )
        )

    def refund(self, told: Told) -> Answer:
        """Give back part of a payment."""
        amount = {"refund": told.amount_fen, "total": told.paid_fen, "currency": "CNY"}
        return self._told(
            lambda: self._pay.refund(
                out_refund_no=told.number, out_trade_no=told.payment, amount=amount, notify_url=self._terms.notify_url
            )
        )

    def pay_out(self, told: Told) -> Answer:
        """Pay a merchant's payee, or the platform's; the name is checked by the institution, and sent sealed."""
        payee = self._terms.payees.get(told.merchant) if told.merchant else self._terms.platform
        if payee is None:
            fault = f"nobody is named who is paid for {told.merchant}"
            return Answer(is_accepted=False, is_final=False, fault=fault)
        detail = {
            "out_detail_no": told.number,
            "transfer_amount": told.amount_fen,
            "transfer_remark": told.number,
            "openid": payee.openid,
            "user_name": payee.name,
        }
        return self._told(
            lambda: self._pay.transfer_batch(
                out_batch_no=told.number,
                batch_name=told.number,
                batch_remark=told.number,
                total_amount=told.amount_fen,
                total_num=1,
                transfer_detail_list=[detail],
            )
        )

    def end(self, told: Told) -> Answer:
        """Let a code lead nowhere any more; one that was never made needs no closing."""
        answer = self._told(lambda: self._pay.close(out_trade_no=told.number))
        return Answer(is_accepted=True) if answer.fault.startswith("404") else answer

    def query(self, told: Told) -> Said | None:
        """Return what became of an instruction."""
        asked: dict[str, Callable[[], tuple[int, Any]]] = {
            "collect": lambda: self._pay.query(out_trade_no=told.number),
            "refund": lambda: self._pay.query_refund(out_refund_no=told.number),
            "split": lambda: self._pay.profitsharing_order_query(
                transaction_id=told.trade_no, out_order_no=told.number
            ),
        }
        transfer = lambda: self._pay.transfer_query_out_detail_no(  # noqa: E731  one way for payouts and fees
            out_detail_no=told.number, out_batch_no=told.number
        )
        status, text = self._asked(asked.get(told.kind, transfer))
        if status != 200:
            return None
        return said_of(
            *(told.kind, self._ours(_document(text)), text),
            is_answer=True,
            amount_fen=told.amount_fen,
            number=told.number,
            at=self._now(),
        )

    def _ours(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return an answer with those receivers of a split only that are the trust account: the rest isn't asked."""
        if not isinstance(receivers := found.get("receivers"), list):
            return found
        trust = self._terms.trust_mchid
        ours = [each for each in receivers if isinstance(each, dict) and each.get("account", trust) == trust]
        return found | {"receivers": ours}

    def statement(self, day: date) -> bytes:
        """Return the bill of all that moved in the account on a day, its hash checked."""
        status, text = self._asked(lambda: self._pay.fundflow_bill(bill_date=day.isoformat()))
        if 400 <= status < 500 and _document(text).get("code") == "NO_STATEMENT_EXIST":
            raise NoStatement(f"no bill of {day}")
        bill = _document(text) if status == 200 else {}
        url = str(bill.get("download_url", ""))
        if not url.startswith(f"{self._terms.address}/"):
            raise Unreachable(f"no bill of {day} ({status})")
        status, packed = self._asked(lambda: self._pay.download_bill(url))
        data = gzip.decompress(packed) if isinstance(packed, bytes) and packed[:2] == b"\x1f\x8b" else packed
        plain = data if isinstance(data, bytes) else str(data).encode()
        if status != 200 or hashlib.sha1(plain, usedforsecurity=False).hexdigest() != bill.get("hash_value"):
            raise Unreachable(f"the bill of {day} isn't what was announced ({status})")
        return plain

    def verified(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> Said:
        """Return what a notice says: signed by a certificate that we know, within five minutes, and sealed for us."""
        told = {name.lower(): text for name, text in headers.items()}
        serial = told.get("wechatpay-serial", "")
        if told.get("wechatpay-signature-type") != SIGNATURE_TYPE or serial not in self._pay._core.serials:  # noqa: SLF001
            raise signed.unsigned()
        signed.check_age(told.get("wechatpay-timestamp", ""), at=at)
        try:
            found = self._pay.callback(told, body)
        except Exception as fault:
            raise signed.unsigned() from fault
        if not isinstance(found, dict):
            raise signed.unsigned()
        kind = {"TRANSACTION": "collect", "REFUND": "refund"}.get(
            str(found.get("event_type")).partition(".")[0], "payout"
        )
        try:
            said = said_of(kind, found["resource"], body.decode(), notice_id=str(found["id"]))
        except (KeyError, ValueError, Unreachable) as fault:
            raise Refusal("notice.content", say("The notice doesn't say what a notice has to say.")) from fault
        if said is None:
            raise Refusal("notice.content", say("The notice doesn't say what a notice has to say."))
        return said

    def _told(self, call: Callable[[], tuple[int, Any]]) -> Answer:
        status, text = self._asked(call)
        if 200 <= status < 300:
            show = str(_document(text).get("code_url", "")) if text else ""
            return Answer(is_accepted=True, show=show)
        found = json.loads(text) if isinstance(text, str) and text.startswith("{") else {}
        return Answer(is_accepted=False, is_final=status in FINAL, fault=f"{status} {found.get('code', '')}".strip())

    def _asked(self, call: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        try:
            return call()
        except RequestException as fault:
            raise Unreachable(f"no answer ({type(fault).__name__})") from fault
        except Exception as fault:  # the library's own are bare: an answer that isn't signed, a header that is missing
            raise Unreachable(f"an answer that can't be trusted ({type(fault).__name__})") from fault


def _document(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError) as fault:
        raise Unreachable("an answer that can't be read") from fault
    return found if isinstance(found, dict) else {}


def opened(document: Mapping[str, Any]) -> WeChat:
    """Return the gateway under the terms of a document, as the operator's file has them.

    :raises Refusal: something is missing there.
    """
    facts = dict(document)
    try:
        payees = {merchant: Payee(**payee) for merchant, payee in facts.pop("payees", {}).items()}
        platform, certificates = Payee(**facts.pop("platform")), tuple(facts.pop("certificates"))
        terms = Terms(**facts, platform=platform, payees=payees, certificates=certificates)
    except (KeyError, TypeError) as fault:
        message = say("The institution's file lacks something, or says what no contract has: {what}.")
        raise Refusal("institution.terms", message, field="GREENLOOP_INSTITUTION", what=fault) from fault
    return WeChat(terms)
