"""Working state of refunds: all that a batch of refunds may change, in memory, with a way to try and take back."""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TypeVar

from greenloop.core.loop.settlement import Cohort, backing_fen
from greenloop.core.loop.wallet import Wallet
from greenloop.core.money import SCALE
from greenloop.store import sql
from greenloop.store.queries import pools, refunds, wallets
from greenloop.store.queries.refunds import UseFact

K = TypeVar("K")
V = TypeVar("V")
Holding = tuple[int, int]
Entry = tuple[int, int, str, int, int | None]
"""One wallet movement: account, pool, kind, fen, order."""
Change = tuple[int, int, int, str, int, int]
"""One voucher's movement: account, voucher, pool, kind, fen, order."""
Coupon = tuple[int, int, str]
"""(account, order, kind): the coupon that an order gave its shopper."""


OWN = ("entries", "changes")
"""What a fork of a state keeps to itself, to be recorded with the refund that it was made for."""


@dataclass(frozen=True, slots=True)
class PoolNow:
    """A pool's money in fen and its place in time; `held` says that a closed cycle waits for approval."""

    name: str
    first_cycle: int
    entry_cycle: int
    settled_cycle: int
    free_fen: int
    backing_fen: int
    spent_fen: int

    @property
    def held(self) -> bool:
        """Whether a closed cycle is not posted yet."""
        return self.entry_cycle - self.settled_cycle > 1


@dataclass(frozen=True, slots=True)
class WalletNow:
    """A wallet with its debt, in fen, and the exact Σ points × index of its positions."""

    wallet: Wallet
    debt_fen: int
    released: int

    @property
    def accrued_fen(self) -> int:
        """Return what the wallet has accrued (R9)."""
        return self.released // SCALE


@dataclass(frozen=True, slots=True)
class PaperNow:
    """What is left of a voucher or coupon, in fen, and when it expires."""

    left_fen: int
    expires_at: datetime


@dataclass(slots=True)
class State:
    """Facts by key; values never change, keys are given new ones. `maps[0]` holds what changed, what was read is below.

    `returned_fen`, `inflow_fen`, `grants_fen`, `lost_points` hold changes only: uses by (kind, order, line), pools,
    (grant, column), (account, cohort). `entries` are the wallet movements of this fork, `changes` its vouchers'.
    """

    wallets: ChainMap[Holding, WalletNow]
    pools: ChainMap[int, PoolNow]
    cohorts: ChainMap[int, Cohort]
    vouchers: ChainMap[int, PaperNow]
    coupons: ChainMap[Coupon, PaperNow]
    dues_fen: ChainMap[int, int]
    returned_fen: ChainMap[tuple[str, int, int], int]
    inflow_fen: ChainMap[int, int]
    grants_fen: ChainMap[tuple[int, str], int]
    lost_points: ChainMap[tuple[int, int], int]
    reserve: ChainMap[str, int]
    entries: list[Entry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def fork(self) -> "State":
        """Return a state that reads through to this one and keeps its changes to itself."""
        return State(*(getattr(self, each.name).new_child() for each in fields(self) if each.name not in OWN))

    def join(self, fork: "State") -> None:
        """Take over what a fork of this state has changed."""
        for each in fields(self):
            if each.name not in OWN:
                getattr(self, each.name).update(getattr(fork, each.name).maps[0])

    def move_pool(self, pool: int, *, free_fen: int = 0, spent_fen: int = 0) -> None:
        """Add to a pool's free money and to what is spent of its backing."""
        now = self.pools[pool]
        self.pools[pool] = replace(now, free_fen=now.free_fen + free_fen, spent_fen=now.spent_fen + spent_fen)


@dataclass(slots=True)
class Index:
    """Where to look in a state: a holding's vouchers, an account's coupons, a pool's cohorts, an order's uses."""

    vouchers: Mapping[Holding, list[int]]
    coupons: Mapping[int, list[Coupon]]
    cohorts: Mapping[int, list[int]]
    cohort_ids: Mapping[tuple[int, int, int], int]
    merchant_accounts: Mapping[int, int]
    voucher_uses: Mapping[int, list[UseFact]]
    coupon_uses: Mapping[int, list[UseFact]]


def gather(*, order_ids: list[int], accounts: list[int], merchant_accounts: Mapping[int, int]) -> tuple[State, Index]:
    """Read the state that refunds of these orders can change. The caller has locked accounts, merchants and pools."""
    voucher_uses, coupon_uses = refunds.uses(order_ids)
    used = {use.paper for uses in voucher_uses.values() for use in uses}
    vouchers = refunds.vouchers(accounts, used)
    coupons = refunds.coupons(accounts)
    cohort_rows = pools.cohorts(pool for pool, _, _ in pools.names_and_cycles())
    state = State(
        wallets=_over(_wallets(accounts)),
        pools=_over({row[0]: PoolNow(*row[1:]) for row in sql.rows(_POOLS)}),
        cohorts=_over({number: cohort for rows in cohort_rows.values() for number, cohort in rows}),
        vouchers=_over({number: PaperNow(left, at) for number, _, _, left, at in vouchers}),
        coupons=_over({(account, order, kind): PaperNow(left, at) for account, order, kind, left, at in coupons}),
        dues_fen=_over(refunds.dues_fen(list(merchant_accounts))),
        returned_fen=ChainMap(),
        inflow_fen=ChainMap(),
        grants_fen=ChainMap(),
        lost_points=ChainMap(),
        reserve=_over({"fen": refunds.reserve_fen()}),
    )
    index = Index(
        vouchers=_grouped(((account, pool), number) for number, account, pool, _, _ in vouchers),
        coupons=_grouped((account, (account, order, kind)) for account, order, kind, _, _ in coupons),
        cohorts={pool: [number for number, _ in rows] for pool, rows in cohort_rows.items()},
        cohort_ids={
            (pool, int(cohort.plan), cohort.entry): number
            for pool, rows in cohort_rows.items()
            for number, cohort in rows
        },
        merchant_accounts=merchant_accounts,
        voucher_uses=voucher_uses,
        coupon_uses=coupon_uses,
    )
    return state, index


def _over(facts: dict[K, V]) -> ChainMap[K, V]:
    return ChainMap({}, facts)


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _wallets(accounts: list[int]) -> dict[Holding, WalletNow]:
    released = wallets.released_of(accounts)
    return {
        (account, purse.pool_id): WalletNow(purse.wallet, purse.debt_fen, released.get((account, purse.pool_id), 0))
        for account, purses in wallets.purses_of(accounts).items()
        for purse in purses
    }


def backing_now(state: State, index: Index, pool: int) -> int:
    """Return what backs all that a pool has released, in fen: one rounding up (R8)."""
    return backing_fen([state.cohorts[number] for number in index.cohorts.get(pool, ())])


_POOLS = """
    SELECT id, name, first_cycle, entry_cycle, settled_cycle, free_fen, backing_fen, spent_fen FROM pool ORDER BY id
"""
