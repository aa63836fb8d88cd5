"""Databases to measure on: made empty and migrated, filled by one statement each, dropped afterwards."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from greenloop.config.settings import database
from greenloop.core.loop.plan import Plan
from greenloop.core.loop.presets import preset_document
from greenloop.core.loop.rules import rule_set
from greenloop.core.loop.settlement import Cohort, PoolState, backing_fen
from greenloop.services.loop.rules import publish_rules
from greenloop.services.loop.take import Sale
from greenloop.services.people.enrol import MemberForm, MerchantForm, enrol_members, enrol_merchants
from greenloop.store import sql

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=60)
MEMBERS = 20_000
MERCHANTS = 500
FOLDER = Path(os.environ.get("GREENLOOP_HOME", "var")) / "bench"


@contextmanager
def fresh(engine: str, server: str) -> Iterator[str]:
    """Give a new, migrated database of one engine as the default connection; yield its address; drop it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            address = f"sqlite:///{Path(folder).absolute().as_posix()}/bench.sqlite3"
            with _connected(address):
                yield address
        return
    name = f"greenloop_bench_{secrets.token_hex(4)}"
    with _connected(server), connections["default"].cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        address = _beside(server, name)
        with _connected(address):
            yield address
    finally:
        with _connected(server), connections["default"].cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _beside(server: str, name: str) -> str:
    head, _, query = server.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@contextmanager
def _connected(address: str) -> Iterator[None]:
    connections["default"].close()
    connections.settings["default"] = connections.configure_settings({"default": database(address)})["default"]
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()


def found_city(pools: int = 1) -> None:
    """Migrate, publish the steady plan over `pools` pools, and enrol members and merchants."""
    call_command("migrate", verbosity=0)
    document = preset_document("steady", opens_date=date(2026, 1, 1))
    green = document["pools"]["green"]  # type: ignore[index]
    document["pools"] = {f"green-{number}" if number else "green": green for number in range(pools)}
    publish_rules(document=document, effective_at=START, by="bench", at=START)
    people = [MemberForm(f"m{n}", "city", START, f"m{n - 1}" if n % 3 == 1 else None) for n in range(MEMBERS)]
    enrol_members(forms=people, at=START)
    shops = [MerchantForm(f"s{n}", "city", START, 30_000 + 340 * n) for n in range(MERCHANTS)]
    enrol_merchants(forms=shops, at=START)


def store_orders(count: int, *, waiting: bool) -> None:
    """Store orders in one statement: taken and paid out long ago, or delivered, confirmed and waiting to vest."""
    plan = sql.value("SELECT id FROM plan WHERE name = 'steady'")
    old = {"entry": None, "entered": None, "payout": None} if waiting else {"entry": 1, "entered": 1_000, "payout": 1}
    facts = {"count": count, "members": MEMBERS, "merchants": MERCHANTS, "at": sql.instant(START), "plan": plan}
    sql.run(_ORDERS, {**facts, **old})
    sql.run("ANALYZE")


def sales(first: int, count: int) -> list[Sale]:
    """Return a batch of every-day sales over all merchants and members."""
    return [
        Sale(
            f"s{number * 7 % MERCHANTS}",
            f"till-{number}",
            f"m{number * 13 % MEMBERS}",
            START + timedelta(days=30, seconds=number),
            500 + number * 37 % 30_000,
            delivered=True,
        )
        for number in range(first, first + count)
    ]


def book_waiting() -> None:
    """Give the ledger what the waiting orders have paid, so that they can vest."""
    pending = int(sql.value("SELECT SUM(concession_fen) FROM orders WHERE entry_cycle IS NULL"))
    grow_account("debits_fen", "trust:bank", pending)
    grow_account("credits_fen", "trust:concession_pending", pending)


def grow_account(column: str, account: str, fen: int) -> None:
    """Let one total of an account, or of those that a pattern names, grow by fen that no posting explains."""
    sql.run(f"UPDATE ledger_account SET {column} = {column} + %s WHERE name LIKE %s", [fen, account])


