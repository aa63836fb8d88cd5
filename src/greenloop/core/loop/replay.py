"""The loop in memory: what each event of a journal does to pools, orders and wallets, through core's own decisions.

An event either happens whole or raises a Refusal and changes nothing. There is no database here and no clock: the
outcome is a function of the events in their order (R12).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from greenloop.core.faults import Refusal, say
from greenloop.core.loop import refund as refunds
from greenloop.core.loop import wallet as wallets
from greenloop.core.loop.plan import (
    Plan,
    PoolTerms,
    unsafe_cap,
    unsafe_clamp,
    unsafe_mixture,
    unsafe_rate,
    unsafe_terms,
)
from greenloop.core.loop.refund import Clawback
from greenloop.core.loop.settlement import Cohort, PoolState, backing_fen, settle
from greenloop.core.loop.wallet import Wallet
from greenloop.core.money import PPM
from greenloop.core.reading import shown

CohortKey = tuple[str, int]
Answer = dict[str, int | bool | None]


@dataclass(slots=True)
class Pool:
    """A pool as events have left it; amounts in fen. Positions are points by account and cohort."""

    terms: PoolTerms
    cycle: int = 1
    free_fen: int = 0
    backing_fen: int = 0
    inflow_fen: list[int] = field(default_factory=lambda: [0])
    caps_fen: dict[int, int] = field(default_factory=dict)
    cohorts: dict[CohortKey, Cohort] = field(default_factory=dict)
    positions: dict[str, dict[CohortKey, int]] = field(default_factory=dict)
    wallets: dict[str, Wallet] = field(default_factory=dict)
    settled: list[Answer] = field(default_factory=list)
    multiples_ppm: dict[str, tuple[int, int]] = field(default_factory=dict)

    def accrued_fen(self, account: str) -> int:
        """Return what an account's positions have released in all (R9)."""
        positions = self.positions.get(account)
        if not positions:
            return 0
        return wallets.accrued_fen((points, self.cohorts[key].index) for key, points in positions.items())

    def wallet(self, account: str) -> Wallet:
        """Return an account's wallet, an empty one if it never drew."""
        return self.wallets.get(account) or Wallet()


@dataclass(slots=True)
class Order:
    """What an order's concession put into a pool: its allotment in fen and the lots it still has, in 1/100 point."""

    pool: str
    cohort: CohortKey
    concession_fen: int
    left_fen: int
    allot_fen: int
    lots: Mapping[str, int]
    held: dict[str, int]


