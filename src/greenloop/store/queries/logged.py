"""What the public log has to tell of, as facts: settlements, rules, turns of minting, decisions, seals over journals.

A fact names amounts and hashes, people by pseudonyms alone, and what may be about somebody by a salted hash. What was
published stays as it was told: a fact whose form changes gets another name.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from greenloop.core.trust.commitment import commitment
from greenloop.store import sql
from greenloop.store.queries import seals
from greenloop.store.queries.seals import Booked, SealRow
from greenloop.store.sealed import look_up

SETTLEMENT, RULES, MINTING, DECISION = "settlement", "rules", "minting", "decision"
DECISIONS = (
    *("proposal.approve", "proposal.reject", "settlement.approve", "settlement.reject", "grant.approve"),
    *("claim.approve", "claim.reject"),
)
"""The acts of the audit log that are decisions of a second person."""
TOLD = ("proposal", "kind", "commitment", "issued_fen", "caps_fen", "amount_fen")
"""What of an act's details is told; whatever else it may hold isn't for the public."""
PSEUDONYM_CHARS = 16
PART = 128
"""Things to tell that are read at a time."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to tell: `about` is told once for ever among all of its kind.

    `before` are the facts as leaves told them at the time, where they take another form by now.
    """

    kind: str
    about: str
    facts: Mapping[str, object]
    before: Mapping[str, object] | None = None


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


def every(kind: str) -> Iterator[list[Told]]:
    """Yield what there is to tell of a kind, told or not, in parts by number; of decisions all but the roles."""
    if kind == SETTLEMENT:  # its answers are long: of all together there is no list
        for part in _parts(_EACH_SETTLED, [], (0, 0)):
            yield [_settlement(row) for row in part]
    elif kind == RULES:
        for part in _parts(_EACH_RULES, [], (0,)):
            yield [_rules(row) for row in part]
    elif kind == MINTING:
        for part in _parts(_EACH_MINTING, [], (0,)):
            yield [_minting(row) for row in part]
    elif kind == seals.LEAF:
        for each in seals.every():
            yield [seal(each, seals.sealed(each))]
    else:
        for part in _parts(_EACH_DECISION, DECISIONS, (0,)):
            yield _of_acts(part)


def _parts(query: str, params: Sequence[object], after: tuple[int, ...]) -> Iterator[list[sql.Row]]:
    """Yield the rows of a query whose first columns are a key, so many at a time of keys above `after`."""
    while part := sql.rows(query, [*params, *after, PART]):
        yield part
        after = part[-1][: len(after)]


def bodies(kind: str, abouts: Iterable[str]) -> dict[str, str]:
    """Return the texts of leaves of a kind, by what they are about."""
    return dict(sql.rows_in(_BODIES, abouts, [kind]))


def leaves_of(kind: str) -> int:
    """Return how many leaves of a kind there are."""
    return int(sql.value("SELECT COUNT(*) FROM log_leaf WHERE kind = %s", [kind]))


def strays(kind: str, limit: int) -> list[str]:
    """Return what the first leaves of a kind are about that tell of nothing that there is."""
    params = DECISIONS if kind == DECISION else ()
    query = _STRAYS.format(abouts=_ABOUTS[kind])
    return [about for (about,) in sql.rows(query, [kind, *params, limit])]


def _settlement(row: sql.Row) -> Told:
    _, own, name, first, cutoff_at, inflow, issued, free, backing, spent, answer, indices, key = row
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


def _rules(row: sql.Row) -> Told:
    number, document, effective_at, published_at = row
    facts = {
        "rules": str(number),
        "document_sha256": _sha256(document),
        "effective_at": instant(sql.moment(effective_at)),
        "published_at": instant(sql.moment(published_at)),
    }
    return Told(RULES, f"rules/{number}", facts)


def minting(number: int | None = None) -> list[Told]:
    """Return what there is to tell of a turn of minting; of all that aren't told where none is named."""
    return [
        _minting(row) for row in (sql.rows(_UNTOLD_MINTING) if number is None else sql.rows(_ONE_MINTING, [number]))
    ]


def _minting(row: sql.Row) -> Told:
    number, mints, effective_at, decided_at = row
    facts = {
        "mints": bool(mints),
        "effective_at": instant(sql.moment(effective_at)),
        "decided_at": instant(sql.moment(decided_at)),
    }
    return Told(MINTING, f"minting/{number}", facts)


def seal(row: SealRow, found: Sequence[Booked]) -> Told:
    """Return what there is to tell of a seal: how many journals it is over as they stand, and their root."""
    until_at = instant(found[-1].entry.recorded_at) if found else None
    facts = {"before": row.before, "journals": len(found), "root": seals.root(found).hex(), "until_at": until_at}
    return Told(seals.LEAF, row.about, facts)


