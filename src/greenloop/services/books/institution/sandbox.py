"""The sandbox institution's adapter: JSON over HTTP, signed both ways by a shared secret."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.services.books.institution import signed
from greenloop.services.books.institution.connections import Connections
from greenloop.services.books.institution.gateway import Answer, NoStatement, Said, Told, Unreachable

NOTICE_PATH = "/v1/notices/sandbox"
OUTCOMES = frozenset({"success", "failed", "back"})


def _now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """A gateway to a sandbox institution at an address."""

    def __init__(self, *, url: str, secret: str, now: Callable[[], datetime] = _now) -> None:
        """Speak to the sandbox at `url`, such as http://127.0.0.1:8790; `now` is the time that signs."""
        self._connections = Connections(urlsplit(url).netloc)
        self._secret, self._now = secret.encode(), now

    def close(self) -> None:
        """Close its connections."""
        self._connections.close()

    def collect(self, told: Told) -> Answer:
        """Ask a payer for money."""
        return self._send("collect", told)

    def split(self, told: Told) -> Answer:
        """Divide a payment."""
        return self._send("split", told)

    def refund(self, told: Told) -> Answer:
        """Give back part of a payment."""
        return self._send("refund", told)

    def pay_out(self, told: Told) -> Answer:
        """Pay a merchant, or the platform."""
        return self._send("payout", told)

    def end(self, told: Told) -> Answer:
        """Let nobody make a payment any more."""
        return self._send("close", told)

    def query(self, told: Told) -> Said | None:
        """Return what became of an instruction."""
        status, body = self._ask("GET", f"/v1/instructions/{told.number}")
        if status == 404:
            return None
        found = _document(body)
        return _said(found, body, is_answer=True) if found.get("outcome") else None

    def statement(self, day: date) -> bytes:
        """Return the statement of a local day, as CSV."""
        status, body = self._ask("GET", f"/v1/statements/{day.isoformat()}")
        if status == 404:
            raise NoStatement(f"no statement of {day}")
        if status != 200:
            raise Unreachable(f"no statement of {day} ({status})")
        return body

    def verified(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> Said:
        """Return what a notice says."""
        signed.check(self._secret, "POST", NOTICE_PATH, headers, body, at=at)
        try:
            return _said(_document(body), body)
        except Unreachable as fault:
            raise Refusal("notice.content", say("The notice doesn't say what a notice has to say.")) from fault

    def set_clock(self, at: datetime) -> dict[str, int]:
        """Move the clock of a sandbox that holds it to `at`, and return how many notices it has sent so far.

        What happens until then happens bit by bit, for as long as there is more.
        """
        while True:
            status, body = self._ask("POST", "/sandbox/clock", json.dumps({"at": at.isoformat()}).encode())
            if status != 200:
                raise Unreachable(f"the clock could not be set ({status})")
            told = {name: int(number) for name, number in _document(body).items()}
            if not told.pop("more"):
                return told

    def fates(self) -> dict[str, int]:
        """Return how many payments had which fate: a sandbox tells."""
        status, body = self._ask("GET", "/v1/sandbox")
        if status != 200:
            raise Unreachable(f"it doesn't say ({status})")
        return {name: int(number) for name, number in _document(body).items()}

    def _send(self, what: str, told: Told) -> Answer:
        content = {
            "number": told.number,
            "amount_fen": told.amount_fen,
            "merchant": told.merchant,
            "order_no": told.order_no,
            "payment": told.payment,
        }
        status, body = self._ask("POST", f"/v1/{what}", json.dumps(content).encode())
        found = _document(body)
        if status == 200:
            return Answer(is_accepted=True, show=str(found.get("show", "")))
        return Answer(is_accepted=False, is_final=status == 409, fault=str(found.get("fault", status)))

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        headers = signed.headers(self._secret, method, path, body, at=self._now())
        return self._connections.ask(method, path, body, headers)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as fault:
        raise Unreachable("an answer that can't be read") from fault
    if not isinstance(found, dict):
        raise Unreachable("an answer that can't be read")
    return found


def _said(found: Mapping[str, Any], body: bytes, *, is_answer: bool = False) -> Said:
    notice_id, number, trade_no = (found.get(name) for name in ("notice_id", "number", "trade_no"))
    outcome, fen, at = found.get("outcome"), found.get("amount_fen"), instants.read(str(found.get("occurred_at")))
    texts = all(
        isinstance(text, str) and 0 < len(text) <= 64 and "\x00" not in text for text in (notice_id, number, trade_no)
    )
    if not texts or outcome not in OUTCOMES or type(fen) is not int or not 0 < fen <= AMOUNT_FEN_MAX or at is None:
        raise Unreachable("a notice that can't be read")
    said = (str(notice_id), str(number), str(trade_no), str(outcome))
    return Said(*said, fen, at, hashlib.sha256(body).hexdigest(), is_answer=is_answer)
