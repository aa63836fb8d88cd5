"""Pools, plans, rules and the calendar: what holds for everybody. Rules are changed by two people."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Schema

from greenloop.api import clock, paging
from greenloop.api.access import Keyed, Session, Staff
from greenloop.api.fields import Body, Document, Instant
from greenloop.api.paging import Asked, Page
from greenloop.api.trust.proposing import keep
from greenloop.api.trust.shown import ProposedOut, Reason
from greenloop.core.cycle import Calendar
from greenloop.core.faults import Refusal, say
from greenloop.core.people.roles import DECIDERS
from greenloop.store.queries import lookups, minting, overview, published, settlements
from greenloop.store.queries.published import CycleRow, PlanRow, PoolRow, RulesRow

router = Router(tags=["pools"])
READERS = [Keyed("statements:read"), Session()]
CYCLE_MAX = 50_000
"""Far beyond any calendar."""
CycleNo = Annotated[int, Path(ge=1, le=CYCLE_MAX)]
PoolName = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]


class PoolOut(Schema):
    """A pool as it stands, in fen: what is free, released and not drawn, drawn and unspent.

    `coverage_ppm` is (free + accrued + voucher) ÷ (accrued + voucher), null while nothing is owed. `growth` of the last
    settled cycle is × 10^12. `inflow_fen` came in the open cycle, `issued_fen` was issued in the last settled one.
    """

    name: str
    is_red: bool
    first_cycle: int
    open_cycle: int
    settled_cycle: int
    free_fen: int
    accrued_fen: int
    voucher_fen: int
    coverage_ppm: int | None
    inflow_fen: int
    issued_fen: int | None
    growth: str | None


class PoolCycleOut(Schema):
    """One settled cycle of a pool, in fen; `growth` is × 10^12, `scaled` says that the budget cut what was released."""

    cycle: int
    cutoff_at: datetime
    inflow_fen: int
    issued_fen: int
    budget_fen: int
    free_fen: int
    owed_fen: int | None
    growth: str | None
    dividend_fen: int
    scaled: bool


class PlanOut(Schema):
    """A release plan; rates and cap in its terms are × 10^12."""

    name: str
    terms: dict[str, Any]


class RulesOut(Schema):
    """A published rule set: `state` is past, current or next."""

    id: str
    state: str
    effective_at: datetime
    published_at: datetime
    document: dict[str, Any]


class RulesIn(Body):
    """Rules to propose: the whole document, from when they hold, and why."""

    document: Document
    effective_at: Instant
    reason: Reason


class CalendarOut(Schema):
    """The calendar of cycles, and where they stand. A cycle is cut off at the local midnight after its last day.

    `mints` says whether what is paid now makes points, `mints_changes_at` when that turns next, where it is decided.
    """

    opens_date: date
    utc_offset_minutes: int
    cycle_days: int
    open_cycle: int
    opened_at: datetime
    cutoff_at: datetime
    held_cycle: int | None
    mints: bool
    mints_changes_at: datetime | None


class CycleOut(Schema):
    """One cycle of the alliance: `state` is open, ahead, held or posted, or closed where it isn't settled yet."""

    cycle: int
    begins_at: datetime
    cutoff_at: datetime
    state: str


@router.get("/pools", auth=READERS, response=Page[PoolOut], summary="List pools", operation_id="listPools")
def list_pools(request: HttpRequest, page: Asked) -> object:
    """List the pools as they stand, oldest first."""
    (after,) = paging.numbers(page, 1, (0,))
    return paging.page(published.pools(after=after, limit=page.limit + 1), page, _pool, lambda row: (row.id,))


@router.get("/pools/{name}", auth=READERS, response=PoolOut, summary="Read a pool", operation_id="readPool")
def read_pool(request: HttpRequest, name: PoolName) -> PoolOut:
    """Return one pool as it stands."""
    return _pool(published.pool(name))


@router.get(
    "/pools/{name}/cycles",
    auth=READERS,
    response=Page[PoolCycleOut],
    summary="List a pool's settled cycles",
    operation_id="listPoolCycles",
)
def list_pool_cycles(request: HttpRequest, name: PoolName, page: Asked) -> object:
    """List what each settlement came to in one pool, newest first."""
    (before,) = paging.numbers(page, 1, (published.LAST,))
    rows = published.cycles(published.pool(name), before=max(0, min(before, published.LAST)), limit=page.limit + 1)
    return paging.page(rows, page, _cycle, lambda row: (row.cycle,))


@router.get("/plans", auth=READERS, response=Page[PlanOut], summary="List release plans", operation_id="listPlans")
def list_plans(request: HttpRequest, page: Asked) -> object:
    """List the release plans. A plan never changes: running cohorts keep theirs."""
    (after,) = paging.numbers(page, 1, (0,))
    return paging.page(published.plans(after=after, limit=page.limit + 1), page, _plan, lambda row: (row.id,))


