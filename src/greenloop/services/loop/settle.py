"""Settle a cycle of every pool: O(cohorts) work, held whole for a second person when it passes the daily cap."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, ensure, say
from greenloop.core.loop.settlement import Cohort
from greenloop.core.people.roles import DECIDERS
from greenloop.services.books.post import post
from greenloop.services.loop.proposal import Decision, decide, issued_fen, kept_free_fen, seal
from greenloop.services.loop.refunding.waiting import apply_waiting, lock_waiting
from greenloop.services.loop.rules import Ruling, in_force, rulings
from greenloop.services.outbox import news
from greenloop.services.trust.acting import SCHEDULER
from greenloop.services.trust.log.steps import append_leaves
from greenloop.services.trust.steps import may, note, other_than
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import SettlementRun
from greenloop.store.queries import liabilities, logged, pools


@dataclass(frozen=True, slots=True)
class Run:
    """The settlement of one alliance cycle: `state` is `posted`, or `held` for a second person's decision."""

    cycle: int
    state: str
    issued_fen: int
    cap_fen: int | None


@verb
def settle(*, cycle: int, at: datetime, by: str = SCHEDULER) -> Run:
    """Settle one alliance cycle over all pools once; asked again, return the same result.

    The cycle closes at its cut-off: what vests later enters the next one. If the day's releases would pass the daily
    cap, nothing is posted; approve or reject decides (settlement.md, "Cut-off and holds").

    :raises Refusal: the cut-off is ahead, orders still have to vest, or an earlier cycle is not settled.
    """
    ruling = in_force(rulings(), at)
    locks.clockwork()
    lock_waiting()
    locks.every_pool()
    if earlier := _run_of(cycle):
        return earlier
    _check_due(cycle, ruling, at)

    free_fen: dict[int, int] = dict(sql.rows("SELECT id, free_fen FROM pool WHERE first_cycle <= %s", [cycle]))
    decided = decide(cycle, free_fen)
    issuing_fen = issued_fen(decided)
    cap_fen = ruling.rules.daily_rebate_cap_fen
    room_fen = None if cap_fen is None else cap_fen - _issued_on_day_of(at, ruling)

    sql.run("UPDATE pool SET entry_cycle = entry_cycle + 1 WHERE first_cycle <= %s", [cycle])
    held = room_fen is not None and issuing_fen > room_fen
    if not held:
        _post(cycle, decided, cutoff_at=ruling.rules.calendar.cutoff_at(cycle), at=at)
        apply_waiting(at=at)
    proposal = {str(pool): fen for pool, fen in sorted(free_fen.items())} if held else {}
    SettlementRun.objects.create(
        cycle=cycle,
        state="held" if held else "posted",
        issued_fen=issuing_fen,
        cap_fen=cap_fen,
        proposal=json.dumps(proposal, separators=(",", ":")),
        proposed_by=by,
        proposed_at=at,
    )
    if not held:
        _tell(cycle, at=at)
    return Run(cycle, "held" if held else "posted", issuing_fen, cap_fen)


@verb
def approve(*, cycle: int, by: str, at: datetime, seen: str | None = None) -> Run:
    """Post a held settlement as it was computed; the one who proposed it can't approve it.

    `seen` is the seal of the proposal that `by` looked at, where there is a page to look at.

    :raises Refusal: nothing is held for that cycle, `by` proposed it or has no role that decides, or the proposal isn't
        the one that was seen.
    """
    ruling = in_force(rulings(), at)
    run = _held(cycle, by, seen)

    decided = decide(cycle, kept_free_fen(run.proposal))
    ensure(issued_fen(decided) == run.issued_fen, f"the held settlement of cycle {cycle} would come out otherwise now")

    _post(cycle, decided, cutoff_at=ruling.rules.calendar.cutoff_at(cycle), at=at)
    SettlementRun.objects.filter(cycle=cycle).update(state="posted", decided_by=by, decided_at=at)
    apply_waiting(at=at)
    _tell(cycle, at=at)
    note(act="settlement.approve", about=f"settlement/{cycle}", detail={"issued_fen": run.issued_fen}, at=at, by=by)
    return Run(cycle, "posted", run.issued_fen, run.cap_fen)


@verb
def reject(*, cycle: int, caps_fen: Mapping[str, int], by: str, at: datetime, seen: str | None = None) -> Run:
    """Cap pools for a held cycle, compute it again under those caps and propose the result anew (0 is allowed).

    `seen` is the seal of the proposal that `by` looked at, where there is a page to look at.

    :raises Refusal: nothing is held for that cycle, `by` proposed it or has no role that decides, the proposal isn't
        the one that was seen, a pool is unknown, or a cap is negative.
    """
    run = _held(cycle, by, seen)
    names = {name: pool for pool, name, _ in pools.names_and_cycles()}
    for name, cap_fen in caps_fen.items():
        if name not in names or type(cap_fen) is not int or cap_fen < 0:
            message = say("The cap {cap} fen for pool {pool} can't be set. Name a pool and an amount from 0.")
            raise Refusal("settle.cap", message, field="caps_fen", pool=name, cap=cap_fen)
    sql.run_many(_CAP, [(cap_fen, cycle, names[name]) for name, cap_fen in sorted(caps_fen.items())])
    issuing_fen = issued_fen(decide(cycle, kept_free_fen(run.proposal)))
    # The second proposal is the rejecter's own, so a third pair of eyes, or the first again, lets it through.
    SettlementRun.objects.filter(cycle=cycle).update(issued_fen=issuing_fen, proposed_by=by, proposed_at=at)
    detail = {"caps_fen": dict(caps_fen), "issued_fen": issuing_fen}
    note(act="settlement.reject", about=f"settlement/{cycle}", detail=detail, at=at, by=by)
    return Run(cycle, "held", issuing_fen, run.cap_fen)


