"""What is owed to holders, and the roots that were published of it."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from operator import add
from typing import Any

from django.db import connection

from greenloop.core.books.fingerprint import Entry
from greenloop.core.books.posting import Posting, balance_fen
from greenloop.core.trust.liabilities import Root
from greenloop.store import sql
from greenloop.store.queries.logged import Told
from greenloop.store.sql import Row

LATEST = 2**63 - 1
FORM = 2
"""What a root's leaf tells now. Those of form 1 name neither the trust book's number nor a statement."""
SINCE_2 = frozenset({"form", "trust_number", "trust_hash", "trust_pending", "statements"})
LEAF = "root"
"""The kind of a root's leaf in the public log."""
LOST = "rootless"
"""The kind of the leaf that tells of a settlement which never gets its root."""
LOST_WHY = "the next cycle was settled before a root was published"


@dataclass(frozen=True, slots=True)
class BookRow:
    """A control account of the trust book: its two totals in fen, and its last posting (0 before any)."""

    account_id: int
    name: str
    debits_fen: int
    credits_fen: int
    posting_id: int

    @property
    def balance_fen(self) -> int:
        """Return the balance on the account's normal side."""
        return balance_fen(self.name, self.debits_fen, self.credits_fen)


@dataclass(frozen=True, slots=True)
class TopRow:
    """What of a published root its tree is known by; read from databases of any release."""

    cycle: int
    root_hash: str
    total_fen: int
    leaves: int


@dataclass(frozen=True, slots=True)
class Stated:
    """What a custodian's newest file says was left in an account, in fen, when its last line was booked."""

    account: str
    balance_fen: int
    until_at: datetime
    file_hash: str

    @property
    def told(self) -> Mapping[str, object]:
        """Return it as the public log tells it."""
        return asdict(self) | {"until_at": self.until_at.isoformat()}


@dataclass(frozen=True, slots=True)
class Custody:
    """What vouches for the ledger's cash: how far the trust book holds the journals, and what custodians' files say.

    `trust_number` is the trust book's newest number, 0 before any, with that journal's SHA-256; `trust_pending` waits.
    """

    trust_number: int
    trust_hash: str
    trust_pending: int
    statements: tuple[Stated, ...]


@dataclass(frozen=True, slots=True)
class RootRow:
    """A published root: amounts in fen, hashes in hex; see the table's own description.

    `statements` has the newest file that states a balance, for each account with a custodian.

    `log_leaf` is the number of its leaf in the public log, None where the log doesn't tell of it.
    """

    cycle: int
    day: date
    as_of_at: datetime
    journal_id: int
    journal_hash: str
    root_hash: str
    nonce_hash: str
    leaves: int
    holders: int
    total_fen: int
    claimable_fen: int
    unspent_fen: int
    coupon_fen: int
    dues_fen: int
    dust_fen: int
    bank_fen: int
    in_transit_fen: int
    form: int
    trust_number: int
    trust_hash: str
    trust_pending: int
    statements: tuple[Stated, ...]
    published_at: datetime
    log_leaf: int | None = None

    @property
    def root(self) -> Root:
        """Return what a proof is checked against."""
        return Root(bytes.fromhex(self.root_hash), self.total_fen, self.leaves, bytes.fromhex(self.nonce_hash))


def owed(*, rows_max: int) -> Generator[Sequence[Row]]:
    """Yield all holders, up to `rows_max` at a time: account, then fen: claimable, unspent, coupons, dues.

    A holder is an account that has a wallet, a coupon with something left, or a business. One statement, by account; a
    debt to the reserve is not taken off: what repays it is drawn first, and is owed until then.
    """
    last: Row = ()
    with connection.chunked_cursor() as cursor:
        cursor.execute(_OWED.format(wallets=_WALLETS if sql.is_postgresql() else _WALLETS_IN_ORDER), ())
        while part := cursor.fetchmany(rows_max):
            found = []
            for row in part:
                if last and last[0] == row[0]:  # one of several wallets, or a wallet and a coupon
                    last = (row[0], *map(add, last[1:], row[1:]))
                    continue
                if last:
                    found.append(last)
                last = row
            if found:  # nobody is known whole after a part of one holder alone
                yield found
    if last:
        yield [last]


