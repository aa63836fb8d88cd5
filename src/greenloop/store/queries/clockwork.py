"""What the clock has to do: slots that are due by the calendar, what is late or waits for people, and what ran."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from greenloop.core.cycle import Calendar
from greenloop.store import sql
from greenloop.store.queries.soundness import BrokenRow

LATEST = 2**63 - 1
LATE = timedelta(minutes=10)
ABANDONED = timedelta(minutes=15)
"""Who is at a run says so each minute. One that nobody was seen at for so long is one whose process died: it is begun
again. So is one that somebody was seen at as far ahead: by a clock that was wrong."""
AWAY = timedelta(minutes=3)
"""Who keeps the clock says so each minute. After so long without a word there is nobody."""
RETRY_MINUTES_MAX = 60
ROOT_PATIENCE = timedelta(hours=1)
"""For so long the clock lets no cycle be settled over one whose root is missing: after the cut-off, and after the
settlement of that one."""
DAILY = {
    "expire": time(0, 5),
    "notice": time(8),
    "statement": time(10, 15),
    "payout": time(10, 45),
    "reconcile": time(11, 15),
    "check": time(4),
    "measure": time(3),
}
"""What runs once a local day, and from when on. What a missed day left is done by the next.

An institution's statement of yesterday can be had from ten o'clock on. It confirms the cash that is paid out after it.
"""
STATEMENT_PATIENCE = timedelta(hours=4)
"""So long payouts wait for the day's statements: what they confirm is paid out today (T+1), not tomorrow."""
HOURLY = ("lapse", "log", "prune")
BREACH = "breach"
"""How an outcome begins that no retry may touch: an invariant is broken, and people are called."""
PROOFS = frozenset({"reconcile", "check"})
"""What only looks: it goes on each day, whatever it found the day before."""
LEAVES_TRUST = frozenset({"payout", "fees"})
"""What takes money out of trust: it stands still while any invariant is broken (settlement.md, R11)."""


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
    seen_at: datetime
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
            return abs(now - self.seen_at) <= ABANDONED
        if self.state == "failed" and self.finished_at is not None and not self.outcome.startswith(BREACH):
            pause = timedelta(minutes=min(2 ** min(max(0, self.attempts - 1), 10), RETRY_MINUTES_MAX))
            return -ABANDONED < now - self.finished_at < pause
        return True


@dataclass(frozen=True, slots=True)
class Beat:
    """When a process was last at the clock, and which: its machine and number."""

    at: datetime
    holder: str

    def away(self, now: datetime) -> bool:
        """Tell whether nobody is at the clock any more."""
        return abs(now - self.at) > AWAY  # one dated ahead was left by a clock that has been set back


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A settlement that waits for a second person since `since_at`, and how many cut-off cycles wait behind it."""

    cycle: int
    since_at: datetime
    behind: int


@dataclass(frozen=True, slots=True)
class RootlessRow:
    """A settlement, posted at `since_at`, whose root should have been published. At `lost_at` it is settled over."""

    cycle: int
    since_at: datetime
    lost_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How the clock stands: what is late, what waits for people, which tasks stand still, and what comes next.

    `broken` is since when the books are broken, where they are. `rootless` is the settlement whose root is missing.
    """

    late: Sequence[Slot]
    held: HeldRow | None
    stopped: frozenset[str]
    ahead: Sequence[Slot]
    broken: BrokenRow | None
    rootless: RootlessRow | None = None


@dataclass(frozen=True, slots=True)
class _Closing:
    """The last cycle with a settlement, the first that is open before there is one, and the one held since when.

    `rootless` is what WITHOUT_ROOT finds.
    """

    last: int | None
    first: int | None
    held: int | None
    since: Any
    rootless: Sequence[sql.Row]


def open_slots(now: datetime) -> list[Slot]:
    """Return what is due and not done, in the order in which it is to be done, whatever its tries have come to."""
    calendar = _calendar(now)
    return [] if calendar is None else _open(calendar, _closing(), now)


def _open(calendar: Calendar, closing: _Closing, now: datetime) -> list[Slot]:
    slots = sorted([*_of_cycles(calendar, closing, now), *_of_days(calendar, now)], key=_due)
    had = _had(slots)
    todo = [slot for slot in slots if not ((run := had.get((slot.task, slot.slot))) and run.state == "done")]
    lacks = any(slot.task == "statement" for slot in todo)
    return [slot for slot in todo if not (lacks and slot.task == "payout" and now - slot.due_at < STATEMENT_PATIENCE)]


def due(now: datetime) -> list[Slot]:
    """Return what is to be begun at an instant, in order."""
    still = stopped()
    slots = [slot for slot in open_slots(now) if slot.task not in still]
    had = _had(slots)
    return [slot for slot in slots if not ((run := had.get((slot.task, slot.slot))) and run.rests_at(now))]


