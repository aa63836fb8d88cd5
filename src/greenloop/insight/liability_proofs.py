"""The newest root of what is owed: its total is the books' at its journal, the log tells it, its tree leads to it."""

from collections.abc import Iterator

from greenloop.core.faults import Breach, Refusal, say
from greenloop.core.trust import canonical
from greenloop.insight.proof import Proof, equal
from greenloop.store import sql
from greenloop.store.queries import liabilities, trees
from greenloop.store.queries.liabilities import RootRow

TOTALS = {
    "trust:voucher": "unspent_fen",
    "trust:coupon": "coupon_fen",
    "trust:merchant_payable": "dues_fen",
    "trust:bank": "bank_fen",
    "trust:in_transit": "in_transit_fen",
}


def proofs() -> Iterator[Proof]:
    """Prove the newest root; nothing is said before there is one."""
    root = liabilities.newest()
    if root is None:
        return
    wrong = liabilities.misfits(root.cycle)
    what = say("What the newest root was held against are the sums of the postings up to it.")
    looked_at = int(sql.value("SELECT COUNT(*) FROM liability_book WHERE cycle = %s", [root.cycle]))
    yield Proof("2", "root books", what, looked_at, len(wrong), ", ".join(wrong[:3]))
    yield _total(root)
    what = say("The public log tells the newest root as it was published.")
    yield Proof("1", "root logged", what, 1, 0 if _logged(root) else 1)
    what = say("The tree that proofs are read from leads to the newest root.")
    fits = _fits(root)
    yield Proof("1", "root tree", what, root.leaves if fits is not None else 0, 1 if fits is False else 0)


def _total(root: RootRow) -> Proof:
    """The root's total and its dust are the liabilities of its moment, class by class, to the fen."""
    books = liabilities.stated_fen(root.cycle)
    said = {kind: getattr(root, name) for kind, name in TOTALS.items()}
    said["trust:accrued"] = root.claimable_fen + root.dust_fen
    off = sum(abs(fen - books.get(kind, 0)) for kind, fen in said.items())
    what = say("The newest root's total is what the books owed to holders at its journal; what is beyond is dust.")
    owed = sum(
        books.get(kind, 0) for kind in ("trust:accrued", *TOTALS) if kind not in {"trust:bank", "trust:in_transit"}
    )
    found = equal("2", "root total", what, owed, root.total_fen + root.dust_fen)
    return found if found.difference else Proof("2", "root total", what, owed, off, found.detail)


def _logged(root: RootRow) -> bool:
    found = sql.rows(
        "SELECT body FROM log_leaf WHERE kind = %s AND about = %s", [liabilities.LEAF, liabilities.about(root.cycle)]
    )
    try:
        return bool(found) and canonical.read(found[0][0]).get("facts") == liabilities.facts(root)
    except Refusal:
        return False


def _fits(root: RootRow) -> bool | None:
    try:
        return trees.fits(root)
    except Breach:
        return False
