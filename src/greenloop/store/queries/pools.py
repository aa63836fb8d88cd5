"""Pools, their cycles and cohorts."""

import json
from collections.abc import Iterable

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.plan import Plan, PoolTerms
from greenloop.core.loop.settlement import Cohort, PoolState
from greenloop.store import sql

_POOLS = "SELECT id, name, entry_cycle FROM pool ORDER BY first_cycle, id"


def names_and_cycles() -> list[tuple[int, str, int]]:
    """Return (id, name, entry cycle) of every pool, oldest first."""
    return [(pool, name, cycle) for pool, name, cycle in sql.rows(_POOLS)]


def names() -> dict[int, str]:
    """Return the name of every pool by its id."""
    return dict(sql.rows("SELECT id, name FROM pool"))


def check_entry(cycle: int) -> None:
    """Make sure that every pool is open for entries of one alliance cycle.

    :raises Refusal: there is no such cycle, a pool has closed it, or an earlier one is not closed yet.
    """
    first = sql.value("SELECT MIN(first_cycle) FROM pool")
    if first is None or cycle < first:
        message = say("There is no cycle {cycle} to close; the first is {first}.")
        raise Refusal("cycle.order", message, field="cycle", cycle=cycle, first=first or 1)
    for name, open_cycle in sql.rows(
        "SELECT name, first_cycle + entry_cycle - 1 FROM pool WHERE first_cycle <= %s ORDER BY id", [cycle]
    ):
        if open_cycle != cycle:
            message = say("The pool {pool} is at cycle {open}. Cycles are vested and settled in order, each once.")
            raise Refusal("cycle.order", message, field="cycle", pool=name, open=open_cycle, cycle=cycle)


def plans() -> dict[str, Plan]:
    """Return every release plan by its id, as text (the name that cohorts carry)."""
    return {str(number): plan_of(terms) for number, terms in sql.rows("SELECT id, terms FROM plan")}


def plan_of(terms: str) -> Plan:
    """Return a plan from its stored terms."""
    return Plan(**json.loads(terms))


def terms_of(terms: str) -> PoolTerms:
    """Return a pool's terms from their stored form."""
    value = json.loads(terms)
    for pair in ("allot", "spend", "dividend_share"):
        value[pair] = tuple(value[pair])
    return PoolTerms(**value)


def states(cycle: int, free_fen: dict[int, int] | None = None) -> dict[int, PoolState]:
    """Return each pool at the cut-off of an alliance cycle; `free_fen` replaces the free money where it is given.

    One pool's own cycle is the alliance's, counted from the pool's first.
    """
    inflow: dict[int, dict[int, int]] = {}
    caps: dict[tuple[int, int], int | None] = {}
    for pool, number, fen, cap in sql.rows("SELECT pool_id, cycle, inflow_fen, cap_fen FROM pool_cycle"):
        inflow.setdefault(pool, {})[number] = fen
        caps[pool, number] = cap
    found = {}
    for pool, terms, first, free, backing in sql.rows(
        "SELECT id, terms, first_cycle, free_fen, backing_fen FROM pool WHERE first_cycle <= %s ORDER BY id", [cycle]
    ):
        own = cycle - first + 1
        entered = inflow.get(pool, {})
        found[pool] = PoolState(
            terms_of(terms),
            own,
            free if free_fen is None else free_fen[pool],
            backing,
            [entered.get(number, 0) for number in range(1, own + 1)],
            caps.get((pool, own)),
        )
    return found


def cohorts(pool_ids: Iterable[int]) -> dict[int, list[tuple[int, Cohort]]]:
    """Return (id, cohort) of each pool, in the order in which they entered."""
    found: dict[int, list[tuple[int, Cohort]]] = {}
    for pool, number, plan, entry, points, index, age, rate, base in sql.rows_in(
        "SELECT pool_id, id, plan_id, entry, points, release_index, age, rate, base FROM cohort "
        "WHERE pool_id IN ({keys}) ORDER BY pool_id, entry, id",
        pool_ids,
    ):
        found.setdefault(pool, []).append((number, Cohort(str(plan), entry, points, index, age, rate, base)))
    return found
