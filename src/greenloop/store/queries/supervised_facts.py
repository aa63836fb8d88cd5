"""What a supervision report names beside its sums: rules in force, trust number, checkpoint, root, and what is open."""

from dataclasses import dataclass
from datetime import date, datetime

from greenloop.core.cycle import local_date
from greenloop.core.faults import Refusal, say
from greenloop.store import sql
from greenloop.store.queries.report import utc_offset_minutes
from greenloop.store.queries.supervised import params


@dataclass(frozen=True, slots=True)
class RulesRow:
    """A rule set that was in force in a period, from an instant on."""

    id: int
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Up to where a report reads the books, and what was published of them by then.

    `journal` is the newest journal of the period (0 before any) and `newest_journal` the newest of all. `pending` are
    journals of the period that the trust book's own database isn't known to hold. `trust_number` is the newest that its
    keeper told. `checkpoint_*` is the newest signed of the public log, `root_*` the newest root of what was owed after
    a cycle that ended by the period's end; empty and None where there is none.
    """

    journal: int
    newest_journal: int
    pending: int
    trust_number: int
    checkpoint_size: int | None
    checkpoint_hash: str
    root_cycle: int | None
    root_hash: str
    root_total_fen: int | None


@dataclass(frozen=True, slots=True)
class Open:
    """What may still change a period's sums: cycles that vested and aren't settled, a held one, and broken books."""

    cycles: int
    held: int
    broken: int


def cutoff(since_at: datetime, until_at: datetime, *, settled_by: date) -> tuple[Cutoff, Open, list[RulesRow]]:
    """Return up to where a report reads the books, what is still open, and the rules in force, in one statement.

    `settled_by` is the local day on which the last cycle of the period may have been cut off.
    """
    rows = sql.rows(_CUTOFF, params(since_at, until_at) | {"settled_by": settled_by.isoformat()})
    journal, newest, pending, number, size, size_hash, cycle, root, total, *rest = rows[0]
    found = Cutoff(
        *(int(journal or 0), int(newest or 0), int(pending), int(number or 0)),
        checkpoint_size=size,
        checkpoint_hash=size_hash or "",
        root_cycle=cycle,
        root_hash=root or "",
        root_total_fen=None if total is None else int(total),
    )
    rules = [RulesRow(int(row[-2]), sql.moment(row[-1])) for row in rows if row[-2] is not None]
    return found, Open(*map(int, rest[:3])), rules


def days() -> tuple[date, date]:
    """Return the local days of the first and the last journal.

    :raises Refusal: there is none.
    """
    first, last = sql.rows("SELECT MIN(effective_at), MAX(effective_at) FROM journal")[0]
    if first is None:
        raise Refusal("supervise.nothing", say("Nothing has been booked yet."))
    offset = utc_offset_minutes()
    return local_date(sql.moment(first), offset), local_date(sql.moment(last), offset)


_CHECKPOINT = "(SELECT MAX(size) FROM log_checkpoint)"
_ROOT = "(SELECT MAX(cycle) FROM liability_root WHERE day <= %(settled_by)s)"
_CUTOFF = f"""
    SELECT (SELECT MAX(id) FROM journal WHERE effective_at < %(until)s),
        (SELECT MAX(id) FROM journal),
        (SELECT COUNT(*) FROM pending_journal w JOIN journal j ON j.id = w.journal_id
            WHERE j.effective_at < %(until)s),
        (SELECT number FROM trust_head WHERE id = 1),
        k.size, k.root_hash, r.cycle, r.root_hash, r.total_fen,
        (SELECT COUNT(*) FROM journal j WHERE j.kind = 'vest' AND j.effective_at < %(until)s AND NOT EXISTS (
            SELECT 1 FROM settlement_run s WHERE s.state = 'posted' AND j.key = 'vest/' || s.cycle)),
        (SELECT COUNT(*) FROM settlement_run WHERE state = 'held' AND proposed_at < %(until)s),
        (SELECT COUNT(*) FROM books_broken WHERE cleared_at IS NULL),
        v.id, v.effective_at
    FROM (SELECT 1 AS one) o
    LEFT JOIN log_checkpoint k ON k.size = {_CHECKPOINT}
    LEFT JOIN liability_root r ON r.cycle = {_ROOT}
    LEFT JOIN rule_version v ON v.effective_at < %(until)s AND v.effective_at >= COALESCE(
        (SELECT MAX(effective_at) FROM rule_version WHERE effective_at <= %(since)s), %(since)s)
    ORDER BY v.effective_at
"""  # noqa: S608  constants of this file
