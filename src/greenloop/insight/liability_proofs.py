"""Roots of what is owed: each settlement since the first has one or is told to have none, and the log tells them all.

The newest one's total is the books' at its journal, and its tree leads to it.
"""

from collections.abc import Iterator, Sequence

from greenloop.core.faults import Breach, Refusal, say
from greenloop.core.trust import canonical
from greenloop.insight.proof import Proof, equal
from greenloop.store import sql
from greenloop.store.queries import liabilities, trees
from greenloop.store.queries.liabilities import RootRow
from greenloop.store.queries.logged import Told

TOTALS = {
    "trust:voucher": "unspent_fen",
    "trust:coupon": "coupon_fen",
    "trust:merchant_payable": "dues_fen",
    "trust:bank": "bank_fen",
    "trust:in_transit": "in_transit_fen",
}


def proofs() -> Iterator[Proof]:
    """Prove all roots, then the newest; nothing is said before there is one."""
    roots, root = liabilities.every_root(), liabilities.newest()
    if roots or _leaves(liabilities.LEAF):
        what = say("The public log tells each root as it was published, and none besides.")
        yield _told("root logged", what, liabilities.LEAF, roots)
        what = say("Each settlement since the first root has its root, or the public log tells why it has none.")
        yield _told("root of each", what, liabilities.LOST, liabilities.without_root(), beside=len(roots))
    if root is not None:
        yield from _newest(root)


def _newest(root: RootRow) -> Iterator[Proof]:
    wrong = liabilities.misfits(root.cycle)
    what = say("What the newest root was held against are the sums of the postings up to it.")
    looked_at = int(sql.value("SELECT COUNT(*) FROM liability_book WHERE cycle = %s", [root.cycle]))
    yield Proof("2", "root books", what, looked_at, len(wrong), ", ".join(wrong[:3]))
    yield _total(root)
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


def _told(name: str, what: str, kind: str, wanted: Sequence[Told], *, beside: int = 0) -> Proof:
    """Prove that there is a leaf for each thing to tell, with these facts, and none of its kind besides."""
    leaves = _leaves(kind)
    missing = [each.about for each in wanted if not _tells(leaves.pop(each.about, ""), each)]
    off = [*missing, *leaves]
    return Proof("1", name, what, len(wanted) + beside, len(off), ", ".join(off[:3]))


def _leaves(kind: str) -> dict[str, str]:
    """Return the texts of all leaves of a kind, by what they are about: at most one for each settlement."""
    return dict(sql.rows("SELECT about, body FROM log_leaf WHERE kind = %s", [kind]))


def _tells(body: str, told: Told) -> bool:
    try:
        return canonical.read(body).get("facts") == told.facts
    except Refusal:
        return False


def _fits(root: RootRow) -> bool | None:
    try:
        return trees.fits(root)
    except Breach:
        return False
