"""Wallets: what somebody has, now or at a past instant, how it came to be, and drawing from it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from greenloop.api import access, clock
from greenloop.api.access import Keyed, Session
from greenloop.api.callers import Client
from greenloop.api.fields import Amount, Body, Instant, Ref
from greenloop.api.loop import wallet
from greenloop.api.loop.whose import seen
from greenloop.api.problems import Problem, respond
from greenloop.api.shapes import answers
from greenloop.api.writing import write
from greenloop.core.faults import say
from greenloop.core.people import roles
from greenloop.services.loop.draw import Held, draw
from greenloop.store.queries import balances, claims, holdings, past
from greenloop.store.queries.holdings import CohortRow

router = Router(tags=["wallets"])
READERS = [Keyed("wallets:read"), Session()]
HELD = 202
CLAIMS_MAX = 50


class At(Schema):
    """A past instant, RFC 3339 with its offset; now where it is left out."""

    at: Instant | None = None


AtAsked = Annotated[At, Query()]


class PositionOut(Schema):
    """Points of one cohort. `index` is vouchers per point × 10^12, `index_cap` where it ends; `cycles` its releases."""

    id: str
    pool: str
    is_red: bool
    entry_cycle: int
    points: int
    index: str
    index_cap: str
    age: int
    cycles: int
    released_fen: int


class PositionsOut(Schema):
    """A holder's points by cohort, newest first. `released_fen` is rounded down for each; a wallet rounds once."""

    account_id: str
    at: datetime
    positions: list[PositionOut]


class DrawIn(Body):
    """What to draw: all that is drawable where no amount is given."""

    pool: Ref
    amount_fen: Amount | None = None


class DrawnOut(Schema):
    """What was drawn, in fen; a debt was repaid before it and is not part of it."""

    account_id: str
    pool: str
    drawn_fen: int


class HeldOut(Schema):
    """What wasn't drawn: it waits for a second person's decision, is reserved in fen, and stays the holder's."""

    account_id: str
    pool: str
    claim: str
    reserved_fen: int


@router.get(
    "/wallets/{account_id}",
    auth=READERS,
    summary="Read a wallet",
    operation_id="readWallet",
    openapi_extra=answers(200, "WalletOut", "The wallet"),
)
def read_wallet(request: HttpRequest, account_id: str, asked: AtAsked) -> HttpResponse:
    """Return a wallet: sums, and each pool. `me` is the account of whoever has signed in.

    With `at`, the wallet as it was at that instant, to the fen.
    """
    caller = access.of(request)
    if isinstance(caller, Client) and asked.at is None:
        return respond(wallet.one(account_id, caller))
    account, at = seen(request, account_id), _instant(asked)
    found = balances.balances([account], at=at)[account] if asked.at is None else past.balances(account, at=at)
    return respond(wallet.shown(found, at))


@router.get(
    "/wallets/{account_id}/positions",
    auth=READERS,
    response=PositionsOut,
    summary="Read a wallet's points",
    operation_id="readPositions",
)
def read_positions(request: HttpRequest, account_id: str, asked: AtAsked) -> PositionsOut:
    """Return a holder's points by cohort, now or at a past instant."""
    account, at = seen(request, account_id), _instant(asked)
    rows = holdings.cohorts(account) if asked.at is None else past.cohorts(account, at=at)
    shown = [_position(row) for row in rows if row.points]
    return PositionsOut(account_id=str(account), at=at, positions=shown)


class OwnClaimOut(Schema):
    """A large draw (from the pool that `place` names) or spend (at the merchant that it names), in fen.

    `state` is held, approved (a spend, to be repeated until `until_at`), done, rejected, withdrawn or lapsed.
    `amount_fen` is reserved while it is held or approved. `reason` is told to people alone: clients read none.
    """

    id: str
    kind: str
    place: str
    order_no: str | None
    amount_fen: int
    state: str
    reason: str
    asked_at: datetime
    until_at: datetime | None


