"""Members, merchants and stores as lists of those who may see them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member; `referrer` is the ref of who brought it."""

    account_id: int
    ref: str
    city: str
    enrolled_at: datetime
    referrer: str | None


@dataclass(frozen=True, slots=True)
class MerchantRow:
    """A merchant with its stores; `account_id` holds its points and vouchers, `rate_ppm` is its rate at present."""

    id: int
    account_id: int
    ref: str
    city: str
    grade: str
    multiple_ppm: int
    accepts_coupons: bool
    enrolled_at: datetime
    rate_ppm: int | None
    shops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RateRow:
    """A rate card and since when it holds."""

    rate_ppm: int
    valid_from_at: datetime


def members(*, client_id: int | None, before: int = LAST, limit: int) -> list[MemberRow]:
    """Return members, newest first: those who enrolled through a client, or all."""
    if client_id is None:
        return [_member(row) for row in sql.rows(_MEMBERS, [before, limit])]
    return [_member(row) for row in sql.rows(_OF_CLIENT, [client_id, before, limit])]


def member(ref: str, *, client_id: int | None = None) -> MemberRow:
    """Return a member by its ref; for a client only one that enrolled through it.

    :raises Refusal: there is none.
    """
    found = sql.rows(_MEMBER, [ref]) if client_id is None else sql.rows(_ONE_OF_CLIENT, [ref, client_id])
    if not found:
        raise Refusal("member.unknown", say("There is no member {ref} that you may see."), field="ref", ref=ref)
    return _member(found[0])


def enrolled(refs: Collection[str], *, client_id: int) -> dict[str, bool]:
    """Return which of the refs enrolled through a client, each with whether that member has a phone to sign in by."""
    return {ref: bool(phoned) for ref, phoned in sql.rows_in(_PHONED, refs, [client_id])}


def merchants(*, refs: Collection[str] | None, at: datetime, before: int = LAST, limit: int) -> list[MerchantRow]:
    """Return merchants, newest first: those named, or all."""
    if refs is None:
        found = sql.rows(_MERCHANTS, [sql.instant(at), before, limit])
    else:
        found = sorted(sql.rows_in(_NAMED, refs, [sql.instant(at)]), reverse=True)
        found = [row for row in found if row[0] < before][:limit]
    shops: dict[int, list[str]] = {}
    for merchant, ref in sql.rows_in(_SHOPS, [row[0] for row in found]):
        shops.setdefault(merchant, []).append(ref)
    return [
        MerchantRow(
            *(number, account, ref, city, grade, multiple, bool(coupons), sql.moment(enrolled), rate),
            tuple(shops.get(number, ())),
        )
        for number, account, ref, city, grade, multiple, coupons, enrolled, rate in found
    ]


def merchant(ref: str, *, at: datetime) -> MerchantRow:
    """Return a merchant.

    :raises Refusal: there is none.
    """
    found = merchants(refs=[ref], at=at, limit=1)
    if not found:
        raise Refusal("merchant.unknown", say("The merchant {ref} is not enrolled."), field="merchant", ref=ref)
    return found[0]


def rates(merchant_id: int) -> list[RateRow]:
    """Return a merchant's rate cards, newest first."""
    found = sql.rows(
        "SELECT rate_ppm, valid_from_at FROM rate_card WHERE merchant_id = %s ORDER BY valid_from_at DESC",
        [merchant_id],
    )
    return [RateRow(rate, sql.moment(at)) for rate, at in found]


def _member(row: sql.Row) -> MemberRow:
    account_id, ref, city, enrolled, referrer = row
    return MemberRow(account_id, ref, city, sql.moment(enrolled), referrer)


_COLUMNS = """
    SELECT m.account_id, m.ref, m.city, m.enrolled_at, r.ref
    FROM member m LEFT JOIN member r ON r.account_id = m.referrer_id
"""
_MEMBERS = f"{_COLUMNS} WHERE m.account_id < %s ORDER BY m.account_id DESC LIMIT %s"
_MEMBER = f"{_COLUMNS} WHERE m.ref = %s"
_PHONED = """
    SELECT m.ref, i.id FROM member m JOIN client_member c ON c.account_id = m.account_id AND c.client_id = %s
        LEFT JOIN identifier i ON i.account_id = m.account_id AND i.kind = 'phone'
    WHERE m.ref IN ({keys})
"""
_OF_CLIENT = f"""
    {_COLUMNS} JOIN client_member c ON c.account_id = m.account_id
    WHERE c.client_id = %s AND c.account_id < %s ORDER BY c.account_id DESC LIMIT %s
"""
_ONE_OF_CLIENT = f"""
    {_COLUMNS} JOIN client_member c ON c.account_id = m.account_id WHERE m.ref = %s AND c.client_id = %s
"""
_MERCHANT = """
    SELECT m.id, m.account_id, m.ref, m.city, m.grade, m.multiple_ppm, m.accepts_coupons, m.enrolled_at,
           (SELECT c.rate_ppm FROM rate_card c WHERE c.merchant_id = m.id AND c.valid_from_at <= %s
            ORDER BY c.valid_from_at DESC LIMIT 1)
    FROM merchant m
"""
_MERCHANTS = f"{_MERCHANT} WHERE m.id < %s ORDER BY m.id DESC LIMIT %s"
_NAMED = f"{_MERCHANT} WHERE m.ref IN ({{keys}})"
_SHOPS = "SELECT merchant_id, ref FROM shop WHERE merchant_id IN ({keys}) ORDER BY id"