def decisions() -> list[Told]:
    """Return what there is to tell of decisions that aren't told yet; who had which role then is known no more."""
    return _of_acts(sorted(sql.rows_in(_UNTOLD_DECISIONS, DECISIONS)))


def _of_acts(rows: Sequence[sql.Row]) -> list[Told]:
    acts = [(Act(number, sql.moment(at), *told), json.loads(told[-1])) for number, at, *told in rows]
    proposals = {int(known["proposal"]) for _, known in acts if "proposal" in known}
    salts: dict[int, str] = dict(sql.rows_in("SELECT id, salt FROM proposal WHERE id IN ({keys})", proposals))
    return [_committed(decision(act, roles=None), known, salts) for act, known in acts]


def _committed(told: Told, known: Mapping[str, Any], salts: Mapping[int, str]) -> Told:
    """Return a decision with the commitment that its proposal's salt opens; acts that are older have none of their own.

    :raises KeyError: the details name a proposal and no hash.
    """
    number = int(known.get("proposal", 0))
    if number not in salts:
        return told
    mark = str(known["sha256"])
    before = None if "commitment" in known else {**told.facts, "sha256": mark}
    return replace(told, facts={**told.facts, "commitment": _opened_by(salts[number], mark)}, before=before)


def _opened_by(salt: str, content_hash: str) -> str | None:
    """Return the commitment that a salt opens, None where it is no salt: whoever proves the log finds that."""
    try:
        return commitment(salt=salt, content_hash=content_hash)
    except ValueError:
        return None


def decision(act: Act, *, roles: Sequence[str] | None) -> Told:
    """Return what there is to tell of a decision; `roles` are those of who decided, null where they aren't known.

    What a settlement or a grant was decided of is named; a proposal only by its number and a commitment to its
    content, for it may be about somebody.
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
    SELECT p.id, s.cycle, p.name, p.first_cycle, s.cutoff_at, s.inflow_fen, s.issued_fen, s.free_fen, s.backing_fen,
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
_MINTING = "SELECT m.id, m.mints, m.effective_at, m.decided_at FROM minting m"
_ONE_MINTING = f"{_MINTING} WHERE m.id = %s"
_UNTOLD_MINTING = f"""
    {_MINTING} LEFT JOIN log_leaf l ON l.kind = 'minting' AND l.about = 'minting/' || CAST(m.id AS VARCHAR(20))
    WHERE l.number IS NULL ORDER BY m.id
"""
_ACTS = "SELECT a.id, a.at, a.actor, a.act, a.about, a.detail FROM audit_entry a"
_UNTOLD_DECISIONS = f"""
    {_ACTS} LEFT JOIN log_leaf l ON l.kind = 'decision' AND l.about = 'act/' || CAST(a.id AS VARCHAR(20))
    WHERE a.act IN ({{keys}}) AND l.number IS NULL
"""
_EACH_SETTLED = f"{_SETTLED} WHERE (s.pool_id, s.cycle) > (%s, %s) ORDER BY s.pool_id, s.cycle LIMIT %s"
_EACH_RULES = f"{_RULES} WHERE v.id > %s ORDER BY v.id LIMIT %s"
_EACH_MINTING = f"{_MINTING} WHERE m.id > %s ORDER BY m.id LIMIT %s"
_DECIDED = f"a.act IN ({sql.marks(len(DECISIONS))})"
_EACH_DECISION = f"{_ACTS} WHERE {_DECIDED} AND a.id > %s ORDER BY a.id LIMIT %s"
_BODIES = "SELECT about, body FROM log_leaf WHERE kind = %s AND about IN ({keys})"
_ABOUTS = {
    SETTLEMENT: """
        SELECT 'settlement/' || p.name || '/' || CAST(s.cycle AS VARCHAR(20)) AS about
        FROM settled_cycle s JOIN pool p ON p.id = s.pool_id
    """,
    RULES: "SELECT 'rules/' || CAST(v.id AS VARCHAR(20)) AS about FROM rule_version v",
    MINTING: "SELECT 'minting/' || CAST(m.id AS VARCHAR(20)) AS about FROM minting m",
    seals.LEAF: "SELECT 'journals/' || CAST(s.number AS VARCHAR(20)) AS about FROM journal_seal s",
    DECISION: f"SELECT 'act/' || CAST(a.id AS VARCHAR(20)) AS about FROM audit_entry a WHERE {_DECIDED}",  # noqa: S608
}
"""What there is to tell of, as leaves say it."""
_STRAYS = """
    SELECT l.about FROM log_leaf l WHERE l.kind = %s AND l.about NOT IN ({abouts}) ORDER BY l.number LIMIT %s
"""
