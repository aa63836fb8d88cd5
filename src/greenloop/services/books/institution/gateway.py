"""What the product asks of a payment institution, whichever it is; each adapter speaks one institution's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

NOTICE_AGE_MAX = timedelta(minutes=5)
"""How far a notice's time of signing may be from ours: an older one may be somebody else's copy."""


@dataclass(frozen=True, slots=True)
class Told:
    """One instruction as it is sent; amounts are fen.

    `number` is ours, and the institution does each number once. `payment` is the number of the collection that a
    split or a refund is part of, `paid_fen` its amount and `trade_no` the institution's own number of it, where
    they are known. `merchant` is the merchant's ref, empty for the platform.
    """

    kind: str
    number: str
    amount_fen: int
    merchant: str
    order_no: str
    payment: str = ""
    paid_fen: int = 0
    trade_no: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the institution answered: accepted, refused for good, or neither, so that it is asked again later.

    `show` is what the payer's phone opens, for a collection.
    """

    is_accepted: bool
    is_final: bool = True
    fault: str = ""
    show: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing the institution said of one instruction: `outcome` is success, failed or back; amounts are fen.

    `notice_id` is the institution's own, once for ever; `body_hash` the SHA-256 of the signed body, in hex.
    """

    notice_id: str
    number: str
    trade_no: str
    outcome: str
    amount_fen: int
    occurred_at: datetime
    body_hash: str
    is_answer: bool = False


class Gateway(Protocol):
    """A payment institution. Each call names the instruction by its number, so it may be sent any number of times."""

    def collect(self, told: Told) -> Answer:
        """Ask a payer for money that the institution then holds."""

    def split(self, told: Told) -> Answer:
        """Divide a payment: `amount_fen` is the concession, for the trust account; the rest is the merchant's."""

    def refund(self, told: Told) -> Answer:
        """Give back part of a payment, or all of it."""

    def pay_out(self, told: Told) -> Answer:
        """Pay a merchant its dues, or the platform its fee."""

    def end(self, told: Told) -> Answer:
        """Let nobody make a payment any more: accepted if that is so now, though it was never asked for."""

    def query(self, told: Told) -> Said | None:
        """Return what became of an instruction, None while nothing has."""

    def statement(self, day: date) -> bytes:
        """Return the file that lists what moved on a local day.

        :raises NoStatement: there is none.
        :raises Unreachable: nobody answers, or what comes can't be read.
        """

    def verified(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> Said:
        """Return what a notice says, its signature and its time checked.

        :raises Refusal: `notice.signature`, `notice.age` or `notice.content`; nobody may be told more than that.
        """


class Unreachable(Exception):
    """The institution didn't answer, or said nothing that can be read: ask again later."""


class NoStatement(Unreachable):
    """The institution has no statement of a day: it isn't made yet, or nothing has moved."""