class Replay:
    """Pools, plans, orders and wallets, moved by one event at a time. Amounts are fen.

    `warn` hears, once each, where the rules being replayed break a safety condition; they are replayed all the same.
    """

    def __init__(self, warn: Callable[[Refusal], None]) -> None:
        self.pools: dict[str, Pool] = {}
        self.plans: dict[str, Plan] = {}
        self.orders: dict[str, Order] = {}
        self._warn = warn
        self._told: set[tuple[str, str]] = set()

    def pool(self, name: str) -> Pool:
        """Return a pool by name.

        :raises Refusal: there is none.
        """
        if name not in self.pools:
            message = say("There is no pool “{name}” yet; declare it with a pool event first.")
            raise _refusal("pool", message, name=shown(name))
        return self.pools[name]

    def open_pool(self, *, name: str, terms: PoolTerms) -> None:
        """Declare a pool.

        :raises Refusal: the name is taken.
        """
        if name in self.pools:
            raise _refusal("name", say("There is a pool “{name}” already; use another name."), name=shown(name))
        self.pools[name] = Pool(terms)
        self._tell(unsafe_terms(terms), about=name)

    def add_plan(self, *, plan: Plan) -> None:
        """Declare a release plan.

        :raises Refusal: the name is taken.
        """
        if plan.name in self.plans:
            raise _refusal("name", say("There is a plan “{name}” already; use another name."), name=shown(plan.name))
        self.plans[plan.name] = plan
        self._tell(unsafe_cap(plan) + unsafe_clamp(plan))

    def enter(self, *, order: str, pool: str, plan: str, concession_fen: int, points: Mapping[str, int]) -> None:
        """Let a vested concession enter the open cycle of a pool, with a lot for each holder in `points` (R1).

        :raises Refusal: the order entered before, or its pool or plan is unknown.
        """
        if order in self.orders:
            message = say("The order “{order}” has entered already; give every order its own number.")
            raise _refusal("order", message, order=shown(order))
        entered = self.pool(pool)
        if plan not in self.plans:
            message = say("There is no plan “{name}” yet; declare it with a plan event first.")
            raise _refusal("plan", message, name=shown(plan))
        key = (plan, entered.cycle)
        allot_fen = entered.terms.allot_fen(concession_fen)
        entered.free_fen += allot_fen
        entered.inflow_fen[-1] += allot_fen
        cohort = entered.cohorts.get(key) or Cohort(plan, entered.cycle, 0)
        entered.cohorts[key] = cohort._replace(points=cohort.points + sum(points.values()))
        for account, earned in points.items():
            positions = entered.positions.setdefault(account, {})
            positions[key] = positions.get(key, 0) + earned
        self.orders[order] = Order(pool, key, concession_fen, concession_fen, allot_fen, points, dict(points))
        self._watch(pool, self.plans[plan], concession_fen, points)

    def settle(self, *, pool: str, cycle: int) -> Answer:
        """Close a pool's open cycle, or answer again for a closed one (R2–R8, R12).

        :raises Refusal: the pool is unknown, or the cycle is not open yet.
        """
        settling = self.pool(pool)
        if cycle > settling.cycle or cycle < 1:
            message = say("Cycle {cycle} can't be settled while cycle {open} is open; settle cycles in order.")
            raise _refusal("cycle", message, cycle=cycle, open=settling.cycle)
        if cycle < settling.cycle:
            return settling.settled[cycle - 1]
        state = PoolState(
            settling.terms,
            cycle,
            settling.free_fen,
            settling.backing_fen,
            settling.inflow_fen,
            settling.caps_fen.get(cycle),
        )
        decided = settle(pool=state, cohorts=tuple(settling.cohorts.values()), plans=self.plans)
        settling.cohorts = dict(zip(settling.cohorts, decided.cohorts, strict=True))
        settling.free_fen, settling.backing_fen = decided.free_fen, decided.backing_fen
        settling.cycle += 1
        settling.inflow_fen.append(0)
        settling.settled.append(decided.answer())
        return settling.settled[-1]

    def cap(self, *, pool: str, cycle: int, cap_fen: int) -> None:
        """Cap what one cycle of a pool may move, in place of the cap in its terms (R3).

        :raises Refusal: the pool is unknown, or the cycle is closed.
        """
        capped = self.pool(pool)
        if cycle < capped.cycle:
            message = say("Cycle {cycle} is closed; cap cycle {open} or a later one.")
            raise _refusal("cycle", message, cycle=cycle, open=capped.cycle)
        capped.caps_fen[cycle] = cap_fen

    def draw(self, *, account: str, pool: str, amount_fen: int | None) -> int:
        """Draw claimable vouchers, all of them without an amount; return the fen drawn (R9).

        :raises Refusal: the pool is unknown, or the amount is more than is claimable.
        """
        of = self.pool(pool)
        wallet, drawn_fen = wallets.draw(of.wallet(account), of.accrued_fen(account), amount_fen)
        if drawn_fen:
            of.wallets[account] = wallet
        return drawn_fen

    def spend(self, *, account: str, pool: str, amount_fen: int) -> None:
        """Pay with the vouchers of one pool, drawing what is missing (R9).

        :raises Refusal: the pool is unknown, or there are not so many vouchers.
        """
        of = self.pool(pool)
        wallet, _ = wallets.spend(of.wallet(account), of.accrued_fen(account), amount_fen)
        if amount_fen:
            of.wallets[account] = wallet

    def expire(self, *, account: str, pool: str, amount_fen: int) -> None:
        """Let unspent vouchers expire: their money is free again (R9).

        :raises Refusal: the pool is unknown, or there are not so many unspent vouchers.
        """
        of = self.pool(pool)
        wallet = wallets.expire(of.wallet(account), amount_fen)
        if amount_fen:
            of.wallets[account] = wallet
            of.free_fen += amount_fen

    def give_back(self, *, account: str, pool: str, amount_fen: int) -> None:
        """Return redeemed vouchers to their holder, since what they paid for was refunded.

        :raises Refusal: the pool is unknown, or not so many were redeemed.
        """
        of = self.pool(pool)
        wallet = wallets.give_back(of.wallet(account), amount_fen)
        if amount_fen:
            of.wallets[account] = wallet

    def refund(self, *, order: str, fall_fen: int, keep: Mapping[str, int]) -> dict[str, Clawback]:
        """Lower an order's concession by `fall_fen` and return what was taken back from each holder (R10).

        A lot keeps its share of the concession that is left, or the points that `keep` names for its account.

        :raises Refusal: the order is unknown, the fall is above what is left, or `keep` fits no lot.
        """
        if order not in self.orders:
            message = say("There is no order “{order}” yet; its concession event comes first.")
            raise _refusal("order", message, order=shown(order))
        refunded = self.orders[order]
        if fall_fen > refunded.left_fen:
            message = say(
                "{fall} fen is more than the {left} fen left of the order's concession; write {left} or less."
            )
            raise _refusal("points_fen", message, left=refunded.left_fen, fall=fall_fen)
        left_fen = refunded.left_fen - fall_fen
        after = _points_left(refunded, left_fen, keep)
        pool = self.pools[refunded.pool]
        _shrink_allotment(pool, refunded, left_fen)
        _shrink_lots(pool, refunded, after)
        return _claw_back(pool, refunded.lots)

    def _watch(self, name: str, plan: Plan, concession_fen: int, points: Mapping[str, int]) -> None:
        """Check R1, P5 and P7 for a plan and its multiples as a pool meets them; the sums are rounded down."""
        pool = self.pools[name]
        most = max(points.values(), default=0) * PPM // concession_fen
        total = sum(points.values()) * PPM // concession_fen
        known = pool.multiples_ppm.get(plan.name)
        if known is not None and most <= known[0] and total <= known[1]:
            return
        most, total = max(most, known[0] if known else 0), max(total, known[1] if known else 0)
        pool.multiples_ppm[plan.name] = (most, total)
        self._tell(unsafe_cap(plan, multiple_max_ppm=max(most, PPM)))
        met = [self.plans[name] for name in pool.multiples_ppm]
        highest = max(sum_ppm for _, sum_ppm in pool.multiples_ppm.values())
        found = unsafe_rate(plan, pool.terms, multiples_ppm=total)
        self._tell(found + unsafe_mixture(pool.terms, met, multiples_ppm=highest), about=name)

    def _tell(self, found: list[Refusal], *, about: str = "") -> None:
        """Warn of what was found, once for each pool it is `about`."""
        for warning in found:
            if (about, str(warning)) not in self._told:
                self._told.add((about, str(warning)))
                self._warn(warning)


