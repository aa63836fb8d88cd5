"""What the institution says, told or asked, once each: instructions follow from the set of it, money from none."""

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import monotonic

from greenloop.core.books.instructions import state_of
from greenloop.services import ids
from greenloop.services.books.institution.failures import note_failed
from greenloop.services.books.institution.gateway import Gateway, Said, Told, Unreachable
from greenloop.services.books.institution.sending import instructions
from greenloop.services.outbox import news
from greenloop.services.verb import verb
from greenloop.store import locks, sql

log = logging.getLogger("greenloop.institution")
TEXT_MAX = 64
TOLD_OF = {"done": "paid", "closed": "closed", "failed": "failed"}
"""The states of payments that tills are told of, and the words for them."""
SILENT = timedelta(minutes=10)
"""So long an institution may take to say what became of an instruction, before it is asked."""
AT_A_TILL = timedelta(seconds=30)
"""So long it may take where a payer stands at a till that waits for its word."""
ASKED_EVERY = timedelta(minutes=1)
"""So long nobody asks about the same instruction again."""
AGES = timedelta(days=30)
"""What nobody has paid for so long isn't asked about any more; a statement would still show it."""
AT_ONCE = 8
ASKING_S = 60
"""So long a pass goes on asking."""
BATCH = 1_000


@verb
def take_notices(*, said: Sequence[Said], at: datetime) -> int:
    """Keep what the institution said, each notice once, and return how many were new.

    An instruction's state is worked out anew from all that was said of it, so notices may come twice, late, in any
    order. They move no money: cash is confirmed by a statement alone (G1). One whose amount isn't the instruction's
    opens a case. What names no instruction of ours is kept too.
    """
    lines = [_line(each, number, at) for each, number in zip(said, ids.block(len(said)), strict=True)]
    before = {row[0] for row in sql.rows_in(_KNOWN, [each.notice_id for each in said])}
    fresh = {each.notice_id for each in said} - before
    # In one order: two verbs that keep the same notices wait for each other's.
    sql.run_many(_KEEP, sorted((line for line in lines if line[1] in fresh), key=lambda line: str(line[1])))
    # An answer is how it stands now, though it was heard before: what was sent again may have failed again.
    _work_out({each.number for each in said if each.notice_id in fresh or each.is_answer}, at=at)
    return len(fresh)


def _line(each: Said, number: int, at: datetime) -> sql.Row:
    return (
        *(number, each.notice_id[:TEXT_MAX], each.number[:32], each.trade_no[:TEXT_MAX], each.outcome),
        *(each.amount_fen, sql.instant(each.occurred_at), sql.instant(at)),
        *("answer" if each.is_answer else "notice", each.body_hash),
    )


def _work_out(numbers: Collection[str], *, at: datetime) -> None:
    """Set the states of instructions by all their notices, and open and close cases about amounts.

    What is closed stays closed: its order is cancelled. If it is said to be paid after all, people have to look.
    """
    locks.instructions(numbers)
    now = sql.instant(at)
    told = {number: rest for number, *rest in sql.rows_in(_TOLD, sorted(numbers), [now])}
    heard: dict[str, set[tuple[str, int]]] = {number: set() for number in told}
    for number, outcome, fen in sql.rows_in(_HEARD, list(told)):
        heard[number].add((outcome, fen))
    said = {
        number: state_of(amount_fen=fen, said=heard[number], is_over=bool(is_over))
        for number, (fen, is_over, _) in told.items()
    }
    states = {number: "closed" if told[number][2] == "closed" else state for number, state in said.items()}
    sql.run_many(_STATE, [(state, now, state, state, now, number) for number, state in states.items()])
    wrong = [
        (number, told[number][0], max(fen for outcome, fen in heard[number] if outcome == "success"), now, now)
        for number, state in states.items()
        if state == "disputed" or (state == "closed" and said[number] in {"done", "disputed"})
    ]
    sql.run_many(_OPEN, wrong)
    note_failed([number for number, state in states.items() if state == "failed"], at=at)
    over = {number for number, state in states.items() if state == said[number] and state in {"done", "closed"}}
    sql.run_many(_CLOSE, [(now, number) for number in sorted(over)])
    turned = {number: state for number, state in states.items() if state != told[number][2]}
    for state, word in TOLD_OF.items():
        news.payments(word, [number for number, now_is in turned.items() if now_is == state], at=at)


