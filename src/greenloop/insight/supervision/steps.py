"""The ten steps of the chain: their figures, and for each account how it came from its opening to its closing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenloop.core.books.accounts import account_class, is_asset
from greenloop.core.faults import say
from greenloop.insight.supervision import words
from greenloop.insight.supervision.books import ACCRUED, PAYABLE, PENDING, POOL, VOUCHER, Books
from greenloop.insight.supervision.pools import OTHERS
from greenloop.insight.supervision.ties import BANK, COUPON, FEE, GRANT, RESERVE, STEPS, TRANSIT, Tie, told


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a step: an amount in fen, or a count, as `unit` says; None is one that is too small to be told."""

    label: str
    value: int | None
    unit: str = "fen"


@dataclass(frozen=True, slots=True)
class Roll:
    """One class of accounts from the period's begin to its end, in fen; `moves` are signed and add up to the way."""

    account: str
    opening_fen: int
    moves: Sequence[tuple[str, int]]
    closing_fen: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the chain: its first figure is what it is known by."""

    key: str
    figures: Sequence[Figure]
    rolls: Sequence[Roll]
    ties: Sequence[Tie]

    @property
    def fen(self) -> int:
        """Return what the step is known by, in fen."""
        return self.figures[0].value or 0

    @property
    def broken(self) -> Sequence[Tie]:
        """Return the ties that don't hold."""
        return [tie for tie in self.ties if not tie.holds]


ROLLS = {
    "orders": (TRANSIT,),
    "concessions": (PENDING,),
    "split": (COUPON, RESERVE),
    "pools": (POOL,),
    "releases": (ACCRUED,),
    "vouchers": (VOUCHER,),
    "redemptions": (),
    "dues": (PAYABLE,),
    "payouts": (FEE, GRANT),
    "custody": (BANK,),
}


def steps(books: Books, ties: Sequence[Tie], called: Mapping[str, str], *, least: int) -> list[Step]:
    """Return the steps with their figures; counts of people below `least`, other than none, aren't told.

    A red pool that is called like others together isn't told apart from them.
    """
    figures = _figures(books, called, least)
    return [
        Step(
            key,
            figures[key],
            [each for name in ROLLS[key] if (each := roll(books, name))],
            [tie for tie in ties if tie.step == key],
        )
        for key in STEPS
    ]


def roll(books: Books, of: str) -> Roll | None:
    """Return how a class of accounts came to its closing; None where nothing ever moved."""
    own = [each for each in books.accounts.values() if account_class(each.name) == of]
    names = {each.name for each in own}
    moved: dict[str, int] = {}
    for flow in books.flows:
        for name, sign in ((flow.debit, 1), (flow.credit, -1)):
            if name in names:
                label = words.move(flow)
                moved[label] = moved.get(label, 0) + (flow.fen if is_asset(name) else -flow.fen) * sign
    opening, closing = sum(each.opening_fen for each in own), sum(each.closing_fen for each in own)
    if not (opening or closing or moved):
        return None
    return Roll(of, opening, tuple(moved.items()), closing)


def _figures(books: Books, called: Mapping[str, str], least: int) -> dict[str, list[Figure]]:
    return {
        "orders": _orders(books, least),
        "concessions": _concessions(books),
        "split": _split(books, called),
        "pools": [
            Figure(say("taken in"), books.moved(PENDING, POOL)),
            Figure(say("given back by refunds"), books.moved(POOL, PAYABLE)),
            Figure(say("free at the end"), closing(books, POOL)),
        ],
        "releases": [
            Figure(say("released"), books.moved(POOL, ACCRUED, ("settle",))),
            Figure(say("cycles settled"), len({row.cycle for row in books.cycles}), "count"),
            Figure(say("released and not drawn at the end"), closing(books, ACCRUED)),
        ],
        "vouchers": [
            Figure(say("drawn"), books.moved(ACCRUED, VOUCHER)),
            Figure(say("expired"), books.moved(VOUCHER, POOL)),
            Figure(say("drawn and unspent at the end"), closing(books, VOUCHER)),
        ],
        "redemptions": [
            Figure(say("vouchers redeemed"), books.moved(VOUCHER, PAYABLE, ("take",))),
            Figure(say("vouchers given back by refunds"), books.moved(PAYABLE, VOUCHER)),
            Figure(say("coupons redeemed"), books.moved(COUPON, PAYABLE, ("take",))),
        ],
        "dues": _dues(books),
        "payouts": _payouts(books, least),
        "custody": [
            Figure(say("in custody at the end"), closing(books, BANK) + closing(books, TRANSIT)),
            Figure(say("of it confirmed by statements"), closing(books, BANK)),
            Figure(say("of it owed to holders of points, vouchers and coupons"), _owed_to_holders(books)),
            Figure(say("of it owed to the shops"), closing(books, PAYABLE)),
        ],
    }


