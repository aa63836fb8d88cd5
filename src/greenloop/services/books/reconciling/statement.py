"""Take a statement: keep its lines, compare, and confirm the cash of what agrees to the fen (G1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.services import ids
from greenloop.services.books.institution import instructing
from greenloop.services.books.post import post
from greenloop.services.books.reconciling.lines import INSTITUTION, SPLIT, Line, Listed
from greenloop.services.books.reconciling.matching import DAYS, INSTRUCTED, PAYMENTS, compare
from greenloop.services.books.reconciling.profiles import read
from greenloop.services.loop.rules import in_force, rulings
from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import Statement

NAME_MAX = 64


@dataclass(frozen=True, slots=True)
class Taken:
    """What a statement came to: its lines, those that were new, and the orders and fen that it confirmed.

    `gap_fen` is what the file says is left, less what all lines add up to: not 0 where a file is missing.
    """

    lines: int
    fresh: int
    orders: int
    confirmed_fen: int
    gap_fen: int = 0
    again: bool = False


@verb
def take_statement(
    *, listed: Listed, name: str, file_hash: str, by: str, at: datetime, until_at: datetime | None = None
) -> Taken:
    """Take a statement once, compare all that is open with the books, and confirm what agrees to the fen.

    A line that an earlier file listed is passed over, and so is one that moves nothing. Asked again with the same
    file, nothing is taken twice; a file under another name, or a quiet day's that equals another's, is taken too.
    Without lines it reaches `until_at`, or this instant.

    :raises Refusal: `by` may not, the name stands for another file, for a day that isn't over or is no good, or a line
        was listed before by another amount or for another number.
    """
    may(by, "operator", "finance")
    if not 0 < len(name) <= NAME_MAX or "\x00" in name:
        raise Refusal("statement.name", say("A statement needs a name of 1 to 64 characters."), field="name")
    if listed.account == INSTITUTION:
        _check_day(name, at)
    locks.dues()
    earlier = Statement.objects.filter(account=listed.account, name=name).first()
    if earlier is not None and earlier.file_hash != file_hash:
        message = say("The statement {name} was taken from another file. Give this one a name of its own.")
        raise Refusal("statement.conflict", message, field="name", name=name)
    if earlier is not None:
        return Taken(earlier.lines, 0, 0, 0, again=True)
    number = ids.block(1)[0]
    fresh = _fresh(listed)
    Statement.objects.create(
        id=number,
        account=listed.account,
        name=name,
        file_hash=file_hash,
        lines=len(listed.lines),
        total_fen=sum(line.amount_fen for line in fresh if line.kind != SPLIT),
        balance_fen=listed.balance_fen,
        until_at=max((line.booked_at for line in listed.lines), default=until_at or at),
        taken_at=at,
        taken_by=by[:64],
    )
    _keep(fresh, account=listed.account, statement_id=number)
    orders, fen = _compare(listed.account, number, at)
    gap_fen = _gap_fen(listed, number, sum(line.amount_fen for line in fresh if line.kind != SPLIT))
    detail = {"lines": len(listed.lines), "confirmed_fen": fen, "sha256": file_hash}
    note(act="statement.take", about=f"statement/{listed.account}/{name}", detail=detail, at=at, by=by)
    return Taken(len(listed.lines), len(fresh), orders, fen, gap_fen)


def _check_day(name: str, at: datetime) -> None:
    """Keep half a day's statement from standing for the whole: days are what the institution's are fetched by."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return
    if day.isoformat() == name and in_force(rulings(), at).rules.calendar.local_date(at) <= day:
        message = say("{day} isn't over: its statement would be half. Take it tomorrow, or give this one another name.")
        raise Refusal("statement.early", message, field="name", day=day)


def take_file(*, data: bytes, profile: str, name: str, by: str, at: datetime, until_at: datetime) -> Taken:
    """Take a statement as it was fetched, known by its bytes.

    :raises Refusal: the file isn't one of the profile, or as `take_statement` does.
    """
    listed, digest = read(data, profile), sha256(data).hexdigest()
    return take_statement(listed=listed, name=name, file_hash=digest, by=by, at=at, until_at=until_at)


def compare_if(*, changed: bool, at: datetime) -> Taken | None:
    """Compare once more where something has changed."""
    return compare_again(at=at) if changed else None


@verb
def compare_again(*, at: datetime) -> Taken:
    """Compare what is open once more: orders, refunds and notices may have come since the last statement."""
    locks.dues()
    orders, fen = _compare(INSTITUTION, ids.block(1)[0], at)
    return Taken(0, 0, orders, fen)


def _compare(account: str, run_id: int, at: datetime) -> tuple[int, int]:
    """Compare one account's items and return the orders and fen that were confirmed.

    The ledger comes last: its accounts are locked after the orders (store/locks.py).
    """
    if account != INSTITUTION:
        compare(DAYS, run_id=run_id, at=at)
        return 0, 0
    compare(PAYMENTS, run_id=run_id, at=at)
    now = sql.instant(at)
    agreed = [row[0] for row in sql.rows(_AGREED, [now])]
    locks.orders(agreed)
    arrived = sql.rows_in(_CONFIRMED, agreed, [now])
    compare(INSTRUCTED, run_id=run_id, at=at)
    if sql.is_postgresql():
        locks.instructions(row[0] for row in sql.rows(_TO_RECONCILE, [now, now]))
    sql.run(_RECONCILED, [now, now])
    sql.run(_RECONCILED_BACK, [now, now])
    return _confirm(arrived, run_id, at)


