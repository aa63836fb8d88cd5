"""Settlements: what each cycle came to, what the open one would come to, and the decision on one that is held."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from greenloop.api import access, clock, paging
from greenloop.api.access import Staff
from greenloop.api.fields import Fen, Ref
from greenloop.api.loop.pools import CycleNo
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem
from greenloop.api.trust.shown import ApproveIn
from greenloop.api.writing import write
from greenloop.core.faults import Refusal, say
from greenloop.core.people.roles import DECIDERS
from greenloop.services.books.fees import transfer_fees_if_sound
from greenloop.services.loop import proposal
from greenloop.services.loop.settle import Run, approve, reject, settle
from greenloop.services.loop.vest import vest
from greenloop.store.queries import lookups, report, settlements
from greenloop.store.queries.settlements import PoolResult, RunRow, Step

router = Router(tags=["settlements"])
POOLS = 200


class RunOut(Schema):
    """The settlement of one cycle: `state` is posted, or held for a second person. `issued_fen` are its vouchers.

    `cap_fen` is the daily rebate cap that it was held against.
    """

    cycle: int
    state: str
    issued_fen: int
    cap_fen: int | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class PoolResultOut(Schema):
    """What one cycle of one pool came to, or would come to, in fen; `growth` is × 10^12.

    `cap_fen` was set for this cycle alone, by whoever rejected the settlement before.
    """

    pool: str
    is_red: bool
    inflow_fen: int
    free_before_fen: int
    budget_fen: int
    issued_fen: int
    free_fen: int
    backing_fen: int
    cap_fen: int | None
    growth: str | None
    scaled: bool


class SettlementOut(RunOut):
    """A settlement with its pools, those that issue most first. Who decides on a held one sends its `sha256`."""

    sha256: str
    pools: list[PoolResultOut]


class StepOut(Schema):
    """One cohort before and after a settlement: `index` is vouchers per point × 10^12."""

    plan: str
    entry_cycle: int
    points: int
    age: int
    cycles: int
    index_before: str
    index_after: str


class StepsOut(Schema):
    """The cohorts of a pool that a settlement releases to, in order of entry."""

    pool: PoolResultOut
    steps: list[StepOut]


class PreviewOut(Schema):
    """What a settlement would come to if the cycle were cut off now, with what has vested; nothing is written."""

    cycle: int
    issued_fen: int
    pools: list[PoolResultOut]


class SettledOut(Schema):
    """A settlement as it was run or decided."""

    cycle: int
    state: str
    issued_fen: int
    cap_fen: int | None


class RejectSettlementIn(ApproveIn):
    """The SHA-256 of the proposal that was looked at, and caps for pools, in fen by name; 0 releases nothing."""

    caps_fen: Annotated[dict[Ref, Fen], Field(min_length=1, max_length=POOLS)]


@router.get(
    "/settlements", auth=Staff(), response=Page[RunOut], summary="List settlements", operation_id="listSettlements"
)
def list_settlements(request: HttpRequest, page: Asked) -> object:
    """List the settlements of all cycles, newest first."""
    (before,) = paging.numbers(page, 1, (settlements.LATEST,))
    return paging.page(
        settlements.runs(before=before, limit=page.limit + 1),
        page,
        lambda row: RunOut(**_run(row)),
        lambda row: (row.cycle,),
    )


@router.get(
    "/settlements/{cycle}",
    auth=Staff(),
    response=SettlementOut,
    summary="Read a settlement",
    operation_id="readSettlement",
)
def read_settlement(request: HttpRequest, cycle: CycleNo) -> SettlementOut:
    """Return what a settlement did to each pool, or would do if it is held."""
    row = _found(cycle)
    mark = proposal.seal(
        cycle=row.cycle, issued_fen=row.issued_fen, proposed_by=row.proposed_by, proposed_at=row.proposed_at
    )
    return SettlementOut(**_run(row), sha256=mark, pools=[_pool(each) for each in _results(row)])


@router.get(
    "/settlements/{cycle}/pools/{pool}",
    auth=Staff(),
    response=StepsOut,
    summary="Read a settlement's cohorts",
    operation_id="readSettlementSteps",
)
def read_steps(request: HttpRequest, cycle: CycleNo, pool: str) -> StepsOut:
    """Return what a settlement releases to each cohort of one pool."""
    row = _found(cycle)
    result = next((each for each in _results(row) if each.fact.name == pool), None)
    if result is None:
        raise Refusal("pool.unknown", say("There is no pool {pool}."), field="pool", pool=pool[:64])
    if row.state == "held":
        decided = proposal.decide(row.cycle, proposal.kept_free_fen(row.proposal))
        steps = proposal.steps(decided[result.fact.id], result.fact.id)
    else:
        steps = settlements.steps(result.fact)
    return StepsOut(pool=_pool(result), steps=[_step(each) for each in steps])


@router.post(
    "/settlements/{cycle}/preview",
    auth=Staff(),
    response=PreviewOut,
    summary="Try a settlement",
    operation_id="previewSettlement",
)
def preview_settlement(request: HttpRequest, cycle: CycleNo) -> PreviewOut:
    """Work out the settlement of the open cycle, as if it were cut off now; nothing is written.

    What has not vested is not in it: vesting comes first when the cycle is settled.
    """
    open_cycle = lookups.open_cycle()
    if cycle != open_cycle or lookups.held_cycle() is not None:
        message = say("Only the open cycle {open} can be tried, and only when no settlement is held.")
        raise Problem(409, "settle.not_open", message, field="cycle", open=open_cycle)
    decided = proposal.decide(cycle)
    pools = [_pool(each) for each in proposal.results(decided, cycle)[:POOLS]]
    return PreviewOut(cycle=cycle, issued_fen=proposal.issued_fen(decided), pools=pools)


@router.post(
    "/settlements/{cycle}/run",
    auth=Staff(*DECIDERS),
    response=SettledOut,
    summary="Settle a cycle",
    operation_id="runSettlement",
)
def run_settlement(request: HttpRequest, cycle: CycleNo) -> HttpResponse:
    """Vest and settle a cycle whose cut-off has passed, once; the scheduler does the same by itself.

    Above the daily rebate cap it is held, for another person than the one who runs it.
    """
    at, by = clock.now(), access.account_of(request)
    known = any(row.cycle == cycle for row in settlements.runs(before=cycle + 1, limit=1))
    vesting = partial(vest, cycle=cycle, at=at)
    answer = write(request, lambda: settle(cycle=cycle, at=at, by=by), _settled, again=known, first=vesting)
    return _with_fee(answer, cycle, at)


@router.post(
    "/settlements/{cycle}/approve",
    auth=Staff(*DECIDERS),
    response=SettledOut,
    summary="Approve a held settlement",
    operation_id="approveSettlement",
)
def approve_settlement(request: HttpRequest, cycle: CycleNo, body: ApproveIn) -> HttpResponse:
    """Post a held settlement, exactly as it was seen, as another person than who proposed it.

    Whoever approves has authenticated within the last minutes. The platform's fee of the cycle moves with it.
    """
    at, by = clock.now(), access.decider(request)
    answer = write(request, lambda: approve(cycle=cycle, by=by, at=at, seen=body.sha256), _settled)
    return _with_fee(answer, cycle, at)


@router.post(
    "/settlements/{cycle}/reject",
    auth=Staff(*DECIDERS),
    response=SettledOut,
    summary="Reject a held settlement",
    operation_id="rejectSettlement",
)
def reject_settlement(request: HttpRequest, cycle: CycleNo, body: RejectSettlementIn) -> HttpResponse:
    """Cap pools of a held settlement: it is computed again, and whoever rejects is who proposes the result."""
    at, by = clock.now(), access.decider(request)
    return write(request, lambda: reject(cycle=cycle, caps_fen=body.caps_fen, by=by, at=at, seen=body.sha256), _settled)


def _with_fee(answer: HttpResponse, cycle: int, at: datetime) -> HttpResponse:
    """Move the platform's fee where the cycle is posted, once, and hand on the answer."""
    if any(row.cycle == cycle and row.state == "posted" for row in settlements.runs(before=cycle + 1, limit=1)):
        transfer_fees_if_sound(cycle=cycle, at=at)
    return answer