def _points_left(order: Order, left_fen: int, keep: Mapping[str, int]) -> dict[str, int]:
    """Return what each lot keeps; a lot never grows.

    :raises Refusal: `keep` names an account without a lot, or more than its lot has.
    """
    for account, points in keep.items():
        if points > order.held.get(account, -1):
            message = say("“{account}” has no lot of {points} in this order; name its holders and what they keep.")
            raise _refusal("points", message, account=shown(account), points=points)
    return {
        account: keep[account]
        if account in keep
        else min(held, refunds.points_after(order.lots[account], order.concession_fen, left_fen))
        for account, held in order.held.items()
    }


def _shrink_allotment(pool: Pool, order: Order, left_fen: int) -> None:
    """Take back what entered too much while the entry cycle is open; later the pool keeps it."""
    order.left_fen = left_fen
    if order.cohort[1] == pool.cycle:
        returned_fen = refunds.allotment_returned(
            allot_fen=order.allot_fen, allot_left_fen=pool.terms.allot_fen(left_fen), free_fen=pool.free_fen
        )
        order.allot_fen -= returned_fen
        pool.free_fen -= returned_fen
        pool.inflow_fen[-1] -= returned_fen


def _shrink_lots(pool: Pool, order: Order, after: dict[str, int]) -> None:
    """Take the lost points out of the cohort and its positions; backing they no longer need is free again."""
    cohort = pool.cohorts[order.cohort]
    lost = sum(order.held.values()) - sum(after.values())
    pool.cohorts[order.cohort] = cohort._replace(points=cohort.points - lost)
    for account, points in after.items():
        pool.positions[account][order.cohort] -= order.held[account] - points
    order.held = after
    backed_fen = backing_fen(tuple(pool.cohorts.values()))
    pool.free_fen += pool.backing_fen - backed_fen
    pool.backing_fen = backed_fen


def _claw_back(pool: Pool, accounts: Mapping[str, int]) -> dict[str, Clawback]:
    """Take back what each account has claimed above what it has left, in the order of the lots."""
    taken: dict[str, Clawback] = {}
    for account in accounts:
        wallet, clawback = refunds.claw_back(pool.wallet(account), pool.accrued_fen(account), pool.free_fen)
        if clawback.total:
            taken[account] = clawback
            pool.wallets[account] = wallet
            pool.free_fen -= clawback.expired_fen
    return taken


def _refusal(field_name: str, message: str, **facts: object) -> Refusal:
    return Refusal("replay.refused", message, field=field_name, **facts)
