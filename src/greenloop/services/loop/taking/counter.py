"""The counter at which a batch is rung up, one sale after the other, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from greenloop.core.faults import say
from greenloop.core.loop.concession import Split, concession_fen, split_concession
from greenloop.core.loop.minting import mints_at
from greenloop.core.loop.rules import route_of
from greenloop.services.loop.rules import Ruling, in_force
from greenloop.services.loop.taking.facts import Facts
from greenloop.services.loop.taking.sale import Sale, Sold, check_sale, no
from greenloop.services.loop.taking.till import Till
from greenloop.store.queries.parties import MemberFact, MerchantFact
from greenloop.store.sql import Row

COLUMNS = (
    *("id", "merchant_id", "order_no", "shop_id", "member_id", "referrer_id", "rules_id"),
    *("pool_id", "plan_id", "member_multiple_ppm", "merchant_multiple_ppm"),
    *("paid_at", "cash_fen", "voucher_fen", "coupon_fen", "rate_ppm", "concession_fen"),
    *("green_part_fen", "red_part_fen", "coupon_part_fen", "fee_part_fen", "grant_id", "rebate_fen"),
    *("vests_at", "journal_id"),
)
NOT_MINTING_PPM = 0
"""The rate of what is paid while minting is stopped: nothing is conceded, so nothing is earned (G14)."""
Route = tuple[int | None, int, int, int, int]
"""Store, pool, plan, the member's multiple and the merchant's, both in ppm."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A rule set as sales need it, in force until `until_at`: its split and its spans of time."""

    ruling: Ruling
    until_at: datetime
    split: Split
    new_for: timedelta
    referral_for: timedelta
    refundable_for: timedelta


def terms_at(rulings: Sequence[Ruling], at: datetime) -> Terms:
    """Return the terms in force at an instant.

    :raises Refusal: none are.
    """
    ruling = in_force(rulings, at)
    later = (each.effective_at for each in rulings if each.effective_at > ruling.effective_at)
    rules = ruling.rules
    spans = (timedelta(days) for days in (rules.new_member_days, rules.referral_days, rules.refund_days))
    return Terms(ruling, min(later, default=datetime.max.replace(tzinfo=UTC)), rules.split, *spans)