def wallets() -> int:
    """Return the number of wallets: at most so many fen of dust are theirs."""
    return int(sql.value("SELECT COUNT(*) FROM wallet"))


def pools() -> int:
    """Return the number of pools."""
    return int(sql.value("SELECT COUNT(*) FROM pool"))


def last_journal() -> tuple[int, str]:
    """Return the number of the trust book's newest journal, and its SHA-256 in hex; 0 and nothing before any."""
    found = sql.rows(_LAST_JOURNAL)
    if not found:
        return 0, ""
    number, key, kind, effective, recorded = found[0]
    lines = tuple(Posting(*line) for line in sql.rows(_LINES, [number]))
    return number, Entry(key, kind, sql.moment(effective), sql.moment(recorded), lines).sha256()


def books() -> list[BookRow]:
    """Return every control account of the trust book, by name."""
    return [
        BookRow(number, name, debits, credits_, max(last_debit, last_credit))
        for number, name, debits, credits_, last_debit, last_credit in sql.rows(_BOOKS)
    ]


def custody() -> Custody:
    """Return what vouches for the cash now; asked in the snapshot that the books are read in."""
    number, sha256, pending = sql.rows(_TRUST)[0]
    stated = [Stated(account, fen, sql.moment(until), sha) for account, fen, until, sha in sql.rows(_STATEMENTS)]
    return Custody(number, sha256, int(pending), tuple(stated))


def root(cycle: int) -> RootRow | None:
    """Return the root that was published for a cycle."""
    found = sql.rows(f"{_ROOTS} WHERE cycle = %s", [cycle])
    return _row(found[0]) if found else None


def newest() -> RootRow | None:
    """Return the newest root."""
    return next(iter(roots(limit=1)), None)


def roots(*, before: int = LATEST, limit: int) -> list[RootRow]:
    """Return published roots, newest first."""
    return [_row(row) for row in sql.rows(f"{_ROOTS} WHERE cycle < %s ORDER BY cycle DESC LIMIT %s", [before, limit])]


def tops(*, limit: int) -> list[TopRow]:
    """Return what the newest roots' trees are known by; none where the database has no table of roots."""
    if "liability_root" not in connection.introspection.table_names():
        return []
    return [TopRow(*row) for row in sql.rows(_TOPS, [limit])]


def every_root() -> list[Told]:
    """Return what the public log has to tell of each root, told or not."""
    return [Told(LEAF, about(row.cycle), facts(row)) for row in map(_row, sql.rows(f"{_ROOTS} ORDER BY cycle"))]


def without_root() -> list[Told]:
    """Return what the public log has to tell of each settlement between the first root and the last that has none."""
    return [_lost(*row) for row in sql.rows(_LOST)]


def lost_now() -> list[Told]:
    """Return those of them that the public log doesn't tell of yet."""
    told = {each for (each,) in sql.rows("SELECT about FROM log_leaf WHERE kind = %s", [LOST])}
    return [each for each in without_root() if each.about not in told]


def about(cycle: int) -> str:
    """Return what the public log calls the root of a cycle."""
    return f"root/{cycle}"


def facts(row: RootRow) -> Mapping[str, object]:
    """Return a root as the public log tells it."""
    told = asdict(row)
    del told["published_at"], told["log_leaf"]
    if row.form == 1:
        told = {name: value for name, value in told.items() if name not in SINCE_2}
    else:
        told["statements"] = [each.told for each in row.statements]
    return told | {"day": row.day.isoformat(), "as_of_at": row.as_of_at.isoformat(), "journal_id": str(row.journal_id)}


