"""A random but repeatable life of a town: all verbs, in any order, as people and schedulers would call them."""

import random
from collections import Counter
from collections.abc import Callable

from greenloop.core.faults import Refusal
from greenloop.services.loop.claim import approve as approve_claim
from greenloop.services.loop.claim import lapse, withdraw
from greenloop.services.loop.claim import reject as reject_claim
from greenloop.services.loop.draw import Held
from greenloop.services.loop.hold import hold_account, hold_order, release
from greenloop.services.loop.settle import approve, reject
from greenloop.services.loop.take import Sale
from greenloop.store.queries import claims
from tests.support.ledger import fetch
from tests.support.town import Document, Town, found_town, plain_rules

MEMBERS = ("mei", "lin", "bo")
MERCHANTS = ("grocer", "baker", "tailor")


def lively_rules(preset: str, *, daily_cap_fen: int | None, large_claim_fen: int | None = None) -> Document:
    """Return rules under which much happens in few days: daily cycles, short validities, two pools, odd multiples."""
    from greenloop.core.loop.presets import preset_document
    from tests.support.town import OPENS_DATE

    document: Document = preset_document(preset, opens_date=OPENS_DATE, cycle_days=1)
    plain = plain_rules()
    document["pools"]["village"] = dict(plain["pools"]["green"])
    document["plans"]["village"] = {**plain["plans"]["short"], "r0": 8 * 10**9}
    odd = {"member_multiple_ppm": 1_000_000, "merchant_multiple_ppm": 333_333}
    document["routes"].insert(0, {"pool": "village", "plan": "village", "cities": ["Village"], **odd})
    short = {"refund_days": 1, "voucher_days": 3, "coupon_days": 2, "return_days": 2, "referral_month_fen": 9_000}
    fence = {} if large_claim_fen is None else {"large_claim_fen": large_claim_fen}
    return document | short | {"daily_rebate_cap_fen": daily_cap_fen} | fence


