"""Close a case that lines and books won't close by themselves: two people say what was found out. It moves nothing."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql
from greenloop.store.models import ReconciliationCase

OUTCOME_MAX = 500


@dataclass(frozen=True, slots=True)
class Closing:
    """A case that may be closed, and the difference as it stands, in fen."""

    id: int
    expected_fen: int
    found_fen: int
    outcome: str


def checked(*, case: int, outcome: str) -> Closing:
    """Return how a case would be closed; it is locked until the transaction ends.

    :raises Refusal: there is no such open case, or nothing is said about it.
    """
    if not 0 < len(outcome.strip()) <= OUTCOME_MAX or "\x00" in outcome:
        message = say("Say what was found out, in 1 to {most} characters.")
        raise Refusal("case.outcome", message, field="outcome", most=OUTCOME_MAX)
    found = ReconciliationCase.objects.select_for_update().filter(id=case).first()
    if found is None:
        raise Refusal("case.unknown", say("There is no case {case}."), field="case", case=str(case))
    if found.state != "open":
        raise Refusal("case.closed", say("Case {case} is closed already."), field="case", case=str(case))
    return Closing(found.id, found.expected_fen, found.found_fen, outcome.strip())


def write(closing: Closing, *, by: str, at: datetime) -> None:
    """Close a case that was checked in the same transaction: the difference stays, and is explained.

    Its lines count as looked at. Cash that differs stays unconfirmed (G1), and a difference that changes opens again.
    """
    now = sql.instant(at)
    sql.run(_CLOSE, [now, by[:160], closing.outcome, closing.id])
    sql.run(_LINES, [now, closing.id])
    sql.run(_TOLD, [now, closing.id])


_CLOSE = """
    UPDATE reconciliation_case SET state = 'closed', closed_at = %s, closed_by = %s, outcome = %s
    WHERE id = %s AND state = 'open'
"""
_OF = """EXISTS (SELECT 1 FROM reconciliation_case c WHERE c.id = %s AND c.number = {number} AND c.kind = {kind}
    AND c.account = {account})"""
_LINES = f"""
    UPDATE statement_line SET settled_at = %s WHERE settled_at IS NULL
        AND {_OF.format(number="statement_line.number", kind="statement_line.kind", account="statement_line.account")}
"""  # noqa: S608  constants of this file
_TOLD = """
    UPDATE payment_instruction SET reconciled_at = %s WHERE reconciled_at IS NULL AND kind <> 'collect'
        AND number = (SELECT c.number FROM reconciliation_case c WHERE c.id = %s AND c.kind <> 'notice')
"""
