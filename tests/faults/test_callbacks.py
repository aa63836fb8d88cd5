"""What a payment institution and shops report comes twice, late and in every order: only the set of it matters.

Each sequence happens to a shop of its own, within one cycle: an order, paid in part with vouchers of an earlier
purchase, and an older one, paid out by now, whose refund has to wait for money. What a verb refuses, because its cause
hasn't come yet, is sent again later, as whoever calls back does; and so is a refund that waits.
"""

import random
from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

from greenloop.core.faults import Refusal
from greenloop.services.loop import confirm, refund
from greenloop.services.loop.refund import RefundForm
from greenloop.services.people.enrol import MemberForm, MerchantForm, enrol_members, enrol_merchants
from greenloop.store.queries import refunds
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.support.databases import Database
from tests.support.ledger import balances, fetch
from tests.support.town import OPENING_AT, Town, found_town

EVENTS = ("taken", "cash", "delivered", "refund", "old refund", "deposit")
ORDERS = list(permutations(EVENTS))
SEQUENCES = len(ORDERS) if PROFILE.scale > 1 else 50
CASH_FEN, VOUCHER_FEN, REFUND_FEN = 40_000, 60, 15_000
OLD_FEN, OLD_REFUND_FEN, DEPOSIT_FEN = 50_000, 20_000, 30_000
TOO_EARLY = {"confirm.none", "refund.order", "refund.pending"}
TRIES_MAX = 500
Event = Callable[[], bool]
Rows = list[tuple[Any, ...]]


def founded(shops: int) -> Town:
    """Return a town with so many shops; one member of each has vouchers, the other bought there and it was paid out."""
    town = found_town()
    told: dict[str, Any] = {"city": "Hangzhou", "enrolled_at": OPENING_AT}
    names = [f"m{shop}" for shop in range(shops)]
    forms = [MerchantForm(ref=ref, rate_ppm=100_000, **told) for ref in names]
    town.merchants |= enrol_merchants(forms=forms, at=OPENING_AT)
    members = [MemberForm(ref=f"{kind}{shop}", **told) for shop in range(shops) for kind in "pq"]
    town.ids |= enrol_members(forms=members, at=OPENING_AT) | town.merchants
    sales = [town.sale(f"p{shop}", "grocer", 100_000) for shop in range(shops)]
    sales += [town.sale(f"q{shop}", f"m{shop}", OLD_FEN, order_no="old") for shop in range(shops)]
    assert not town.take(*sales).refusals
    town.confirm()
    town.close_all([1, 2])
    assert len(town.pay_out()) == shops + 1
    return town.later(hours=1)


def events(town: Town, shop: int) -> dict[str, Event]:
    """Return what may be reported to one shop; each tells whether it is settled, or is to be reported again."""
    name, paid_at = f"m{shop}", town.at
    sale = town.sale(f"p{shop}", name, CASH_FEN, voucher_fen=VOUCHER_FEN, order_no="new", delivered=False)
    assert sale.paid_at == paid_at

    def number() -> list[int]:
        found = fetch("SELECT id FROM orders WHERE merchant_id = %s AND order_no = 'new'", town.ids[name])
        return [int(row[0]) for row in found]

    def taken() -> bool:
        for refusal in town.take(sale).refusals.values():
            raise refusal
        return True

    def cash() -> bool:
        confirm.confirm_cash(statement=f"bank-{shop}", at=town.at, order_ids=number())
        return True

    def delivered() -> bool:
        confirm.confirm_delivery(at=town.at, order_ids=number())
        return True

    def refunded(order_no: str, fen: int) -> bool:
        done = refund.refund(forms=[RefundForm(name, order_no, "r1", fen)], at=town.at)
        for refusal in done.refusals.values():
            raise refusal
        return done.states[0] == "paid"

    return {
        "taken": taken,
        "cash": cash,
        "delivered": delivered,
        "refund": partial(refunded, "new", REFUND_FEN),
        "old refund": partial(refunded, "old", OLD_REFUND_FEN),
        "deposit": lambda: bool(town.deposit(name, DEPOSIT_FEN)),
    }


def report(town: Town, shop: int, order: tuple[str, ...], dice: random.Random, tally: Tally) -> None:
    """Report events in that order, any of them twice, and those that came too early again until all are settled."""
    known, again, tries = events(town, shop), list[str](), 0
    coming = [(name, turn) for name in order for turn in range(dice.choice((1, 1, 2)))]
    while coming or again:
        # What came too early is sent again after anything else was, or when nothing else is left.
        name, turn = coming.pop(0) if coming and (not again or dice.random() < 0.6) else (again.pop(0), 0)
        town.later(seconds=dice.randrange(1, 20))
        tally.counts["reported"] += 1
        tally.counts["twice"] += turn
        try:
            settled = known[name]()
        except Refusal as refusal:
            if refusal.code not in TOO_EARLY:
                raise
            settled = False
        tries += 1
        assert tries < TRIES_MAX, f"seed {SEED}, {order}: these are never settled: {again}"
        tally.counts["too_early"] += not settled
        tally.acknowledged += settled
        if not settled:
            again.append(name)
        elif dice.random() < 0.2:
            coming.insert(dice.randrange(len(coming) + 1), (name, 1))


