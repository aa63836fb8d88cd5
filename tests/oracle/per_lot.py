"""The auditor's replay done the slow way: one record per order and holder, every sum added up by hand.

It reads the journal of `greenloop recompute` and gives the same answers, and it shares no code with the product.
A lot carries its own cumulative release (vouchers per point × S), its own age, nominal rate and base, and walks
through every settlement by itself. There are no cohorts, no shared index, no running totals: what a pool owes is
added up lot by lot each time it is asked. Amounts are fen; rule numbers are those of settlement.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

from .reading import (
    Wrong,
    account_points,
    amount,
    known,
    name,
    number,
    parse,
    plan_terms,
    pool_terms,
)
from .stepping import Lot, PlanTerms, PoolTerms, S, settle_lots, window_total


@dataclass
class Order:
    """One concession: what it put into the pool, and the lots that it gave, one to each holder."""

    pool: str
    entry: int
    concession: int
    allot: int
    lots: list[Lot]
    fallen: int = 0


@dataclass
class Purse:
    """One account in one pool. `claimed` is net of what was taken back, `redeemed` net of what was returned."""

    claimed: int = 0
    voucher: int = 0
    redeemed: int = 0
    expired: int = 0


@dataclass
class Pool:
    """One pool: its terms, its money, and every lot that ever entered it."""

    terms: PoolTerms
    cycle: int = 1
    free: int = 0
    backing: int = 0
    inflow: dict[int, int] = field(default_factory=lambda: {1: 0})
    caps: dict[int, int] = field(default_factory=dict)
    lots: list[Lot] = field(default_factory=list)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)

    def owed(self) -> int:
        """Vouchers that all lots have released, rounded up once for the whole pool (R8)."""
        exact = sum(lot.points * lot.released for lot in self.lots)
        return ceil(Fraction(exact, S))


class PerLotBook:
    """Replays a journal line by line. `handle` answers one line and leaves the book as it was if the line is wrong."""

    def __init__(self) -> None:
        self.pools: dict[str, Pool] = {}
        self.plans: dict[str, PlanTerms] = {}
        self.orders: dict[str, Order] = {}
        self.purses: dict[tuple[str, str], Purse] = {}
        self.holdings: dict[tuple[str, str], list[Lot]] = {}
        self.spent = 0
        self.line = 0

    def handle(self, text: str) -> dict[str, Any] | None:
        """Answer one line of the journal; a blank line has no answer."""
        self.line += 1
        if not text.strip():
            return None
        try:
            event = parse(text)
            verb = getattr(self, "on_" + name(event, "kind"), None)
            if verb is None:
                raise Wrong("kind", "no such event")
            answer: dict[str, Any] = verb(event)
        except Wrong as wrong:
            return {"error": wrong.why, "field": wrong.field, "line": self.line}
        return answer

    # What a wallet holds

    def accrued(self, account: str, pool: str) -> int:
        """R9: one floor per wallet, over everything its lots have released since they entered."""
        exact = sum(lot.points * lot.released for lot in self.holdings.get((account, pool), []))
        return floor(Fraction(exact, S))

    def purse(self, account: str, pool: str) -> Purse:
        """The purse as it stands; an account that never had one reads as empty."""
        return self.purses.get((account, pool), Purse())

    def claimable(self, account: str, pool: str) -> int:
        return self.accrued(account, pool) - self.purse(account, pool).claimed

    # Terms

    def on_pool(self, event: dict[str, Any]) -> dict[str, Any]:
        title = name(event, "name")
        if title in self.pools:
            raise Wrong("name", "this pool is known")
        self.pools[title] = Pool(pool_terms(event))
        return {}

    def on_plan(self, event: dict[str, Any]) -> dict[str, Any]:
        title = name(event, "name")
        if title in self.plans:
            raise Wrong("name", "this plan is known")
        self.plans[title] = plan_terms(event)
        return {}

    # Entry

    def on_concession(self, event: dict[str, Any]) -> dict[str, Any]:
        order_name = name(event, "order")
        if order_name in self.orders:
            raise Wrong("order", "this order is known")
        pool_name = known(event, "pool", self.pools)
        plan_name = known(event, "plan", self.plans)
        member = name(event, "member")
        if "merchant" not in event:
            raise Wrong("merchant", "missing")
        merchant = None if event["merchant"] is None else name(event, "merchant")
        explicit = "points" in event
        concession = number(event, "concession_fen", 1 if explicit else 10)
        if explicit:
            shares = account_points(event["points"])
        else:
            shares = {member: concession}
            if merchant is not None:
                shares[merchant] = shares.get(merchant, 0) + concession
        pool = self.pools[pool_name]
        a, b = pool.terms.allot
        order = Order(pool_name, pool.cycle, concession, concession * a // b, [])
        for holder, points in shares.items():
            lot = Lot(holder, self.plans[plan_name], pool.cycle, points, points)
            order.lots.append(lot)
            pool.lots.append(lot)
            self.holdings.setdefault((holder, pool_name), []).append(lot)
        pool.free += order.allot
        pool.inflow[pool.cycle] += order.allot
        self.orders[order_name] = order
        return {}

    # Settlement

    def on_cap(self, event: dict[str, Any]) -> dict[str, Any]:
        pool = self.pools[known(event, "pool", self.pools)]
        cycle = number(event, "cycle", None)
        cap = number(event, "cap_fen", 0)
        if cycle < pool.cycle:
            raise Wrong("cycle", "this cycle is closed")
        pool.caps[cycle] = cap
        return {}

    def on_settle(self, event: dict[str, Any]) -> dict[str, Any]:
        pool = self.pools[known(event, "pool", self.pools)]
        cycle = number(event, "cycle", None)
        if cycle < 1 or cycle > pool.cycle:
            raise Wrong("cycle", "out of order")
        if cycle < pool.cycle:
            return pool.answers[cycle]
        terms = pool.terms
        now = window_total(pool.inflow, cycle, terms.window)
        before = window_total(pool.inflow, cycle - 1, terms.window)
        growth = None if cycle == 1 or before <= 0 else (now - before) * S // before
        c, d = terms.spend
        budget = pool.free * c // d
        cap = pool.caps.get(cycle, terms.cycle_cap)
        if cap is not None:
            budget = min(budget, cap)
        result = settle_lots(
            pool.lots,
            terms=terms,
            cycle=cycle,
            inflow=pool.inflow,
            driver=now,
            driver_before=before,
            growth=growth,
            budget=budget,
            free=pool.free,
        )
        owed = pool.owed()
        moved = owed - pool.backing
        assert 0 <= moved <= budget <= pool.free, "P1: a cycle moves no more than its budget"
        pool.free -= moved
        pool.backing = owed
        pool.cycle += 1
        pool.inflow[pool.cycle] = 0
        pool.answers[cycle] = {
            "driver": now,
            "growth": growth,
            "budget_fen": budget,
            "need": result.need,
            "scaled": result.scaled,
            "dividend": result.dividend,
            "moved_fen": moved,
            "free_fen": pool.free,
            "backing_fen": pool.backing,
        }
        return pool.answers[cycle]

    # Wallets

    def _draw(self, account: str, pool: str, drawn: int) -> None:
        if drawn == 0:
            return
        purse = self.purses.setdefault((account, pool), Purse())
        purse.claimed += drawn
        purse.voucher += drawn

    def on_draw(self, event: dict[str, Any]) -> dict[str, Any]:
        account = name(event, "account")
        pool = known(event, "pool", self.pools)
        claimable = self.claimable(account, pool)
        wanted = number(event, "amount_fen", 0) if "amount_fen" in event else claimable
        if wanted > claimable:
            raise Wrong("amount_fen", "more than is claimable")
        self._draw(account, pool, wanted)
        return {"drawn_fen": wanted}

    def on_spend(self, event: dict[str, Any]) -> dict[str, Any]:
        account, pool, wanted = amount(event, self.pools)
        missing = max(0, wanted - self.purse(account, pool).voucher)
        if missing > self.claimable(account, pool):
            raise Wrong("amount_fen", "more than the wallet holds")
        if wanted == 0:
            return {}
        self._draw(account, pool, missing)
        purse = self.purses[(account, pool)]
        purse.voucher -= wanted
        purse.redeemed += wanted
        self.spent += wanted
        return {}

    def on_expire(self, event: dict[str, Any]) -> dict[str, Any]:
        account, pool, gone = amount(event, self.pools)
        purse = self.purse(account, pool)
        if gone > purse.voucher:
            raise Wrong("amount_fen", "more than is unspent")
        purse.voucher -= gone
        purse.expired += gone
        self.pools[pool].free += gone
        self.spent += gone
        return {}

    def on_return(self, event: dict[str, Any]) -> dict[str, Any]:
        account, pool, back = amount(event, self.pools)
        purse = self.purse(account, pool)
        if back > purse.redeemed:
            raise Wrong("amount_fen", "more than was redeemed")
        purse.redeemed -= back
        purse.voucher += back
        self.spent -= back
        return {}

    # Refund

    def on_refund(self, event: dict[str, Any]) -> dict[str, Any]:
        order = self.orders[known(event, "order", self.orders)]
        fall = number(event, "points_fen", 0)
        if fall > order.concession - order.fallen:
            raise Wrong("points_fen", "more than remains of the concession")
        left = order.concession - order.fallen - fall
        named = account_points(event["points"]) if "points" in event else {}
        held = {lot.account: lot.points for lot in order.lots}
        for account, points in named.items():
            if points > held.get(account, -1):
                raise Wrong("points", "this account holds no lot of the order, or a smaller one")
        for lot in order.lots:
            rest = floor(Fraction(lot.original * left, order.concession))
            lot.points = named.get(lot.account, min(lot.points, rest))
        order.fallen += fall
        pool = self.pools[order.pool]
        if order.entry == pool.cycle:
            a, b = pool.terms.allot
            leaves = min(order.allot - left * a // b, pool.free)
            order.allot -= leaves
            pool.free -= leaves
            pool.inflow[pool.cycle] -= leaves
        owed = pool.owed()
        pool.free += pool.backing - owed
        pool.backing = owed
        return {"clawback": self._claw_back(order, pool)}

    def _claw_back(self, order: Order, pool: Pool) -> dict[str, dict[str, int]]:
        """R10: what was drawn above what is now accrued, from vouchers, then from expired ones, then in cash."""
        taken: dict[str, dict[str, int]] = {}
        for account in (lot.account for lot in order.lots):
            purse = self.purse(account, order.pool)
            excess = purse.claimed - self.accrued(account, order.pool)
            if excess <= 0:
                continue
            from_voucher = min(excess, purse.voucher)
            from_expired = min(excess - from_voucher, purse.expired, pool.free)
            in_cash = excess - from_voucher - from_expired
            purse.claimed -= excess
            purse.voucher -= from_voucher
            purse.expired -= from_expired
            pool.free -= from_expired
            self.spent -= from_expired + in_cash
            taken[account] = {"voucher_fen": from_voucher, "cash_fen": in_cash}
        return taken

    # The whole picture

    def on_state(self, _: dict[str, Any]) -> dict[str, Any]:
        accounts: dict[str, dict[str, dict[str, int]]] = {}
        liability = 0
        for account, pool in sorted(self.holdings.keys() | self.purses.keys()):
            accrued, purse = self.accrued(account, pool), self.purse(account, pool)
            liability += accrued - purse.claimed + purse.voucher
            accounts.setdefault(account, {})[pool] = {
                "accrued_fen": accrued,
                "claimed_fen": purse.claimed,
                "voucher_fen": purse.voucher,
            }
        pools = {
            title: {"cycle": pool.cycle, "free_fen": pool.free, "backing_fen": pool.backing}
            for title, pool in sorted(self.pools.items())
        }
        backing = sum(pool.backing for pool in self.pools.values())
        return {
            "accounts": accounts,
            "pools": pools,
            "liability_fen": liability,
            "dust_fen": backing - self.spent - liability,
            "trust_fen": sum(pool.free for pool in self.pools.values()) + backing - self.spent,
        }


def replay(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Answer every line of a journal that isn't blank."""
    book = PerLotBook()
    for text in lines:
        answer = book.handle(text)
        if answer is not None:
            yield answer
