"""A merchant's statement: what it sold, conceded, refunded and was paid, by local day, and what it is still owed.

Each movement of a merchant's dues has one day: a sale that of its payment, a refund that on which it was paid, money
brought back that on which it was booked, a payout its business date. What a merchant is owed at the end of a day is
what it is owed now, less what has moved since: so the work is that of the days shown and of those after them, never of
all that was ever sold, and one statement reads all of it in one state.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

from greenloop.core.cycle import local_date, midnight_at
from greenloop.core.faults import Refusal, say
from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose statement it is: a merchant, and the account that holds its points."""

    id: int
    account_id: int
    ref: str
    city: str


@dataclass(frozen=True, slots=True)
class RateRow:
    """A concession rate of a merchant, from an instant on."""

    valid_from_at: datetime
    rate_ppm: int


@dataclass(frozen=True, slots=True)
class Period:
    """Local days from the first to the last, both included; local time is so many minutes ahead of UTC."""

    first_date: date
    last_date: date
    offset_minutes: int

    @property
    def since_at(self) -> datetime:
        """Return its first instant."""
        return midnight_at(self.first_date, self.offset_minutes)

    @property
    def until_at(self) -> datetime:
        """Return the first instant after it."""
        return midnight_at(self.last_date + timedelta(days=1), self.offset_minutes)


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last day on which anything of a merchant moved, and the last on which it sold something."""

    first_date: date
    last_date: date
    sold_date: date


@dataclass(frozen=True, slots=True)
class DaySums:
    """What moved on one day, or on several together, in fen; `unconfirmed` are sales whose cash no bank has confirmed.

    `refunded_fen` is the price given back, `conceded_back_fen` the concession that fell with it, `withheld_fen` the
    cash kept back for vouchers that the shopper no longer had, and `refund_dues_fen` what it cost the merchant.
    """

    orders: int = 0
    unconfirmed: int = 0
    cash_fen: int = 0
    voucher_fen: int = 0
    coupon_fen: int = 0
    concession_fen: int = 0
    refunds: int = 0
    refunded_fen: int = 0
    conceded_back_fen: int = 0
    withheld_fen: int = 0
    refund_dues_fen: int = 0
    deposit_fen: int = 0
    payout_fen: int = 0

    @property
    def price_fen(self) -> int:
        """Return the price of what was sold."""
        return self.cash_fen + self.voucher_fen + self.coupon_fen

    @property
    def earned_fen(self) -> int:
        """Return what the sales earned the merchant: the price less its concession."""
        return self.price_fen - self.concession_fen

    @property
    def change_fen(self) -> int:
        """Return by how much the merchant is owed more."""
        return self.earned_fen - self.refund_dues_fen + self.deposit_fen - self.payout_fen

    def __add__(self, other: "DaySums") -> "DaySums":
        return DaySums(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Day:
    """One day on which something moved, and what the merchant was owed at its end, in fen."""

    date: date
    sums: DaySums
    balance_fen: int


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """One payment of dues, and what of the period's sales, refunds and returned money it covered, in fen."""

    id: int
    business_date: date
    amount_fen: int
    orders: int
    sales_fen: int
    refunds_fen: int
    deposits_fen: int

    @property
    def earlier_fen(self) -> int:
        """Return what it paid for movements before the period; a late payout nets refunds of after it as well."""
        return self.amount_fen - self.sales_fen + self.refunds_fen - self.deposits_fen

    @property
    def others_fen(self) -> int:
        """Return what it paid beside the period's sales and refunds: money brought back, and what was before."""
        return self.earlier_fen + self.deposits_fen


@dataclass(frozen=True, slots=True)
class Owed:
    """What a merchant is owed at present, in fen: the part the next payout can pay, and the part that waits for banks.

    Dues are paid once no refund is pending: `pending` refunds wait for money, over `pending_fen` of price.
    """

    payable_fen: int
    unconfirmed_fen: int
    unconfirmed: int
    pending: int
    pending_fen: int

    @property
    def total_fen(self) -> int:
        """Return all that is owed."""
        return self.payable_fen + self.unconfirmed_fen


