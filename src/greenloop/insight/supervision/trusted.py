"""The trust book's own database at the end of a period: a book kept apart, against which the ledger is held."""

from collections.abc import Iterator

from greenloop.core.books.accounts import TRUST, book_of
from greenloop.core.faults import say
from greenloop.insight.supervision.books import Books
from greenloop.insight.supervision.ties import Tie
from greenloop.store.trustbook import book, place
from greenloop.store.trustbook.session import opened


def trust_ties(books: Books) -> Iterator[Tie]:
    """Hold each account at the period's end against the trust book; nothing is said while journals of it wait there."""
    url = place.address()
    if url is None or not place.there() or books.cutoff.pending:
        return
    # What was posted since the ledger was read may lie there by now; its number is higher than the newest then.
    with opened(url) as session, session.snapshot():
        there = book.summed_before(session, books.period.until_at, upto=books.cutoff.trust_number)
    here = {
        each.name: (each.before[0] + each.within[0], each.before[1] + each.within[1])
        for each in books.accounts.values()
        if book_of(each.name) == TRUST
    }
    wrong = book.differing({name: sides for name, sides in here.items() if sides != (0, 0)}, there)
    what = say("The trust book's own database, account by account, holds what the ledger holds where the period ends.")
    left, right = (sum(sides[0] for sides in each.values()) for each in (here, there))
    yield Tie("custody", "custody.trust_book", what, left, right, of=len(here), off=len(wrong))
