"""Locks, always taken in one order, so that verbs wait for each other and never deadlock.

The order: the advisory locks of the taking, the clockwork and the dues, then merchants, orders, holders, grants, pools,
instructions to the payment institution, the ledger's accounts (in `post`), and last of all the public log; within
each, by id, and instructions by their numbers. Endpoints of webhooks, which other verbs leave alone, come before their
deliveries. SQLite's write transactions are alone already, so there locks cost nothing.
"""

from collections.abc import Iterable
from typing import TypeVar

from greenloop.store import sql

Id = TypeVar("Id", int, str)

CLOCKWORK = 7_340_001
DUES = 7_340_002
LEASES = 7_340_003
LOG = 7_340_005
TAKING = 7_340_006


def taking() -> None:
    """Let one batch of orders be taken alone."""
    _advise(TAKING)


def beside_the_taking() -> None:
    """Keep batches that have to be taken alone out meanwhile; others may do the same at once: batches of orders."""
    _advise_shared(TAKING)


def clockwork() -> None:
    """Let one verb at a time close cycles: vest, settle, approve, reject, transfer fees."""
    _advise(CLOCKWORK)


def beside_the_clockwork() -> None:
    """Keep cycles from being closed meanwhile; others may do the same at once: refunds."""
    _advise_shared(CLOCKWORK)


def dues() -> None:
    """Let one verb at a time decide which orders count among the merchants' dues: confirm cash, pay out."""
    _advise(DUES)


def beside_the_dues() -> None:
    """Keep the cash of orders from being confirmed meanwhile; others may do the same at once: tills that ask payers."""
    _advise_shared(DUES)


def leases() -> None:
    """Let one process at a time lease a worker number: two that begin at once would want the same new one."""
    _advise(LEASES)


def log() -> None:
    """Let one verb at a time append to the public log. The last lock that any verb takes, and all wait for it."""
    _advise(LOG)


def _advise(number: int) -> None:
    if sql.is_postgresql():
        sql.rows("SELECT pg_advisory_xact_lock(%s)", [number])


def _advise_shared(number: int) -> None:
    if sql.is_postgresql():
        sql.rows("SELECT pg_advisory_xact_lock_shared(%s)", [number])


def _lock(table: str, key: str, ids: Iterable[Id]) -> None:
    if sql.is_postgresql() and (wanted := sorted(set(ids))):
        sql.rows_in(f"SELECT {key} FROM {table} WHERE {key} IN ({{keys}}) ORDER BY {key} FOR NO KEY UPDATE", wanted)  # noqa: S608


def grants() -> None:
    """Lock all marketing grants until the transaction ends: their budgets are committed one verb at a time."""
    if sql.is_postgresql():
        sql.rows("SELECT id FROM marketing_grant ORDER BY id FOR NO KEY UPDATE")


def every_pool() -> None:
    """Lock all pools until the transaction ends: their money and cycles stand still."""
    if sql.is_postgresql():
        sql.rows("SELECT id FROM pool ORDER BY id FOR NO KEY UPDATE")


def pools(ids: Iterable[int]) -> None:
    """Lock pools until the transaction ends."""
    _lock("pool", "id", ids)


def holders(account_ids: Iterable[int]) -> None:
    """Lock accounts until the transaction ends, and with them all their wallets, vouchers and coupons."""
    _lock("account", "id", account_ids)


def orders(ids: Iterable[int]) -> None:
    """Lock orders until the transaction ends."""
    _lock("orders", "id", ids)


def merchants(ids: Iterable[int]) -> None:
    """Lock merchants until the transaction ends: their dues are decided by one verb at a time."""
    _lock("merchant", "id", ids)


def instructions(numbers: Iterable[str]) -> None:
    """Lock instructions until the transaction ends: what is known of each is decided by one verb at a time."""
    _lock("payment_instruction", "number", numbers)


def ledger() -> None:
    """Keep accounts of the ledger from growing until the transaction ends: all that was posted is to be seen.

    Alone, and briefly: whoever has locked or grown one is waited for, and whoever is about to waits.
    """
    # It keeps out who only locks accounts, too. Else a verb that posts twice could wait for another's account, that one
    # for us, and we for the first: the server would find that out after a second, and all sales would wait for it.
    if sql.is_postgresql():
        sql.run("LOCK TABLE ledger_account IN EXCLUSIVE MODE")


def endpoints(ids: Iterable[int]) -> None:
    """Lock endpoints of webhooks until the transaction ends: their deliveries are decided by one verb at a time."""
    _lock("webhook_endpoint", "id", ids)