@dataclass(frozen=True, slots=True)
class Statement:
    """A merchant's period: days with movements, oldest first, their sum, and what was owed before and after."""

    period: Period
    opening_fen: int
    days: tuple[Day, ...]
    total: DaySums
    closing_fen: int
    payouts: tuple[PayoutRow, ...]
    owed: Owed


def subject(ref: str) -> Subject:
    """Return a merchant by its ref.

    :raises Refusal: it isn't enrolled.
    """
    found = sql.rows("SELECT id, account_id, ref, city FROM merchant WHERE ref = %s", [ref])
    if not found:
        message = say("The merchant {merchant} is not enrolled.")
        raise Refusal("merchant.unknown", message, field="merchant", merchant=ref[:64])
    return Subject(*found[0])


def accounts(refs: Iterable[str]) -> dict[str, int]:
    """Return the accounts of merchants, by their refs."""
    return dict(sorted(sql.rows_in("SELECT ref, account_id FROM merchant WHERE ref IN ({keys})", refs)))


def rates(merchant_id: int) -> list[RateRow]:
    """Return a merchant's rate card with its history, newest first."""
    found = sql.rows(
        "SELECT valid_from_at, rate_ppm FROM rate_card WHERE merchant_id = %s ORDER BY valid_from_at DESC",
        [merchant_id],
    )
    return [RateRow(sql.moment(at), rate_ppm) for at, rate_ppm in found]


def span(merchant_id: int, offset_minutes: int) -> Span | None:
    """Return the local days between which anything moved; None before that."""
    row = sql.rows(_SPAN, [merchant_id] * _SPAN.count("%s"))[0]
    days = [None if at is None else local_date(sql.moment(at), offset_minutes) for at in row[:-2]]
    days += [None if raw is None else sql.day(raw) for raw in row[-2:]]
    known = [day for day in days if day is not None]
    sold = [day for day in days[:4] if day is not None]
    return Span(min(known), max(known), max(sold, default=max(known))) if known else None


def statement(merchant_id: int, period: Period) -> Statement:
    """Return a merchant's statement over a period."""
    groups: dict[str, list[sql.Row]] = defaultdict(list)
    for kind, *row in sql.rows(_movements(), _parameters(merchant_id, period)):
        groups[kind].append(tuple(row))
    days = _by_day(groups)
    after = days.pop(None, DaySums())
    owed = _owed(groups)
    closing_fen = owed.total_fen - after.change_fen
    total = sum(days.values(), DaySums())
    balance_fen = opening_fen = closing_fen - total.change_fen
    shown = []
    for day, sums in sorted((day, sums) for day, sums in days.items() if day is not None):
        balance_fen += sums.change_fen
        shown.append(Day(day, sums, balance_fen))
    return Statement(period, opening_fen, tuple(shown), total, closing_fen, _payouts(groups), owed)


def _by_day(groups: dict[str, list[sql.Row]]) -> dict[date | None, DaySums]:
    """Sum movements by day; None stands for all days after the period."""
    days: dict[date | None, DaySums] = defaultdict(DaySums)
    for kind, make in _SUMS.items():
        for raw, _payout, *numbers in groups[kind]:
            days[None if raw is None else sql.day(raw)] += make(*(int(number) for number in numbers))
    return days


def _payouts(groups: dict[str, list[sql.Row]]) -> tuple[PayoutRow, ...]:
    covered: dict[int, DaySums] = defaultdict(DaySums)
    for kind in ("sale", "refund", "deposit"):
        for _raw, payout, *numbers in groups[kind]:
            if payout is not None:
                covered[payout] += _SUMS[kind](*(int(number) for number in numbers))
    found = []
    for raw, payout, _count, amount, *_ in groups["payout"]:
        if raw is not None:
            sums = covered[payout]
            parts = (sums.orders, sums.earned_fen, sums.refund_dues_fen, sums.deposit_fen)
            found.append(PayoutRow(payout, sql.day(raw), int(amount), *parts))
    return tuple(sorted(found, key=lambda each: each.business_date, reverse=True))