class Life:
    """One town, one seed. `done` counts what was done, `refused` the expected no's by code.

    With `large_claim_fen` large draws and spends are held, decided on, taken back, and come again.
    """

    def __init__(
        self,
        seed: int,
        *,
        preset: str = "steady",
        daily_cap_fen: int | None = None,
        large_claim_fen: int | None = None,
    ) -> None:
        self.chance = random.Random(seed)
        rules = lively_rules(preset, daily_cap_fen=daily_cap_fen, large_claim_fen=large_claim_fen)
        self.town: Town = found_town(rules)
        self.is_fenced = large_claim_fen is not None
        self.large: list[Sale] = []
        self.town.merchant("tailor", city="Village", rate_ppm=123_456, linked=("bo",))
        self.buyers = [*MEMBERS, *MEMBERS, *MERCHANTS]
        self.cycle = 1
        self.orders: list[int] = []
        self.holds: list[int] = []
        self.asked: list[tuple[int, int, str]] = []
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def live(self, days: int, *, errands: int) -> None:
        """Live some days, each with so many errands and a closing; then confirm what is open."""
        for _ in range(days):
            for _ in range(errands):
                self.town.later(minutes=1)
                self.errand()
                if self.is_fenced:
                    self.attempt(self.chance.choice((self.decide_large, self.come_again, self.take_back, self.errand)))
            self.night()

    def errand(self) -> None:
        doing = self.chance.choices(
            (self.buy, self.refund, self.draw, self.confirm, self.deliver, self.hold, self.free, self.ask_again),
            (40, 14, 12, 14, 10, 2, 3, 4),
        )[0]
        known = {"hold": self.orders, "deliver": self.orders, "refund": self.orders, "free": self.holds}
        missing = not known.get(doing.__name__, self.asked if doing == self.ask_again else [1])
        self.attempt(self.buy if missing else doing)

    def attempt(self, doing: Callable[[], object]) -> None:
        try:
            doing()
        except Refusal as refusal:
            self.refused[refusal.code] += 1
        else:
            self.done[doing.__name__] += 1

    def amount(self) -> int:
        return self.chance.choice((0, 1, 49, 777, 12_345, 50_000, 400_001, 3_000_017))

    def buy(self) -> None:
        member, merchant = self.chance.choice(self.buyers), self.chance.choice(MERCHANTS)
        holding = self.town.wallet(member)
        most = max(0, holding.claimable_fen - holding.debt_fen) + holding.voucher_fen
        paid = {
            "voucher_fen": self.chance.choice((0, most, most, most // 2, 1)),
            "coupon_fen": self.chance.choice((0, 0, self.town.coupons(member))),
        }
        told = {"delivered": self.chance.random() < 0.6, "confirmed": self.chance.random() < 0.7}
        sale = self.town.sale(member, merchant, self.amount(), **paid, delivered=told["delivered"])
        self.send(sale, confirmed=told["confirmed"])

    def send(self, sale: Sale, *, confirmed: bool) -> None:
        taking = self.town.take(sale)
        for refusal in taking.refusals.values():
            if refusal.code == "claim.held" and sale not in self.large:
                self.large.append(sale)
            raise refusal
        order = taking.order_ids[0]
        assert order is not None
        self.orders.append(order)
        if confirmed:
            self.town.confirm([order])

    def refund(self) -> None:
        vested = [int(row[0]) for row in fetch("SELECT id FROM orders WHERE entry_cycle IS NOT NULL ORDER BY id")]
        order = self.chance.choice(vested if vested and self.chance.random() < 0.6 else self.orders)
        price = int(fetch("SELECT cash_fen + voucher_fen + coupon_fen FROM orders WHERE id = %s", order)[0][0])
        fen = self.chance.choice((price, price // 2, price // 3, 1, 100))
        number = f"r{len(self.asked)}"
        self.asked.append((order, fen, number))
        self.done[str(self.town.refund(order, fen, number))] += 1

    def ask_again(self) -> None:
        order, fen, number = self.chance.choice(self.asked)
        self.done[f"again {self.town.refund(order, fen, number)}"] += 1

    def draw(self) -> None:
        ref = self.chance.choice((*MEMBERS, *MERCHANTS))
        pool = self.chance.choice(("green", "village", "red"))
        if isinstance(self.town.ask(ref, self.chance.choice((None, None, 10)), pool=pool), Held):
            self.done["ask"] += 1

    def decide_large(self) -> None:
        """Decide on one of the claims that wait."""
        found = claims.claims(limit=50)
        if not found:
            return
        row = self.chance.choice(found)
        told = {"claim_id": row.id, "seen": row.content_hash, "by": "second", "at": self.town.at}
        if self.chance.random() < 0.7:
            approve_claim(**told)  # type: ignore[arg-type]
            self.done[f"{row.kind} approved"] += 1
        else:
            reject_claim(**told, reason="looks odd")  # type: ignore[arg-type]
            self.done["rejected"] += 1

    def end_unused(self) -> None:
        self.done["lapsed"] += lapse(at=self.town.at).claims

    def come_again(self) -> None:
        """Send an order again that was held, as it was or with a little less."""
        if self.large:
            sale = self.chance.choice(self.large)
            less = self.chance.choice((0, 0, 0, 1))
            self.send(sale._replace(voucher_fen=max(0, sale.voucher_fen - less)), confirmed=True)
            self.large.remove(sale)
            self.done["came again"] += 1

    def take_back(self) -> None:
        found = fetch("SELECT id, account_id FROM claim WHERE ended_at IS NULL ORDER BY id")
        if found and self.chance.random() < 0.3:
            number, account = map(int, self.chance.choice(found))
            withdraw(claim_id=number, account_id=account, by=f"account/{account}", at=self.town.at)
            self.done["withdrawn"] += 1

    def confirm(self) -> None:
        self.town.confirm()

    def deliver(self) -> None:
        self.town.deliver(self.chance.choice(self.orders))

    def hold(self) -> None:
        facts = {"reason": "looks odd", "by": "risk", "at": self.town.at}
        if self.chance.random() < 0.5:
            self.holds.append(hold_order(order_id=self.chance.choice(self.orders), **facts))  # type: ignore[arg-type]
        else:
            self.holds.append(hold_account(account_id=self.town.ids[self.chance.choice(MEMBERS)], **facts))  # type: ignore[arg-type]

    def free(self) -> None:
        release(hold_id=self.holds.pop(), by="risk", at=self.town.at)

    def night(self) -> None:
        """Close the day's cycle, or leave it to wait; expire, pay out, move the fee, decide on what is held."""
        self.town.at = max(self.town.at, self.town.calendar.cutoff_at(self.cycle))
        self.attempt(self.close)
        self.attempt(self.decide)
        if self.is_fenced:
            self.attempt(self.end_unused)
        self.attempt(self.expire)
        self.attempt(self.pay_out)
        if self.chance.random() < 0.2:
            self.attempt(self.bring_money)
        if self.chance.random() < 0.3:
            self.attempt(self.welcome)

    def close(self) -> None:
        if self.chance.random() < 0.15:
            return
        cycle, self.cycle = self.cycle, self.cycle + 1
        try:
            self.town.close(cycle)
        except Refusal:
            self.cycle = cycle
            raise

    def decide(self) -> None:
        held = [int(row[0]) for row in fetch("SELECT cycle FROM settlement_run WHERE state = 'held'")]
        posted = self.cycle - 1 - len(held)
        if posted:
            self.town.transfer_fees(posted)
        for cycle in held:
            deciding = self.chance.random()
            if deciding < 0.3:
                reject(cycle=cycle, caps_fen={"green": 500}, by="first", at=self.town.at)
                approve(cycle=cycle, by="second", at=self.town.at)
            elif deciding < 0.7:
                approve(cycle=cycle, by="second", at=self.town.at)

    def expire(self) -> None:
        self.town.expire()

    def pay_out(self) -> None:
        if self.chance.random() < 0.5:
            self.town.pay_out()

    def welcome(self) -> None:
        """Grant rebates out of the fees, and let a newcomer arrive who will buy some day."""
        number = len(self.buyers)
        self.town.member(f"new{number}", referrer=self.chance.choice(MEMBERS), enrolled_at=self.town.at)
        self.buyers.append(f"new{number}")
        self.town.grant(900, self.chance.choice((300, 900)), f"grant-{number}")

    def bring_money(self) -> None:
        number = f"d{sum(self.done.values())}"
        self.town.deposit(self.chance.choice(MERCHANTS), self.chance.choice((1_000, 100_000)), number)
