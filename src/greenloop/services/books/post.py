"""The only writer of ledger rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError
from django.utils import timezone

from greenloop.core.books.accounts import TRUST, account_class, book_of, is_asset, pool_accounts
from greenloop.core.books.fingerprint import Entry
from greenloop.core.books.posting import Draft, turnover
from greenloop.core.faults import Breach, ensure
from greenloop.store import sql
from greenloop.store.models import LedgerAccount


def post(drafts: Sequence[Draft], *, at: datetime) -> Mapping[str, int]:
    """Write journals with their postings inside the caller's transaction; return their numbers by key.

    The accounts are locked first, in the order of their names, so journals that share an account are numbered in the
    order in which they commit. Two journals of one transfer share a key, one in each book; the
    number returned is the trust book's.

    :raises Breach: a key exists already, or an account would go negative.
    """
    if not drafts:
        return {}
    moved = turnover(drafts)
    lock = "ORDER BY name FOR NO KEY UPDATE" if sql.is_postgresql() else ""
    ids = {name: number for number, name in sql.rows_in(f"{_ACCOUNTS} {lock}", moved)}
    ensure(len(ids) == len(moved), f"no such control account: {sorted(set(moved) - set(ids))}")
    try:
        sql.run_many(_GROW, [(debits, credits_, ids[name]) for name, (debits, credits_) in moved.items()])
        recorded_at = timezone.now()
        numbers = _journals(drafts, at=at, recorded_at=recorded_at)
        sql.insert(
            "posting",
            ("journal_id", "debit_id", "credit_id", "amount_fen"),
            [
                (number, ids[posting.debit], ids[posting.credit], posting.amount_fen)
                for number, each in zip(numbers, drafts, strict=True)
                for posting in each.postings
            ],
        )
        _await_keeping(drafts, numbers, at=at, recorded_at=recorded_at)
    except IntegrityError as fault:
        raise Breach(f"the books refuse {drafts[0].key}: {fault}") from fault
    ranked = sorted(zip(drafts, numbers, strict=True), key=lambda each: each[0].book == "trust")
    return {each.key: number for each, number in ranked}


def _journals(drafts: Sequence[Draft], *, at: datetime, recorded_at: datetime) -> list[int]:
    """Insert journals and return their numbers, which grow in the order of the drafts."""
    instants = (sql.instant(at), sql.instant(recorded_at))
    lines = [(each.book, each.key, each.kind, *instants) for each in drafts]
    columns = ("book", "key", "kind", "effective_at", "recorded_at")
    found = sql.insert("journal", columns, lines, returning=("key", "book", "id"))
    by_key = {(key, book): number for key, book, number in found}
    return [by_key[each.key, each.book] for each in drafts]


def _await_keeping(drafts: Sequence[Draft], numbers: Sequence[int], *, at: datetime, recorded_at: datetime) -> None:
    """Note that the trust book has yet to hold these journals, and the SHA-256 by which it will know them."""
    lines = [
        (number, Entry(each.key, each.kind, at, recorded_at, each.postings).sha256())
        for number, each in zip(numbers, drafts, strict=True)
        if each.book == TRUST
    ]
    sql.insert("pending_journal", ("journal_id", "sha256"), lines)


_ACCOUNTS = "SELECT id, name FROM ledger_account WHERE name IN ({keys})"
_GROW = "UPDATE ledger_account SET debits_fen = debits_fen + %s, credits_fen = credits_fen + %s WHERE id = %s"


def open_pool_accounts(pools: Sequence[str]) -> None:
    """Open the control accounts that new pools need, inside the caller's transaction."""
    LedgerAccount.objects.bulk_create(
        LedgerAccount(name=name, account_class=account_class(name), book=book_of(name), is_asset=is_asset(name))
        for pool in pools
        for name in pool_accounts(pool)
    )