@dataclass(slots=True)
class Counter:
    """What ringing up has decided so far. `lines` are rows of `orders` without their journal."""

    facts: Facts
    till: Till
    lines: list[Row] = field(default_factory=list)
    replayed: set[int] = field(default_factory=set)
    seen: dict[tuple[int, str], tuple[Sale, Sold]] = field(default_factory=dict)
    routes: dict[tuple[int, int, bool, str | None], Route] = field(default_factory=dict)
    first_orders: dict[int, int] = field(default_factory=dict)
    red_fen: dict[tuple[int, str], int] = field(default_factory=dict)
    granted_fen: dict[int, int] = field(default_factory=dict)
    terms: Terms | None = None
    cash_fen: int = 0
    concession_fen: int = 0

    def ring_up(self, index: int, sale: Sale, number: int) -> Sold:
        """Decide one sale and return it as sold: as order `number`, or as the same sale was taken before.

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
            sold = self._again(sale, key, merchant, member)
            self.replayed.add(index)
            return sold
        line = self._line(sale, number, merchant, member)
        self.lines.append(line)
        sold = Sold(number, line[15], line[16], line[9], line[10], sale.delivered)
        self.seen[key] = sale, sold
        return sold

    def _again(self, sale: Sale, key: tuple[int, str], merchant: MerchantFact, member: MemberFact) -> Sold:
        if key in self.seen:
            before, sold = self.seen[key]
            # Whether it is delivered is no part of what was sold: it may have changed since.
            same = before == sale._replace(delivered=before.delivered)
        else:
            *body, sold = self.facts.earlier[key]
            shop = merchant.shops.get(sale.shop) if sale.shop else None
            amounts = [sale.cash_fen, sale.voucher_fen, sale.coupon_fen]
            same = body == [member.id, shop, sale.paid_at.astimezone(UTC), *amounts]
        if not same:
            message = say("The order number {value} was used for another sale. Give this sale a number of its own.")
            no("order.conflict", message, "order_no", sale.order_no)
        return sold

    def _line(self, sale: Sale, number: int, merchant: MerchantFact, member: MemberFact) -> Row:
        paid_at, cash_fen = sale.paid_at, sale.cash_fen
        if not member.enrolled_at <= paid_at <= self.facts.at:
            message = say("The time of payment {value} is ahead, or before the member enrolled.")
            no("order.paid_at", message, "paid_at", paid_at)
        terms = self._terms(paid_at)
        rate_ppm = merchant.rate_ppm(paid_at)
        if rate_ppm is None:
            no("order.rate", say("The merchant {value} had no rate card at that time."), "merchant", sale.merchant)
        if self.facts.turns and not mints_at(self.facts.turns, paid_at):
            rate_ppm = NOT_MINTING_PPM
        shop_id, pool_id, plan_id, member_ppm, merchant_ppm = self._route(
            sale, merchant, paid_at < member.enrolled_at + terms.new_for, terms
        )
        referrer_id, month, room_fen = self._referral(paid_at, member, terms)
        conceded_fen = concession_fen(cash_fen=cash_fen, rate_ppm=rate_ppm)
        green_fen, red_fen, coupon_part_fen, _, fee_fen = split_concession(
            conceded_fen, terms.split, red_room_fen=room_fen
        )
        if sale.voucher_fen or sale.coupon_fen:
            self.till.pay(sale, number, merchant, member, terms.ruling.rules.voucher_days)
        # From here on nothing refuses: what the sale changes can be noted.
        if red_fen and referrer_id is not None:
            self.red_fen[referrer_id, month] = self.red_fen.get((referrer_id, month), 0) + red_fen
        grant_id, rebate_fen = (None, 0) if member.first_order_id else self._first_order(member, number, rate_ppm)
        self.cash_fen += cash_fen
        self.concession_fen += conceded_fen
        instant = self.facts.instant
        return (
            number, merchant.id, sale.order_no, shop_id, member.id, referrer_id, terms.ruling.id,
            pool_id, plan_id, member_ppm, merchant_ppm,
            instant(paid_at), cash_fen, sale.voucher_fen, sale.coupon_fen, rate_ppm, conceded_fen,
            green_fen, red_fen, coupon_part_fen, fee_fen, grant_id, rebate_fen,
            instant(paid_at + terms.refundable_for) if sale.delivered else None,
        )  # fmt: skip

    def _terms(self, paid_at: datetime) -> Terms:
        if not self.terms or paid_at < self.terms.ruling.effective_at or paid_at >= self.terms.until_at:
            self.terms = terms_at(self.facts.rulings, paid_at)
        return self.terms

    def _route(self, sale: Sale, merchant: MerchantFact, is_new: bool, terms: Terms) -> Route:
        key = terms.ruling.id, merchant.id, is_new, sale.shop
        found = self.routes.get(key)
        if found is None:
            if sale.shop is not None and sale.shop not in merchant.shops:
                no("order.shop", say("The store {value} is not one of the merchant's."), "shop", sale.shop)
            ruling = terms.ruling
            route = route_of(
                ruling.rules,
                city=merchant.city,
                is_new=is_new,
                grade=merchant.grade,
                multiple_ppm=merchant.multiple_ppm,
                store=sale.shop or "",
            )
            shop_id = None if sale.shop is None else merchant.shops[sale.shop]
            multiples = route.member_multiple_ppm, route.merchant_multiple_ppm
            found = self.routes[key] = (shop_id, ruling.pools[route.pool], ruling.plans[route.plan], *multiples)
        return found

    def _referral(self, paid_at: datetime, member: MemberFact, terms: Terms) -> tuple[int | None, str, int]:
        """Return the referrer, the month, and what the referrer may still earn in it, in fen."""
        if member.referrer_id is None or paid_at >= member.enrolled_at + terms.referral_for:
            return None, "", 0
        rules = terms.ruling.rules
        date = rules.calendar.local_date(paid_at)
        key = member.referrer_id, f"{date.year}-{date.month:02d}"
        return *key, max(0, rules.referral_month_fen - self.facts.red_fen.get(key, 0) - self.red_fen.get(key, 0))

    def _first_order(self, member: MemberFact, number: int, rate_ppm: int) -> tuple[int | None, int]:
        """Return the grant and the rebate of a member's first order, in fen; while nothing is minted, none is first."""
        if rate_ppm == NOT_MINTING_PPM or member.id in self.first_orders:
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
