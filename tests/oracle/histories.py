"""Seeded random journals of thousands of events, and small ones for Hypothesis.

They are steered: most property-based examples never take cash back from anybody, so here people draw and spend all
they can and then return the goods, pools run dry, growth comes in booms and busts, and clerks make mistakes.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from .clerk import Clerk
from .stepping import S

PERCENT = S // 100


def random_pool(rng: random.Random) -> dict[str, Any]:
    """Terms of a pool: every spend ratio, window and threshold has its turn, and caps small enough to bind."""
    return {
        "allot": rng.choice([[3, 5], [600_000, 1_000_000], [1, 1], [1, 2], [7, 11]]),
        "spend": rng.choice([[1, 1], [1, 1], [1, 1], [1, 2], [9, 10], [2, 3]]),
        "cycle_cap_fen": rng.choice([None, None, None, rng.randrange(50, 20_000), 0 if rng.random() < 0.2 else 997]),
        "dividend_threshold": rng.choice([-S, -S, 0, 15 * PERCENT, 15 * PERCENT, 3 * PERCENT, -10 * PERCENT]),
        "dividend_share": rng.choice([[1, 2], [1, 2], [1, 1], [0, 1], [1, 3]]),
        "window": rng.randrange(1, 8),
    }


def random_plan(rng: random.Random, coupling: str) -> dict[str, Any]:
    """Terms of a plan: from cautious to reckless, with caps that a few releases reach."""
    cycles = rng.choice([1, 3, 6, 12, 36, 40])
    return {
        "cycles": cycles,
        "r0": rng.choice([S // 200, S // 200, S // 40, S // 7, S // 3, rng.randrange(S // 10), 0]),
        "cap": rng.choice([5 * S, 5 * S, 2 * S, S, S // 2, S // 9, 3 * S // 100]),
        "coupling": coupling,
        "fixed_cycles": rng.choice([0, 0, 1, 2, 5, cycles, cycles + 3]),
        "g_min": rng.choice([None, -S, -S, -20 * PERCENT, 0]),
        "g_max": rng.choice([None, S, 20 * PERCENT, 0]),
        "r_max": rng.choice([None, None, S, S // 10, S // 50]),
    }


class Town:
    """One random journal in the making."""

    def __init__(self, seed: int, pools: int) -> None:
        self.rng = rng = random.Random(seed)
        self.clerk = Clerk()
        self.pools = [f"池{n}" for n in range(pools)]
        self.plans: list[str] = []
        for title in self.pools:
            self.clerk.write("pool", name=title, **random_pool(rng))
        for number, coupling in enumerate(["flat", "chain", "level", "share"] * 2):
            self.plans.append(f"{coupling}-{number}")
            self.clerk.write("plan", name=self.plans[-1], **random_plan(rng, coupling))
        self.members = [f"m{n:02}" for n in range(rng.randrange(6, 16))]
        self.merchants = [f"shop{n}" for n in range(rng.randrange(2, 6))]
        self.size = rng.choice([40, 500, 20_000, 10**9])
        self.mood = 1.0
        self.count = 0
        for title in self.pools:
            self.buy(title, member="dormant")

    # Choosing

    def pool(self) -> str:
        return self.rng.choice(self.pools)

    def account(self) -> str:
        return self.rng.choice(self.members if self.rng.random() < 0.7 else self.merchants)

    def an_order(self, pool: str) -> str | None:
        """Half of the time a recent one, which may still be in its entry cycle."""
        orders = self.clerk.orders_of(pool)
        if not orders:
            return None
        return self.rng.choice(orders[-6:] if self.rng.random() < 0.5 else orders)

    # Business

    def buy(self, pool: str, member: str | None = None) -> None:
        rng = self.rng
        self.count += 1
        member = member or rng.choice(self.members)
        merchant = rng.choice([None, *self.merchants, *self.merchants, member if rng.random() < 0.3 else "shop0"])
        fields: dict[str, Any] = {
            "order": f"o{self.count}",
            "pool": pool,
            "plan": rng.choice(self.plans),
            "member": member,
            "merchant": merchant,
            "concession_fen": rng.randrange(10, 10 + max(1, int(self.size * self.mood))),
        }
        if rng.random() < 0.15:
            fields["points"] = self.explicit_points(fields)
        if rng.random() < 0.05:
            fields["note"] = "周末促销"
        self.clerk.write("concession", **fields)

    def explicit_points(self, fields: dict[str, Any]) -> dict[str, int]:
        """A red entry for a referrer, or a pair of lots with multiples of their own."""
        rng = self.rng
        if rng.random() < 0.5:
            fields["concession_fen"] = rng.randrange(1, 1 + max(1, int(self.size * self.mood)))
            return {rng.choice(self.members): fields["concession_fen"]}
        paid = fields["concession_fen"]
        multiples = [rng.choice([0, 500_000, 1_000_000, 1_300_001]) for _ in range(3)]
        holders = [fields["member"], *rng.sample(self.merchants, 2)]
        return {who: paid * ppm // 10**6 for who, ppm in zip(holders, multiples, strict=True)}

    def trade(self, pool: str) -> None:
        """Sales, in waves: weeks of boom and of bust, and now and then nothing at all."""
        if self.rng.random() < 0.03:
            self.mood = self.rng.choice([0.0, 0.1, 0.5, 1.0, 1.2, 3.0])
        if self.mood:
            self.buy(pool)

    def close(self, pool: str) -> None:
        """Settle, sometimes several cycles that are overdue, sometimes a closed one once more."""
        for _ in range(self.rng.choice([1, 1, 1, 1, 2, 5])):
            self.clerk.settle(pool)
        if self.rng.random() < 0.15:
            self.clerk.settle_again(pool, self.rng.randrange(1, 4))

    def wallet(self, pool: str) -> None:
        clerk, rng = self.clerk, self.rng
        account, part = self.account(), rng.randrange(1, 4)
        verb: Callable[..., Any] = rng.choice(
            [clerk.draw_part, clerk.spend_part, clerk.spend_part, clerk.expire_part, clerk.return_part]
        )
        verb(account, pool, part, 3)

    def refund(self, pool: str) -> None:
        title = self.an_order(pool)
        if title is None:
            return
        rng = self.rng
        if rng.random() < 0.1:
            order = self.clerk.order(title)
            kept = {lot.account: rng.randrange(lot.points + 1) for lot in order.lots}
            fall = rng.randrange(self.clerk.left_of(title) + 1)
            self.clerk.write("refund", order=title, points_fen=fall, points=kept)
            return
        self.clerk.refund_part(title, rng.choice([0, 1, 1, 1, 2]), rng.choice([2, 2, 3, 7]))

    def clawback(self, pool: str) -> None:
        title = self.an_order(pool)
        if title is not None:
            first = self.rng.choice(["keep", "spend", "spend", "expire", "mix"])
            self.clerk.take_all_and_refund(title, first=first, part=self.rng.choice([1, 1, 2]), whole=2)

    def squeeze(self, pool: str) -> None:
        """Vouchers expire, the pool settles the money away, and then those who let them expire return the goods."""
        title = self.an_order(pool)
        if title is None:
            return
        for account in self.clerk.accounts_of(title):
            self.clerk.draw_all(account, pool)
            self.clerk.expire_part(account, pool, 1, 1)
        self.clerk.settle(pool)
        self.buy(pool)
        late = f"o{self.count}"
        self.clerk.refund_part(title, 1, 1)
        self.clerk.refund_part(late, 1, 2)
        self.clerk.refund_part(late, 1, 1)

    def cap(self, pool: str) -> None:
        cycle = self.clerk.open_cycle(pool) + self.rng.choice([0, 0, 0, 1, 2, -1])
        self.clerk.write("cap", pool=pool, cycle=cycle, cap_fen=self.rng.choice([0, 1, 333, 10**7]))

    def mistake(self, pool: str) -> None:
        """One of the lines that must be refused, and change nothing."""
        self.clerk.raw(self.rng.choice(mistakes(self.clerk, pool, self.account())))

    def day(self) -> None:
        """Write one thing that happens."""
        happens = self.rng.choices(
            [self.trade, self.close, self.wallet, self.refund, self.clawback, self.squeeze, self.cap, self.mistake],
            weights=[45, 9, 22, 9, 4, 0.7, 1.5, 4],
        )[0]
        happens(self.pool())

    def last_day(self) -> None:
        """Everything runs out without new sales, and the dormant member wakes up."""
        for title in self.pools:
            for _ in range(8):
                self.clerk.settle(title)
            self.clerk.draw_all("dormant", title)
            self.clerk.spend_part("dormant", title, 1, 1)
        self.clerk.write("state")


def mistakes(clerk: Clerk, pool: str, account: str) -> list[str]:
    """Lines with exactly one thing wrong each."""
    cycle = clerk.open_cycle(pool)
    owned = {"account": account, "pool": pool}
    holds = clerk.book.purse(account, pool)
    sale = {"kind": "concession", "order": "new", "pool": pool, "plan": "flat-0", "member": "m00", "merchant": None}
    events: list[dict[str, Any]] = [
        {"kind": "settle", "pool": pool, "cycle": cycle + 1},
        {"kind": "settle", "pool": pool, "cycle": 0},
        {"kind": "settle", "pool": "nowhere", "cycle": 1},
        {"kind": "settle", "pool": pool, "cycle": True},
        {"kind": "refund", "order": "unheard-of", "points_fen": 1},
        {"kind": "draw", **owned, "amount_fen": clerk.book.claimable(account, pool) + 1},
        {"kind": "spend", **owned, "amount_fen": clerk.spendable(account, pool) + 1},
        {"kind": "spend", **owned, "amount_fen": -1},
        {"kind": "spend", **owned, "amount_fen": 1.0},
        {"kind": "spend", **owned},
        {"kind": "expire", **owned, "amount_fen": holds.voucher + 1},
        {"kind": "return", **owned, "amount_fen": holds.redeemed + 1},
        {"kind": "draw", "account": "", "pool": pool},
        {"kind": "pool", "name": pool, **random_pool(random.Random(1))},
        {"kind": "plan", "name": "flat-0", **random_plan(random.Random(1), "flat")},
        {"kind": "cap", "pool": pool, "cycle": cycle - 1, "cap_fen": 5},
        {"kind": "cap", "pool": pool, "cycle": cycle, "cap_fen": -5},
        {**sale, "concession_fen": 9},
        {**sale, "concession_fen": "100"},
        {**sale, "concession_fen": 100, "plan": "golden"},
        {**sale, "concession_fen": 100, "points": {"m00": -1}},
        {"kind": "top-up", "account": account, "amount_fen": 100},
        {"pool": pool},
    ]
    orders = clerk.orders_of(pool)
    if orders:
        events.append({"kind": "refund", "order": orders[-1], "points_fen": clerk.left_of(orders[-1]) + 1})
        events.append({**sale, "order": orders[-1], "concession_fen": 100})
    return ["{", "[]", "null", '"draw"', "", "   ", *(json.dumps(event, ensure_ascii=False) for event in events)]


def random_history(seed: int, *, events: int, pools: int = 4, state_every: int = 25) -> Clerk:
    """A journal of at least `events` lines with the oracle's answers, the same for the same seed."""
    town = Town(seed, pools)
    next_state = state_every
    while len(town.clerk.lines) < events:
        town.day()
        if len(town.clerk.lines) >= next_state:
            town.clerk.write("state")
            next_state = len(town.clerk.lines) + state_every
    town.last_day()
    return town.clerk


