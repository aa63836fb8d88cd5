"""Nonces of signed requests: each is good once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.verb import verb
from greenloop.store import sql

Nonce = tuple[int, str]
"""A key's number and the nonce that came with a signature of it."""


def used() -> Refusal:
    """Return the refusal of a nonce that was used before."""
    return Refusal("auth.nonce", say("This nonce was used before. Draw a new one for each request."))


@verb
def use_nonces(*, nonces: Sequence[Nonce], at: datetime) -> list[bool]:
    """Use nonces; tell of each whether it is used for the first time."""
    replays = note_nonces(dict(enumerate(nonces)), at=at)
    return [place not in replays for place in range(len(nonces))]


def note_nonces(nonces: Mapping[int, Nonce], *, at: datetime) -> frozenset[int]:
    """Use nonces inside the caller's transaction; return the places of those that were used before."""
    if not nonces:
        return frozenset()
    values = ", ".join(["(%s, %s, %s)"] * len(nonces))
    # In one order, or two processes that are sent the same ones could wait for each other.
    params = [value for key_id, nonce in sorted(nonces.values()) for value in (key_id, nonce, sql.instant(at))]
    new = set(
        sql.rows(
            f"INSERT INTO nonce (key_id, nonce, seen_at) VALUES {values} ON CONFLICT DO NOTHING "  # noqa: S608
            "RETURNING key_id, nonce",
            params,
        )
    )
    replays = set()
    for place, pair in nonces.items():
        if pair not in new:
            replays.add(place)
        new.discard(pair)
    return frozenset(replays)
