"""The clock's own records: what was begun, by whom, and what became of it; and what is kept for a while only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.faults import Refusal, say
from greenloop.core.people.roles import DECIDERS
from greenloop.services.soundness import note_broken
from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb
from greenloop.store import sql
from greenloop.store.queries.clockwork import ABANDONED, BREACH, open_slots

NONCES_KEPT = timedelta(minutes=15)
"""A signature is good for five minutes either way: after ten its nonce can't come again."""
ANSWERS_KEPT = timedelta(days=30)
OUTCOME_MAX = 2_000
BROKE = f"{BREACH}%"
PRUNED_MAX = 10_000
"""Rows of each kind that one call forgets: orders don't wait behind it."""


@verb
def beat(*, holder: str, at: datetime) -> None:
    """Note that a process is at the clock: it does so each minute, also while there is nothing to do."""
    sql.run(_BEAT, [holder[:64], sql.instant(at)])


@verb
def begin(*, task: str, slot: str, due_at: datetime, holder: str, at: datetime) -> bool:
    """Begin one piece of work, unless it is done or another worker is at it; tell whether it is the caller's."""
    now, abandoned, ahead = sql.instant(at), sql.instant(at - ABANDONED), sql.instant(at + ABANDONED)
    return sql.run(_BEGIN, [task, slot, sql.instant(due_at), now, now, holder[:64], abandoned, ahead, BROKE]) == 1


@verb
def go_on(*, task: str, slot: str, holder: str, at: datetime) -> bool:
    """Note that a piece of work is still under way; tell whether it is the caller's."""
    return sql.run(_GO_ON, [sql.instant(at), task, slot, holder[:64]]) == 1


@verb
def finish(*, task: str, slot: str, holder: str, outcome: str, at: datetime) -> None:
    """Note that a piece of work is done, and what it did: done is done, whoever is at it by then."""
    sql.run(_DONE, [sql.instant(at), outcome[:OUTCOME_MAX], holder[:64], task, slot, BROKE])


@verb
def fail(*, task: str, slot: str, holder: str, outcome: str, at: datetime) -> None:
    """Note that a piece of work failed, and why. It is tried again later, unless the outcome is a breach.

    After a breach no payout and no fee leave trust.
    """
    sql.run(_FAILED, [sql.instant(at), outcome[:OUTCOME_MAX], task, slot, holder[:64]])
    if outcome.startswith(BREACH):
        note_broken(what=outcome.removeprefix(BREACH).lstrip(": "), by=f"{task}/{slot}", at=at)


@verb
def try_again(*, task: str, slot: str, by: str, at: datetime) -> bool:
    """Let a piece of work that failed be tried at once, also after a breach; tell whether there is one.

    After a breach its task goes on, and the audit log keeps who said so; money stays in trust until the books are
    proved.

    :raises Refusal: `by` has no role that decides, or the work isn't due any more.
    """
    may(by, *DECIDERS)
    was = sql.value("SELECT outcome FROM run WHERE task = %s AND slot = %s AND state = 'failed'", [task, slot])
    if was is None:
        return False
    if not was.startswith(BREACH) and (task, slot) not in {(each.task, each.slot) for each in open_slots(at)}:
        message = say("{run} isn't due any more: what it left was done since. There is nothing to try again.")
        raise Refusal("run.past", message, field="run", run=f"{task}/{slot}")
    sql.run(_AGAIN, [task, slot])
    note(act="run.retry", about=f"run/{task}/{slot}", detail={"breach": was.startswith(BREACH)}, at=at, by=by)
    return True


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were forgotten. `more` says that some are left for another call."""

    nonces: int
    answers: int
    sessions: int
    more: bool


@verb
def prune(*, at: datetime) -> Pruned:
    """Forget what is kept for a while only, oldest first and up to 10 000 rows of each kind.

    That is nonces which can't come again, answers of long ago, and sessions that are over.
    """
    nonces = sql.run(_NONCES, [sql.instant(at - NONCES_KEPT), PRUNED_MAX])
    answers = sql.run(_ANSWERS, [sql.instant(at - ANSWERS_KEPT), PRUNED_MAX])
    sessions = sql.run(_SESSIONS, [sql.instant(at), PRUNED_MAX])
    return Pruned(nonces, answers, sessions, PRUNED_MAX in (nonces, answers, sessions))


_BEAT = """
    INSERT INTO beat (what, holder, at) VALUES ('clock', %s, %s)
    ON CONFLICT (what) DO UPDATE SET holder = excluded.holder, at = excluded.at
"""
_BEGIN = """
    INSERT INTO run (task, slot, due_at, state, attempts, started_at, seen_at, holder)
    VALUES (%s, %s, %s, 'running', 1, %s, %s, %s)
    ON CONFLICT (task, slot) DO UPDATE SET state = 'running', attempts = run.attempts + 1,
        started_at = excluded.started_at, seen_at = excluded.seen_at, finished_at = NULL, holder = excluded.holder
    WHERE (run.state = 'running' AND NOT COALESCE(run.seen_at, run.started_at) BETWEEN %s AND %s)
        OR (run.state = 'failed' AND run.outcome NOT LIKE %s)
"""
_GO_ON = "UPDATE run SET seen_at = %s WHERE task = %s AND slot = %s AND holder = %s AND state = 'running'"
_DONE = """
    UPDATE run SET state = 'done', finished_at = %s, outcome = %s, holder = %s
    WHERE task = %s AND slot = %s AND (state = 'running' OR (state = 'failed' AND outcome NOT LIKE %s))
"""
_FAILED = """
    UPDATE run SET state = 'failed', finished_at = %s, outcome = %s
    WHERE task = %s AND slot = %s AND holder = %s AND state = 'running'
"""
_NONCES = """
    DELETE FROM nonce WHERE (key_id, nonce) IN (
        SELECT key_id, nonce FROM nonce WHERE seen_at < %s ORDER BY seen_at LIMIT %s)
"""
_ANSWERS = """
    DELETE FROM stored_answer WHERE (caller, key) IN (
        SELECT caller, key FROM stored_answer WHERE at < %s ORDER BY at LIMIT %s)
"""
_SESSIONS = """
    DELETE FROM django_session WHERE session_key IN (
        SELECT session_key FROM django_session WHERE expire_date < %s ORDER BY expire_date LIMIT %s)
"""
_AGAIN = "UPDATE run SET attempts = 0, outcome = '' WHERE task = %s AND slot = %s AND state = 'failed'"