def _owed(groups: dict[str, list[sql.Row]]) -> Owed:
    waiting = [tuple(int(number) for number in row[2:]) for row in [*groups["waiting"], *groups["unconfirmed"]]]
    unconfirmed_fen = sum(_sale(*numbers).earned_fen for numbers in waiting)
    payable_fen = sum(int(row[3]) for row in groups["payable"])
    refunds_fen = sum(int(row[3]) for row in groups["unconfirmed refund"])
    pending = sum(int(row[2]) for row in groups["pending"])
    pending_fen = sum(int(row[3]) for row in groups["pending"])
    unconfirmed = sum(numbers[0] for numbers in waiting)
    return Owed(payable_fen, unconfirmed_fen - refunds_fen, unconfirmed, pending, pending_fen)


def _sale(count: int, cash: int, voucher: int, coupon: int, concession: int) -> DaySums:
    return DaySums(orders=count, cash_fen=cash, voucher_fen=voucher, coupon_fen=coupon, concession_fen=concession)


def _unconfirmed(count: int, cash: int, voucher: int, coupon: int, concession: int) -> DaySums:
    return _sale(count, cash, voucher, coupon, concession) + DaySums(unconfirmed=count)


def _refund(count: int, price: int, concession: int, withheld: int, dues: int) -> DaySums:
    return DaySums(
        refunds=count,
        refunded_fen=price,
        conceded_back_fen=concession,
        withheld_fen=withheld,
        refund_dues_fen=dues,
    )


def _deposit(_count: int, amount: int, *_none: int) -> DaySums:
    return DaySums(deposit_fen=amount)


def _paid(_count: int, amount: int, *_none: int) -> DaySums:
    return DaySums(payout_fen=amount)


_SUMS: dict[str, Callable[..., DaySums]] = {
    "sale": _sale,
    "unconfirmed": _unconfirmed,
    "refund": _refund,
    "deposit": _deposit,
    "payout": _paid,
}


def _parameters(merchant_id: int, period: Period) -> list[object]:
    since, until = sql.instant(period.since_at), sql.instant(period.until_at)
    first, last = period.first_date.isoformat(), period.last_date.isoformat()
    day = (until, period.offset_minutes)
    return [
        *(*day, until, merchant_id, since),
        *(since, *day, merchant_id),
        *(*day, until, merchant_id, since),
        *(*day, until, merchant_id, since),
        *(last, last, merchant_id, first),
        *([merchant_id] * 5),
    ]


def _movements() -> str:
    """Return the statement's statement: kind, day (none after the period), payout, and up to five sums."""
    sale = "COUNT(*), SUM(o.cash_fen), SUM(o.voucher_fen), SUM(o.coupon_fen), SUM(o.concession_fen)"
    day = {of: f"CASE WHEN {of} < %s THEN {sql.local_date(of)} END" for of in _DATED}
    payout = {of: f"CASE WHEN {at} < %s THEN {of}.payout_id END" for of, at in zip("ord", _DATED, strict=True)}
    return f"""
        SELECT 'sale', {day["o.paid_at"]}, {payout["o"]}, {sale} FROM orders o
        WHERE o.merchant_id = %s AND o.confirmed_at IS NOT NULL AND o.paid_at >= %s GROUP BY 2, 3
        UNION ALL
        SELECT CASE WHEN o.paid_at < %s THEN 'waiting' ELSE 'unconfirmed' END, {day["o.paid_at"]}, NULL, {sale}
        FROM orders o WHERE o.merchant_id = %s AND o.entry_cycle IS NULL AND o.confirmed_at IS NULL GROUP BY 1, 2
        UNION ALL
        SELECT 'refund', {day["r.paid_at"]}, {payout["r"]}, COUNT(*), SUM(r.amount_fen), SUM(r.concession_lost_fen),
               SUM(r.withheld_fen), SUM(r.dues_fen) FROM refund r
        WHERE r.merchant_id = %s AND r.state = 'paid' AND r.paid_at >= %s GROUP BY 2, 3
        UNION ALL
        SELECT 'deposit', {day["j.effective_at"]}, {payout["d"]}, COUNT(*), SUM(d.amount_fen), 0, 0, 0
        FROM deposit d JOIN journal j ON j.id = d.journal_id
        WHERE d.merchant_id = %s AND j.effective_at >= %s GROUP BY 2, 3
        UNION ALL
        SELECT 'payout', CASE WHEN p.business_date <= %s THEN p.business_date END,
               CASE WHEN p.business_date <= %s THEN p.id END, COUNT(*), SUM(p.amount_fen), 0, 0, 0 FROM payout p
        WHERE p.merchant_id = %s AND p.business_date >= %s GROUP BY 2, 3
        {_OPEN}
    """  # noqa: S608  constants of this file


