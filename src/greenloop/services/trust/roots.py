"""Publish the root of all that is owed to holders, once for each settlement (settlement.md, "Proof of liabilities").

First the tree is grown into its file, of one state of the books and beside whatever is sold meanwhile; then a short
verb holds what was found against the books and publishes it. A tree that was grown for nothing is removed later.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from secrets import token_bytes, token_hex

from greenloop.core.faults import Refusal, ensure, say
from greenloop.core.trust import canonical
from greenloop.core.trust.liabilities import HASH_BYTES
from greenloop.services.loop.rules import in_force, rulings
from greenloop.services.trust.growing import Grown, grow
from greenloop.services.trust.log.steps import append_leaf
from greenloop.services.verb import guarded, verb
from greenloop.store import locks, sql
from greenloop.store.queries import liabilities, trees
from greenloop.store.queries.liabilities import COLUMNS, FORM, BookRow, Custody, RootRow

ROWS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Built:
    """A tree that waits to be published: what it was made of, as of one state of the books."""

    cycle: int
    day: date
    as_of_at: datetime
    journal_id: int
    journal_hash: str
    nonce_hash: str
    grown: Grown
    books: tuple[BookRow, ...]
    custody: Custody
    dust_fen_max: int

    @property
    def root_hash(self) -> str:
        """Return the hash at the top, in hex."""
        return self.grown.top[:HASH_BYTES].hex()

    @property
    def total_fen(self) -> int:
        """Return the sum at the top."""
        return int.from_bytes(self.grown.top[HASH_BYTES:], "big")


@guarded
def build(*, cycle: int, at: datetime) -> Built:
    """Grow the tree of all that is owed now, for the last cycle that was settled; nothing is published yet.

    :raises Refusal: the cycle isn't the last one that was settled, or a settlement of it is held.
    :raises Breach: somebody is owed less than nothing, or more than any sum can be.
    """
    _check_last(cycle)
    calendar = in_force(rulings(), at).rules.calendar
    trees.forget(liabilities.roots(limit=trees.KEPT))
    secret, nonce = token_bytes(HASH_BYTES), token_bytes(HASH_BYTES)
    path = trees.folder() / f"{cycle}-{token_hex(8)}.grown"
    with sql.snapshot():
        journal_id, journal_hash = liabilities.last_journal()
        custody = liabilities.custody()
        books, wallets, pools = tuple(liabilities.books()), liabilities.wallets(), liabilities.pools()
        with closing(liabilities.owed(rows_max=ROWS_MAX)) as rows:
            grown = grow(rows, path=path, secret=secret, nonce=nonce, holders_about=wallets)
    built = Built(
        cycle=cycle,
        day=calendar.local_date(calendar.cutoff_at(cycle)),
        as_of_at=at,
        journal_id=journal_id,
        journal_hash=journal_hash,
        nonce_hash=sha256(nonce).hexdigest(),
        grown=grown,
        books=books,
        custody=custody,
        dust_fen_max=wallets + pools,
    )
    path.replace(trees.path_of(cycle, built.root_hash))
    return built


@verb
def publish_root(*, built: Built, at: datetime) -> RootRow:
    """Publish a root, once for each cycle; asked again, return the one that was published.

    :raises Refusal: the next cycle was settled while the tree was grown: the log tells that this one has no root.
    :raises Breach: what is owed to holders isn't what the books say, to the fen (R11).
    """
    locks.clockwork()
    if earlier := liabilities.root(built.cycle):
        return earlier
    _check_last(built.cycle)
    row = _held_against(built, at)
    sql.insert("liability_root", COLUMNS, [_line(row)])
    books = [(built.cycle, b.account_id, b.debits_fen, b.credits_fen, b.posting_id) for b in built.books]
    sql.load("liability_book", ("cycle", "account_id", "debits_fen", "credits_fen", "posting_id"), books)
    told = liabilities.facts(row)
    return replace(
        row, log_leaf=append_leaf(kind=liabilities.LEAF, about=liabilities.about(row.cycle), facts=told, at=at)
    )


def _line(row: RootRow) -> sql.Row:
    values = {name: getattr(row, name) for name in COLUMNS}
    values |= {name: sql.instant(values[name]) for name in ("as_of_at", "published_at")}
    return tuple((values | {"statements": canonical.text_of([each.told for each in row.statements])}).values())


def _check_last(cycle: int) -> None:
    if cycle != (last := liabilities.last_settled()):
        message = say(
            "Cycle {cycle} isn't the last one that was settled; that is {last}. A root is of what is owed now."
        )
        raise Refusal("root.cycle", message, field="cycle", cycle=cycle, last=last or "–")


def _held_against(built: Built, at: datetime) -> RootRow:
    """Return what is published of a tree, once it is what the books say."""
    owed_fen: dict[str, int] = {}
    for book in built.books:
        kind = book.name.split(":")[1]
        owed_fen[kind] = owed_fen.get(kind, 0) + book.balance_fen
    claimable, unspent, coupons, dues = built.grown.sums_fen
    for kind, fen in (("voucher", unspent), ("coupon", coupons), ("merchant_payable", dues)):
        said = owed_fen.get(kind, 0)
        ensure(fen == said, f"R11: holders are owed {fen} fen of {kind}, the books say {said}")
    dust = owed_fen.get("accrued", 0) - claimable
    ensure(0 <= dust < built.dust_fen_max, f"R11: what is accrued exceeds what holders can draw by {dust} fen")
    total = sum(built.grown.sums_fen)
    ensure(built.total_fen == total, f"the tree's top says {built.total_fen} fen, its holders are owed {total}")
    return RootRow(
        cycle=built.cycle,
        day=built.day,
        as_of_at=built.as_of_at,
        journal_id=built.journal_id,
        journal_hash=built.journal_hash,
        root_hash=built.root_hash,
        nonce_hash=built.nonce_hash,
        leaves=built.grown.leaves,
        holders=built.grown.holders,
        total_fen=total,
        claimable_fen=claimable,
        unspent_fen=unspent,
        coupon_fen=coupons,
        dues_fen=dues,
        dust_fen=dust,
        bank_fen=owed_fen["bank"],
        in_transit_fen=owed_fen["in_transit"],
        form=FORM,
        trust_number=built.custody.trust_number,
        trust_hash=built.custody.trust_hash,
        trust_pending=built.custody.trust_pending,
        statements=built.custody.statements,
        published_at=at,
    )
