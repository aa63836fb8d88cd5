"""A holder's proof as a document: what the page, the API and the command line hand out, and what checks itself.

Hashes are lower-case hex, amounts whole fen. The document leans on nothing but itself and the published root: the
browser's script and check_inclusion.py recompute every hash of it.
"""

from collections.abc import Mapping
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.kept_tree import Proof
from greenloop.core.trust.liabilities import Leaf
from greenloop.store.queries import liabilities, log, trees
from greenloop.store.queries.liabilities import RootRow

FORM = "greenloop-inclusion-1"


def published(root: RootRow) -> dict[str, Any]:
    """Return a published root as a document: what the public log tells of it, in which leaf, and since when."""
    told = liabilities.facts(root)
    return {**told, "form": root.form, "log_leaf": root.log_leaf, "published_at": root.published_at.isoformat()}


def root_of(cycle: int | None) -> RootRow:
    """Return the root of a cycle, the newest without one.

    :raises Refusal: there is none.
    """
    found = liabilities.newest() if cycle is None else liabilities.root(cycle)
    if found is None:
        message = say("No root is published yet. There is one after each settlement.")
        if cycle is not None:
            message = say("No root is published for cycle {cycle}.")
        raise Refusal("root.unknown", message, field="cycle", cycle=cycle)
    return found


def document(root: RootRow, account_id: int) -> dict[str, Any]:
    """Return an account's proof that what it was owed is in a published root.

    :raises Refusal: no signed checkpoint covers the root yet, the account held nothing then, or the root's tree isn't
        on this machine.
    :raises Breach: the tree isn't the one that was published.
    """
    _check_signed(root)
    found = trees.proof(root, account_id)
    if found is None:
        message = say("Account {account} held nothing when the root of cycle {cycle} was made: nothing was owed to it.")
        raise Refusal("holding.unknown", message, field="account", account=account_id, cycle=root.cycle)
    return {"format": FORM, "root": published(root), **_proof(found)}


def _check_signed(root: RootRow) -> None:
    """Accept that proofs are read: whoever asks must not be asked before the root is beyond changing."""
    newest = log.newest_checkpoint()
    if root.log_leaf is None or newest is None or newest.checkpoint.size <= root.log_leaf:
        message = say(
            "The root of cycle {cycle} isn't signed yet: no signed checkpoint of the public log covers it, and nobody "
            "gets a proof before. The clock signs once it has published, and each hour."
        )
        raise Refusal("root.unsigned", message, field="cycle", cycle=root.cycle)


def _proof(found: Proof) -> Mapping[str, Any]:
    owed = found.owed
    return {
        "holder": str(found.holder),
        "nonce": found.nonce.hex(),
        "owed": {
            "claimable_fen": owed.claimable_fen,
            "unspent_fen": owed.unspent_fen,
            "coupon_fen": owed.coupon_fen,
            "dues_fen": owed.dues_fen,
            "amount_fen": owed.amount_fen,
        },
        "leaves": [_leaf(leaf) for leaf in found.leaves],
    }


def _leaf(leaf: Leaf) -> Mapping[str, Any]:
    return {
        "index": leaf.index,
        "salt": leaf.salt.hex(),
        "amount_fen": leaf.amount_fen,
        "path": [{"hash": step.hash.hex(), "sum_fen": step.sum_fen} for step in leaf.path],
    }