@router.get("/rules", auth=READERS, response=Page[RulesOut], summary="List rules", operation_id="listRules")
def list_rules(request: HttpRequest, page: Asked) -> object:
    """List the published rules, newest first: what comes next, what holds now, what held before."""
    (before,) = paging.numbers(page, 1, (published.LAST,))
    rows = published.rules(at=clock.now(), before=before, limit=page.limit + 1)
    return paging.page(rows, page, _rules, lambda row: (row.id,))


@router.get(
    "/rules/current", auth=READERS, response=RulesOut, summary="Read the rules in force", operation_id="readRules"
)
def read_rules(request: HttpRequest) -> RulesOut:
    """Return the rules that are in force now."""
    return _rules(published.rules_at(clock.now()))


@router.post(
    "/rules",
    auth=Staff(*DECIDERS),
    response={202: ProposedOut},
    summary="Propose rules",
    operation_id="proposeRules",
)
def propose_rules(request: HttpRequest, body: RulesIn) -> HttpResponse:
    """Propose a rule set, seven days ahead at least. Nothing is changed until another person approves it."""
    content = {"document": body.document, "effective_at": body.effective_at.isoformat()}
    return keep(request, kind="rules.publish", content=content, reason=body.reason)


@router.get("/cycles", auth=READERS, response=CalendarOut, summary="Read the calendar", operation_id="readCalendar")
def read_calendar(request: HttpRequest) -> CalendarOut:
    """Return the calendar, the cycle that is open, and when it is cut off."""
    calendar, open_cycle = _calendar(), lookups.open_cycle()
    turn = minting.standing(clock.now())
    return CalendarOut(
        opens_date=calendar.opens_date,
        utc_offset_minutes=calendar.utc_offset_minutes,
        cycle_days=calendar.cycle_days,
        open_cycle=open_cycle,
        opened_at=calendar.cutoff_at(open_cycle - 1),
        cutoff_at=calendar.cutoff_at(open_cycle),
        held_cycle=lookups.held_cycle(),
        mints=turn.mints,
        mints_changes_at=turn.following.effective_at if turn.following else None,
    )


@router.get(
    "/cycles/{cycle}", auth=READERS, response=CycleOut, summary="Read a cycle of the calendar", operation_id="readCycle"
)
def read_cycle(request: HttpRequest, cycle: CycleNo) -> CycleOut:
    """Return when one cycle begins and is cut off, and how far it is."""
    calendar, now = _calendar(), clock.now()
    begins_at, cutoff_at = calendar.cutoff_at(cycle - 1), calendar.cutoff_at(cycle)
    state = "ahead" if begins_at > now else "open" if cutoff_at > now else "closed"
    for run in settlements.runs(before=cycle + 1, limit=1):
        state = run.state if run.cycle == cycle else state
    return CycleOut(cycle=cycle, begins_at=begins_at, cutoff_at=cutoff_at, state=state)


def _calendar() -> Calendar:
    found = overview.newest().calendar
    if found is None:
        raise Refusal("rules.none", say("No rules are in force at {at}. Publish a rule set first."), at=clock.now())
    return found


def _pool(row: PoolRow) -> PoolOut:
    return PoolOut(
        name=row.name,
        is_red=row.is_red,
        first_cycle=row.first_cycle,
        open_cycle=row.open_cycle,
        settled_cycle=row.settled_cycle,
        free_fen=row.free_fen,
        accrued_fen=row.accrued_fen,
        voucher_fen=row.voucher_fen,
        coverage_ppm=row.coverage_ppm,
        inflow_fen=row.inflow_fen,
        issued_fen=row.issued_fen,
        growth=None if row.growth is None else str(row.growth),
    )


def _cycle(row: CycleRow) -> PoolCycleOut:
    return PoolCycleOut(
        cycle=row.cycle,
        cutoff_at=row.cutoff_at,
        inflow_fen=row.inflow_fen,
        issued_fen=row.issued_fen,
        budget_fen=row.budget_fen,
        free_fen=row.free_fen,
        owed_fen=row.owed_fen,
        growth=None if row.growth is None else str(row.growth),
        dividend_fen=row.dividend_fen,
        scaled=row.scaled,
    )


def _plan(row: PlanRow) -> PlanOut:
    return PlanOut(name=row.name, terms=row.terms)


def _rules(row: RulesRow) -> RulesOut:
    return RulesOut(
        id=str(row.id),
        state=row.state,
        effective_at=row.effective_at,
        published_at=row.published_at,
        document=row.document,
    )