def ask_silent(*, gateway: Gateway, at: datetime) -> int:
    """Ask about up to 1 000 instructions that are silent or disputed; return how many had news.

    Who was asked about the longest ago comes first, so that those that stay silent keep nobody waiting. After a while
    no more is asked: the rest comes with the next pass.
    """
    told = silent(at=at)
    until = monotonic() + ASKING_S

    def ask(each: Told) -> Said | None:
        if monotonic() > until:
            return None
        try:
            return gateway.query(each)
        except Unreachable as fault:
            log.warning("%s could not be asked about: %s", each.number, fault)
            return None

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="institution") as threads:
        said = [each for each in threads.map(ask, told) if each is not None]
    return hear(said=said, at=at)


def hear(*, said: Sequence[Said], at: datetime) -> int:
    """Keep what was found out of instructions, if anything was; return how many had news."""
    return take_notices(said=said, at=at) if said else 0


@verb
def silent(*, at: datetime) -> list[Told]:
    """Return which instructions to ask about, and note that they are asked about now."""
    now, ages, silent_at, till_at = (sql.instant(at - age) for age in (timedelta(0), AGES, SILENT, AT_A_TILL))
    facts = [ages, silent_at, till_at, now, silent_at, sql.instant(at - ASKED_EVERY), BATCH]
    mine = [row[0] for row in sql.rows(_SILENT, facts)]
    locks.instructions(mine)
    sql.rows_in(_ASKED, mine, [sql.instant(at)])
    return instructions(mine)


_KNOWN = "SELECT notice_id FROM payment_notice WHERE notice_id IN ({keys})"
_KEEP = """
    INSERT INTO payment_notice (id, notice_id, number, trade_no, outcome, amount_fen, occurred_at, received_at,
                                source, body_hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (notice_id) DO NOTHING
"""
_TOLD = """
    SELECT number, amount_fen, kind = 'collect' AND expires_at IS NOT NULL AND expires_at <= %s, state
    FROM payment_instruction WHERE number IN ({keys})
"""
_HEARD = "SELECT DISTINCT number, outcome, amount_fen FROM payment_notice WHERE number IN ({keys})"
_STATE = """
    UPDATE payment_instruction SET state = %s, sent_at = COALESCE(sent_at, %s),
        close_at = CASE WHEN %s = 'done' THEN NULL WHEN %s = 'closed' AND state <> 'closed' THEN %s ELSE close_at END
    WHERE number = %s
"""
_OPEN = """
    INSERT INTO reconciliation_case (account, kind, number, difference, expected_fen, found_fen, state, since_at,
                                     opened_at, run_id)
    VALUES ('institution', 'notice', %s, 'notice', %s, %s, 'open', %s, %s, 0)
    ON CONFLICT (account, kind, number) DO UPDATE SET
        difference = 'notice', found_fen = excluded.found_fen, state = 'open', closed_at = NULL, closed_by = '',
        outcome = ''
    WHERE reconciliation_case.state = 'open' OR reconciliation_case.closed_by = 'lines'
        OR reconciliation_case.difference <> 'notice' OR reconciliation_case.found_fen <> excluded.found_fen
"""
_CLOSE = """
    UPDATE reconciliation_case SET state = 'closed', closed_at = %s, closed_by = 'lines'
    WHERE account = 'institution' AND kind = 'notice' AND number = %s AND state = 'open'
"""
# What is disputed is found by its case: until people have closed it, the institution is asked what is true.
_SILENT = """
    SELECT number FROM (
        SELECT i.id, i.number, i.asked_at, COALESCE(i.asked_at, i.sent_at) AS since FROM payment_instruction i
        WHERE i.state = 'sent' AND i.sent_at > %s
            AND (i.sent_at <= %s OR i.sent_at <= %s AND i.kind = 'collect' AND i.expires_at > %s)
        UNION ALL SELECT i.id, i.number, i.asked_at, COALESCE(i.asked_at, i.sent_at)
        FROM reconciliation_case c JOIN payment_instruction i ON i.number = c.number
        WHERE c.account = 'institution' AND c.kind = 'notice' AND c.difference = 'notice' AND c.state = 'open'
            AND i.state = 'disputed' AND i.sent_at <= %s
    ) silent WHERE asked_at IS NULL OR asked_at <= %s ORDER BY since, id LIMIT %s
"""
_ASKED = "UPDATE payment_instruction SET asked_at = %s WHERE number IN ({keys}) RETURNING number"