_DATED = ("o.paid_at", "r.paid_at", "j.effective_at")
# The same sums as the payout's own (queries/refunds.py, dues_fen), beside what it leaves out: unconfirmed sales.
_OPEN = """
        UNION ALL
        SELECT 'payable', NULL, NULL, COUNT(*),
               COALESCE(SUM(o.cash_fen - o.concession_fen + o.voucher_fen + o.coupon_fen), 0), 0, 0, 0 FROM orders o
        WHERE o.merchant_id = %s AND o.payout_id IS NULL AND o.confirmed_at IS NOT NULL
        UNION ALL
        SELECT 'payable', NULL, NULL, COUNT(*), COALESCE(-SUM(r.dues_fen), 0), 0, 0, 0
        FROM refund r JOIN orders o ON o.id = r.order_id
        WHERE r.merchant_id = %s AND r.state = 'paid' AND r.payout_id IS NULL AND o.confirmed_at IS NOT NULL
        UNION ALL
        SELECT 'payable', NULL, NULL, COUNT(*), COALESCE(SUM(d.amount_fen), 0), 0, 0, 0
        FROM deposit d WHERE d.merchant_id = %s AND d.payout_id IS NULL
        UNION ALL
        SELECT 'unconfirmed refund', NULL, NULL, COUNT(*), COALESCE(SUM(r.dues_fen), 0), 0, 0, 0
        FROM refund r JOIN orders o ON o.id = r.order_id
        WHERE r.merchant_id = %s AND r.state = 'paid' AND r.payout_id IS NULL AND o.confirmed_at IS NULL
        UNION ALL
        SELECT 'pending', NULL, NULL, COUNT(*), COALESCE(SUM(r.amount_fen), 0), 0, 0, 0
        FROM refund r WHERE r.merchant_id = %s AND r.payout_id IS NULL AND r.state = 'pending'
"""
_SPAN = """
    SELECT (SELECT MIN(paid_at) FROM orders WHERE merchant_id = %s AND confirmed_at IS NOT NULL),
           (SELECT MAX(paid_at) FROM orders WHERE merchant_id = %s AND confirmed_at IS NOT NULL),
           o.first_at, o.last_at, d.first_at, d.last_at, (SELECT MAX(paid_at) FROM refund WHERE merchant_id = %s),
           (SELECT MIN(business_date) FROM payout WHERE merchant_id = %s),
           (SELECT MAX(business_date) FROM payout WHERE merchant_id = %s)
    FROM (SELECT MIN(paid_at) AS first_at, MAX(paid_at) AS last_at FROM orders
          WHERE merchant_id = %s AND entry_cycle IS NULL AND confirmed_at IS NULL) o,
         (SELECT MIN(j.effective_at) AS first_at, MAX(j.effective_at) AS last_at
          FROM deposit d JOIN journal j ON j.id = d.journal_id WHERE d.merchant_id = %s) d
"""
