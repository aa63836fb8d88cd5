"""What a draw writes: part of its verb's transaction, whether the holder draws or a second person lets it."""

from collections.abc import Sequence
from datetime import datetime

from greenloop.core.books.posting import draft
from greenloop.core.loop.spending import Drawn, Purse
from greenloop.services.books.post import post
from greenloop.services.loop.steps import WalletWork, lock_pools, record_wallets


def record_draw(
    work: WalletWork,
    *,
    number: int,
    account_id: int,
    pool: str,
    purses: Sequence[Purse],
    drawn: Drawn,
    voucher_days: int,
    at: datetime,
) -> None:
    """Record draw `number`, by which it is posted once: the first of `purses` as it stands then, and the others.

    What is drawn is good for `voucher_days`; where a debt takes all of it, they are of no account.
    """
    for each in purses:
        work.put(account_id, each)
    purse = purses[0]
    work.drawn(account_id, purse.pool_id, drawn)
    if drawn.drawn_fen:
        face = drawn.drawn_fen
        work.voucher(account_id, purse.pool_id, face_fen=face, left_fen=face, at=at, days=voucher_days)
    key = f"draw/{number}"
    lock_pools(work)
    amounts = [
        (f"trust:accrued:{pool}", "trust:reserve", drawn.repaid_fen),
        (f"trust:accrued:{pool}", f"trust:voucher:{pool}", drawn.drawn_fen),
    ]
    record_wallets(work, journal_id=post([draft(key=key, kind="draw", amounts=amounts)], at=at)[key])
