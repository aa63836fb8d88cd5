"""What WeChat Pay says of an instruction, in notices and in answers, as the gateway's port says it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from greenloop.core import instants
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.services.books.institution.gateway import Said, Unreachable


class _Form(NamedTuple):
    """Where one kind of instruction says what: our number, theirs, its state, its amount, and since when."""

    number: str
    trade_no: tuple[str, ...]
    state: tuple[str, ...]
    amount: tuple[str, ...]
    at: tuple[str, ...]


_FORMS = {
    "collect": _Form("out_trade_no", ("transaction_id",), ("trade_state",), ("amount.total",), ("success_time",)),
    "refund": _Form(
        "out_refund_no", ("refund_id",), ("refund_status", "status"), ("amount.refund",), ("success_time",)
    ),
    "split": _Form(
        "out_order_no", ("order_id",), ("receivers.result", "state"), ("receivers.amount",), ("receivers.finish_time",)
    ),
    "payout": _Form(
        *("out_batch_no", ("batch_id", "detail_id"), ("batch_status", "detail_status")),
        *(("success_amount", "transfer_amount"), ("update_time",)),
    ),
}
_DONE = frozenset({"SUCCESS", "FINISHED"})
_FAILED = frozenset({"CLOSED", "REVOKED", "PAYERROR", "FAIL", "ABNORMAL"})


def said_of(
    kind: str,
    found: Mapping[str, Any],
    text: str,
    *,
    notice_id: str = "",
    is_answer: bool = False,
    amount_fen: int = 0,
    number: str = "",
    at: datetime | None = None,
) -> Said | None:
    """Return what a document says of an instruction of a kind, None while it is under way.

    An answer has no number of its own: it is known by the instruction and what it says. What failed has often neither
    an amount nor a number of theirs nor an instant: it is then what was asked about, of `amount_fen` and `number`, now.

    :raises Unreachable: it says less than it has to.
    """
    form = _FORMS.get("payout" if kind == "fee" else kind, _FORMS["payout"])
    state = str(_first(found, form.state))
    number = str(found.get(form.number) or found.get("out_detail_no") or number)
    if state not in _DONE | _FAILED:
        return None
    outcome = "success" if state in _DONE else "failed"
    said_fen, said_at = _first(found, form.amount), _instant(_first(found, form.at) or found.get("create_time"))
    trade_no = str(_first(found, form.trade_no) or "")
    if outcome == "failed":
        said_fen, said_at, trade_no = said_fen or amount_fen, said_at or at, trade_no or number
    named = notice_id or f"answer-{number}-{outcome}"
    is_amount = type(said_fen) is int and 0 < said_fen <= AMOUNT_FEN_MAX
    if not 0 < len(number) <= 32 or not trade_no or not is_amount or said_at is None:
        raise Unreachable("what was said lacks a number, an amount or an instant")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Said(named, number, trade_no, outcome, said_fen, said_at, digest, is_answer=is_answer)


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return what the first of some names stands for; a point leads into a document, or the first of a list."""
    for name in names:
        value: Any = found
        for part in name.split("."):
            if isinstance(value, list):
                value = value[0] if value else None
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _instant(text: Any) -> datetime | None:
    return instants.read(text) if isinstance(text, str) else None
