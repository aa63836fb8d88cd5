"""Nonces of signed requests: each is good once."""

from collections.abc import Sequence
from datetime import datetime

from greenloop.services.verb import verb
from greenloop.store import sql


@verb
def use_nonces(*, pairs: Sequence[tuple[int, str]], at: datetime) -> list[bool]:
    """Use nonces, given as (key, nonce); tell of each whether it is used for the first time."""
    values = ", ".join(["(%s, %s, %s)"] * len(pairs))
    params = [value for key_id, nonce in pairs for value in (key_id, nonce, sql.instant(at))]
    new = set(
        sql.rows(
            f"INSERT INTO nonce (key_id, nonce, seen_at) VALUES {values} ON CONFLICT DO NOTHING "  # noqa: S608
            "RETURNING key_id, nonce",
            params,
        )
    )
    told = []
    for pair in pairs:
        told.append(pair in new)
        new.discard(pair)
    return told
