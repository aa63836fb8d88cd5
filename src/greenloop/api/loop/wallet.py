"""What a wallet holds now: one of the busiest routes, as a plain function over msgspec.

Callers meet in one reader per process, which answers all that wait by one batch of statements: sixty-four callers cost
as many queries as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import Struct

from greenloop.api import callers, clock, fields, limits
from greenloop.api.gathering import Full, Gathering
from greenloop.api.problems import Problem, Reply
from greenloop.core.faults import say
from greenloop.store.queries import balances
from greenloop.store.queries.balances import Balances


class WalletPoolOut(Struct, frozen=True):
    """What a holder has in one pool: points in 1/100 point, all else in fen."""

    pool: str
    is_red: bool
    points: int
    released_fen: int
    unspent_fen: int
    drawable_fen: int
    spent_fen: int
    expired_fen: int
    debt_fen: int


class WalletOut(Struct, frozen=True):
    """A wallet: sums over its pools, and the pools, oldest first. Points are 1/100 point, all else fen.

    `drawable_fen` is what was released and not drawn, less the debt, which the next draws repay, and less what is
    reserved of it. `coupon_fen` can be used now; `held` says that draws and spends are blocked; `reserved_fen` waits
    for a second person's decision. The three are null for a past instant.
    """

    account_id: str
    at: datetime
    points: int
    released_fen: int
    unspent_fen: int
    drawable_fen: int
    spent_fen: int
    expired_fen: int
    debt_fen: int
    coupon_fen: int | None
    held: bool | None
    reserved_fen: int | None
    pools: list[WalletPoolOut]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wallet that a client asks for."""

    client_id: int
    merchants: frozenset[str]
    account_id: int


_write = msgspec.json.Encoder().encode


def one(account_id: str, caller: callers.Client) -> Reply:
    """Return a wallet as it is now: `GET /v1/wallets/{account_id}`.

    :raises Problem: the caller may not, or has no such account to see.
    """
    callers.spend(caller)
    wanted = Wanted(caller.id, caller.merchants, fields.number(account_id, "account.unknown"))
    try:
        found = reader.ask(wanted)
    except Full:
        raise callers.busy() from None
    if found is None:
        message = say("There is no account {account} that you may see.")
        raise Problem(404, "account.unknown", message, field="account", account=account_id)
    return shown(found, clock.now())


def shown(found: Balances, at: datetime) -> Reply:
    """Return the answer that shows what a holder has."""
    pools = found.pools
    return Reply(
        200,
        _write(
            WalletOut(
                str(found.account_id),
                at,
                sum(pool.points for pool in pools),
                sum(pool.released_fen for pool in pools),
                sum(pool.unspent_fen for pool in pools),
                sum(pool.drawable_fen for pool in pools),
                sum(pool.spent_fen for pool in pools),
                sum(pool.expired_fen for pool in pools),
                sum(pool.debt_fen for pool in pools),
                found.coupon_fen,
                found.held,
                None if found.held is None else sum(pool.reserved_fen for pool in pools),
                [_pool(pool) for pool in pools],
            )
        ),
    )


def _pool(row: balances.PoolBalance) -> WalletPoolOut:
    return WalletPoolOut(
        *(row.pool, row.is_red, row.points, row.released_fen, row.unspent_fen, row.drawable_fen),
        *(row.spent_fen, row.expired_fen, row.debt_fen),
    )


def _read(wanted: Sequence[Wanted]) -> list[Balances | None]:
    """Return what each caller asked for, None where it may not see it; six statements for all of them."""
    accounts = {each.account_id for each in wanted}
    enrolled, merchants = balances.enrolled(accounts), balances.merchants(accounts)
    allowed = [
        (each.client_id, each.account_id) in enrolled
        or not each.merchants.isdisjoint(merchants.get(each.account_id, frozenset()))
        for each in wanted
    ]
    seen = {each.account_id for each, may in zip(wanted, allowed, strict=True) if may}
    found = balances.balances(seen, at=clock.now()) if seen else {}
    return [found[each.account_id] if may else None for each, may in zip(wanted, allowed, strict=True)]


reader: Gathering[Wanted, Balances | None] = Gathering(
    "wallets", _read, batch_max=500, queue_max=10_000, linger_s=limits.LINGER_S
)
