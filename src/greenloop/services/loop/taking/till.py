"""The till's drawer: vouchers and coupons that pay for a sale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from greenloop.core.faults import say
from greenloop.core.loop.spending import Paper, Spent, Use, available_fen, pay, place_debt, take_from
from greenloop.services.loop.steps import WalletWork
from greenloop.services.loop.taking.facts import Facts
from greenloop.services.loop.taking.sale import Sale, no
from greenloop.store.queries.parties import MemberFact, MerchantFact


@dataclass(slots=True)
class Till:
    """What vouchers and coupons have paid so far: wallet work, postings, and the coupons that are left."""

    facts: Facts
    work: WalletWork
    coupons: dict[int, tuple[Paper, ...]]
    amounts: list[tuple[str, str, int]] = field(default_factory=list)

    def pay(self, sale: Sale, number: int, merchant: MerchantFact, member: MemberFact, voucher_days: int) -> None:
        """Pay the voucher and the coupon part of a sale.

        :raises Refusal: the account is held, the shop is the member's own, or there is not enough; nothing changed.
        """
        purses = place_debt(self.work.purses(member.id))
        coupons = self.coupons.get(member.id, ())
        self._check(sale, merchant, member)
        _check_enough("voucher_fen", sale.voucher_fen, sum(map(available_fen, purses)))
        _check_enough("coupon_fen", sale.coupon_fen, sum(coupon.left_fen for coupon in coupons))
        after, payments = pay(purses, sale.voucher_fen)
        for purse in after:
            self.work.put(member.id, purse)
        for paid in payments:
            self._note(member.id, number, paid, self.facts.at, voucher_days)
        left, uses = take_from(coupons, sale.coupon_fen)
        self.coupons[member.id] = left
        for line, use in enumerate(uses):
            self.work.coupon_uses.append((member.id, number, line, *use.paper, use.amount_fen))
        self.amounts.append(("trust:coupon", "trust:merchant_payable", sale.coupon_fen))

    def _check(self, sale: Sale, merchant: MerchantFact, member: MemberFact) -> None:
        if member.id in self.facts.held:
            no("spend.held", say("The account of {value} is on hold and can't spend."), "member", sale.member)
        if (member.id, merchant.id) in self.facts.own_shops:
            message = say("{value} belongs to this shop, where its own vouchers and coupons are not taken.")
            no("spend.own_shop", message, "member", sale.member)
        if sale.coupon_fen and not merchant.accepts_coupons:
            no("spend.coupon", say("The merchant {value} takes no shopping coupons."), "coupon_fen", sale.merchant)

    def _note(self, account: int, number: int, paid: Spent, at: datetime, voucher_days: int) -> None:
        pool, drawn = paid.pool_id, paid.drawn
        uses: Sequence[Use] = paid.uses
        self.work.drawn(account, pool, drawn, number)
        if drawn.drawn_fen:
            # Drawn and spent at once; the row is kept, because a refund gives these vouchers back with their expiry.
            fresh = self.work.voucher(account, pool, face_fen=drawn.drawn_fen, left_fen=0, at=at, days=voucher_days)
            uses = (*uses, Use(fresh, drawn.drawn_fen))
        self.work.used(account, number, pool, uses)
        self.work.entry(account, pool, "spend", paid.amount_fen, number)
        self.work.move(pool).spent_fen += paid.amount_fen
        self.amounts += spend_amounts(self.facts.pool_names, paid)


def spend_amounts(pool_names: Mapping[int, str], paid: Spent) -> list[tuple[str, str, int]]:
    """Return the postings of one payment out of one pool: draw, repay, spend."""
    name = pool_names[paid.pool_id]
    return [
        (f"trust:accrued:{name}", "trust:reserve", paid.drawn.repaid_fen),
        (f"trust:accrued:{name}", f"trust:voucher:{name}", paid.drawn.drawn_fen),
        (f"trust:voucher:{name}", "trust:merchant_payable", paid.amount_fen),
    ]


def _check_enough(field: str, wanted_fen: int, available: int) -> None:
    if wanted_fen > available:
        # What the member has is the member's to know: whoever holds a till's key would read it off a refusal.
        message = say("More is asked for than can be spent. Pay the rest in cash.")
        no("spend.balance", message, field, wanted_fen)