def forty_cohorts() -> tuple[PoolState, list[Cohort], dict[str, Plan]]:
    """Return a pool in its 41st cycle with forty cohorts of the steady plan, each a cycle older than the next."""
    rules = rule_set(preset_document("steady", opens_date=date(2026, 1, 1)))
    plan = rules.plans["steady"]
    cohorts = [
        Cohort("steady", entry, 1_000_000, min(41 - entry, 36) * plan.r0, min(41 - entry, 36), plan.r0, 600_000)
        for entry in range(1, 41)
    ]
    inflow = [600_000 + 1_000 * cycle for cycle in range(1, 42)]
    state = PoolState(rules.pools["green"], 41, 50_000_000, backing_fen(cohorts), inflow)
    return state, cohorts, {"steady": plan}


def age_pools() -> None:
    """Bring every green pool into its 41st cycle with forty cohorts and money of its own."""
    state, cohorts, _ = forty_cohorts()
    plan = sql.value("SELECT id FROM plan WHERE name = 'steady'")
    pools = [row[0] for row in sql.rows("SELECT id FROM pool WHERE NOT is_red ORDER BY id")]
    cap = 5 * 10**12
    columns = ("pool_id", "plan_id", "entry", "points", "release_index", "index_cap", "age", "rate", "base")
    rows = [
        (pool, plan, each.entry, each.points, each.index, cap, each.age, each.rate, each.base)
        for pool in pools
        for each in cohorts
    ]
    sql.load("cohort", columns, rows)
    inflow = [(pool, cycle, fen) for pool in pools for cycle, fen in enumerate(state.inflow_fen, 1)]
    sql.load("pool_cycle", ("pool_id", "cycle", "inflow_fen"), inflow)
    sql.run("UPDATE pool SET entry_cycle = 41, settled_cycle = 40")
    sql.run("UPDATE pool SET free_fen = %s, backing_fen = %s WHERE NOT is_red", [state.free_fen, state.backing_fen])
    grow_account("debits_fen", "trust:bank", len(pools) * (state.free_fen + state.backing_fen))
    grow_account("credits_fen", "trust:pool:green%", state.free_fen)
    grow_account("credits_fen", "trust:accrued:green%", state.backing_fen)
    sql.run("ANALYZE")


def fill_positions(*, accounts: int) -> None:
    """Give `accounts` holders, numbered from 1, a position in each of forty cohorts and a wallet."""
    age_pools()
    cohorts = [row[0] for row in sql.rows("SELECT id FROM cohort ORDER BY id")]
    sql.run(_POSITIONS, {"accounts": accounts, "first": cohorts[0], "last": cohorts[-1]})
    sql.run(_WALLETS, {"accounts": accounts})
    sql.run("ANALYZE")


_ORDERS = """
    INSERT INTO orders (id, merchant_id, order_no, member_id, rules_id, pool_id, plan_id, journal_id, paid_at,
        cash_fen, voucher_fen, coupon_fen, rate_ppm, concession_fen, green_part_fen, red_part_fen, coupon_part_fen,
        fee_part_fen, member_multiple_ppm, merchant_multiple_ppm, confirmed_at, vests_at, entry_cycle, entered_fen,
        kept_fen, payout_id)
    WITH RECURSIVE line(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM line WHERE n < %(count)s),
    people AS (SELECT account_id, ROW_NUMBER() OVER (ORDER BY account_id) - 1 AS place FROM member),
    shops AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id) - 1 AS place FROM merchant)
    SELECT n, shops.id, 'old-' || n, people.account_id, 1, 1, %(plan)s, 1,
        %(at)s, 10000, 0, 0, 100000, 1000, 600, 0, 70, 200, 1000000, 1000000, %(at)s, %(at)s, %(entry)s,
        %(entered)s, %(entered)s, %(payout)s
    FROM line JOIN people ON people.place = (n * 13) %% %(members)s JOIN shops ON shops.place = (n * 7) %% %(merchants)s
    ORDER BY n
"""
_POSITIONS = """
    INSERT INTO position (account_id, cohort_id, points)
    WITH RECURSIVE holder(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM holder WHERE n < %(accounts)s)
    SELECT holder.n, cohort.id, 1000 + (holder.n * 37 + cohort.id) %% 5000 FROM holder CROSS JOIN cohort
    WHERE cohort.id BETWEEN %(first)s AND %(last)s ORDER BY holder.n, cohort.id
"""
_WALLETS = """
    INSERT INTO wallet (account_id, pool_id)
    WITH RECURSIVE holder(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM holder WHERE n < %(accounts)s)
    SELECT holder.n, pool.id FROM holder CROSS JOIN pool WHERE NOT pool.is_red
"""
