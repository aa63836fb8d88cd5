"""Send again what an endpoint has had, or was given up: the same event under the same id."""

from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.outbox.endpoints import unknown
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks, sql


@verb
def replay(*, delivery_id: int, by: str, at: datetime) -> bool:
    """Let a delivery be sent again; tell whether it wasn't waiting already.

    :raises Refusal: there is no such delivery, or its endpoint has ended.
    """
    endpoint_id = sql.value("SELECT endpoint_id FROM delivery WHERE id = %s", [delivery_id])
    if endpoint_id is None:
        message = say("There is no delivery {delivery}.")
        raise Refusal("delivery.unknown", message, field="delivery", delivery=str(delivery_id))
    _lock_live(endpoint_id)
    again = sql.run(f"{_AGAIN} WHERE id = %s AND state <> 'waiting'", [sql.instant(at), delivery_id]) == 1
    if again:
        note(act="webhook.replay", about=f"delivery/{delivery_id}", detail={}, at=at, by=by)
    return again


@verb
def replay_given_up(*, endpoint_id: int, since_at: datetime, by: str, at: datetime) -> int:
    """Let all be sent again that an endpoint was given up since an instant; return how many.

    :raises Refusal: there is no such endpoint, or it has ended.
    """
    _lock_live(endpoint_id)
    given_up = f"{_AGAIN} WHERE endpoint_id = %s AND state = 'given_up' AND done_at >= %s"
    count = sql.run(given_up, [sql.instant(at), endpoint_id, sql.instant(since_at)])
    if count:
        note(act="webhook.replay", about=f"webhook/{endpoint_id}", detail={"deliveries": count}, at=at, by=by)
    return count


def _lock_live(endpoint_id: int) -> None:
    locks.endpoints([endpoint_id])
    found = sql.rows("SELECT ended_at FROM webhook_endpoint WHERE id = %s", [endpoint_id])
    if not found:
        raise unknown(endpoint_id)
    if found[0][0] is not None:
        message = say("The endpoint has ended. Register it again; what happens from then on is sent there.")
        raise Refusal("webhook.closed", message, field="endpoint")


_AGAIN = "UPDATE delivery SET state = 'waiting', retries = 0, next_at = %s, done_at = NULL"
