"""What trust asks for at a year's end: the root of what is owed, journals sealed, the log signed, a member's look."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import ensure
from greenloop.core.trust.liabilities import included_fen
from greenloop.services.trust.log.keeping import fill_log, sign_log
from greenloop.services.trust.log.sealing import seal_journals
from greenloop.services.trust.roots import build, publish_root
from greenloop.store import sql
from greenloop.store.queries import liabilities, trees


@dataclass(frozen=True, slots=True)
class Looked:
    """A published root, and what one member found of its own in it, in fen. `leaves` are those of the public log."""

    cycle: int
    root_hash: str
    total_fen: int
    holders: int
    member_id: int
    included_fen: int
    leaves: int


def publish_and_look(*, at: datetime) -> Looked | None:
    """Publish the root of the last settlement, sign the log, and let the member to whom most is owed look for itself.

    None before the first settlement, or where nothing is owed to a member.
    """
    cycle = liabilities.last_settled()
    member = sql.value(_MOST)
    if cycle is None or member is None:
        return None
    row = liabilities.root(cycle) or publish_root(built=build(cycle=cycle, at=at), at=at)
    fill_log(at=at)
    seal_journals(at=at)
    signed = sign_log(at=at)
    proof = trees.proof(row, int(member))
    ensure(proof is not None, f"account {member} is missing in the root of cycle {cycle}")
    found_fen = 0 if proof is None else included_fen(row.root, holder=member, nonce=proof.nonce, leaves=proof.leaves)
    leaves = 0 if signed is None else signed.note.checkpoint.size
    return Looked(cycle, row.root_hash, row.total_fen, row.holders, int(member), found_fen, leaves)


_MOST = """
    SELECT w.account_id FROM wallet w JOIN member m ON m.account_id = w.account_id JOIN (
        SELECT p.account_id, c.pool_id, SUM(p.points * (c.release_index / 1000000)) / 1000000 AS released_fen
        FROM position p JOIN cohort c ON c.id = p.cohort_id GROUP BY p.account_id, c.pool_id
    ) a ON a.account_id = w.account_id AND a.pool_id = w.pool_id
    GROUP BY w.account_id HAVING SUM(a.released_fen - w.claimed_fen + w.voucher_fen) >= 1
    ORDER BY SUM(a.released_fen - w.claimed_fen + w.voucher_fen) DESC, w.account_id LIMIT 1
"""
