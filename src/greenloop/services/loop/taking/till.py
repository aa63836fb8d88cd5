"""The till's drawer: vouchers and coupons that pay for a sale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from greenloop.core.faults import say
from greenloop.core.loop.fence import reserve
from greenloop.core.loop.spending import Paper, Purse, Spent, Use, available_fen, pay, place_debt, take_from
from greenloop.services.loop.claiming import NewClaim
from greenloop.services.loop.steps import WalletWork
from greenloop.services.loop.taking.facts import Facts
from greenloop.services.loop.taking.fencing import approved, asked_for, waits
from greenloop.services.loop.taking.sale import Sale, no
from greenloop.store.queries.parties import MemberFact, MerchantFact


@dataclass(slots=True)
class Till:
    """What vouchers and coupons have paid so far: wallet work, postings, and the coupons that are left.

    `held` are claims that sales of this batch ask for, `used` the numbers of those that they use.
    """

    facts: Facts
    work: WalletWork
    coupons: dict[int, tuple[Paper, ...]]
    amounts: list[tuple[str, str, int]] = field(default_factory=list)
    held: list[NewClaim] = field(default_factory=list)
    used: list[int] = field(default_factory=list)

    def pay(self, sale: Sale, number: int, merchant: MerchantFact, member: MemberFact, voucher_days: int) -> None:
        """Pay the voucher and the coupon part of a sale.

        :raises Refusal: the account is held, the shop is the member's own, or there is not enough; nothing changed.
            So it is where the spend waits for a second person: then a claim has been asked for, and reserved.
        """
        there = self.work.purses(member.id)
        claim = approved(self.facts, self.held, sale, merchant, member, purses=there)
        parts = dict(claim.parts) if claim else {}
        if claim:
            there = tuple(reserve(purse, spend_fen=-parts.get(purse.pool_id, 0)) for purse in there)
        purses = place_debt(there)
        coupons = self.coupons.get(member.id, ())
        self._check(sale, merchant, member)
        _check_enough("voucher_fen", sale.voucher_fen, sum(map(available_fen, purses)))
        _check_enough("coupon_fen", sale.coupon_fen, sum(coupon.left_fen for coupon in coupons))
        after, payments = pay(purses, sale.voucher_fen)
        if claim:
            self.used.append(claim.id)
        elif self.facts.fence.holds_spend(purses, payments):
            self._hold(sale, merchant, member, payments)
        else:
            after = self._counted(after, payments)
        for purse in after:
            self.work.put(member.id, purse)
        for paid in payments:
            self._note(member.id, number, paid, self.facts.at, voucher_days)
        left, uses = take_from(coupons, sale.coupon_fen)
        self.coupons[member.id] = left
        for line, use in enumerate(uses):
            self.work.coupon_uses.append((member.id, number, line, *use.paper, use.amount_fen))
        self.amounts.append(("trust:coupon", "trust:merchant_payable", sale.coupon_fen))

    def _hold(self, sale: Sale, merchant: MerchantFact, member: MemberFact, payments: Sequence[Spent]) -> NoReturn:
        """Ask for a second person's decision on a spend, or say what became of what was asked before."""
        purses = {purse.pool_id: purse for purse in self.work.purses(member.id)}
        fence = self.facts.fence
        claim = asked_for(
            self.facts,
            self.held,
            sale,
            merchant,
            member,
            parts=tuple((part.pool_id, part.amount_fen) for part in payments),
            day_fen=max(fence.spends_today_fen(purses[part.pool_id]) for part in payments),
        )
        for pool, fen in claim.parts:
            self.work.put(member.id, reserve(purses[pool], spend_fen=fen))
        self.held.append(claim)
        raise waits(claim.id)

    def _counted(self, after: Sequence[Purse], payments: Sequence[Spent]) -> tuple[Purse, ...]:
        paid = {part.pool_id: part.amount_fen for part in payments}
        fence = self.facts.fence
        return tuple(
            fence.counted(purse, spent_fen=paid[purse.pool_id]) if purse.pool_id in paid else purse for purse in after
        )

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
