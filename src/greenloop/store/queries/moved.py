"""What journals moved in the pools' money, read off the books for the lines that are kept behind them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from greenloop.core.faults import ensure
from greenloop.core.trust.trace import UNKNOWN, Ends, Moved, Piece
from greenloop.core.trust.voucher_line import CLAW, EXPIRE
from greenloop.store import sql
from greenloop.store.models import FenLine
from greenloop.store.queries.lines import Paper, papers

Account = tuple[str, int]
"""(class, pool) of a control account; the pool is 0 for what isn't a pool's."""
PER_POOL = ("trust:pool", "trust:accrued", "trust:voucher")
POSTINGS_MAX = 20_000
NO_POOL = 0
"""The row that says how far all lines are kept: a pool's own row says when it last moved."""


@dataclass(frozen=True, slots=True)
class News:
    """What happened in the pools after the journal up to which lines are kept, up to the journal `until`.

    `drawn` are the places of released money from which vouchers were drawn before that lost fen in between. `cycles`
    are the alliance cycles that vested in between. `more` says that there are later journals.
    """

    until: int
    moves: Mapping[int, Sequence[Moved]]
    drawn: Mapping[int, int]
    cycles: Sequence[int]
    more: bool


def kept_until() -> int:
    """Return the journal up to which lines are kept, 0 before there are any."""
    return int(sql.value("SELECT MAX(journal_id) FROM fen_line") or 0)


def settled_until() -> int:
    """Return the last journal that lines may hold: while a vested cycle is open, refunds may change what entered."""
    open_vest = sql.value(_OPEN_VEST)
    return int(open_vest - 1 if open_vest else sql.value("SELECT MAX(id) FROM journal") or 0)


def ends() -> dict[int, Ends]:
    """Return how far each pool's lines reach."""
    return {
        line.pool_id: Ends(line.free_in, line.free_out, line.released_in, line.released_out, line.reserve_in)
        for line in FenLine.objects.all()
    }