def last_settled() -> int | None:
    """Return the last cycle whose settlement is posted."""
    found = sql.value("SELECT MAX(cycle) FROM settlement_run WHERE state = 'posted'")
    return None if found is None else int(found)


def misfits(cycle: int) -> list[str]:
    """Return the control accounts whose totals at a root aren't the sums of their postings up to it."""
    return [str(row[0]) for row in sql.rows(_MISFITS, [cycle] * 3)]


def stated_fen(cycle: int) -> dict[str, int]:
    """Return the balance of each class of control accounts, in fen, as a root found them."""
    sums: dict[str, int] = {}
    for name, debits, credits_ in sql.rows(_STATED, [cycle]):
        sums[name] = sums.get(name, 0) + balance_fen(name, int(debits), int(credits_))
    return sums


def _lost(cycle: int, following: int) -> Told:
    return Told(LOST, f"{LOST}/{cycle}", {"cycle": cycle, "settled": following, "why": LOST_WHY})


def _stated(told: Mapping[str, Any]) -> Stated:
    return Stated(told["account"], told["balance_fen"], datetime.fromisoformat(told["until_at"]), told["file_hash"])


def _row(row: Row) -> RootRow:
    cycle, on, as_of, *rest, published, leaf = row
    facts: dict[str, Any] = dict(zip(COLUMNS[3:-1], rest, strict=True))
    facts |= {"as_of_at": sql.moment(as_of), "published_at": sql.moment(published)}
    facts["statements"] = tuple(map(_stated, json.loads(facts["statements"])))
    return RootRow(cycle=cycle, day=sql.day(on), log_leaf=leaf, **facts)


