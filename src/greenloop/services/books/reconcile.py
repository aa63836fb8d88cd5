"""Compare the ledger with its subledgers and keep the result."""

import json
from dataclasses import dataclass
from datetime import datetime

from greenloop.services.soundness import note_broken
from greenloop.services.verb import verb
from greenloop.store import sql
from greenloop.store.models import Reconciliation
from greenloop.store.queries import subledgers
from greenloop.store.queries.subledgers import Pair


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a reconciliation found: every pair that was compared, and those that differ."""

    pairs: tuple[Pair, ...]
    differences: tuple[Pair, ...]


@verb
def reconcile(*, by: str, at: datetime) -> Reconciled:
    """Compare each control account with its subledger and record the differences; nothing is corrected by itself.

    While they differ no payout and no fee leave trust.
    """
    sql.see_one_state()  # tills go on selling: an account and its subledger are compared as of one moment
    pairs = tuple(subledgers.pairs())
    differences = tuple(pair for pair in pairs if pair.difference_fen)
    told = {pair.account: [pair.ledger_fen, pair.subledger_fen] for pair in differences}
    Reconciliation.objects.create(at=at, by=by, accounts=len(pairs), differences=json.dumps(told))
    if told:
        note_broken(what=f"control accounts differ from their subledgers: {', '.join(told)}", by=by, at=at)
    return Reconciled(pairs, differences)
