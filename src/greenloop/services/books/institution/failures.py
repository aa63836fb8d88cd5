"""Instructions that the institution refused for good: each is a case at once, and somebody may let it be sent again."""

from collections.abc import Sequence
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb
from greenloop.store import sql


def note_failed(numbers: Sequence[str], *, at: datetime) -> None:
    """Open a case about each instruction that failed, inside the caller's transaction: it moved nothing.

    A payment that nobody made in time is closed, not failed, and no case.
    """
    now = sql.instant(at)
    sql.run_many(_OPEN, [(now, now, number) for number in sorted(numbers)])


@verb
def send_again(*, number: str, by: str, at: datetime) -> None:
    """Let an instruction that failed be sent once more, under the number it had, and close its case.

    The institution does each number once, so what it has done after all isn't done twice.

    :raises Refusal: `by` may not, or there is no such instruction that failed.
    """
    may(by, "operator", "finance")
    now = sql.instant(at)
    found = sql.rows(_WAITS, [now, number])
    if not found:
        message = say("There is no instruction {number} that failed.")
        raise Refusal("instruction.failed", message, field="number", number=number[:32])
    sql.run(_CLOSE, [now, by[:160], number])
    note(act="instruction.again", about=f"instruction/{number}", detail={"kind": found[0][0]}, at=at, by=by)


_OPEN = """
    INSERT INTO reconciliation_case (account, kind, number, difference, expected_fen, found_fen, state, since_at,
                                     opened_at, run_id)
    SELECT 'institution', 'notice', i.number, 'failed', i.amount_fen, 0, 'open', %s, %s, 0
    FROM payment_instruction i WHERE i.number = %s AND i.state = 'failed'
    ON CONFLICT (account, kind, number) DO UPDATE SET difference = 'failed', found_fen = 0, state = 'open',
        closed_at = NULL, closed_by = '', outcome = ''
"""
_WAITS = """
    UPDATE payment_instruction SET state = 'waiting', next_at = %s, attempts = 1, fault = ''
    WHERE number = %s AND state = 'failed' RETURNING kind
"""
_CLOSE = """
    UPDATE reconciliation_case SET state = 'closed', closed_at = %s, closed_by = %s, outcome = 'sent again'
    WHERE account = 'institution' AND kind = 'notice' AND number = %s AND state = 'open'
"""