def _held(cycle: int, by: str, seen: str | None) -> SettlementRun:
    locks.clockwork()
    lock_waiting()
    locks.every_pool()
    run = SettlementRun.objects.filter(cycle=cycle, state="held").first()
    if run is None:
        message = say("No settlement of cycle {cycle} is held.")
        raise Refusal("settle.not_held", message, field="cycle", cycle=cycle)
    may(by, *DECIDERS)
    message = say("{by} proposed this settlement; another person has to decide.")
    other_than(proposed_by=run.proposed_by, by=by, code="settle.two_people", message=message)
    now = seal(cycle=cycle, issued_fen=run.issued_fen, proposed_by=run.proposed_by, proposed_at=run.proposed_at)
    if seen is not None and seen != now:
        message = say("The proposal for cycle {cycle} has changed since you looked. Look at the new one, then decide.")
        raise Refusal("settle.changed", message, field="seen", cycle=cycle)
    return run


def _run_of(cycle: int) -> Run | None:
    run = SettlementRun.objects.filter(cycle=cycle).first()
    return Run(run.cycle, run.state, run.issued_fen, run.cap_fen) if run else None


def _check_due(cycle: int, ruling: Ruling, at: datetime) -> None:
    cutoff_at = ruling.rules.calendar.cutoff_at(cycle)
    if at < cutoff_at:
        message = say("Cycle {cycle} is open until {cutoff}.")
        raise Refusal("cycle.open", message, field="cycle", cycle=cycle, cutoff=cutoff_at)
    if held := SettlementRun.objects.filter(state="held").first():
        message = say("The settlement of cycle {held} is held. Approve or reject it first.")
        raise Refusal("settle.held", message, field="cycle", held=held.cycle)
    pools.check_entry(cycle)
    cutoff = sql.instant(cutoff_at)
    if sql.value(_DUE, [cutoff, cutoff]) and not sql.value("SELECT 1 FROM journal WHERE key = %s", [f"vest/{cycle}"]):
        message = say("Orders are due to vest in cycle {cycle}. Vest them first.")
        raise Refusal("settle.vest_first", message, field="cycle", cycle=cycle)


def _issued_on_day_of(at: datetime, ruling: Ruling) -> int:
    day = ruling.rules.calendar.local_date(at)
    recent = SettlementRun.objects.filter(state="posted", proposed_at__gte=at - timedelta(days=2))
    return sum(run.issued_fen for run in recent if ruling.rules.calendar.local_date(run.proposed_at) == day)


def _post(cycle: int, decided: Mapping[int, Decision], *, cutoff_at: datetime, at: datetime) -> None:
    rows = sql.rows("SELECT id, name, first_cycle, spent_fen FROM pool")
    names = {pool: (name, first) for pool, name, first, _ in rows}
    spent = {pool: fen for pool, _, _, fen in rows}
    moved = {pool: each.moved_fen for pool, each in decided.items()}
    keys = {pool: f"settle/{names[pool][0]}/{cycle - names[pool][1] + 1}" for pool in decided}
    journals = post(
        [
            draft(
                key=keys[pool],
                kind="settle",
                amounts=[(f"trust:pool:{names[pool][0]}", f"trust:accrued:{names[pool][0]}", fen)],
            )
            for pool, fen in sorted(moved.items())
            if fen
        ],
        at=at,
    )
    changed = [_cohort_row(row) for each in decided.values() for row in each.changed]
    sql.set_integers("cohort", ("release_index", "age", "rate", "base"), changed)
    sql.run_many(_POOL, [(fen, fen, pool) for pool, fen in sorted(moved.items())])
    inflow = {(pool, own): fen for pool, own, fen in sql.rows("SELECT pool_id, cycle, inflow_fen FROM pool_cycle")}
    lines = []
    for pool, each in sorted(decided.items()):
        own, answer = cycle - names[pool][1] + 1, each.answer
        text = json.dumps(answer, separators=(",", ":"))
        indices = json.dumps([[number, cohort.index] for number, cohort in each.changed], separators=(",", ":"))
        lines.append(
            (
                *(pool, own, sql.instant(cutoff_at), inflow.get((pool, own), 0), moved[pool]),
                *(answer["free_fen"], answer["backing_fen"], spent[pool]),
                *(text, indices, journals.get(keys[pool])),
            )
        )
    sql.load("settled_cycle", _SETTLED, lines)
    news.settled(cycle, issued_fen(decided), at=at)


def _tell(cycle: int, *, at: datetime) -> None:
    """Tell the public log of a settlement that is posted, and of those before it that can have no root any more."""
    append_leaves([*logged.settlements(cycle), *liabilities.lost_now()], at=at)


def _cohort_row(row: tuple[int, Cohort]) -> tuple[int | None, ...]:
    number, cohort = row
    return cohort.index, cohort.age, cohort.rate, cohort.base, number


_SETTLED = (
    *("pool_id", "cycle", "cutoff_at", "inflow_fen", "issued_fen", "free_fen"),
    *("backing_fen", "spent_fen", "answer", "indices", "journal_id"),
)
_POOL = """
    UPDATE pool SET free_fen = free_fen - %s, backing_fen = backing_fen + %s, settled_cycle = settled_cycle + 1
    WHERE id = %s
"""
_DUE = "SELECT 1 FROM orders WHERE entry_cycle IS NULL AND vests_at <= %s AND confirmed_at <= %s AND NOT held LIMIT 1"
_CAP = """
    INSERT INTO pool_cycle (cap_fen, pool_id, cycle) SELECT %s, id, %s - first_cycle + 1 FROM pool WHERE id = %s
    ON CONFLICT (pool_id, cycle) DO UPDATE SET cap_fen = excluded.cap_fen
"""
