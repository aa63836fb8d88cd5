"""The only writer of ledger rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from greenloop.core.books.accounts import account_class, book_of, is_asset, pool_accounts
from greenloop.core.books.posting import Draft, turnover
from greenloop.core.faults import Breach, ensure
from greenloop.store import sql
from greenloop.store.models import Journal, LedgerAccount, Posting


def post(drafts: Sequence[Draft], *, at: datetime) -> Mapping[str, int]:
    """Write journals with their postings inside the caller's transaction; return their numbers by key.

    The accounts' totals are updated first, in sorted order: that takes their locks, so journals that share an account
    are numbered in the order in which they commit. Two journals of one transfer share a key, one in each book; the
    number returned is the trust book's.

    :raises Breach: a key exists already, or an account would go negative.
    """
    if not drafts:
        return {}
    moved = turnover(drafts)
    ids = {name: number for number, name in sql.rows_in(_ACCOUNTS, moved)}
    ensure(len(ids) == len(moved), f"no such control account: {sorted(set(moved) - set(ids))}")
    try:
        with transaction.atomic():
            sql.run_many(_GROW, [(debits, credits_, ids[name]) for name, (debits, credits_) in moved.items()])
            journals = Journal.objects.bulk_create(
                [Journal(book=each.book, key=each.key, kind=each.kind, effective_at=at) for each in drafts]
            )
            Posting.objects.bulk_create(
                [
                    Posting(
                        journal_id=journal.id,
                        debit_id=ids[posting.debit],
                        credit_id=ids[posting.credit],
                        amount_fen=posting.amount_fen,
                    )
                    for journal, each in zip(journals, drafts, strict=True)
                    for posting in each.postings
                ]
            )
    except IntegrityError as fault:
        raise Breach(f"the books refuse {drafts[0].key}: {fault}") from fault
    return {journal.key: journal.id for journal in sorted(journals, key=lambda each: each.book == "trust")}


_ACCOUNTS = "SELECT id, name FROM ledger_account WHERE name IN ({keys})"
_GROW = "UPDATE ledger_account SET debits_fen = debits_fen + %s, credits_fen = credits_fen + %s WHERE id = %s"


def open_pool_accounts(pools: Sequence[str]) -> None:
    """Open the control accounts that new pools need, inside the caller's transaction."""
    LedgerAccount.objects.bulk_create(
        LedgerAccount(name=name, account_class=account_class(name), book=book_of(name), is_asset=is_asset(name))
        for pool in pools
        for name in pool_accounts(pool)
    )
