"""Each tie of the chain: one sum read off the ledger, the same read off the rows beside it, and what differs: nothing.

They stand in the order in which the money goes; where one is off, its name says where to look.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from greenloop.core.books.accounts import OPS, TRUST, account_class, book_of, is_asset
from greenloop.core.faults import say
from greenloop.insight.supervision.books import ACCRUED, PAYABLE, PENDING, POOL, VOUCHER, Books
from greenloop.store.queries.supervised import Account

STEPS = (
    *("orders", "concessions", "split", "pools", "releases"),
    *("vouchers", "redemptions", "dues", "payouts", "custody"),
)
BANK, TRANSIT = "trust:bank", "trust:in_transit"
COUPON, RESERVE, FEE, GRANT = "trust:coupon", "trust:reserve", "trust:fee_payable", "trust:grant_unused"


@dataclass(frozen=True, slots=True)
class Tie:
    """One sum twice, in fen. `what` says what is equal; `pool` is empty where it is of none.

    `of` sums were compared, and `off` of them differ: more than one where small pools are told together.
    """

    step: str
    name: str
    what: str
    left_fen: int
    right_fen: int
    pool: str = ""
    of: int = 1
    off: int = 0

    @property
    def difference_fen(self) -> int:
        """Return what the left has more than the right."""
        return self.left_fen - self.right_fen

    @property
    def holds(self) -> bool:
        """Tell whether nothing differs."""
        return not self.off


def ties(books: Books) -> list[Tie]:
    """Return every tie of a period, in the order of the chain."""
    return [
        Tie(step, f"{step}.{name}", what, left, right, pool, off=int(left != right))
        for step, find in zip(STEPS, _FOUND, strict=True)
        for name, what, left, right, pool in find(books)
    ]


Found = Iterator[tuple[str, str, int, int, str]]
"""(name, what is equal, ledger, rows, pool)."""


def _orders(books: Books) -> Found:
    for name, part, what, fen in (
        ("cash", 0, say("Cash taken in by the ledger is the cash of the orders."), _taken_cash(books)),
        (
            "vouchers",
            1,
            say("Vouchers taken in by the ledger are those of the orders."),
            books.moved(VOUCHER, PAYABLE, ("take",)),
        ),
        (
            "coupons",
            2,
            say("Coupons taken in by the ledger are those of the orders."),
            books.moved(COUPON, PAYABLE, ("take",)),
        ),
    ):
        yield name, what, fen, books.total("orders", part), ""
    what = say("Cash that statements confirmed is that of the confirmed orders, less what was refunded on its way.")
    confirmed = books.sum("confirmed").fen - books.sum("returned on the way").fen
    yield "confirmed", what, books.moved(BANK, TRANSIT, ("confirm",)), confirmed, ""


def _taken_cash(books: Books) -> int:
    return books.moved(TRANSIT, PAYABLE, ("take",)) + books.moved(TRANSIT, PENDING, ("take",))


def _concessions(books: Books) -> Found:
    what = say("Concessions booked are those of the orders.")
    yield "conceded", what, books.moved(TRANSIT, PENDING, ("take",)), books.total("orders", 3), ""
    what = say("Concessions given back before they vested are what refunds lowered them by.")
    back = books.moved(PENDING, BANK) + books.moved(PENDING, TRANSIT)
    yield "given_back", what, back, books.sum("given back").fen, ""
    what = say("Concessions that vested are those of the orders that entered.")
    vested = sum(books.moved(to, PENDING) + books.moved(PENDING, to) for to in (POOL, COUPON, RESERVE, FEE))
    yield "vested", what, vested, books.total("vested"), ""
    yield from _counted(books, PENDING)


def _split(books: Books) -> Found:
    for pool in books.pools:
        parts = books.sum("vested", pool.id).parts[2] + books.sum("red", pool.id).fen
        parts += books.undone(POOL, PAYABLE, pool.name)
        what = say("What vested into the pool is the parts of its orders, and what refunds took out while it was open.")
        yield "pool", what, books.moved(PENDING, POOL, pool=pool.name), parts, pool.name
    what = say("Fees that vested are the parts of the orders, and what refunds took out.")
    yield "fee", what, books.moved(PENDING, FEE), books.total("vested", 3) + books.undone(FEE, PAYABLE), ""
    what = say("Coupons and reserve that vested are the parts of the orders, and what refunds took out.")
    undone = books.undone(COUPON, PAYABLE) + books.undone(RESERVE, PAYABLE) - books.undone(PAYABLE, RESERVE)
    short = books.sum("withheld while open").fen - books.sum("clawed while open").fen - books.undone(PAYABLE, GRANT)
    left = books.moved(PENDING, COUPON) + books.moved(PENDING, RESERVE)
    yield "coupon_and_reserve", what, left, books.total("vested", 4) + undone + short, ""
    what = say("Coupons that vested are the faces of the coupons of those orders.")
    yield "coupons", what, books.moved(PENDING, COUPON), books.sum("coupons earned").fen, ""
    what = say("First-order rebates given are the faces of their coupons.")
    given = books.moved(GRANT, COUPON) + books.moved(BANK, COUPON)
    yield "rebates", what, given, books.sum("coupons grant").fen, ""


def _pools(books: Books) -> Found:
    for pool in books.pools:
        what = say("What the pool's cycles collected is what vested into it, less what refunds took out meanwhile.")
        left = books.moved(PENDING, POOL, pool=pool.name) - books.undone(POOL, PAYABLE, pool.name)
        yield "inflow", what, left, books.sum("inflow", pool.id).fen, pool.name
        yield from _per_pool(books, POOL, pool.name, pool.free_fen)


def _releases(books: Books) -> Found:
    for pool in books.pools:
        what = say("Released by the ledger is what the settlements of the pool issued.")
        yield (
            "issued",
            what,
            books.moved(POOL, ACCRUED, ("settle",), pool.name),
            books.sum("issued", pool.id).fen,
            (pool.name),
        )
        undrawn = pool.backing_fen - pool.spent_fen - pool.unspent_fen
        yield from _per_pool(books, ACCRUED, pool.name, undrawn)
    what = say("The settlements' journals are what their results say, cycle by cycle.")
    yield "results", what, sum(row.posted_fen for row in books.cycles), sum(row.issued_fen for row in books.cycles), ""
    what = say("Released by the ledger is what the runs of all pools issued.")
    yield "runs", what, books.moved(POOL, ACCRUED, ("settle",)), books.sum("runs").fen, ""


def _vouchers(books: Books) -> Found:
    for pool in books.pools:
        drawn = books.moved(ACCRUED, VOUCHER, pool=pool.name)
        what = say("Vouchers drawn by the ledger are the draws of the wallets.")
        yield "drawn", what, drawn, books.sum("wallet draw", pool.id).fen, pool.name
        what = say("Vouchers drawn by the ledger are the faces of the vouchers made.")
        yield "faces", what, drawn, books.sum("vouchers", pool.id).fen, pool.name
        yield from _per_pool(books, VOUCHER, pool.name, pool.unspent_fen)
    what = say("Vouchers that expired are what the wallets lost by it.")
    yield "expired", what, books.moved(VOUCHER, POOL), books.total("wallet expire"), ""
    what = say("What was over-claimed and taken back is what the wallets lost by it.")
    taken = sum(books.moved(source, ACCRUED, ("refund",)) for source in (VOUCHER, POOL, PAYABLE, RESERVE))
    yield "taken_back", what, taken, books.total("wallet claw"), ""
    what = say("Debts repaid to the reserve are the wallets' repayments.")
    yield "repaid", what, books.moved(ACCRUED, RESERVE), books.total("wallet repay"), ""


def _redemptions(books: Books) -> Found:
    what = say("Vouchers redeemed at the shops are what left the wallets.")
    for pool in books.pools:
        redeemed = books.moved(VOUCHER, PAYABLE, ("take",), pool.name)
        yield "spent", what, redeemed, books.sum("wallet spend", pool.id).fen, pool.name
    what = say("Vouchers redeemed are what the orders took from single vouchers.")
    yield "uses", what, books.moved(VOUCHER, PAYABLE, ("take",)), books.total("voucher uses"), ""
    what = say("Coupons redeemed are what the orders took from single coupons.")
    yield "coupon_uses", what, books.moved(COUPON, PAYABLE, ("take",)), books.sum("coupon uses").fen, ""
    what = say("Vouchers given back are those of the refunds.")
    yield "returned", what, books.moved(PAYABLE, VOUCHER), books.sum("refunds").parts[1], ""
    what = say("Coupons given back are those of the refunds.")
    yield "coupons_returned", what, books.moved(PAYABLE, COUPON, ("refund",)), books.sum("refunds").parts[2], ""
    yield from _counted(books, COUPON)


def _dues(books: Books) -> Found:
    owed = sum(books.moved(source, PAYABLE, ("take",)) for source in (TRANSIT, VOUCHER, COUPON))
    sold = books.total("orders") + books.total("orders", 1) + books.total("orders", 2) - books.total("orders", 3)
    yield "sold", say("What the shops earned is the price of their orders less the concession."), owed, sold, ""
    taken = sum(flow.fen for flow in books.flows if (flow.kind, flow.debit) == ("refund", PAYABLE))
    given = sum(flow.fen for flow in books.flows if (flow.kind, flow.credit) == ("refund", PAYABLE))
    what = say("What refunds cost the shops is what each refund took from their dues.")
    yield "refunds", what, taken - given, books.sum("refunds").parts[3], ""
    what = say("Money that shops brought, and advances, are the deposits.")
    brought = books.moved(BANK, PAYABLE) - books.moved(PAYABLE, BANK, ("advance",))
    yield "deposits", what, brought, books.sum("deposits").fen, ""
    yield from _counted(books, PAYABLE)


def _payouts(books: Books) -> Found:
    paid = books.moved(PAYABLE, BANK, ("payout",))
    yield "paid", say("Payouts by the ledger are the payouts to the shops."), paid, books.sum("payouts").fen, ""
    covered = books.sum("paid for orders").fen - books.sum("paid for refunds").fen + books.sum("paid for deposits").fen
    what = say("Payouts are what was owed for the orders, refunds and deposits that they cover.")
    yield "covered", what, books.sum("payouts").fen, covered, ""
    for kind, what in (
        ("payout", say("Payouts that the payment institution was told of are its instructions.")),
        ("fee", say("Fees that the payment institution was told of are its instructions.")),
    ):
        yield f"told_{kind}", what, books.sum(f"posted by told {kind}").fen, told(books, kind), ""
    what = say("Fees moved out of trust are the fees of the settled cycles.")
    yield "fees", what, books.moved(FEE, BANK, ("fee",)), books.sum("fees").fen, ""
    yield from _counted(books, FEE)
    for kind, what in (
        ("fee", say("Fees that left the trust book arrived in the operating book.")),
        ("grant", say("Grants that left the operating book arrived in the trust book.")),
        ("advance", say("Advances between the books are the same in both.")),
    ):
        yield f"both_{kind}", what, *_both(books, kind), ""


def told(books: Books, kind: str, states: Sequence[str] = ()) -> int:
    """Return what the payment institution was told of in a period, of instructions in some states or any, in fen."""
    wanted = [f"told {kind} {state}" for state in states]
    return sum(
        each.fen for (of, _), each in books.sums.items() if (of in wanted if states else of.startswith(f"told {kind} "))
    )


def _both(books: Books, kind: str) -> tuple[int, int]:
    sides = {TRUST: 0, OPS: 0}
    for flow in books.flows:
        if flow.kind == kind:
            sides[book_of(flow.debit)] += flow.fen
    return sides[TRUST], sides[OPS]


def _custody(books: Books) -> Found:
    own = [each for each in books.accounts.values() if book_of(each.name) == TRUST]
    for name, what, fens in (
        (
            "opening",
            say("Cash in custody is all that is owed, where the period begins."),
            [(each, each.opening_fen) for each in own],
        ),
        (
            "closing",
            say("Cash in custody is all that is owed, where the period ends."),
            [(each, each.closing_fen) for each in own],
        ),
    ):
        yield name, what, _side(fens, assets=True), _side(fens, assets=False), ""
    for account in (BANK, TRANSIT, RESERVE, GRANT):
        yield from _counted(books, account)
    operating = [each for each in books.accounts.values() if book_of(each.name) == OPS]
    what = say("The operating book's accounts, counted forward, are what they say they are, counted back.")
    yield (
        "operating",
        what,
        sum(each.closing_fen for each in operating),
        sum(each.counted_back_fen for each in operating),
        "",
    )


def _side(fens: Iterable[tuple[Account, int]], *, assets: bool) -> int:
    return sum(fen for account, fen in fens if is_asset(account.name) == assets)


def _per_pool(books: Books, of: str, pool: str, kept_fen: int) -> Found:
    yield from _counted(books, of, pool)
    account = books.accounts[f"{of}:{pool}"]
    what = say("The balance at the end is what the pool's own rows say now, less what has moved since.")
    yield f"{of.partition(':')[2]}_rows", what, account.closing_fen, kept_fen - account.after_fen, pool


def _counted(books: Books, of: str, pool: str = "") -> Found:
    """Hold what an account came to, from the first posting on, against what it says now, less what has moved since."""
    account = books.accounts[f"{of}:{pool}" if pool else of]
    what = say("The balance at the end, counted forward from the first posting, is the account's own, counted back.")
    yield f"{account_class(of).partition(':')[2]}_balance", what, account.closing_fen, account.counted_back_fen, pool


_FOUND = (_orders, _concessions, _split, _pools, _releases, _vouchers, _redemptions, _dues, _payouts, _custody)
