"""What the public log has to tell of: each settlement, each rule set and each decision of a second person, as facts.

A fact names amounts and hashes, and people by pseudonyms alone. What was published stays as it was told: changing a
form here needs a kind of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from greenloop.store import sql
from greenloop.store.sealed import look_up

SETTLEMENT, RULES, DECISION = "settlement", "rules", "decision"
DECISIONS = (*("proposal.approve", "proposal.reject", "settlement.approve", "settlement.reject", "grant.approve"),)
"""The acts of the audit log that are decisions of a second person."""
TOLD = ("proposal", "kind", "sha256", "issued_fen", "caps_fen", "amount_fen")
"""What of an act's details is told; whatever else it may hold isn't for the public."""
PSEUDONYM_CHARS = 16


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to tell: `about` is told once for ever among all of its kind."""

    kind: str
    about: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Act:
    """An act of the audit log, by its number there; `detail` is canonical JSON."""

    number: int
    at: datetime
    actor: str
    act: str
    about: str
    detail: str


def settlements(cycle: int | None = None) -> list[Told]:
    """Return what there is to tell of an alliance cycle's settlement, pool by pool; of all that aren't told without."""
    rows = sql.rows(_UNTOLD_SETTLEMENTS) if cycle is None else sql.rows(_SETTLEMENTS, [cycle])
    return [_settlement(row) for row in rows]


def every_settlement() -> list[Told]:
    """Return what there is to tell of each settlement, told or not."""
    return [_settlement(row) for row in sql.rows(f"{_SETTLED} {_IN_ORDER}")]


def _settlement(row: sql.Row) -> Told:
    name, own, first, cutoff_at, inflow, issued, free, backing, spent, answer, indices, key = row
    facts = {
        "pool": name,
        "cycle": first + own - 1,
        "pool_cycle": own,
        "cutoff_at": instant(sql.moment(cutoff_at)),
        "inflow_fen": inflow,
        "issued_fen": issued,
        "free_fen": free,
        "backing_fen": backing,
        "spent_fen": spent,
        "answer_sha256": _sha256(answer),
        "indices_sha256": _sha256(indices),
        "journal": key,
    }
    return Told(SETTLEMENT, f"settlement/{name}/{own}", facts)


def rules(number: int | None = None) -> list[Told]:
    """Return what there is to tell of a rule set; of all that aren't told where none is named."""
    return [_rules(row) for row in (sql.rows(_UNTOLD_RULES) if number is None else sql.rows(_ONE_RULES, [number]))]


def every_rules() -> list[Told]:
    """Return what there is to tell of each rule set, told or not."""
    return [_rules(row) for row in sql.rows(f"{_RULES} ORDER BY v.id")]


def _rules(row: sql.Row) -> Told:
    number, document, effective_at, published_at = row
    facts = {
        "rules": str(number),
        "document_sha256": _sha256(document),
        "effective_at": instant(sql.moment(effective_at)),
        "published_at": instant(sql.moment(published_at)),
    }
    return Told(RULES, f"rules/{number}", facts)


def decisions() -> list[Told]:
    """Return what there is to tell of decisions that aren't told yet; who had which role then is known no more."""
    return [decision(act, roles=None) for act in _acts(_UNTOLD_DECISIONS)]


def every_decision() -> list[Told]:
    """Return what there is to tell of each decision, told or not, but for the roles of those who decided."""
    return [decision(act, roles=None) for act in _acts(_DECISIONS)]


def _acts(query: str) -> list[Act]:
    found = sorted(sql.rows_in(query, DECISIONS))
    return [Act(number, sql.moment(at), *told) for number, at, *told in found]


def decision(act: Act, *, roles: Sequence[str] | None) -> Told:
    """Return what there is to tell of a decision; `roles` are those of who decided, null where they aren't known.

    What a settlement or a grant was decided of is named; a proposal only by its number and hash, for it may be about
    somebody.
    """
    known = json.loads(act.detail)
    of_proposal = act.act.startswith("proposal.")
    facts = {
        "act": act.act,
        "at": instant(act.at),
        "about": f"proposal/{known['proposal']}" if of_proposal else act.about,
        "by": pseudonym(act.actor),
        "roles": None if roles is None else sorted(roles),
        **{name: known[name] for name in TOLD if name in known},
    }
    return Told(DECISION, f"act/{act.number}", facts)


def pseudonym(actor: str) -> str:
    """Return by what the log names who acted: the same for each of their acts, and to be resolved by us alone.

    The console and the scheduler are nobody in person, and named as they are.
    """
    return actor if "/" not in actor else f"person/{look_up('log', actor)[:PSEUDONYM_CHARS]}"


def instant(at: datetime) -> str:
    """Return an instant as leaves write it: UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()


_SETTLED = """
    SELECT p.name, s.cycle, p.first_cycle, s.cutoff_at, s.inflow_fen, s.issued_fen, s.free_fen, s.backing_fen,
           s.spent_fen, s.answer, s.indices, j.key
    FROM settled_cycle s JOIN pool p ON p.id = s.pool_id LEFT JOIN journal j ON j.id = s.journal_id
"""
_IN_ORDER = "ORDER BY p.first_cycle + s.cycle, p.id"
_SETTLEMENTS = f"{_SETTLED} WHERE s.cycle = %s - p.first_cycle + 1 {_IN_ORDER}"
_UNTOLD_SETTLEMENTS = f"""
    {_SETTLED} LEFT JOIN log_leaf l
        ON l.kind = 'settlement' AND l.about = 'settlement/' || p.name || '/' || CAST(s.cycle AS VARCHAR(20))
    WHERE l.number IS NULL {_IN_ORDER}
"""
_RULES = "SELECT v.id, v.document, v.effective_at, v.published_at FROM rule_version v"
_ONE_RULES = f"{_RULES} WHERE v.id = %s"
_UNTOLD_RULES = f"""
    {_RULES} LEFT JOIN log_leaf l ON l.kind = 'rules' AND l.about = 'rules/' || CAST(v.id AS VARCHAR(20))
    WHERE l.number IS NULL ORDER BY v.id
"""
_ACTS = "SELECT a.id, a.at, a.actor, a.act, a.about, a.detail FROM audit_entry a"
_DECISIONS = f"{_ACTS} WHERE a.act IN ({{keys}})"
_UNTOLD_DECISIONS = f"""
    {_ACTS} LEFT JOIN log_leaf l ON l.kind = 'decision' AND l.about = 'act/' || CAST(a.id AS VARCHAR(20))
    WHERE a.act IN ({{keys}}) AND l.number IS NULL
"""