def news(after: int, until: int, postings_max: int = POSTINGS_MAX) -> News:
    """Return what moved in the pools by the journals after `after` up to `until`, or up to so many postings.

    A single journal of more postings is taken whole.

    :raises Breach: vouchers moved more than the journals say.
    """
    rows, until, more = _postings(after, until, postings_max)
    accounts = _accounts()
    books: dict[tuple[int, int], dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    kinds: dict[int, tuple[str, str]] = {}
    for journal, kind, key, debit, credit, fen in rows:
        (from_class, from_pool), (to_class, to_pool) = accounts[debit], accounts[credit]
        kinds[journal] = kind, key
        books[journal, from_pool or to_pool][from_class, to_class] += int(fen)
    details = _Details(after, until, kinds)
    moves: dict[int, list[Moved]] = defaultdict(list)
    for (journal, pool), sums in sorted(books.items()):
        moves[pool].append(details.moved(journal, pool, sums))
    return News(until, moves, details.places, sorted(details.cycles.values()), more)


def _postings(after: int, until: int, postings_max: int) -> tuple[list[sql.Row], int, bool]:
    """Return postings of whole journals, up to which journal they go, and whether there are later ones."""
    rows = sql.rows(_POSTINGS, [after, until, postings_max + 1])
    if len(rows) <= postings_max:
        return rows, until, False
    first, last = rows[0][0], rows[-1][0]
    if first == last:  # one journal fills a go, and it can't be cut
        return sql.rows(_POSTINGS, [first - 1, first, 2**63 - 1]), first, first < until
    return [row for row in rows if row[0] < last], last - 1, True


def _accounts() -> dict[int, Account]:
    pools = {name: number for number, name in sql.rows("SELECT id, name FROM pool")}
    found = {}
    for number, account_class, name in sql.rows("SELECT id, account_class, name FROM ledger_account"):
        pool = name.removeprefix(f"{account_class}:") if account_class in PER_POOL else ""
        found[number] = account_class, pools.get(pool, 0)
    return found


class _Details:
    """What the sums of journals are made of: vouchers by journal and pool, what vested, whose refund it was."""

    def __init__(self, after: int, until: int, kinds: Mapping[int, tuple[str, str]]) -> None:
        self.drawn = _by_journal(sql.rows(_DRAWN, [after, until]))
        changes = sql.rows(_CHANGED, [after, until])
        known = papers({row[2] for row in changes})
        self.expired, self.clawed = (_returned(changes, kind, known) for kind in (EXPIRE, CLAW))
        self.places = {number: paper.released_at for number, paper in known.items() if paper.released_at is not None}
        self.cycles = {number: int(key.split("/")[1]) for number, (kind, key) in kinds.items() if kind == "vest"}
        inflow = sql.rows_in(_INFLOW, set(self.cycles.values()))
        self.inflow = {(pool, cycle): int(fen) for pool, cycle, fen in inflow}
        self.refunded = _refunded({number: key for number, (kind, key) in kinds.items() if kind == "refund"})

    def moved(self, journal: int, pool: int, sums: Mapping[tuple[str, str], int]) -> Moved:
        """Return what one journal moved in one pool; what entered is what is left of it once the entry has closed."""
        cycle, free, released, voucher = self.cycles.get(journal, 0), *PER_POOL
        crossed = sums.get((free, released), 0)
        issues = journal not in self.refunded
        paid_fen = sums.get(("trust:merchant_payable", released), 0) + sums.get(("trust:reserve", released), 0)
        key = journal, pool
        return Moved(
            journal,
            cycle=cycle,
            entered_fen=self.inflow.get((pool, cycle), 0) if cycle else 0,
            issued_fen=crossed if issues else 0,
            repaid_fen=sums.get((released, "trust:reserve"), 0),
            drawn=_all_drawn(self.drawn.get(key, []), sums.get((released, voucher), 0), journal),
            expired=_all_returned(self.expired.get(key, []), sums.get((voucher, free), 0), journal),
            clawed=_all_returned(self.clawed.get(key, []), sums.get((voucher, released), 0), journal),
            order_id=self.refunded.get(journal, 0),
            paid_fen=paid_fen,
            returned_fen=sums.get((released, free), 0),
            undone_fen=0 if issues else crossed,
        )


def _by_journal(rows: Sequence[sql.Row]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for journal, pool, voucher, fen in rows:
        found.setdefault((journal, pool), []).append((voucher, fen))
    return found


def _returned(changes: Sequence[sql.Row], kind: str, known: Mapping[int, Paper]) -> dict[tuple[int, int], list[Piece]]:
    """Return what left vouchers by journal and pool, by where it lay on them when they were drawn."""
    found: dict[tuple[int, int], list[Piece]] = {}
    for journal, pool, voucher, fen, changed in changes:
        if changed != kind:
            continue
        pieces = found.setdefault((journal, pool), [])
        if paper := known.get(voucher):
            left = paper.line.exit_by(journal, kind)
            pieces += [Piece(voucher, at, part) for at, part in paper.line.drawn(left.at, left.fen)]
        else:
            pieces.append(Piece(UNKNOWN, 0, int(fen)))
    return found


def _all_drawn(drawn: Sequence[tuple[int, int]], fen: int, journal: int) -> tuple[tuple[int, int], ...]:
    """Return vouchers that add up to what was posted; what older rows don't tell is an unknown voucher's."""
    rest = _rest(fen, (part for _, part in drawn), journal)
    return (*drawn, (UNKNOWN, rest)) if rest else tuple(drawn)


def _all_returned(pieces: Sequence[Piece], fen: int, journal: int) -> tuple[Piece, ...]:
    rest = _rest(fen, (piece.fen for piece in pieces), journal)
    return (*pieces, Piece(UNKNOWN, 0, rest)) if rest else tuple(pieces)


def _rest(fen: int, parts: Iterable[int], journal: int) -> int:
    rest = fen - sum(parts)
    ensure(rest >= 0, f"vouchers moved more than journal {journal} says")
    return rest


def _refunded(keys: Mapping[int, str]) -> dict[int, int]:
    """Return the orders of refunds by their journals, whose keys name the order or, for a late effect, the refund."""
    parts = {number: key.split("/", 2) for number, key in keys.items()}
    late = {number: int(of[1]) for number, of in parts.items() if of[0] == "refund-effect"}
    orders: dict[int, int] = dict(
        sql.rows_in("SELECT id, order_id FROM refund WHERE id IN ({keys})", set(late.values()))
    )
    return {number: orders[late[number]] if number in late else int(of[1]) for number, of in parts.items()}


_OPEN_VEST = """
    SELECT MIN(j.id) FROM pool p
    JOIN journal j ON j.book = 'trust' AND j.key = 'vest/' || (p.first_cycle + p.entry_cycle - 1)
"""
_POSTINGS = """
    SELECT p.journal_id, j.kind, j.key, p.debit_id, p.credit_id, p.amount_fen
    FROM posting p JOIN journal j ON j.id = p.journal_id
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    WHERE p.journal_id > %s AND p.journal_id <= %s
        AND (d.account_class IN ('trust:pool', 'trust:accrued') OR c.account_class IN ('trust:pool', 'trust:accrued'))
    ORDER BY p.journal_id, p.id LIMIT %s
"""
_DRAWN = """
    SELECT journal_id, pool_id, id, face_fen FROM voucher WHERE journal_id > %s AND journal_id <= %s
    ORDER BY journal_id, id
"""
_CHANGED = """
    SELECT journal_id, pool_id, voucher_id, amount_fen, kind FROM voucher_change
    WHERE journal_id > %s AND journal_id <= %s ORDER BY journal_id, voucher_id
"""
_INFLOW = """
    SELECT c.pool_id, p.first_cycle + c.cycle - 1, c.inflow_fen FROM pool_cycle c JOIN pool p ON p.id = c.pool_id
    WHERE p.first_cycle + c.cycle - 1 IN ({keys})
"""