def picture(town: Town, shop: int) -> dict[str, Rows]:
    """Return one shop's rows and its members', without ids, journals' numbers and times."""
    names = {town.ids[f"{kind}{shop}"]: kind for kind in "mpq"}
    merchant = town.ids[f"m{shop}"]
    found = {name: fetch(query, merchant) for name, query in _OF_SHOP.items()}
    for name, query in _OF_HOLDER.items():
        rows = fetch(query.replace("HOLDERS", "%s, %s, %s"), *names)
        found[name] = sorted((names[account], *row) for account, *row in rows)
    found["dues"] = [(refunds.dues_fen([merchant])[merchant],)]
    return found


def assert_all_end_alike(town: Town, orders: list[tuple[str, ...]]) -> None:
    wanted = picture(town, 0)
    assert all(wanted.values()), wanted
    wrong = [order for shop, order in enumerate(orders) if picture(town, shop) != wanted]
    assert wrong == [], f"seed {SEED}: another end than {orders[0]}"


def test_what_has_happened_depends_on_what_was_reported_and_not_on_when_or_how_often(database: Database) -> None:
    dice = chance("callbacks")
    # In the order of the business, in the reverse order, and in others: all there are, in the long profile.
    orders = [ORDERS[0], ORDERS[-1], *dice.sample(ORDERS[1:-1], SEQUENCES - 2)]
    town = founded(SEQUENCES)
    with tallied("callbacks twice, late, in any order", database.engine) as tally:
        before = balances()
        for shop, order in enumerate(orders):
            report(town, shop, order, dice, tally)
        tally.counts["sequences"] = SEQUENCES
        after = balances()
        assert_all_end_alike(town, orders)
        town.close(3)
        assert_all_end_alike(town, orders)
        # The deposit, and the order's cash, less what came back of both orders in cash.
        old_fen, new_fen = (int(row[0]) for row in fetch(_CASH_BACK))
        assert (after["trust:bank"] - before["trust:bank"], after["trust:in_transit"]) == (
            DEPOSIT_FEN * SEQUENCES + CASH_FEN * SEQUENCES - old_fen - new_fen,
            0,
        )
        tally.doubled = int(fetch("SELECT COUNT(*) FROM orders WHERE order_no = 'new'")[0][0]) - SEQUENCES
        tally.prove_books()
        assert min(tally.counts["twice"], tally.counts["too_early"]) > 0
        tally.assert_exact()


_CASH_BACK = """
    SELECT SUM(r.cash_fen - r.withheld_fen) FROM refund r JOIN orders o ON o.id = r.order_id
    GROUP BY o.order_no ORDER BY o.order_no DESC
"""
_OF_SHOP = {
    "orders": """
        SELECT order_no, cash_fen, voucher_fen, coupon_fen, concession_fen, green_part_fen, red_part_fen,
            coupon_part_fen, fee_part_fen, confirmed_at IS NOT NULL, vests_at IS NOT NULL, held, entry_cycle,
            entered_fen, kept_fen, refunded_fen, refunded_cash_fen, refunded_voucher_fen, concession_lost_fen,
            payout_id IS NOT NULL
        FROM orders WHERE merchant_id = %s ORDER BY order_no
    """,
    "refunds": """
        SELECT o.order_no, r.refund_no, r.amount_fen, r.state, r.cycle, r.cash_fen, r.voucher_fen, r.coupon_fen,
            r.withheld_fen, r.concession_lost_fen, r.member_points_lost, r.merchant_points_lost, r.effect, r.dues_fen
        FROM refund r JOIN orders o ON o.id = r.order_id WHERE r.merchant_id = %s ORDER BY o.order_no
    """,
    "deposits": "SELECT deposit_no, amount_fen FROM deposit WHERE merchant_id = %s",
}
_OF_HOLDER = {
    "positions": """
        SELECT x.account_id, c.entry, x.points FROM position x JOIN cohort c ON c.id = x.cohort_id
        WHERE x.account_id IN (HOLDERS)
    """,
    "wallets": """
        SELECT account_id, claimed_fen, voucher_fen, redeemed_fen, expired_fen, debt_fen FROM wallet
        WHERE account_id IN (HOLDERS)
    """,
    "entries": "SELECT account_id, kind, cycle, amount_fen FROM wallet_entry WHERE account_id IN (HOLDERS)",
    "vouchers": "SELECT account_id, face_fen, left_fen FROM voucher WHERE account_id IN (HOLDERS)",
    "uses": "SELECT account_id, line, amount_fen, returned_fen FROM voucher_use WHERE account_id IN (HOLDERS)",
    "coupons": "SELECT account_id, kind, face_fen, left_fen, expired_fen FROM coupon WHERE account_id IN (HOLDERS)",
}
