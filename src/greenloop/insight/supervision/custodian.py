"""The custodian's statements beside the ledger's confirmed cash: a third party's word, as of the making of a report."""

from collections.abc import Iterator

from greenloop.core.faults import say
from greenloop.insight.supervision.ties import Tie
from greenloop.store.queries import reconciling


def custodian_ties() -> Iterator[Tie]:
    """Hold what statements list, less what known cases explain, against the ledger; nothing is said before any."""
    found = reconciling.tie()
    if not found.listed_fen and not reconciling.any_statement():
        return
    what = say("What the custodian's statements list, and known cases explain, is the ledger's confirmed cash, today.")
    listed_fen = found.listed_fen + found.apart_fen - found.explained_fen
    off = int(found.unexplained_fen != 0)
    yield Tie("custody", "custody.statements", what, listed_fen, found.ledger_fen, off=off)
