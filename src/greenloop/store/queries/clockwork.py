"""What the clock has to do: slots that are due by the calendar, those that are late, and what ran."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from greenloop.core.cycle import Calendar
from greenloop.store import sql
from greenloop.store.queries import lookups

LATEST = 2**63 - 1
LATE = timedelta(minutes=10)
ABANDONED = timedelta(minutes=15)
"""A run that began this long ago and never ended is one whose process died: it is begun again."""
RETRY_MINUTES_MAX = 60
DAILY = {
    "expire": time(0, 5),
    "notice": time(8),
    "payout": time(9),
    "reconcile": time(9, 30),
    "check": time(4),
}
"""What runs once a local day, and from when on. What a missed day left is done by the next."""
HOURLY = ("prune",)
BREACH = "breach"
"""How an outcome begins that no retry may touch: an invariant is broken, and people are called."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One piece of work: a task, what it is for (a cycle, a day, an hour), and since when it is due."""

    task: str
    slot: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class RunRow:
    """One piece of work that was begun. `state` is running, done or failed; `outcome` what came of it."""

    id: int
    task: str
    slot: str
    due_at: datetime
    state: str
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    holder: str
    outcome: str

    @property
    def took_ms(self) -> int | None:
        """Return how long it took, in milliseconds."""
        return None if self.finished_at is None else (self.finished_at - self.started_at) // timedelta(milliseconds=1)

    def rests_at(self, now: datetime) -> bool:
        """Tell whether it is not to be begun at an instant: done, under way, or failed and not yet to be retried."""
        if self.state == "running":
            return now - self.started_at < ABANDONED
        if self.state == "failed" and self.finished_at is not None and not self.outcome.startswith(BREACH):
            return now < self.finished_at + timedelta(minutes=min(2 ** max(0, self.attempts - 1), RETRY_MINUTES_MAX))
        return True


def open_slots(now: datetime) -> list[Slot]:
    """Return what is due and not done, in the order in which it is to be done, whatever its tries have come to."""
    calendar = _calendar(now)
    if calendar is None:
        return []
    slots = sorted([*_of_cycles(calendar, now), *_of_days(calendar, now)], key=lambda slot: slot.due_at)
    had = _had(slots)
    return [slot for slot in slots if not ((run := had.get((slot.task, slot.slot))) and run.state == "done")]


def due(now: datetime) -> list[Slot]:
    """Return what is to be begun at an instant, in order."""
    slots = open_slots(now)
    had = _had(slots)
    return [slot for slot in slots if not ((run := had.get((slot.task, slot.slot))) and run.rests_at(now))]


def late(now: datetime) -> list[Slot]:
    """Return what has been due for more than ten minutes and is not done."""
    return [slot for slot in open_slots(now) if now - slot.due_at > LATE]


def next_cutoff_at(now: datetime) -> datetime | None:
    """Return when the open cycle is cut off, None before there are rules."""
    calendar = _calendar(now)
    return calendar.cutoff_at(max(1, calendar.cycle_at(now))) if calendar else None


def runs(*, before: int = LATEST, limit: int, task: str = "") -> list[RunRow]:
    """Return what was begun, newest first, from the one before `before` on; of one task where one is named."""
    return [_run(row) for row in sql.rows(_RUNS, [before, task, task, limit])]


def _calendar(now: datetime) -> Calendar | None:
    document = sql.value(_RULES, [sql.instant(now)])
    if document is None:
        return None
    told = json.loads(document)["calendar"]
    return Calendar(date.fromisoformat(told["opens_date"]), told["utc_offset_minutes"], told["cycle_days"])


def _of_cycles(calendar: Calendar, now: datetime) -> Iterator[Slot]:
    """Return the work of cycles that are cut off: a fee once its cycle is settled, and the next cycle's closing.

    While a settlement is held, the cycles behind it wait with it.
    """
    for (cycle,) in sql.rows(_FEES):
        yield Slot("fees", str(cycle), calendar.cutoff_at(cycle))
    last, held = sql.rows(_LAST)[0]
    cycle = lookups.open_cycle() if last is None else last + 1
    cutoff_at = calendar.cutoff_at(cycle)
    if not held and cutoff_at <= now:
        vested = sql.value(_DONE, ["vest", str(cycle)])
        yield Slot("settle" if vested else "vest", str(cycle), cutoff_at)


def _of_days(calendar: Calendar, now: datetime) -> Iterator[Slot]:
    today = calendar.local_date(now)
    if today < calendar.opens_date:
        return
    midnight_at = calendar.midnight_at(today)
    for task, begins in DAILY.items():
        due_at = midnight_at + timedelta(hours=begins.hour, minutes=begins.minute)
        if due_at <= now:
            yield Slot(task, today.isoformat(), due_at)
    hours = (now - midnight_at) // timedelta(hours=1)
    for task in HOURLY:
        yield Slot(task, f"{today.isoformat()}T{hours:02d}", midnight_at + timedelta(hours=hours))


def _had(slots: Iterable[Slot]) -> dict[tuple[str, str], RunRow]:
    found = sql.rows_in(f"{_COLUMNS} WHERE slot IN ({{keys}})", {slot.slot for slot in slots})
    return {(run.task, run.slot): run for run in map(_run, found)}


def _run(row: sql.Row) -> RunRow:
    number, task, slot, due_at, state, attempts, started, finished, holder, outcome = row
    return RunRow(
        *(number, task, slot, sql.moment(due_at), state, attempts, sql.moment(started)),
        *(None if finished is None else sql.moment(finished), holder, outcome),
    )


_COLUMNS = """
    SELECT id, task, slot, due_at, state, attempts, started_at, finished_at, holder, outcome FROM run
"""
_RUNS = f"{_COLUMNS} WHERE id < %s AND (%s = '' OR task = %s) ORDER BY id DESC LIMIT %s"
_RULES = "SELECT document FROM rule_version WHERE effective_at <= %s ORDER BY effective_at DESC LIMIT 1"
_LAST = "SELECT MAX(cycle), SUM(CASE WHEN state = 'held' THEN 1 ELSE 0 END) FROM settlement_run"
_DONE = "SELECT 1 FROM run WHERE task = %s AND slot = %s AND state = 'done'"
_FEES = """
    SELECT r.cycle FROM settlement_run r WHERE r.state = 'posted'
        AND NOT EXISTS (SELECT 1 FROM fee_transfer f WHERE f.cycle = r.cycle)
        AND NOT EXISTS (
            SELECT 1 FROM run u WHERE u.task = 'fees' AND u.state = 'done' AND u.slot = CAST(r.cycle AS VARCHAR(32)))
    ORDER BY r.cycle
"""
