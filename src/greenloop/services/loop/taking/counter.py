"""The counter at which a batch is rung up, one sale after the other, in memory."""

from dataclasses import dataclass, field
from datetime import UTC, timedelta

from greenloop.core.faults import say
from greenloop.core.loop.concession import concession_fen, split_concession
from greenloop.core.loop.rules import route_of
from greenloop.services.loop.rules import Ruling, in_force
from greenloop.services.loop.taking.facts import Facts
from greenloop.services.loop.taking.sale import Sale, check_sale, no
from greenloop.services.loop.taking.till import Till
from greenloop.store.queries.parties import MemberFact, MerchantFact
from greenloop.store.sql import Row

COLUMNS = (
    *("id", "merchant_id", "order_no", "shop_id", "member_id", "referrer_id", "rules_id"),
    *("pool_id", "plan_id", "member_multiple_ppm", "merchant_multiple_ppm"),
    *("paid_at", "cash_fen", "voucher_fen", "coupon_fen", "rate_ppm", "concession_fen"),
    *("green_part_fen", "red_part_fen", "coupon_part_fen", "fee_part_fen", "grant_id", "rebate_fen"),
    *("confirmed_at", "vests_at", "journal_id"),
)
Route = tuple[int, int, int, int]
"""Pool, plan, the member's multiple and the merchant's, both in ppm."""


