"""Postings and journals before they are written: balanced by their form, checked against the allow-list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from greenloop.core.books.accounts import ALLOWED, account_class, book_of, is_asset, pool_of
from greenloop.core.faults import ensure


@dataclass(frozen=True, slots=True)
class Posting:
    """One positive amount, in fen, from the credit side of one account to the debit side of another."""

    debit: str
    credit: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A journal to be written: its key is unique for ever within its book, so writing it can be retried."""

    key: str
    kind: str
    book: str
    postings: tuple[Posting, ...]


def draft(*, key: str, kind: str, amounts: Iterable[tuple[str, str, int]]) -> Draft:
    """Gather (debit, credit, fen) into one journal: equal pairs are summed, zeros left out, order kept.

    :raises Breach: an amount is negative, a posting joins two books or two pools (G10) or is not on the allow-list, or
        nothing is left.
    """
    sums: dict[tuple[str, str], int] = {}
    for debit, credit, amount_fen in amounts:
        ensure(amount_fen >= 0, f"{kind}: a posting of {amount_fen} fen from {credit} to {debit}")
        if amount_fen:
            sums[debit, credit] = sums.get((debit, credit), 0) + amount_fen
    ensure(bool(sums), f"{kind}: the journal {key} moves nothing")
    for debit, credit in sums:
        ensure(book_of(debit) == book_of(credit), f"{kind}: {debit} and {credit} are in two books")
        ensure(
            (kind, account_class(debit), account_class(credit)) in ALLOWED,
            f"{kind}: no posting from {credit} to {debit} is allowed",
        )
        ensure(
            pool_of(debit) == pool_of(credit) or not (pool_of(debit) and pool_of(credit)),
            f"{kind}: {debit} and {credit} are of two pools",
        )
    book = book_of(next(iter(sums))[0])
    ensure(all(book_of(debit) == book for debit, _ in sums), f"{kind}: the journal {key} spans two books")
    return Draft(key, kind, book, tuple(Posting(d, c, fen) for (d, c), fen in sums.items()))


def turnover(drafts: Iterable[Draft]) -> dict[str, tuple[int, int]]:
    """Return what the drafts add to each account: (debits, credits) in fen, accounts sorted by name."""
    sums: dict[str, list[int]] = {}
    for each in drafts:
        for posting in each.postings:
            sums.setdefault(posting.debit, [0, 0])[0] += posting.amount_fen
            sums.setdefault(posting.credit, [0, 0])[1] += posting.amount_fen
    return {name: (sums[name][0], sums[name][1]) for name in sorted(sums)}


def balance_fen(name: str, debits_fen: int, credits_fen: int) -> int:
    """Return an account's balance on its normal side, in fen."""
    return debits_fen - credits_fen if is_asset(name) else credits_fen - debits_fen


def trial_balance(balances: Mapping[str, int], book: str) -> tuple[int, int]:
    """Return (assets, liabilities and income) of one book, in fen; equal in a balanced book."""
    assets = sum(fen for name, fen in balances.items() if book_of(name) == book and is_asset(name))
    others = sum(fen for name, fen in balances.items() if book_of(name) == book and not is_asset(name))
    return assets, others
