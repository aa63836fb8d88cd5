"""The institution's own books: what it was told, what moved in the segregated account, and what it has yet to say."""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import RLock

from greenloop.sim.institution.fates import Rates, fate_of

PAYS_AFTER = timedelta(minutes=1)
SAYS_AFTER = timedelta(seconds=20)
LATE = timedelta(hours=30)
AGAIN_AFTER = (timedelta(minutes=2), timedelta(hours=4))
BACK_AFTER = timedelta(days=2)
ZONE = timedelta(hours=8)
WRONG_FEN = 100


class Refused(Exception):
    """The institution refuses an instruction for good."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is to happen: a payer pays, a payment is charged back, or a notice goes out."""

    id: int
    due_at: datetime
    what: str
    body: str


class Account:
    """One platform's segregated account. All methods may be called from any thread."""

    def __init__(self, path: str, *, rates: Rates, seed: int) -> None:
        """Keep the books at `path`, or in memory with `:memory:`."""
        self._lock, self._rates, self._seed = RLock(), rates, seed
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close its books."""
        self._db.close()

    def tell(self, kind: str, told: Mapping[str, str | int], *, at: datetime) -> str:
        """Do an instruction once and return what the payer's phone opens; told again, the same.

        :raises Refused: it can't be done, or its number stands for another instruction.
        """
        content = json.dumps(told, sort_keys=True)
        number, fen = str(told["number"]), int(told["amount_fen"])
        with self._alone():
            found = self._db.execute("SELECT kind, content, outcome FROM told WHERE number = ?", [number]).fetchone()
            if found is not None:
                if found[2] == "failed":
                    raise Refused("this payment is closed")
                if found[:2] != (kind, content):
                    raise Refused("this number stands for another instruction")
                return f"sandbox:pay/{number}"
            if kind in {"split", "refund"}:
                self._check_part(kind, str(told["payment"]), fen)
            elif kind == "payout" and fen > self.balance_fen():
                raise Refused("the account holds less than that")
            self._db.execute(
                "INSERT INTO told VALUES (?, ?, ?, ?, ?, '', NULL)", [number, kind, str(told["payment"]), fen, content]
            )
            if kind == "collect":
                if not fate_of(self._rates, self._seed, f"{told['merchant']}/{told['order_no']}").is_unpaid:
                    self._later(at + PAYS_AFTER, "pays", number)
            else:
                self._move(kind, number, fen if kind == "split" else -fen, at)
                self._say(number, "success", fen, at, at + SAYS_AFTER)
        return f"sandbox:pay/{number}"

    def close_payment(self, number: str, *, at: datetime) -> None:
        """Let nobody make a payment any more, also one that is asked for later.

        :raises Refused: it is made.
        """
        with self._alone():
            found = self._db.execute("SELECT kind, outcome FROM told WHERE number = ?", [number]).fetchone()
            if found is not None and (found[0] != "collect" or found[1] == "success"):
                raise Refused("the payment is made")
            if found is None:
                self._db.execute("INSERT INTO told VALUES (?, 'collect', '', 0, '', 'failed', ?)", [number, _text(at)])
            else:
                self._db.execute(
                    "UPDATE told SET outcome = 'failed', done_at = ? WHERE number = ?", [_text(at), number]
                )
            self._db.execute("DELETE FROM event WHERE what = 'pays' AND body = ?", [number])

    @staticmethod
    def day(at: datetime) -> date:
        """Return the local day of an instant."""
        return date.fromisoformat(_day(at))

    def due(self, at: datetime) -> list[Event]:
        """Take some of what is due, oldest first, and let it happen; notices are for the caller to send."""
        with self._alone():
            rows = self._db.execute(_DUE, [_text(at)]).fetchall()
            self._db.executemany("DELETE FROM event WHERE id = ?", [[row[0]] for row in rows])
            events = [Event(number, datetime.fromisoformat(due), what, body) for number, due, what, body in rows]
            for event in events:
                if event.what == "pays":
                    self._pay(event.body, event.due_at)
                elif event.what == "back":
                    self._charge_back(event.body, event.due_at)
        return events

    def again(self, event: Event, at: datetime) -> None:
        """Send a notice once more, later: nobody took it."""
        with self._alone():
            self._later(at, "notice", event.body)

    def said_of(self, number: str) -> dict[str, str | int] | None:
        """Return what became of an instruction: truly, whatever a notice said."""
        with self._lock:
            row = self._db.execute(
                "SELECT amount_fen, outcome, done_at FROM told WHERE number = ?", [number]
            ).fetchone()
        if row is None:
            return None
        fen, outcome, done_at = row
        if not outcome:
            return {"number": number}
        told = {"number": number, "trade_no": f"T{number}", "outcome": outcome, "amount_fen": fen}
        return {"notice_id": f"answer-{number}-{outcome}"} | told | {"occurred_at": done_at}

    def statement(self, day: date) -> str:
        """Return a local day's statement as CSV, in yuan: its lines, and what is left after them."""
        with self._lock:
            rows = self._db.execute(_LINES, [day.isoformat()]).fetchall()
            left = self._db.execute(_LEFT, [day.isoformat()]).fetchone()[0]
        lines = [f"{kind},{number},{trade_no},{_yuan(fen)},{at}" for kind, number, trade_no, fen, at in rows]
        return "\r\n".join(["kind,number,trade_no,amount,booked_at", *lines, f"balance,,,{_yuan(left or 0)},", ""])

    def balance_fen(self) -> int:
        """Return what the account holds: a split divides it and moves nothing."""
        with self._lock:
            return int(self._db.execute("SELECT COALESCE(SUM(fen), 0) FROM line WHERE kind <> 'split'").fetchone()[0])

    def fates(self) -> dict[str, int]:
        """Return how many payments had which fate, by its name; `back` is charged back."""
        with self._lock:
            return dict(self._db.execute("SELECT name, COUNT(*) FROM fate GROUP BY name").fetchall())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN")
            with self._db:
                yield

    def _check_part(self, kind: str, payment: str, fen: int) -> None:
        paid = self._db.execute(
            "SELECT SUM(fen) FROM line WHERE number = ? AND kind = 'payment'", [payment]
        ).fetchone()[0]
        used = self._db.execute(_USED, [payment, kind]).fetchone()[0]
        if not paid or fen > paid - (used or 0):
            raise Refused("the payment isn't there, or less is left of it")

    def _pay(self, number: str, at: datetime) -> None:
        content, fen = self._db.execute("SELECT content, amount_fen FROM told WHERE number = ?", [number]).fetchone()
        told = json.loads(content)
        fate = fate_of(self._rates, self._seed, f"{told['merchant']}/{told['order_no']}")
        self._move("payment", number, fen, at)
        self._db.execute("INSERT INTO fate VALUES (?)", [fate.notice])
        if fate.is_charged_back:
            self._db.execute("INSERT INTO fate VALUES ('back')")
            self._later(at + BACK_AFTER, "back", number)
        if fate.notice == "lost":
            return
        said_fen = fen + WRONG_FEN if fate.notice == "wrong" else fen
        body = self._say(number, "success", said_fen, at, at + (LATE if fate.notice == "late" else SAYS_AFTER))
        if fate.notice == "repeated":
            for wait in AGAIN_AFTER:
                self._later(at + wait, "notice", body)

    def _charge_back(self, number: str, at: datetime) -> None:
        fen = self._db.execute(_NET, [number, number]).fetchone()[0]
        if fen > 0:
            self._db.execute(_LINE, ["chargeback", number, f"B{number}", -fen, _text(at), _day(at)])
            self._say(number, "back", fen, at, at + SAYS_AFTER)

    def _move(self, kind: str, number: str, fen: int, at: datetime) -> None:
        self._db.execute(_LINE, [kind, number, f"T{number}", fen, _text(at), _day(at)])
        self._db.execute("UPDATE told SET outcome = 'success', done_at = ? WHERE number = ?", [_text(at), number])

    def _say(self, number: str, outcome: str, fen: int, at: datetime, due_at: datetime) -> str:
        told = {"notice_id": secrets.token_hex(12), "number": number, "trade_no": f"T{number}", "outcome": outcome}
        body = json.dumps(told | {"amount_fen": fen, "occurred_at": _text(at)})
        self._later(due_at, "notice", body)
        return body

    def _later(self, due_at: datetime, what: str, body: str) -> None:
        self._db.execute("INSERT INTO event (due_at, what, body) VALUES (?, ?, ?)", [_text(due_at), what, body])


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _day(at: datetime) -> str:
    return (at.astimezone(UTC) + ZONE).date().isoformat()


