"""Give notice of vouchers that will expire, a month and a week ahead."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from greenloop.services.loop.rules import in_force, rulings
from greenloop.services.outbox.steps import News, tell
from greenloop.services.verb import verb
from greenloop.store import sql

DAYS_AHEAD = (30, 7)
MISSED_MAX = 3
"""A clock that was away gives the notices of so many days, today's included."""


@verb
def give_notice(*, at: datetime) -> int:
    """Tell the clients through which members enrolled of vouchers that expire in 30 and in 7 local days.

    Told is, for each member and day, what of that day's vouchers is unspent now, in fen; once for each of the two
    distances, however often this is asked for. Return how many events were written.
    """
    calendar = in_force(rulings(), at).rules.calendar
    today = calendar.local_date(at)

    def news() -> Iterable[News]:
        for ahead in DAYS_AHEAD:
            last = today + timedelta(days=ahead)
            first = last - timedelta(days=MISSED_MAX - 1)
            window = [calendar.midnight_at(first), calendar.midnight_at(last + timedelta(days=1))]
            for account, day, fen in sql.rows(_expiring(), [calendar.utc_offset_minutes, *map(sql.instant, window)]):
                date = sql.day(day).isoformat()
                data = {"account": str(account), "amount_fen": int(fen), "date": date}
                yield News(f"{account}/{date}/{ahead}", data, account_id=account)

    return tell("vouchers.expiring", news, at=at)


def _expiring() -> str:
    return f"""
        SELECT account_id, day, SUM(left_fen) FROM (
            SELECT v.account_id, v.left_fen, {sql.local_date("v.expires_at")} AS day FROM voucher v
            WHERE v.left_fen > 0 AND v.expires_at >= %s AND v.expires_at < %s
                AND EXISTS (SELECT 1 FROM client_member c WHERE c.account_id = v.account_id)
        ) AS expiring
        GROUP BY account_id, day ORDER BY day, account_id
    """  # noqa: S608  two known forms