def _found(cycle: int) -> RunRow:
    return settlements.run(cycle, offset_minutes=report.utc_offset_minutes())


def _results(row: RunRow) -> list[PoolResult]:
    if row.state == "held":
        return proposal.results(proposal.decide(row.cycle, proposal.kept_free_fen(row.proposal)), row.cycle)[:POOLS]
    return settlements.results(row.cycle, limit=POOLS)[0]


def _settled(run: Run) -> SettledOut:
    return SettledOut(cycle=run.cycle, state=run.state, issued_fen=run.issued_fen, cap_fen=run.cap_fen)


def _run(row: RunRow) -> dict[str, Any]:
    return {
        "cycle": row.cycle,
        "state": row.state,
        "issued_fen": row.issued_fen,
        "cap_fen": row.cap_fen,
        "proposed_by": row.proposed_by,
        "proposed_at": row.proposed_at,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
    }


def _pool(row: PoolResult) -> PoolResultOut:
    return PoolResultOut(
        pool=row.fact.name,
        is_red=row.fact.is_red,
        inflow_fen=row.fact.inflow_fen,
        free_before_fen=row.free_before_fen,
        budget_fen=row.budget_fen,
        issued_fen=row.issued_fen,
        free_fen=row.free_fen,
        backing_fen=row.backing_fen,
        cap_fen=row.fact.cap_fen,
        growth=None if row.growth is None else str(row.growth),
        scaled=row.scaled,
    )


def _step(row: Step) -> StepOut:
    return StepOut(
        plan=row.cohort.plan,
        entry_cycle=row.cohort.entry,
        points=row.cohort.points,
        age=row.age,
        cycles=row.cohort.cycles,
        index_before=str(row.before),
        index_after=str(row.after),
    )
