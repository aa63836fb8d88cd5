"""Each pool of a period from its opening to its closing, and its cycles; in the public form small pools are one line.

A pool that few people stand behind would tell what each of them bought: such pools are told together, and where that
is still too few, the next smallest joins them. Sums stay the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import say
from greenloop.insight.supervision.books import ACCRUED, PAYABLE, PENDING, POOL, VOUCHER, Books
from greenloop.insight.supervision.ties import Tie
from greenloop.store.queries.supervised import PoolRow

PEOPLE_MIN, SHOPS_MIN = 10, 3
"""A pool with fewer holders or buyers, or with sales of fewer shops, isn't told by itself in the public form."""
OTHERS = say("other pools")


@dataclass(frozen=True, slots=True)
class PoolLine:
    """One pool, or several together, in fen.

    opening + inflow − issued + back = closing of its free money; undrawn and unspent are what it owes at the end.
    """

    pool: str
    is_red: bool
    opening_fen: int
    inflow_fen: int
    issued_fen: int
    back_fen: int
    closing_fen: int
    undrawn_fen: int
    drawn_fen: int
    redeemed_fen: int
    unspent_fen: int


@dataclass(frozen=True, slots=True)
class CycleLine:
    """One settled cycle of one pool, or of several together, in fen; `owed_fen` is what it owed right after it."""

    pool: str
    cycle: int
    cutoff_at: datetime
    inflow_fen: int
    issued_fen: int
    free_fen: int
    owed_fen: int | None


def names(books: Books, *, public: bool) -> Mapping[str, str]:
    """Return what each pool is called: its name, or in the public form that of the small ones together."""
    own = {pool.name: pool.name for pool in books.pools}
    if not public:
        return own
    behind = {pool.name: _behind(books, pool) for pool in books.pools}
    small = [name for name, each in behind.items() if each.is_few]
    waiting = sorted(
        (name for name in own if behind[name].people and name not in small),
        key=lambda name: (behind[name].is_red, behind[name].people),
    )
    while small and waiting and not _enough([behind[name] for name in small]):
        small.append(waiting.pop(0))
    return own | dict.fromkeys(small, OTHERS)


@dataclass(frozen=True, slots=True)
class _Behind:
    """Whose sales and points a pool is made of: holders or buyers, the fewer of both, shops, and whether too few."""

    is_red: bool
    people: int
    shops: int
    is_few: bool


def _behind(books: Books, pool: PoolRow) -> _Behind:
    told = books.sum("red" if pool.is_red else "orders", pool.id).parts
    buyers, shops = (told[1], told[2]) if pool.is_red else (told[4], told[5])
    people = min((each for each in (pool.holders, buyers) if each), default=0)
    return _Behind(pool.is_red, people, shops, 0 < people < PEOPLE_MIN or 0 < shops < SHOPS_MIN)


def _enough(together: Sequence[_Behind]) -> bool:
    """Tell whether pools can be told as one. Who holds red points bought in a green pool, and is counted there."""
    green = [each for each in together if not each.is_red]
    people, shops = sum(each.people for each in green), sum(each.shops for each in green)
    return len(together) > 1 and people >= PEOPLE_MIN and not 0 < shops < SHOPS_MIN


def pool_lines(books: Books, called: Mapping[str, str]) -> list[PoolLine]:
    """Return the pools, oldest first, those that are called alike as one."""
    found: dict[str, PoolLine] = {}
    for pool in books.pools:
        line, name = _line(books, pool), called[pool.name]
        found[name] = _together(found[name], line, name) if name in found else line
    return [line if name != OTHERS else _named(line) for name, line in found.items()]


def _line(books: Books, pool: PoolRow) -> PoolLine:
    free, undrawn, unspent = (books.accounts[f"{each}:{pool.name}"] for each in (POOL, ACCRUED, VOUCHER))
    inflow = books.moved(PENDING, POOL, pool=pool.name) - books.moved(POOL, PAYABLE, pool=pool.name)
    issued = books.moved(POOL, ACCRUED, ("settle",), pool.name)
    return PoolLine(
        pool=pool.name,
        is_red=pool.is_red,
        opening_fen=free.opening_fen,
        inflow_fen=inflow,
        issued_fen=issued,
        back_fen=free.closing_fen - free.opening_fen - inflow + issued,
        closing_fen=free.closing_fen,
        undrawn_fen=undrawn.closing_fen,
        drawn_fen=books.moved(ACCRUED, VOUCHER, pool=pool.name),
        redeemed_fen=books.moved(VOUCHER, PAYABLE, ("take",), pool.name),
        unspent_fen=unspent.closing_fen,
    )


def _together(one: PoolLine, other: PoolLine, name: str) -> PoolLine:
    fens = {
        each: getattr(one, each) + getattr(other, each) for each in PoolLine.__dataclass_fields__ if each[-4:] == "_fen"
    }
    return PoolLine(pool=name, is_red=one.is_red and other.is_red, **fens)


def _named(line: PoolLine) -> PoolLine:
    return PoolLine(**{each: getattr(line, each) for each in PoolLine.__dataclass_fields__} | {"pool": OTHERS})


def cycle_lines(books: Books, called: Mapping[str, str]) -> list[CycleLine]:
    """Return the settled cycles by pool, those of pools that are called alike as one."""
    found: dict[tuple[str, int], CycleLine] = {}
    for row in books.cycles:
        key = called[row.pool], row.cycle
        line = CycleLine(key[0], row.cycle, row.cutoff_at, row.inflow_fen, row.issued_fen, row.free_fen, row.owed_fen)
        if before := found.get(key):
            owed = None if None in {before.owed_fen, row.owed_fen} else (before.owed_fen or 0) + (row.owed_fen or 0)
            sums = (
                before.inflow_fen + row.inflow_fen,
                before.issued_fen + row.issued_fen,
                before.free_fen + row.free_fen,
            )
            line = CycleLine(*key, row.cutoff_at, *sums, owed)
        found[key] = line
    return list(found.values())


def tied(ties: Sequence[Tie], called: Mapping[str, str]) -> list[Tie]:
    """Return the ties, those of pools that are called alike as one that says how many of them are off."""
    found: dict[tuple[str, str, str], Tie] = {}
    for tie in ties:
        key = tie.name, tie.what, called.get(tie.pool, tie.pool)
        before = found.get(key)
        found[key] = Tie(
            tie.step,
            tie.name,
            tie.what,
            tie.left_fen + (before.left_fen if before else 0),
            tie.right_fen + (before.right_fen if before else 0),
            key[2],
            tie.of + (before.of if before else 0),
            tie.off + (before.off if before else 0),
        )
    return list(found.values())