def stopped() -> frozenset[str]:
    """Return the tasks that stand still until people have looked: what broke an invariant, and payments with it.

    A day's breach stops the next day's slot of that task too: nothing that broke is tried again by itself. Payments go
    on once the books are proved.
    """
    return _stopped()[0]


def _stopped() -> tuple[frozenset[str], BrokenRow | None]:
    rows = sql.rows(_BROKEN, [f"{BREACH}%"])
    broke = frozenset(task for task, *_ in rows if task) - PROOFS
    for task, since, by, what in rows:
        if not task:
            return broke | LEAVES_TRUST, BrokenRow(sql.moment(since), by, what)
    return broke, None


def late(now: datetime) -> list[Slot]:
    """Return what has been due for more than ten minutes and is not done."""
    return _late(open_slots(now), now)


def _late(slots: Iterable[Slot], now: datetime) -> list[Slot]:
    return [slot for slot in slots if now - slot.due_at > LATE]


def standing(now: datetime) -> Standing:
    """Return how the clock stands at an instant; of closing cycles, the cut-off of the open one comes next."""
    calendar, closing = _calendar(now), _closing()
    still, broken = _stopped()
    if calendar is None:
        return Standing((), None, still, (), broken)
    held = None
    if closing.held is not None:
        behind = calendar.cycle_at(now) - 1 - closing.held
        held = HeldRow(closing.held, sql.moment(closing.since), max(0, behind))
    late_ones = _late(_open(calendar, closing, now), now)
    return Standing(late_ones, held, still, _ahead(calendar, now), broken, alarm(calendar, closing.rootless, now))


def rootless(now: datetime) -> RootlessRow | None:
    """Return the last settlement if its root should have been published ten minutes ago, and was not."""
    calendar = _calendar(now)
    return None if calendar is None else alarm(calendar, sql.rows(WITHOUT_ROOT), now)


def alarm(calendar: Calendar, without_root: Sequence[sql.Row], now: datetime) -> RootlessRow | None:
    """Return the settlement that WITHOUT_ROOT has found, once it has waited for ten minutes."""
    for cycle, since in without_root:
        if now - sql.moment(since) > LATE:
            return RootlessRow(cycle, sql.moment(since), _lost_at(calendar, cycle, sql.moment(since), now))
    return None


def _lost_at(calendar: Calendar, cycle: int, since: datetime, now: datetime) -> datetime:
    """Return when a cycle is settled over: a late settlement's root has its time too. One dated ahead has no more."""
    cutoff_at = calendar.cutoff_at(cycle + 1)
    return max(cutoff_at, since if since <= now else cutoff_at) + ROOT_PATIENCE


def _ahead(calendar: Calendar, now: datetime) -> list[Slot]:
    cycle = max(1, calendar.cycle_at(now))
    coming = [Slot("vest", str(cycle), calendar.cutoff_at(cycle))]
    today = max(calendar.local_date(now), calendar.opens_date)
    for days in (0, 1):
        coming += _of_day(calendar, today + timedelta(days=days))
    first = {slot.task: slot for slot in sorted(coming, key=_due, reverse=True) if slot.due_at > now}
    return sorted(first.values(), key=_due)


def beat() -> Beat | None:
    """Return when a process was last at the clock, and which; None where none ever was."""
    found = sql.rows("SELECT at, holder FROM beat WHERE what = 'clock'")
    return Beat(sql.moment(found[0][0]), found[0][1]) if found else None


def under_way() -> list[RunRow]:
    """Return what was begun and has not come to its end."""
    return [_run(row) for row in sql.rows(f"{_COLUMNS} WHERE state = 'running' ORDER BY id")]


def runs(*, before: int = LATEST, limit: int, task: str = "") -> list[RunRow]:
    """Return what was begun, newest first, from the one before `before` on; of one task where one is named."""
    return [_run(row) for row in sql.rows(_RUNS, [before, task, task, limit])]


def _calendar(now: datetime) -> Calendar | None:
    document = sql.value(_RULES, [sql.instant(now)])
    if document is None:
        return None
    told = json.loads(document)["calendar"]
    return Calendar(date.fromisoformat(told["opens_date"]), told["utc_offset_minutes"], told["cycle_days"])


def _closing() -> _Closing:
    last, first, held, since, cycle, posted = sql.rows(_CLOSING)[0]
    return _Closing(last, first, held, since, [] if cycle is None else [(cycle, posted)])


