"""Ask the institution about what it was told and has said nothing of: a notice may be lost."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from greenloop.services.books.institution.gateway import Gateway, Said, Told, Unreachable
from greenloop.services.books.institution.notices import take_notices
from greenloop.store import sql

log = logging.getLogger("greenloop.institution")
SILENT = timedelta(minutes=10)
"""So long an institution may take to say what became of an instruction, before it is asked."""
AGES = timedelta(days=30)
"""What nobody has paid for so long isn't asked about any more; a statement would still show it."""
AT_ONCE = 8
BATCH = 1_000


def ask_silent(*, gateway: Gateway, at: datetime) -> int:
    """Ask about up to 1 000 instructions that are silent or disputed, the oldest first; return how many had news."""
    span = [sql.instant(at - SILENT), sql.instant(at - AGES)]
    told = [Told(*row) for row in sql.rows(_SILENT, [*span, BATCH])]

    def ask(each: Told) -> Said | None:
        try:
            return gateway.query(each)
        except Unreachable as fault:
            log.warning("%s could not be asked about: %s", each.number, fault)
            return None

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="institution") as threads:
        said = [each for each in threads.map(ask, told) if each is not None]
    return take_notices(said=said, at=at) if said else 0


_SILENT = """
    SELECT i.kind, i.number, i.amount_fen, COALESCE(m.ref, ''), i.order_no, i.payment
    FROM payment_instruction i LEFT JOIN merchant m ON m.id = i.merchant_id
    WHERE i.state IN ('sent', 'disputed') AND i.sent_at <= %s AND i.sent_at > %s ORDER BY i.sent_at, i.id LIMIT %s
"""