# Small journals, for Hypothesis to shrink

rates = st.sampled_from([0, S // 200, S // 36, S // 10, S // 3, S]) | st.integers(0, S)
windows = st.integers(1, 7)


@st.composite
def pools(draw: st.DrawFn, *, payout: tuple[int, int] | None = None) -> dict[str, Any]:
    """Terms of a pool as the journal writes them."""
    whole = draw(st.integers(1, 20))
    spend = draw(st.integers(1, 4))
    share = draw(st.integers(1, 4))
    return {
        "allot": list(payout) if payout else [draw(st.integers(1, whole)), whole],
        "spend": [draw(st.integers(0, spend)), spend],
        "cycle_cap_fen": draw(st.none() | st.integers(0, 3_000)),
        "dividend_threshold": draw(st.sampled_from([-S, 0, 15 * PERCENT]) | st.integers(-S, S)),
        "dividend_share": [draw(st.integers(0, share)), share],
        "window": draw(windows),
    }


@st.composite
def plans(draw: st.DrawFn, *, coupling: str | None = None) -> dict[str, Any]:
    """Terms of a plan as the journal writes them."""
    g_min = draw(st.none() | st.integers(-S, 0))
    return {
        "cycles": draw(st.integers(1, 8)),
        "r0": draw(rates),
        "cap": draw(st.sampled_from([5 * S, S, S // 5]) | st.integers(0, 5 * S)),
        "coupling": coupling or draw(st.sampled_from(["flat", "chain", "level", "share"])),
        "fixed_cycles": draw(st.integers(0, 9)),
        "g_min": g_min,
        "g_max": draw(st.none() | st.integers(0, 2 * S)),
        "r_max": draw(st.none() | st.integers(0, S)),
    }


HAPPENINGS = ("buy", "buy", "buy", "settle", "settle", "draw", "spend", "expire", "return", "refund", "clawback", "cap")


def _happen(clerk: Clerk, what: str, pool: str, plan: str, who: int, size: int) -> None:
    account = f"a{who % 4}"
    part = size % 3 + 1
    parts: dict[str, Callable[..., Any]] = {
        "draw": clerk.draw_part,
        "spend": clerk.spend_part,
        "expire": clerk.expire_part,
        "return": clerk.return_part,
    }
    orders = clerk.orders_of(pool)
    if what == "buy":
        clerk.write(
            "concession",
            order=f"o{len(clerk.book.orders)}",
            pool=pool,
            plan=plan,
            member=account,
            merchant=None if who % 3 == 0 else f"a{who % 5}",
            concession_fen=size + 10,
        )
    elif what == "settle":
        clerk.settle(pool)
    elif what == "cap":
        clerk.write("cap", pool=pool, cycle=clerk.open_cycle(pool), cap_fen=size)
    elif what in parts:
        parts[what](account, pool, part, 3)
    elif orders and what == "refund":
        clerk.refund_part(orders[who % len(orders)], part, 3)
    elif orders:
        first = ("keep", "spend", "expire", "mix")[size % 4]
        clerk.take_all_and_refund(orders[who % len(orders)], first=first, part=1, whole=1 + who % 2)


@st.composite
def histories(draw: st.DrawFn, *, steps: int = 30) -> Clerk:
    """A small journal over two pools and three plans, in which a state follows every event."""
    clerk = Clerk()
    for title in ("east", "west"):
        clerk.write("pool", name=title, **draw(pools()))
    for title in ("p0", "p1", "p2"):
        clerk.write("plan", name=title, **draw(plans()))
    happening = st.tuples(
        st.sampled_from(HAPPENINGS),
        st.sampled_from(["east", "east", "west"]),
        st.sampled_from(["p0", "p1", "p2"]),
        st.integers(0, 60),
        st.integers(0, 5_000),
    )
    for step in draw(st.lists(happening, min_size=1, max_size=steps)):
        _happen(clerk, *step)
        clerk.write("state")
    return clerk