def closing(books: Books, of: str) -> int:
    """Return what the accounts of a class came to at the period's end, in fen."""
    return sum(each.closing_fen for each in books.accounts.values() if account_class(each.name) == of)


def _owed_to_holders(books: Books) -> int:
    return sum(closing(books, each) for each in (POOL, ACCRUED, VOUCHER, COUPON))


def _orders(books: Books, least: int) -> list[Figure]:
    cash, vouchers, coupons = (books.total("orders", part) for part in range(3))
    people = books.sum("people").parts
    return [
        Figure(say("price of the orders"), cash + vouchers + coupons),
        Figure(say("in cash"), cash),
        Figure(say("in vouchers"), vouchers),
        Figure(say("in coupons"), coupons),
        Figure(say("orders"), books.count("orders"), "count"),
        Figure(say("shoppers"), _people(people[0], least), "count"),
        Figure(say("shops"), _people(people[1], least), "count"),
        Figure(say("paid before the period, booked in it"), books.sum("paid earlier").fen),
        Figure(say("paid in the period, booked after it"), books.sum("booked later").fen),
    ]


def _people(count: int, least: int) -> int | None:
    return None if 0 < count < least else count


def _concessions(books: Books) -> list[Figure]:
    return [
        Figure(say("conceded"), books.total("orders", 3)),
        Figure(say("given back before it vested"), books.moved(PENDING, BANK) + books.moved(PENDING, TRANSIT)),
        Figure(say("waiting to vest at the end"), closing(books, PENDING)),
    ]


def _split(books: Books, called: Mapping[str, str]) -> list[Figure]:
    reds = [pool.name for pool in books.pools if pool.is_red]
    red = sum(books.moved(PENDING, POOL, pool=name) for name in reds)
    parts = {each: books.moved(PENDING, each) for each in (POOL, COUPON, RESERVE, FEE)}
    apart = [Figure(say("green pools"), parts[POOL] - red), Figure(say("red pool"), red)]
    together = [Figure(say("green and red pools"), parts[POOL])]
    return [
        Figure(say("vested"), sum(parts.values())),
        *(together if any(called[name] == OTHERS for name in reds) else apart),
        Figure(say("coupons"), parts[COUPON]),
        Figure(say("reserve"), parts[RESERVE]),
        Figure(say("the platform's fee"), parts[FEE]),
    ]


def _dues(books: Books) -> list[Figure]:
    return [
        Figure(say("earned"), sum(books.moved(source, PAYABLE, ("take",)) for source in (TRANSIT, VOUCHER, COUPON))),
        Figure(say("cost of refunds"), books.sum("refunds").parts[3]),
        Figure(say("brought by shops, and advances"), books.sum("deposits").fen),
        Figure(say("owed to the shops at the end"), closing(books, PAYABLE)),
    ]


def _payouts(books: Books, least: int) -> list[Figure]:
    found = [
        Figure(say("paid out"), books.moved(PAYABLE, BANK, ("payout",))),
        Figure(say("shops paid"), _people(books.sum("payouts").parts[1], least), "count"),
        Figure(say("fees moved to the platform"), books.moved(FEE, BANK, ("fee",))),
    ]
    if told(books, "payout"):
        found += [
            Figure(say("payouts that the institution confirmed"), told(books, "payout", ("done",))),
            Figure(say("payouts on their way"), told(books, "payout", ("waiting", "sent"))),
            Figure(say("payouts refused or disputed"), told(books, "payout", ("failed", "disputed"))),
        ]
    return found