def _of_cycles(calendar: Calendar, closing: _Closing, now: datetime) -> Iterator[Slot]:
    """Return the work of cycles that are cut off: once one is settled its fee and its root, and the next one's closing.

    While a settlement is held, the cycles behind it wait with it. A root is of what is owed now: only the last cycle
    that was settled can have one, so the next one waits for it a while.
    """
    for task, cycle in sql.rows(_SETTLED):
        yield Slot(task, str(cycle), calendar.cutoff_at(cycle))
    cycle = (closing.first or 1) if closing.last is None else closing.last + 1
    cutoff_at = calendar.cutoff_at(cycle)
    waits = any(now < _lost_at(calendar, each, sql.moment(since), now) for each, since in closing.rootless)
    if closing.held is None and cutoff_at <= now and not waits:
        vested = sql.value(_DONE, ["vest", str(cycle)])
        yield Slot("settle" if vested else "vest", str(cycle), cutoff_at)


def _of_days(calendar: Calendar, now: datetime) -> Iterator[Slot]:
    today = calendar.local_date(now)
    if today < calendar.opens_date:
        return
    begun = [slot for slot in _of_day(calendar, today) if slot.due_at <= now]
    # Of the hours of a day only the newest counts: what an earlier one left is done with it.
    yield from {slot.task: slot for slot in begun}.values()


def _of_day(calendar: Calendar, day: date) -> Iterator[Slot]:
    midnight_at = calendar.midnight_at(day)
    for task, begins in DAILY.items():
        yield Slot(task, day.isoformat(), midnight_at + timedelta(hours=begins.hour, minutes=begins.minute))
    for task in HOURLY:
        for hour in range(24):
            yield Slot(task, f"{day.isoformat()}T{hour:02d}", midnight_at + timedelta(hours=hour))


def _due(slot: Slot) -> datetime:
    return slot.due_at


def _had(slots: Iterable[Slot]) -> dict[tuple[str, str], RunRow]:
    found = sql.rows_in(f"{_COLUMNS} WHERE slot IN ({{keys}})", {slot.slot for slot in slots})
    return {(run.task, run.slot): run for run in map(_run, found)}


def _run(row: sql.Row) -> RunRow:
    number, task, slot, due_at, state, attempts, started, seen, finished, holder, outcome = row
    return RunRow(
        *(number, task, slot, sql.moment(due_at), state, attempts, sql.moment(started)),
        *(sql.moment(seen), None if finished is None else sql.moment(finished), holder, outcome),
    )


_COLUMNS = """
    SELECT id, task, slot, due_at, state, attempts, started_at, COALESCE(seen_at, started_at), finished_at, holder,
           outcome
    FROM run
"""
_RUNS = f"{_COLUMNS} WHERE id < %s AND (%s = '' OR task = %s) ORDER BY id DESC LIMIT %s"
_RULES = "SELECT document FROM rule_version WHERE effective_at <= %s ORDER BY effective_at DESC LIMIT 1"
# Who settles by hand and has never published a root isn't alarmed.
WITHOUT_ROOT = """
    SELECT r.cycle, COALESCE(r.decided_at, r.proposed_at) AS since FROM settlement_run r
    WHERE r.cycle = (SELECT MAX(cycle) FROM settlement_run WHERE state = 'posted')
        AND NOT EXISTS (SELECT 1 FROM liability_root l WHERE l.cycle = r.cycle)
        AND (EXISTS (SELECT 1 FROM liability_root) OR EXISTS (SELECT 1 FROM run WHERE task = 'root'))
"""
_CLOSING = f"""
    SELECT c.last, c.first, c.held, c.since, w.cycle, w.since FROM (
        SELECT MAX(cycle) AS last, (SELECT MIN(first_cycle + entry_cycle - 1) FROM pool) AS first,
            MAX(CASE WHEN state = 'held' THEN cycle END) AS held,
            MAX(CASE WHEN state = 'held' THEN proposed_at END) AS since
        FROM settlement_run
    ) AS c LEFT JOIN ({WITHOUT_ROOT}) AS w ON 1 = 1
"""  # noqa: S608  constants of this file
_BROKEN = """
    SELECT '', since_at, by, what FROM books_broken WHERE cleared_at IS NULL
    UNION ALL SELECT task, NULL, '', '' FROM run WHERE state = 'failed' AND outcome LIKE %s
"""
_DONE = "SELECT 1 FROM run WHERE task = %s AND slot = %s AND state = 'done'"
_SETTLED = """
    SELECT 'fees', r.cycle FROM settlement_run r WHERE r.state = 'posted'
        AND NOT EXISTS (SELECT 1 FROM fee_transfer f WHERE f.cycle = r.cycle)
        AND NOT EXISTS (
            SELECT 1 FROM run u WHERE u.task = 'fees' AND u.state = 'done' AND u.slot = CAST(r.cycle AS VARCHAR(32)))
    UNION ALL
    SELECT 'root', r.cycle FROM settlement_run r
    WHERE r.cycle = (SELECT MAX(cycle) FROM settlement_run WHERE state = 'posted')
        AND NOT EXISTS (SELECT 1 FROM liability_root l WHERE l.cycle = r.cycle)
    ORDER BY 1, 2
"""
