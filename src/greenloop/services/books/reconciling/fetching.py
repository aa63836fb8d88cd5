"""The institution's statements, fetched day by day and taken: each once, however late and however often it is tried."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from greenloop.core.cycle import Calendar
from greenloop.core.faults import Refusal, say
from greenloop.core.money import yuan
from greenloop.services.books.institution.gateway import Gateway, NoStatement, Unreachable
from greenloop.services.books.reconciling.chargebacks import book_charged_back
from greenloop.services.books.reconciling.profiles import of_institution
from greenloop.services.books.reconciling.statement import take_file
from greenloop.services.loop.rules import in_force, rulings
from greenloop.store import sql
from greenloop.store.queries import reconciling

log = logging.getLogger("greenloop.institution")
BACK_DAYS, QUIET_DAYS = 62, 7
"""So far back a day's statement is asked for where something moved, and where nothing is known to have."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What fetching came to: statements and lines taken, and the orders and fen that they confirmed."""

    statements: int
    lines: int
    orders: int
    confirmed_fen: int


def fetch_statements(*, gateway: Gateway, institution: str, today: date, by: str, at: datetime) -> Fetched:
    """Take the statement of each day before `today` that was not taken yet, oldest first, and book what went back.

    One day whose statement is no good keeps no other back. A day without a statement on which nothing moved is quiet.

    :raises Refusal: a day's statement can't be had or read, or statements and ledger differ by what no case explains.
        What could be taken is taken, and the rest is tried again.
    """
    calendar = in_force(rulings(), at).rules.calendar
    taken, wanting = [], dict[date, str]()
    for day in _missing(calendar, today):
        try:
            data = gateway.statement(day)
            named = {"profile": of_institution(institution), "name": day.isoformat(), "by": by}
            until_at = calendar.midnight_at(day + timedelta(days=1))
            taken.append(take_file(data=data, **named, at=at, until_at=until_at))
        except NoStatement as fault:
            if _moved(calendar, day):
                wanting[day] = str(fault)
        except Refusal as refusal:
            log.warning("the statement of %s can't be taken: %s", day, refusal.code)
            wanting[day] = refusal.code
        except Unreachable as fault:
            log.warning("the statement of %s could not be fetched: %s", day, fault)
            wanting[day] = str(fault)
            break  # it would be asked in vain for all other days
    booked = book_charged_back(at=at)
    _check(wanting)
    again = [booked.again] if booked.again else []
    orders, fen = (sum(getattr(each, name) for each in (*taken, *again)) for name in ("orders", "confirmed_fen"))
    return Fetched(len(taken), sum(each.fresh for each in taken), orders, fen)


def _missing(calendar: Calendar, today: date) -> list[date]:
    """Return the days before `today` whose statement is to be asked for, oldest first.

    They begin with the first instruction. A quiet day is asked for again for a week.
    """
    first_at = sql.value(_FIRST)
    if first_at is None:
        return []
    first = max(calendar.local_date(sql.moment(first_at)), today - timedelta(days=BACK_DAYS))
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    known = {row[0] for row in sql.rows_in(_KNOWN, [day.isoformat() for day in days])}
    quiet_from = today - timedelta(days=QUIET_DAYS)
    return [day for day in days if day.isoformat() not in known and (day >= quiet_from or _moved(calendar, day))]


def _moved(calendar: Calendar, day: date) -> bool:
    """Tell whether the institution has said that something moved on a day."""
    since, until = (calendar.midnight_at(day + timedelta(days=days)) for days in (0, 1))
    return sql.value(_MOVED, [sql.instant(since), sql.instant(until)]) is not None


def _check(wanting: dict[date, str]) -> None:
    """Accept that nothing is wanting and no fen is unexplained.

    :raises Refusal: something is; asked tomorrow, it still is.
    """
    if wanting:
        (day, why), *more = sorted(wanting.items())
        message = say("The statement of {day} could not be taken: {why}. So it is with {more} more.")
        raise Refusal("statement.wanting", message, day=day, why=why, more=len(more))
    if fen := reconciling.gap_fen():
        message = say("A statement is missing: the last one's balance is {amount} yuan beside all lines.")
        raise Refusal("statement.gap", message, amount=yuan(fen))
    if fen := reconciling.tie().unexplained_fen:
        message = say("Statements and ledger differ by {amount} yuan that no case explains.")
        raise Refusal("statement.unexplained", message, amount=yuan(fen))


# The lowest number, found by its index, instead of the least instant, which every instruction would be read for. A verb
# that began a moment before may have numbered its own after it; what that sends is sent, and so listed, no earlier.
_FIRST = "SELECT made_at FROM payment_instruction ORDER BY id LIMIT 1"
_KNOWN = "SELECT name FROM payment_statement WHERE account = 'institution' AND name IN ({keys})"
_MOVED = """
    SELECT 1 FROM payment_notice n JOIN payment_instruction i ON i.number = n.number
    WHERE n.outcome <> 'failed' AND n.occurred_at >= %s AND n.occurred_at < %s LIMIT 1
"""