def _yuan(fen: int) -> str:
    sign, whole = "-" if fen < 0 else "", abs(fen)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


_TABLES = """
    CREATE TABLE IF NOT EXISTS told (
        number TEXT PRIMARY KEY, kind TEXT, payment TEXT, amount_fen INTEGER, content TEXT, outcome TEXT, done_at TEXT);
    CREATE TABLE IF NOT EXISTS line (
        id INTEGER PRIMARY KEY, kind TEXT, number TEXT, trade_no TEXT, fen INTEGER, at TEXT, day TEXT);
    CREATE INDEX IF NOT EXISTS line_number ON line (number);
    CREATE INDEX IF NOT EXISTS told_payment ON told (payment);
    CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, due_at TEXT, what TEXT, body TEXT);
    CREATE INDEX IF NOT EXISTS event_due ON event (due_at);
    CREATE TABLE IF NOT EXISTS fate (name TEXT);
"""
_DUE = "SELECT id, due_at, what, body FROM event WHERE due_at <= ? ORDER BY due_at, id LIMIT 500"
_LINE = "INSERT INTO line (kind, number, trade_no, fen, at, day) VALUES (?, ?, ?, ?, ?, ?)"
_LINES = "SELECT kind, number, trade_no, fen, at FROM line WHERE day = ? ORDER BY id"
_LEFT = "SELECT SUM(fen) FROM line WHERE kind <> 'split' AND day <= ?"
_USED = "SELECT SUM(amount_fen) FROM told WHERE payment = ? AND kind = ?"
_NET = """
    SELECT COALESCE((SELECT SUM(fen) FROM line WHERE number = ? AND kind = 'payment'), 0)
        - COALESCE((SELECT SUM(amount_fen) FROM told WHERE payment = ? AND kind = 'refund'), 0)
"""
