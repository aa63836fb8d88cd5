"""Forget events of long ago, with the log of their deliveries."""

from datetime import datetime, timedelta

from greenloop.services.verb import verb
from greenloop.store import sql

KEPT = timedelta(days=90)
EVENTS_MAX = 5_000


@verb
def forget(*, at: datetime) -> int:
    """Forget up to 5 000 events that happened 90 days ago and wait for nothing, and how they were delivered.

    Return how many were forgotten: called again until that is 0, it has come to its end.
    """
    events = [row[0] for row in sql.rows(_OLD, [EVENTS_MAX, sql.instant(at - KEPT)])]
    deliveries = [row[0] for row in sql.rows_in("SELECT id FROM delivery WHERE event_id IN ({keys})", events)]
    sql.rows_in("DELETE FROM delivery_attempt WHERE delivery_id IN ({keys}) RETURNING number", deliveries)
    sql.rows_in("DELETE FROM delivery WHERE id IN ({keys}) RETURNING id", deliveries)
    return len(sql.rows_in("DELETE FROM outbox_event WHERE id IN ({keys}) RETURNING id", events))


# Ids grow with time, so the oldest come first and no index by time is needed.
_OLD = """
    SELECT id FROM (SELECT id, at FROM outbox_event ORDER BY id LIMIT %s) AS oldest
    WHERE at < %s AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = oldest.id AND d.state = 'waiting')
"""
