"""Writes to wallets, vouchers and coupons that several verbs share. No transaction here: the verb has one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from greenloop.core.faults import ensure
from greenloop.core.loop.spending import Drawn, Purse, Use
from greenloop.services import ids
from greenloop.store import locks, sql
from greenloop.store.queries import pools
from greenloop.store.sql import Row

Holding = tuple[int, int]
"""(account, pool): whose wallet in which pool."""


@dataclass(slots=True)
class PoolMove:
    """What a verb changes on one pool, in fen."""

    free_fen: int = 0
    backing_fen: int = 0
    spent_fen: int = 0


@dataclass(slots=True)
class WalletWork:
    """What a verb has decided about wallets, gathered to be written at once.

    `cycles` are the pools' open cycles, known once the pools are locked: each wallet entry carries the cycle in which
    it takes effect (R12).
    """

    cycles: Mapping[int, int] = field(default_factory=dict)
    before: dict[Holding, Purse] = field(default_factory=dict)
    after: dict[int, dict[int, Purse]] = field(default_factory=dict)
    entries: list[tuple[int, int, str, int, int | None]] = field(default_factory=list)
    vouchers: list[Row] = field(default_factory=list)
    voucher_uses: list[Row] = field(default_factory=list)
    coupon_uses: list[Row] = field(default_factory=list)
    pools: dict[int, PoolMove] = field(default_factory=dict)

    def purses(self, account_id: int) -> tuple[Purse, ...]:
        """Return an account's purses as decided so far, oldest pool first."""
        return tuple(self.after.get(account_id, {}).values())

    def open(self, found: Mapping[int, tuple[Purse, ...]]) -> None:
        """Take the purses that were read as the state to start from."""
        for account, purses in found.items():
            for purse in purses:
                self.before[account, purse.pool_id] = purse
                self.put(account, purse)

    def put(self, account_id: int, purse: Purse) -> None:
        """Decide how a purse stands now."""
        self.after.setdefault(account_id, {})[purse.pool_id] = purse

    def move(self, pool_id: int) -> PoolMove:
        """Return the change of one pool, to be added to."""
        return self.pools.setdefault(pool_id, PoolMove())

    def entry(self, account_id: int, pool_id: int, kind: str, amount_fen: int, order_id: int | None = None) -> None:
        """Note one movement of one wallet; nothing is noted for 0."""
        if amount_fen:
            self.entries.append((account_id, pool_id, kind, amount_fen, order_id))

    def drawn(self, account_id: int, pool_id: int, drawn: Drawn, order_id: int | None = None) -> None:
        """Note a draw: a repaid debt leaves the pool's backing for the reserve."""
        self.entry(account_id, pool_id, "repay", drawn.repaid_fen, order_id)
        self.entry(account_id, pool_id, "draw", drawn.drawn_fen, order_id)
        if drawn.repaid_fen:
            self.move(pool_id).spent_fen += drawn.repaid_fen

    def voucher(self, account_id: int, pool_id: int, *, face_fen: int, left_fen: int, at: datetime, days: int) -> int:
        """Note a new voucher and return its id."""
        number = ids.block(1)[0]
        expires_at = at + timedelta(days=days)
        self.vouchers.append(
            (number, account_id, pool_id, face_fen, left_fen, sql.instant(at), sql.instant(expires_at))
        )
        return number

    def used(self, account_id: int, order_id: int, pool_id: int, uses: Iterable[Use]) -> None:
        """Note which vouchers paid for an order."""
        line = sum(1 for row in self.voucher_uses if row[0] == account_id and row[1] == order_id)
        for number, use in enumerate(uses, line):
            self.voucher_uses.append((account_id, order_id, number, use.paper, pool_id, use.amount_fen))


def lock_pools(work: WalletWork) -> None:
    """Lock the pools whose wallets have moved and learn their open cycles: none can be settled in between now."""
    locks.pools({pool for _, pool, *_ in work.entries})
    work.cycles = {pool: cycle for pool, _, cycle in pools.names_and_cycles()}