def _confirm(arrived: Sequence[sql.Row], run_id: int, at: datetime) -> tuple[int, int]:
    """Move the cash of orders whose payments agree with their statement lines, and let the payments be divided."""
    fen = sum(int(row[3]) for row in arrived)
    if fen:
        key = f"reconciled/{run_id}"
        amounts = [("trust:bank", "trust:in_transit", fen)]
        journal_id = post([draft(key=key, kind="confirm", amounts=amounts)], at=at)[key]
        divided = [instructing.Divided(order, merchant, no, int(x)) for order, merchant, no, _, x in arrived]
        instructing.split(divided, journal_id=journal_id, at=at)
    return len(arrived), fen


def _fresh(listed: Listed) -> list[Line]:
    """Return the lines that no earlier file has listed.

    :raises Refusal: one was listed before, or in this file, by another amount or for another number.
    """
    query = "SELECT trade_no, kind, amount_fen, number FROM statement_line WHERE account = %s AND trade_no IN ({keys})"
    found = sql.rows_in(query, [line.trade_no for line in listed.lines], [listed.account])
    known: dict[tuple[str, str], tuple[int, str]] = {(trade, kind): (fen, number) for trade, kind, fen, number in found}
    before = set(known)
    once: dict[tuple[str, str], Line] = {}
    for line in listed.lines:
        key = (line.trade_no, line.kind)
        fen, number = known.setdefault(key, (line.amount_fen, line.number))
        if fen != line.amount_fen:
            message = say("The line {trade_no} was listed before by another amount. Ask for a statement that holds.")
            raise Refusal("statement.line", message, field="file", trade_no=line.trade_no)
        if number != line.number:
            message = say("The line {trade_no} was listed before for another number. Ask for a statement that holds.")
            raise Refusal("statement.line", message, field="file", trade_no=line.trade_no)
        once[key] = line
    return [line for key, line in once.items() if key not in before and line.amount_fen]


def _keep(fresh: list[Line], *, account: str, statement_id: int) -> None:
    numbers = ids.block(len(fresh))
    lines = [
        (
            *(line_id, statement_id, account, line.kind, line.number, line.trade_no, line.amount_fen),
            *(sql.instant(line.booked_at), line.text[:200]),
        )
        for line_id, line in zip(numbers, fresh, strict=True)
    ]
    sql.load("statement_line", _LINE, lines)


def _gap_fen(listed: Listed, number: int, total_fen: int) -> int:
    """Return a statement's balance less what it should be: the institution's account began with nothing.

    A bank's began with whatever it held, so its balance is that of the statement before and this one's lines.
    """
    if listed.balance_fen is None:
        return 0
    if listed.account == INSTITUTION:
        return listed.balance_fen - int(sql.value(_HELD, [listed.account]))
    balanced = Statement.objects.filter(account=listed.account, balance_fen__isnull=False).exclude(id=number)
    before = balanced.order_by("-until_at").first()
    return 0 if before is None else listed.balance_fen - (before.balance_fen or 0) - total_fen


_HELD = "SELECT COALESCE(SUM(amount_fen), 0) FROM statement_line WHERE account = %s AND kind <> 'split'"
_LINE = (
    *("id", "statement_id", "account", "kind", "number", "trade_no", "amount_fen"),
    *("booked_at", "text"),
)
# What two people closed although it differs was explained, not confirmed.
_AGREED = """
    SELECT o.id FROM statement_line l
    JOIN payment_instruction i ON i.number = l.number AND i.kind = 'collect'
    JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
    WHERE l.account = 'institution' AND l.kind = 'payment' AND l.settled_at = %s AND NOT EXISTS (
        SELECT 1 FROM reconciliation_case c WHERE c.account = 'institution' AND c.kind = 'payment'
            AND c.number = l.number AND c.state = 'closed' AND c.closed_by <> 'lines')
"""
_CONFIRMED = """
    UPDATE orders SET confirmed_at = %s WHERE confirmed_at IS NULL AND entry_cycle IS NULL AND id IN ({keys})
    RETURNING id, merchant_id, order_no, cash_fen - refunded_cash_fen, concession_fen - concession_lost_fen
"""
_TO_RECONCILE = """
    SELECT number FROM payment_instruction i JOIN (
        SELECT DISTINCT number AS of FROM statement_line WHERE account = 'institution' AND settled_at = %s) l
        ON l.of = i.number WHERE i.reconciled_at IS NULL AND i.kind <> 'back'
    UNION SELECT i.number FROM payment_instruction i JOIN statement_line l ON l.number = i.payment
    WHERE l.account = 'institution' AND l.kind = 'chargeback' AND l.settled_at = %s AND i.kind = 'back'
        AND i.reconciled_at IS NULL
"""
_RECONCILED = """
    UPDATE payment_instruction SET reconciled_at = %s WHERE reconciled_at IS NULL AND kind <> 'back'
        AND number IN (SELECT number FROM statement_line WHERE account = 'institution' AND settled_at = %s)
"""
_RECONCILED_BACK = """
    UPDATE payment_instruction SET reconciled_at = %s WHERE reconciled_at IS NULL AND kind = 'back' AND payment IN (
        SELECT number FROM statement_line WHERE account = 'institution' AND kind = 'chargeback' AND settled_at = %s)
"""
