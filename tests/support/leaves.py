"""The public log as tests read it, decisions for it to tell of, and history changed behind its back."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db import connection

from greenloop.core.trust.canonical import read
from greenloop.insight import log_proofs
from greenloop.services.trust import proposals
from tests.support.ledger import execute, fetch
from tests.support.town import Town


def facts(kind: str) -> list[dict[str, Any]]:
    """Return what the leaves of a kind tell, in their order."""
    return [
        read(str(body))["facts"] for (body,) in fetch("SELECT body FROM log_leaf WHERE kind = %s ORDER BY number", kind)
    ]


def count() -> int:
    return int(fetch("SELECT COUNT(*) FROM log_leaf")[0][0])


def propose_rate(town: Town, rate_ppm: int = 120_000, days: int = 10) -> proposals.Proposed:
    day = (town.at + timedelta(days=days)).isoformat()
    content = {"merchant": "grocer", "rate_ppm": rate_ppm, "valid_from_at": day}
    return proposals.propose(kind="rate.set", content=content, reason="agreed", by="Wu", at=town.at)


def opened(committed: str, made: proposals.Proposed) -> bool:
    """Tell whether a commitment is to a proposal's content, as whoever was told the content and the salt finds out."""
    salt = str(fetch("SELECT salt FROM proposal WHERE id = %s", made.id)[0][0])
    return committed == sha256(bytes.fromhex(salt) + bytes.fromhex(made.content_hash)).hexdigest()


def broken() -> set[str]:
    return {proof.name for proof in log_proofs.proofs() if not proof.holds}


def tamper(table: str, statement: str) -> None:
    """Change history as somebody can who owns the database, and knows how to hide it from its triggers."""
    if connection.vendor == "postgresql":
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    else:
        for (name,) in fetch("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", table):
            execute(f"DROP TRIGGER {name}")
    assert execute(statement) > 0