COLUMNS = (
    *("cycle", "day", "as_of_at", "journal_id", "journal_hash", "root_hash", "nonce_hash", "leaves", "holders"),
    *("total_fen", "claimable_fen", "unspent_fen", "coupon_fen", "dues_fen", "dust_fen", "bank_fen", "in_transit_fen"),
    *("form", "trust_number", "trust_hash", "trust_pending", "statements", "published_at"),
)
_LEAF_OF = "(SELECT number FROM log_leaf WHERE kind = 'root' AND about = 'root/' || CAST(cycle AS VARCHAR(20)))"
_ROOTS = f"SELECT {', '.join(COLUMNS)}, {_LEAF_OF} FROM liability_root"  # noqa: S608  names are ours
_TOPS = "SELECT cycle, root_hash, total_fen, leaves FROM liability_root ORDER BY cycle DESC LIMIT %s"
_LOST = """
    SELECT cycle, following FROM (
        SELECT cycle, LEAD(cycle) OVER (ORDER BY cycle) AS following FROM settlement_run WHERE state = 'posted'
    ) AS settled
    WHERE following IS NOT NULL AND cycle > (SELECT MIN(cycle) FROM liability_root)
        AND cycle NOT IN (SELECT cycle FROM liability_root)
    ORDER BY cycle
"""
_WALLETS = """
    SELECT w.account_id, COALESCE((a.high + a.low / 1000000) / 1000000, 0) - w.claimed_fen AS claimable,
           w.voucher_fen AS unspent, 0 AS coupons, 0 AS dues
    FROM wallet w LEFT JOIN (
        SELECT p.account_id, c.pool_id, CAST(SUM(p.points * (c.release_index / 1000000)) AS BIGINT) AS high,
               CAST(SUM(p.points * (c.release_index %% 1000000)) AS BIGINT) AS low
        FROM position p JOIN cohort c ON c.id = p.cohort_id GROUP BY p.account_id, c.pool_id
    ) a ON a.account_id = w.account_id AND a.pool_id = w.pool_id
"""
# SQLite would keep all positions' sums aside, in memory; wallet by wallet it keeps none, and is quicker (measured).
_WALLETS_IN_ORDER = """
    SELECT w.account_id, COALESCE((
        SELECT (SUM(p.points * (c.release_index / 1000000)) + SUM(p.points * (c.release_index %% 1000000)) / 1000000)
               / 1000000
        FROM position p CROSS JOIN cohort c
        WHERE p.account_id = w.account_id AND c.id = p.cohort_id AND c.pool_id = w.pool_id
    ), 0) - w.claimed_fen AS claimable, w.voucher_fen AS unspent, 0 AS coupons, 0 AS dues
    FROM wallet w
"""
_OWED = """
    {wallets}
    UNION ALL SELECT account_id, 0, 0, left_fen, 0 FROM coupon WHERE left_fen > 0
    UNION ALL SELECT m.account_id, 0, 0, 0, COALESCE(d.fen, 0) FROM merchant m LEFT JOIN (
        SELECT merchant_id, CAST(SUM(fen) AS BIGINT) AS fen FROM (
            SELECT merchant_id, cash_fen - concession_fen + voucher_fen + coupon_fen AS fen FROM orders
            WHERE payout_id IS NULL
            UNION ALL SELECT merchant_id, -dues_fen FROM refund WHERE payout_id IS NULL
            UNION ALL SELECT merchant_id, amount_fen FROM deposit WHERE payout_id IS NULL
        ) AS dues GROUP BY merchant_id
    ) d ON d.merchant_id = m.id
    ORDER BY 1
"""
_LAST_JOURNAL = """
    SELECT id, key, kind, effective_at, recorded_at FROM journal WHERE book = 'trust' ORDER BY id DESC LIMIT 1
"""
_LINES = """
    SELECT d.name, c.name, p.amount_fen FROM posting p
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id WHERE p.journal_id = %s
"""
_TRUST = "SELECT number, sha256, (SELECT COUNT(*) FROM pending_journal) FROM trust_head WHERE id = 1"
_STATEMENTS = """
    SELECT s.account, s.balance_fen, s.until_at, s.file_hash FROM payment_statement s
    WHERE s.id = (
        SELECT n.id FROM payment_statement n WHERE n.account = s.account AND n.balance_fen IS NOT NULL
        ORDER BY n.until_at DESC, n.id DESC LIMIT 1
    )
    ORDER BY s.account
"""
_BOOKS = """
    SELECT a.id, a.name, a.debits_fen, a.credits_fen,
           COALESCE((SELECT MAX(p.id) FROM posting p WHERE p.debit_id = a.id), 0),
           COALESCE((SELECT MAX(p.id) FROM posting p WHERE p.credit_id = a.id), 0)
    FROM ledger_account a WHERE a.book = 'trust' ORDER BY a.name
"""
_STATED = """
    SELECT a.account_class, SUM(b.debits_fen), SUM(b.credits_fen)
    FROM liability_book b JOIN ledger_account a ON a.id = b.account_id WHERE b.cycle = %s GROUP BY a.account_class
"""
_MISFITS = """
    SELECT a.name FROM liability_book b JOIN ledger_account a ON a.id = b.account_id
    LEFT JOIN (
        SELECT p.debit_id, SUM(p.amount_fen) AS fen FROM posting p
        JOIN liability_book o ON o.cycle = %s AND o.account_id = p.debit_id AND p.id <= o.posting_id GROUP BY p.debit_id
    ) d ON d.debit_id = b.account_id
    LEFT JOIN (
        SELECT p.credit_id, SUM(p.amount_fen) AS fen FROM posting p
        JOIN liability_book o ON o.cycle = %s AND o.account_id = p.credit_id AND p.id <= o.posting_id
        GROUP BY p.credit_id
    ) c ON c.credit_id = b.account_id
    WHERE b.cycle = %s AND (b.debits_fen <> COALESCE(d.fen, 0) OR b.credits_fen <> COALESCE(c.fen, 0))
    ORDER BY a.name
"""
