"""One pass of the clock: send what is due, ask about what is silent, and end payments that nobody made in time."""

from datetime import datetime, timedelta
from time import monotonic

from greenloop.services.books.institution import named
from greenloop.services.books.institution.ending import cancel_unpaid, close_due
from greenloop.services.books.institution.gateway import Gateway
from greenloop.services.books.institution.notices import ask_silent
from greenloop.services.books.institution.sending import send_due

PASS_MAX = 25
"""Batches of one pass: what is left is sent a few seconds later."""
PASS_S = 60
"""After so long no batch is begun any more."""


def pass_on(*, at: datetime) -> int:
    """Send what is due, batch after batch, and ask about what is silent; return how much was sent.

    Payments whose time is over are closed, and their orders cancelled. Where no institution is named only those end
    that none was ever told of.
    """
    gateway = named.gateway()
    sent = 0 if gateway is None else _sent(gateway, at)
    close_due(gateway=gateway, at=at)
    cancel_unpaid(at=at)
    return sent


def _sent(gateway: Gateway, at: datetime) -> int:
    sent, begun = 0, monotonic()
    for _ in range(PASS_MAX):
        # Leases run from when a batch is claimed, however long the ones before it took.
        found = send_due(gateway=gateway, at=at + timedelta(seconds=monotonic() - begun))
        sent += found.accepted
        if not found.accepted or monotonic() - begun > PASS_S:
            break
    ask_silent(gateway=gateway, at=at + timedelta(seconds=monotonic() - begun))
    return sent
