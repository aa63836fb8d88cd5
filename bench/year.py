"""What a year leaves behind in one pool: vested orders, and journals of vesting, settling, drawing, refunds and expiry.

Of ten vouchers two expire as they were drawn, one is spent, given back by half and then expires, one is taken back by
half by a refund and spent for the rest, and six are spent. What came back is released and drawn again, and then goes
the same ways: so one fen in five has been through the pool twice, and one in thirty three times.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from bench import world
from greenloop.store import sql

CYCLES, DRAWS, VOUCHERS_EACH = 52, 500, 10
"""Of each cycle's issue so many journals draw so many vouchers each."""
LIVES = 4
"""Cycles that a voucher lives."""
POOL = 1


@dataclass(slots=True)
class Books:
    """Rows that are written at the end, in the order of their journals."""

    accounts: tuple[int, int, int, int]
    number: int
    stored: int
    journals: list[tuple[int, str, str]] = field(default_factory=list)
    postings: list[tuple[int, int, int, int]] = field(default_factory=list)
    vouchers: list[tuple[int, int, int]] = field(default_factory=list)
    uses: list[tuple[int, int]] = field(default_factory=list)
    changes: list[tuple[int, int, str, int, int]] = field(default_factory=list)

    def post(self, key: str, source: int, target: int, fen: int) -> int:
        """Note a journal that moves fen between two of the accounts, and return its number."""
        self.number += 1
        self.journals.append((self.number, key.split("/", maxsplit=1)[0], key))
        self.postings.append((self.number, self.accounts[source], self.accounts[target], fen))
        return self.number

    def draw(self, cycle: int, face: int) -> None:
        """Draw a cycle's vouchers."""
        for n in range(DRAWS):
            journal = self.post(f"draw/{cycle}-{n}", 2, 3, face * VOUCHERS_EACH)
            self.vouchers += [(len(self.vouchers) + 1 + each, face, journal) for each in range(VOUCHERS_EACH)]

    def order_of(self, voucher: int) -> int:
        """Return an order that a voucher pays for: another for each."""
        return 1 + voucher * max(1, self.stored // (CYCLES * DRAWS * VOUCHERS_EACH)) % self.stored

    def spend(self, cycle: int) -> None:
        """Spend what was drawn in a cycle; refunds give half of one in ten back, and take back half of another."""
        for voucher, face, _ in self.of(cycle):
            kind, half = voucher % 10, face // 2
            if kind not in {0, 5}:
                self.uses.append((voucher, face - half if kind == 2 else face))
            if kind == 1:
                # Money that is given back to a voucher comes from the shop, and moves none in the pool.
                self.number += 1
                self.changes.append((self.number, voucher, "return", self.order_of(voucher), half))
            if kind == 2:
                order = self.order_of(voucher)
                journal = self.post(f"refund/{order}/{voucher}", 3, 2, half)
                self.changes.append((journal, voucher, "claw", order, half))

    def expire(self, cycle: int) -> int:
        """Let what is left of a cycle's vouchers expire, and return how much that is."""
        left = [(voucher, _left_fen(voucher, face)) for voucher, face, _ in self.of(cycle) if voucher % 10 in {0, 1, 5}]
        expired = sum(fen for _, fen in left)
        if expired:
            journal = self.post(f"expire/{cycle}", 3, 1, expired)
            self.changes += [(journal, voucher, "expire", 0, fen) for voucher, fen in left]
        return expired

    def of(self, cycle: int) -> list[tuple[int, int, int]]:
        """Return the vouchers drawn in a cycle."""
        each = DRAWS * VOUCHERS_EACH
        return self.vouchers[(cycle - 1) * each : cycle * each] if cycle > 0 else []


def _left_fen(voucher: int, face: int) -> int:
    return face // 2 if voucher % 10 == 1 else face


def live_a_year(stored: int) -> None:
    """Write `stored` orders, and what a year does with their money."""
    facts = {"count": stored, "members": world.MEMBERS, "merchants": world.MERCHANTS, "cycles": CYCLES}
    plan = sql.value("SELECT id FROM plan WHERE name = 'steady'")
    sql.run(_ORDERS, {**facts, "at": sql.instant(world.START), "plan": plan})
    sql.run("UPDATE pool SET entry_cycle = %s, settled_cycle = %s", [CYCLES + 1, CYCLES])
    sql.run(_INFLOW)
    inflow: dict[int, int] = dict(sql.rows("SELECT cycle, inflow_fen FROM pool_cycle WHERE pool_id = %s", [POOL]))
    accounts: dict[str, int] = dict(sql.rows("SELECT name, id FROM ledger_account"))
    name = str(sql.value("SELECT name FROM pool WHERE id = %s", [POOL]))
    names = ("trust:concession_pending", *(f"trust:{of}:{name}" for of in ("pool", "accrued", "voucher")))
    pending, free, released, drawn = (accounts[each] for each in names)
    last = int(sql.value("SELECT COALESCE(MAX(id), 0) FROM journal"))
    books = Books((pending, free, released, drawn), last, stored)
    for cycle in range(1, CYCLES + 1):
        came = int(inflow[cycle])
        books.post(f"vest/{cycle}", 0, 1, came)
        came_back = books.expire(cycle - LIVES)
        books.post(f"settle/{name}/{cycle}", 1, 2, came * 9 // 10 + came_back)
        books.spend(cycle - 1)
        books.draw(cycle, (came * 8 // 10 + came_back) // (DRAWS * VOUCHERS_EACH))
    _write(books)


@transaction.atomic
def _write(books: Books) -> None:
    at, until = sql.instant(world.START), sql.instant(world.START + timedelta(days=365))
    lines = [(number, "trust", key, kind, at, at) for number, kind, key in books.journals]
    sql.load("journal", ("id", "book", "key", "kind", "effective_at", "recorded_at"), lines)
    sql.load("posting", ("journal_id", "debit_id", "credit_id", "amount_fen"), books.postings)
    vouchers = [
        (number, _holder(number), POOL, face, 0, at, until, journal) for number, face, journal in books.vouchers
    ]
    sql.load("voucher", _VOUCHER, vouchers)
    uses = [(_holder(number), books.order_of(number), number, number, POOL, fen) for number, fen in books.uses]
    sql.load("voucher_use", ("account_id", "order_id", "line", "voucher_id", "pool_id", "amount_fen"), uses)
    sql.load("voucher_change", _CHANGE, [(_holder(change[1]), POOL, *change) for change in books.changes])
    sql.run("ANALYZE")


def _holder(voucher: int) -> int:
    return 1 + voucher * 7 % world.MEMBERS


_VOUCHER = ("id", "account_id", "pool_id", "face_fen", "left_fen", "drawn_at", "expires_at", "journal_id")
_CHANGE = ("account_id", "pool_id", "journal_id", "voucher_id", "kind", "order_id", "amount_fen")
# Shops and members come one after the other, so that every index of so many orders grows at its end.
_ORDERS = """
    INSERT INTO orders (id, merchant_id, order_no, member_id, rules_id, pool_id, plan_id, journal_id, paid_at,
        cash_fen, voucher_fen, coupon_fen, rate_ppm, concession_fen, green_part_fen, red_part_fen, coupon_part_fen,
        fee_part_fen, member_multiple_ppm, merchant_multiple_ppm, confirmed_at, vests_at, entry_cycle, entered_fen,
        kept_fen, payout_id)
    WITH RECURSIVE line(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM line WHERE n < %(count)s),
    people AS (SELECT account_id, ROW_NUMBER() OVER (ORDER BY account_id) - 1 AS place FROM member),
    shops AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id) - 1 AS place FROM merchant)
    SELECT n, shops.id, 'old-' || (100000000 + n), people.account_id, 1, 1, %(plan)s, 1,
        %(at)s, 10000, 0, 0, 100000, 1000, 100 + n * 37 %% 900, 0, 70, 0, 1000000, 1000000, %(at)s, %(at)s,
        1 + (n - 1) * %(cycles)s / %(count)s, 1000, 1000, 1
    FROM line JOIN people ON people.place = (n - 1) * %(members)s / %(count)s
    JOIN shops ON shops.place = (n - 1) * %(merchants)s / %(count)s
    ORDER BY n
"""
_INFLOW = """
    INSERT INTO pool_cycle (pool_id, cycle, inflow_fen)
    SELECT pool_id, entry_cycle, SUM(green_part_fen) FROM orders GROUP BY pool_id, entry_cycle
"""
