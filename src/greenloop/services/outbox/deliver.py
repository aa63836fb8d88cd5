"""Send what is due, at least once. What happens while it is sent holds no transaction and no lock of the database."""

import logging
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from time import monotonic

from greenloop.core.faults import say
from greenloop.services.outbox import claims, signing
from greenloop.services.outbox.claims import Batch, Parcel, Tried
from greenloop.services.outbox.sending import Outcome, send
from greenloop.services.verb import verb

log = logging.getLogger("greenloop.outbox")
AT_ONCE = 8
"""Endpoints that are sent to at a time, each by one thread."""
PASS_S = 60
"""After so long a pass takes on nothing new: whoever called it has other things to look after."""
ENDPOINT_S = 20
"""After so long an endpoint's next parcel waits for its next turn."""
LOOK_S = 1


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a pass came to: parcels that arrived, and tries that failed."""

    arrived: int
    failed: int


def deliver_due(*, at: datetime, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> Delivered:
    """Send what is due at an instant and what falls due meanwhile, and return what came of it.

    A slow endpoint keeps one thread busy and nobody else waiting. Two processes may do this at once: an endpoint is
    sent to by one of them at a time.
    """
    begun_s = monotonic()

    def now() -> datetime:
        return at + timedelta(seconds=monotonic() - begun_s)

    if not claims.due(at):
        return Delivered(0, 0)
    # Trusted authorities are read from files once a pass, and only if there is somebody to send to.
    trusted = cache(tls)
    outcomes: list[Outcome] = []
    under_way: dict[Future[tuple[list[Tried], Sequence[Parcel]]], Batch] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks") as threads:
        while True:
            if monotonic() - begun_s < PASS_S and len(under_way) < AT_ONCE and claims.due(now()):
                for batch in claim(endpoints_max=AT_ONCE - len(under_way), at=now()):
                    under_way[threads.submit(_send, batch, now, trusted)] = batch
            if not under_way:
                return Delivered(sum(each.arrived for each in outcomes), sum(not each.arrived for each in outcomes))
            for future in wait(under_way, timeout=LOOK_S, return_when=FIRST_COMPLETED).done:
                (tried, left), batch = future.result(), under_way.pop(future)
                record(batch=batch, tried=tried, left=left, at=now())
                outcomes += [each.outcome for each in tried]


@verb
def claim(*, endpoints_max: int, at: datetime) -> list[Batch]:
    """Take what is due for some endpoints that nobody else sends to; they are the caller's until their lease ends."""
    return claims.claim(endpoints_max=endpoints_max, at=at)


@verb
def record(*, batch: Batch, tried: Sequence[Tried], left: Sequence[Parcel], at: datetime) -> None:
    """Write down what came of a batch, and let go of its endpoint."""
    claims.record(batch=batch, tried=tried, left=left, at=at)


def _send(
    batch: Batch, now: Callable[[], datetime], tls: Callable[[], ssl.SSLContext]
) -> tuple[list[Tried], Sequence[Parcel]]:
    """Send an endpoint's parcels one after the other, until one fails or it has taken too long; return what is left."""
    begun_s, tried = monotonic(), list[Tried]()
    for place, parcel in enumerate(batch.parcels, 1):
        at = now()
        outcome = _sent(batch, parcel, at, tls)
        tried.append(Tried(parcel, outcome, at))
        if not outcome.arrived:
            told = outcome.code or outcome.fault or outcome.status
            log.warning("endpoint %s: try %s failed: %s", batch.endpoint_id, parcel.attempt, told)
        if not outcome.arrived or monotonic() - begun_s > ENDPOINT_S:
            return tried, batch.parcels[place:]
    return tried, ()


def _sent(batch: Batch, parcel: Parcel, at: datetime, tls: Callable[[], ssl.SSLContext]) -> Outcome:
    if not batch.keys:
        fault = say("The endpoint's secret can't be opened any more, and nothing is sent unsigned. Draw a new secret.")
        return Outcome(None, 0, fault, code="webhook.secret")
    headers = signing.headers(event_id=parcel.event_id, body=parcel.body, keys=batch.keys, at=at)
    return send(batch.url, parcel.body, headers, tls=tls)