class OwnClaimsOut(Schema):
    """A holder's claims, in the order in which they were asked for."""

    account_id: str
    claims: list[OwnClaimOut]


@router.get(
    "/wallets/{account_id}/claims",
    auth=READERS,
    response=OwnClaimsOut,
    summary="List a wallet's large draws and spends",
    operation_id="listOwnClaims",
)
def list_own_claims(request: HttpRequest, account_id: str) -> OwnClaimsOut:
    """Return a holder's large draws and spends, 50 at most: those that live, and the newest others.

    Of the platform's people, who may read claims reads those of others.
    """
    account = seen(request, account_id)
    _claim_reader(request, account)
    _, own = claims.in_the_way(account, limit=CLAIMS_MAX)
    untold = {"reason": ""} if isinstance(access.of(request), Client) else {}
    shown = [OwnClaimOut(**asdict(each) | {"id": str(each.id)} | untold) for each in own]
    return OwnClaimsOut(account_id=str(account), claims=shown)


@router.post(
    "/wallets/{account_id}/draws",
    auth=[Keyed("wallets:write"), Session()],
    response={201: DrawnOut, 202: HeldOut},
    summary="Draw vouchers",
    operation_id="draw",
)
def draw_vouchers(request: HttpRequest, account_id: str, body: DrawIn) -> HttpResponse:
    """Move released vouchers of one pool into the unspent balance.

    By the holder, or by a client for a member who enrolled through it. Send an Idempotency-Key: without one, the same
    request draws again. A sale draws by itself what it needs. A draw that takes the day's draws above the rules'
    `large_claim_fen` is held for a second person (202): nothing is drawn yet, and the amount is reserved.
    """
    account = seen(request, account_id)
    _holder_only(request, account)
    return write(
        request,
        lambda: draw(account_id=account, pool=body.pool, at=clock.now(), amount_fen=body.amount_fen),
        lambda done: _drawn(done, account, body.pool),
        status=lambda done: HELD if isinstance(done, Held) else 201,
    )


def _drawn(done: int | Held, account: int, pool: str) -> DrawnOut | HeldOut:
    if isinstance(done, Held):
        return HeldOut(account_id=str(account), pool=pool, claim=str(done.claim_id), reserved_fen=done.amount_fen)
    return DrawnOut(account_id=str(account), pool=pool, drawn_fen=done)


def _holder_only(request: HttpRequest, account: int) -> None:
    """Keep the platform's people from drawing what is somebody else's, and who only reads from drawing at all.

    :raises Problem: the caller is not the holder, or only reads.
    """
    caller = access.of(request)
    if isinstance(caller, Client):
        return
    if not caller.visitor.staff.isdisjoint(roles.READERS):
        raise access.no_right()
    if caller.visitor.account_id == account:
        return
    if balances.whose(account)[1].isdisjoint(caller.visitor.merchant_refs):
        raise Problem(403, "auth.role", say("Only the holder draws from a wallet."))


def _claim_reader(request: HttpRequest, account: int) -> None:
    """Keep those of the platform's people from others' claims who may read none.

    :raises Problem: the caller is one of them.
    """
    caller = access.of(request)
    if isinstance(caller, Client) or not caller.visitor.staff or caller.visitor.account_id == account:
        return
    if caller.visitor.staff.isdisjoint(roles.admitted(roles.CLAIM_READERS)):
        raise access.no_right()


def _instant(asked: At) -> datetime:
    now = clock.now()
    if asked.at is None:
        return now
    if asked.at > now:
        message = say("What is to come can't be read. Name an instant that has passed.")
        raise Problem(422, "wallet.at_ahead", message, field="at")
    return asked.at


def _position(row: CohortRow) -> PositionOut:
    return PositionOut(
        id=str(row.id),
        pool=row.pool,
        is_red=row.is_red,
        entry_cycle=row.cycle,
        points=row.points,
        index=str(row.release_index),
        index_cap=str(row.index_cap),
        age=row.age,
        cycles=row.cycles,
        released_fen=row.released_fen,
    )
