"""The clock's own records: what was begun, by whom, and what became of it; and what is kept for a while only."""

from datetime import datetime, timedelta

from greenloop.services.verb import verb
from greenloop.store import sql
from greenloop.store.queries.clockwork import ABANDONED, BREACH

NONCES_KEPT = timedelta(minutes=15)
"""A signature is good for five minutes either way: after ten its nonce can't come again."""
ANSWERS_KEPT = timedelta(days=30)
OUTCOME_MAX = 2_000


@verb
def begin(*, task: str, slot: str, due_at: datetime, holder: str, at: datetime) -> bool:
    """Begin one piece of work, unless it is done or another worker is at it; tell whether it is the caller's."""
    now, abandoned = sql.instant(at), sql.instant(at - ABANDONED)
    return sql.run(_BEGIN, [task, slot, sql.instant(due_at), now, holder[:64], abandoned, f"{BREACH}%"]) == 1


@verb
def finish(*, task: str, slot: str, holder: str, outcome: str, at: datetime) -> None:
    """Note that a piece of work is done, and what it did."""
    sql.run(_END, ["done", sql.instant(at), outcome[:OUTCOME_MAX], task, slot, holder[:64]])


@verb
def fail(*, task: str, slot: str, holder: str, outcome: str, at: datetime) -> None:
    """Note that a piece of work failed, and why. It is tried again later, unless the outcome is a breach."""
    sql.run(_END, ["failed", sql.instant(at), outcome[:OUTCOME_MAX], task, slot, holder[:64]])


@verb
def try_again(*, task: str, slot: str) -> bool:
    """Let a piece of work that failed be tried at once, also after a breach; tell whether there is one."""
    return sql.run(_AGAIN, [task, slot]) == 1


@verb
def prune(*, at: datetime) -> dict[str, int]:
    """Forget what is kept for a while only: nonces that can't come again, and answers of long ago."""
    nonces = sql.run("DELETE FROM nonce WHERE seen_at < %s", [sql.instant(at - NONCES_KEPT)])
    answers = sql.run("DELETE FROM stored_answer WHERE at < %s", [sql.instant(at - ANSWERS_KEPT)])
    return {"nonces": nonces, "answers": answers}


_BEGIN = """
    INSERT INTO run (task, slot, due_at, state, attempts, started_at, holder)
    VALUES (%s, %s, %s, 'running', 1, %s, %s)
    ON CONFLICT (task, slot) DO UPDATE SET state = 'running', attempts = run.attempts + 1,
        started_at = excluded.started_at, finished_at = NULL, holder = excluded.holder
    WHERE (run.state = 'running' AND run.started_at < %s) OR (run.state = 'failed' AND run.outcome NOT LIKE %s)
"""
_END = """
    UPDATE run SET state = %s, finished_at = %s, outcome = %s
    WHERE task = %s AND slot = %s AND holder = %s AND state = 'running'
"""
_AGAIN = "UPDATE run SET attempts = 0, outcome = '' WHERE task = %s AND slot = %s AND state = 'failed'"