@dataclass(slots=True)
class Counter:
    """What ringing up has decided so far. `lines` are rows of `orders` without their journal."""

    facts: Facts
    till: Till
    lines: list[Row] = field(default_factory=list)
    replayed: set[int] = field(default_factory=set)
    seen: dict[tuple[int, str], tuple[Sale, int]] = field(default_factory=dict)
    routes: dict[tuple[int, int, bool, str | None], Route] = field(default_factory=dict)
    first_orders: dict[int, int] = field(default_factory=dict)
    red_fen: dict[tuple[int, str], int] = field(default_factory=dict)
    granted_fen: dict[int, int] = field(default_factory=dict)
    cash_fen: int = 0
    concession_fen: int = 0

    def ring_up(self, index: int, sale: Sale, number: int) -> int:
        """Decide one sale and return its order id: `number`, or that of the same sale taken before.

        :raises Refusal: the sale can't be taken; nothing was changed for it.
        """
        merchant = self.facts.merchants.get(sale.merchant)
        if merchant is None:
            no("order.merchant", say("The merchant {value} is not enrolled."), "merchant", sale.merchant)
        member = self.facts.members.get(sale.member)
        if member is None:
            no("order.member", say("The member {value} is not enrolled."), "member", sale.member)
        check_sale(sale)
        key = merchant.id, sale.order_no
        if key in self.seen or key in self.facts.earlier:
            number = self._again(sale, key, merchant, member)
            self.replayed.add(index)
            return number
        self.lines.append(self._line(sale, number, merchant, member))
        self.seen[key] = sale, number
        return number

    def _again(self, sale: Sale, key: tuple[int, str], merchant: MerchantFact, member: MemberFact) -> int:
        if key in self.seen:
            before, number = self.seen[key]
            same = before == sale
        else:
            number, *body = self.facts.earlier[key]
            shop = merchant.shops.get(sale.shop) if sale.shop else None
            amounts = [sale.cash_fen, sale.voucher_fen, sale.coupon_fen]
            same = body == [member.id, shop, sale.paid_at.astimezone(UTC), *amounts]
        if not same:
            message = say("The order number {value} was used for another sale. Give this sale a number of its own.")
            no("order.conflict", message, "order_no", sale.order_no)
        return number

    def _line(self, sale: Sale, number: int, merchant: MerchantFact, member: MemberFact) -> Row:
        ruling = in_force(self.facts.rulings, sale.paid_at)
        rate_ppm, shop_id = self._terms(sale, merchant, member)
        referrer_id, month, room_fen = self._referral(sale, member, ruling)
        conceded_fen = concession_fen(cash_fen=sale.cash_fen, rate_ppm=rate_ppm)
        green_fen, red_fen, coupon_part_fen, _, fee_fen = split_concession(
            conceded_fen, ruling.rules.split, red_room_fen=room_fen
        )
        if sale.voucher_fen or sale.coupon_fen:
            self.till.pay(sale, number, merchant, member, ruling.rules.voucher_days)
        # From here on nothing refuses: what the sale changes can be noted.
        if red_fen and referrer_id is not None:
            self.red_fen[referrer_id, month] = self.red_fen.get((referrer_id, month), 0) + red_fen
        grant_id, rebate_fen = self._first_order(member, number)
        self.cash_fen += sale.cash_fen
        self.concession_fen += conceded_fen
        paid_at = self.facts.instant(sale.paid_at)
        vests_at = self.facts.instant(sale.paid_at + timedelta(ruling.rules.refund_days)) if sale.delivered else None
        return (
            *(number, merchant.id, sale.order_no, shop_id, member.id, referrer_id, ruling.id),
            *self._route(sale, merchant, member, ruling),
            *(paid_at, sale.cash_fen, sale.voucher_fen, sale.coupon_fen, rate_ppm, conceded_fen),
            *(green_fen, red_fen, coupon_part_fen, fee_fen, grant_id, rebate_fen),
            *(None if sale.cash_fen else paid_at, vests_at),
        )

    def _terms(self, sale: Sale, merchant: MerchantFact, member: MemberFact) -> tuple[int, int | None]:
        """Return the rate and the store's id."""
        if not member.enrolled_at <= sale.paid_at <= self.facts.at:
            message = say("The time of payment {value} is ahead, or before the member enrolled.")
            no("order.paid_at", message, "paid_at", sale.paid_at)
        rate_ppm = merchant.rate_ppm(sale.paid_at)
        if rate_ppm is None:
            no("order.rate", say("The merchant {value} had no rate card at that time."), "merchant", sale.merchant)
        if not sale.shop:
            return rate_ppm, None
        if sale.shop not in merchant.shops:
            no("order.shop", say("The store {value} is not one of the merchant's."), "shop", sale.shop)
        return rate_ppm, merchant.shops[sale.shop]

    def _route(self, sale: Sale, merchant: MerchantFact, member: MemberFact, ruling: Ruling) -> Route:
        is_new = sale.paid_at - member.enrolled_at < timedelta(ruling.rules.new_member_days)
        key = ruling.id, merchant.id, is_new, sale.shop
        found = self.routes.get(key)
        if found is None:
            route = route_of(
                ruling.rules,
                city=merchant.city,
                is_new=is_new,
                grade=merchant.grade,
                multiple_ppm=merchant.multiple_ppm,
                store=sale.shop or "",
            )
            multiples = route.member_multiple_ppm, route.merchant_multiple_ppm
            found = self.routes[key] = (ruling.pools[route.pool], ruling.plans[route.plan], *multiples)
        return found

    def _referral(self, sale: Sale, member: MemberFact, ruling: Ruling) -> tuple[int | None, str, int]:
        """Return the referrer, the month, and what the referrer may still earn in it, in fen."""
        rules = ruling.rules
        if member.referrer_id is None or sale.paid_at >= member.enrolled_at + timedelta(rules.referral_days):
            return None, "", 0
        month = f"{rules.calendar.local_date(sale.paid_at):%Y-%m}"
        key = member.referrer_id, month
        return *key, max(0, rules.referral_month_fen - self.facts.red_fen.get(key, 0) - self.red_fen.get(key, 0))

    def _first_order(self, member: MemberFact, number: int) -> tuple[int | None, int]:
        """Return the grant and the rebate of a member's first order, in fen."""
        if member.first_order_id is not None or member.id in self.first_orders:
            return None, 0
        self.first_orders[member.id] = number
        for grant in self.facts.grants:
            granted_fen = self.granted_fen.get(grant.id, 0) + grant.rebate_fen
            if granted_fen <= grant.left_fen:
                self.granted_fen[grant.id] = granted_fen
                return grant.id, grant.rebate_fen
        return None, 0

    def amounts(self) -> list[tuple[str, str, int]]:
        """Return the batch's postings."""
        cash, payable = "trust:in_transit", "trust:merchant_payable"
        return [
            (cash, payable, self.cash_fen - self.concession_fen),
            (cash, "trust:concession_pending", self.concession_fen),
            *self.till.amounts,
        ]
