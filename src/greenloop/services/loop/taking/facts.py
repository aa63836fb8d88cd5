"""What `take` reads before it rings up a batch: a dozen queries, whatever the batch's size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.loop.fence import OPEN, Fence, fence_of
from greenloop.core.loop.minting import Turn
from greenloop.core.loop.spending import Paper, Purse
from greenloop.services.loop.rules import RULING_ASKS, Ruling, rulings_of
from greenloop.services.loop.taking.sale import Sale, Sold
from greenloop.services.loop.taking.sellers import sellers_of, turns_of
from greenloop.store import locks, sql
from greenloop.store.queries import claims, parties, wallets
from greenloop.store.queries.claims import Known, OrderKey
from greenloop.store.queries.parties import MemberFact, MerchantFact
from greenloop.store.sql import Row


@dataclass(frozen=True, slots=True)
class GrantFact:
    """An approved grant that can still pay first-order rebates, in fen."""

    id: int
    rebate_fen: int
    left_fen: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a batch is decided on. `earlier` are orders with a number of this batch: (body …, sold) by key.

    `fence` is what may be spent without a second person, by this machine's clock: what a till says of the time of a
    payment moves nothing to another day. `claims` are what was held of this batch before; None where nobody looked.
    """

    at: datetime
    rulings: Sequence[Ruling]
    turns: Sequence[Turn]
    merchants: Mapping[str, MerchantFact]
    members: Mapping[str, MemberFact]
    earlier: Mapping[tuple[int, str], Row]
    red_fen: Mapping[tuple[int, str], int]
    grants: Sequence[GrantFact]
    pool_names: Mapping[int, str]
    own_shops: frozenset[tuple[int, int]]
    held: frozenset[int]
    purses: Mapping[int, tuple[Purse, ...]]
    coupons: Mapping[int, tuple[Paper, ...]]
    fence: Fence
    claims: Mapping[OrderKey, Known] | None
    instant: Callable[[datetime], Any]


def gather(sales: Sequence[Sale], *, at: datetime, look_up: bool, to_write: bool = True) -> Facts:
    """Read what the batch needs, and lock the holders who spend if it is to be written.

    First orders and referrers' months are not locked: `take` writes them only if they are as they were read here.
    """
    buyers = {sale.member for sale in sales}
    (version,), found, red, *rules_found = sql.together(
        [parties.VERSION_ASK, parties.member_ask(buyers), sql.Ask(_RED, buyers), *RULING_ASKS]
    )
    members = parties.members_of(buyers, found)
    merchants = sellers_of({sale.merchant for sale in sales}, version=version[0])
    rules = rulings_of(*rules_found)
    newcomers = {fact.id for fact in members.values() if fact.first_order_id is None}
    spenders = {
        members[sale.member].id for sale in sales if (sale.voucher_fen or sale.coupon_fen) and sale.member in members
    }
    if to_write:
        locks.holders(spenders)
    return Facts(
        at=at,
        rulings=rules,
        turns=turns_of(version=version[0]),
        merchants=merchants,
        members=members,
        earlier=_earlier(sales, merchants) if look_up else {},
        red_fen={(account, month): fen for account, month, fen in red},
        grants=_grants(to_write=to_write) if newcomers else (),
        pool_names={number: name for name, number in rules[0].pools.items()} if rules else {},
        own_shops=parties.own_shops(spenders),
        held=parties.held_accounts(spenders),
        purses=wallets.purses_of(spenders),
        coupons=wallets.coupons_of(spenders, at),
        fence=_fence(rules, at) if spenders else OPEN,
        claims=claims.of_orders(_keys(sales, merchants)) if look_up and spenders else None,
        instant=sql.instants(),
    )


def _fence(rulings: Sequence[Ruling], at: datetime) -> Fence:
    now = next((each for each in reversed(rulings) if each.effective_at <= at), None)
    return OPEN if now is None else fence_of(now.rules, at)


def _keys(sales: Sequence[Sale], merchants: Mapping[str, MerchantFact]) -> Iterator[OrderKey]:
    for sale in sales:
        if sale.voucher_fen and (fact := merchants.get(sale.merchant)):
            yield fact.id, sale.order_no


def _earlier(sales: Sequence[Sale], merchants: Mapping[str, MerchantFact]) -> dict[tuple[int, str], Row]:
    wanted: dict[int, set[str]] = {}
    for sale in sales:
        if fact := merchants.get(sale.merchant):
            wanted.setdefault(fact.id, set()).add(sale.order_no)
    found = sql.rows_in(
        "SELECT merchant_id, order_no, member_id, shop_id, paid_at, cash_fen, voucher_fen, coupon_fen, id, rate_ppm, "  # noqa: S608
        "concession_fen, member_multiple_ppm, merchant_multiple_ppm, vests_at IS NOT NULL FROM orders "
        f"WHERE merchant_id IN ({sql.marks(len(wanted))}) AND order_no IN ({{keys}})",
        {number for numbers in wanted.values() for number in numbers},
        tuple(wanted),
    )
    return {
        (merchant, number): (member, shop, sql.moment(paid), *amounts, Sold(*sold))
        for merchant, number, member, shop, paid, *rest, vests in found
        for amounts, sold in [(rest[:3], [*rest[3:], bool(vests)])]
        if number in wanted[merchant]
    }


def _grants(*, to_write: bool) -> tuple[GrantFact, ...]:
    # Locked as they are read, by id as `locks.grants` does: one statement, which is all where no grant is open.
    lock = "FOR NO KEY UPDATE" if to_write and sql.is_postgresql() else ""
    return tuple(GrantFact(*row) for row in sql.rows(f"{_OPEN_GRANTS} {lock}"))


_RED = """
    SELECT account_id, month, red_fen FROM referral_month
    WHERE account_id IN (SELECT referrer_id FROM member WHERE ref IN ({keys}))
"""
_OPEN_GRANTS = """
    SELECT id, rebate_fen, amount_fen - committed_fen FROM marketing_grant
    WHERE approved_by IS NOT NULL AND amount_fen - committed_fen >= rebate_fen ORDER BY id
"""