def record_wallets(work: WalletWork, *, journal_id: int) -> None:
    """Write wallets, their entries, vouchers and pools.

    :raises Breach: a wallet is not as it was read (an overlapping spend that the locks should have kept out).
    """
    write_wallets(work)
    sql.load("wallet_entry", ENTRY, _entry_rows(work, journal_id))
    sql.load("voucher", _VOUCHER, [(*row, journal_id) for row in work.vouchers])
    fresh = {row[0] for row in work.vouchers}
    sql.run_many(
        "UPDATE voucher SET left_fen = left_fen - %s WHERE id = %s",
        [(amount, voucher) for _, _, _, voucher, _, amount in work.voucher_uses if voucher not in fresh],
    )
    sql.load("voucher_use", _VOUCHER_USE, work.voucher_uses)
    sql.run_many(
        "UPDATE coupon SET left_fen = left_fen - %s WHERE account_id = %s AND order_id = %s AND kind = %s",
        [(amount, account, order, kind) for account, _, _, order, kind, amount in work.coupon_uses],
    )
    sql.load("coupon_use", _COUPON_USE, work.coupon_uses)
    record_pools(work.pools)


def write_wallets(work: WalletWork) -> None:
    """Write the wallets alone: what is reserved moves nothing, and has no entries and no journal.

    :raises Breach: a wallet is not as it was read.
    """
    changed = [
        ((account, pool), purse)
        for account, purses in work.after.items()
        for pool, purse in purses.items()
        if purse is not work.before[account, pool]
    ]
    touched = sql.run_many(
        _WALLET,
        [
            (*_columns(purse), *holding, *_as_read(work.before[holding]))
            for holding, purse in sorted(changed, key=itemgetter(0))
        ],
    )
    ensure(touched == len(changed), "a wallet changed under a spend")


def record_pools(moves: Mapping[int, PoolMove]) -> None:
    """Add changes to pools, in sorted order."""
    sql.run_many(
        "UPDATE pool SET free_fen = free_fen + %s, backing_fen = backing_fen + %s, spent_fen = spent_fen + %s "
        "WHERE id = %s",
        [(move.free_fen, move.backing_fen, move.spent_fen, pool) for pool, move in sorted(moves.items())],
    )


def _columns(purse: Purse) -> Row:
    wallet = purse.wallet
    return (
        *(wallet.claimed_fen, wallet.voucher_fen, wallet.redeemed_fen, wallet.expired_fen, purse.debt_fen),
        *(purse.draw_held_fen, purse.spend_held_fen, purse.day, purse.day_drawn_fen, purse.day_spent_fen),
    )


def _as_read(purse: Purse) -> Row:
    return purse.wallet.claimed_fen, purse.wallet.voucher_fen, purse.draw_held_fen, purse.spend_held_fen


def _entry_rows(work: WalletWork, journal_id: int) -> Sequence[Row]:
    return [
        (account, journal_id, line, pool, work.cycles[pool], kind, amount, order)
        for line, (account, pool, kind, amount, order) in enumerate(work.entries)
    ]


_WALLET = """
    UPDATE wallet SET claimed_fen = %s, voucher_fen = %s, redeemed_fen = %s, expired_fen = %s, debt_fen = %s,
        draw_held_fen = %s, spend_held_fen = %s, day = %s, day_drawn_fen = %s, day_spent_fen = %s
    WHERE account_id = %s AND pool_id = %s AND claimed_fen = %s AND voucher_fen = %s
        AND draw_held_fen = %s AND spend_held_fen = %s
"""
ENTRY = ("account_id", "journal_id", "line", "pool_id", "cycle", "kind", "amount_fen", "order_id")
_VOUCHER = ("id", "account_id", "pool_id", "face_fen", "left_fen", "drawn_at", "expires_at", "journal_id")
_VOUCHER_USE = ("account_id", "order_id", "line", "voucher_id", "pool_id", "amount_fen")
_COUPON_USE = ("account_id", "order_id", "line", "coupon_order_id", "coupon_kind", "amount_fen")
