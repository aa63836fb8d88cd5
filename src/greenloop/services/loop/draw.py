"""Draw claimable vouchers into the unspent balance."""

from datetime import datetime

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.core.loop import spending
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.services import ids
from greenloop.services.books.post import post
from greenloop.services.loop.rules import in_force, rulings
from greenloop.services.loop.steps import WalletWork, lock_pools, record_wallets
from greenloop.services.verb import verb
from greenloop.store import locks
from greenloop.store.models import Account
from greenloop.store.queries import parties, pools, wallets


@verb
def draw(*, account_id: int, pool: str, at: datetime, amount_fen: int | None = None) -> int:
    """Draw vouchers of one pool, all that is claimable where no amount is given; return the fen drawn.

    A debt to the reserve is repaid first and is not part of what is drawn.

    :raises Refusal: the account or the pool is unknown, the account is held, or the amount is not claimable.
    """
    if amount_fen is not None and (type(amount_fen) is not int or not 0 <= amount_fen <= AMOUNT_FEN_MAX):
        message = say("A draw takes a whole number of fen from 0, not {amount}.")
        raise Refusal("draw.amount", message, field="amount_fen", amount=amount_fen)
    pool_ids = {name: number for number, name, _ in pools.names_and_cycles()}
    if pool not in pool_ids:
        raise Refusal("draw.pool", say("There is no pool {pool}."), field="pool", pool=pool)
    if not Account.objects.filter(id=account_id).exists():
        raise Refusal("draw.account", say("There is no account {account}."), field="account", account=account_id)
    locks.holders([account_id])
    if parties.held_accounts([account_id]):
        message = say("The account {account} is on hold and can't draw.")
        raise Refusal("draw.held", message, field="account", account=account_id)
    work = WalletWork()
    work.open(wallets.purses_of([account_id]))
    purses = sorted(work.purses(account_id), key=lambda each: each.pool_id != pool_ids[pool])
    if not purses or purses[0].pool_id != pool_ids[pool]:
        if amount_fen:
            message = say("{amount} fen is more than the {most} fen that can be drawn; draw {most} or less.")
            raise Refusal("wallet.short", message, field="amount_fen", amount=amount_fen, most=0)
        return 0

    purse, *others = spending.place_debt(purses)
    after, drawn = spending.draw(purse, amount_fen)

    if not drawn.drawn_fen and not drawn.repaid_fen:
        return 0
    for each in (after, *others):
        work.put(account_id, each)
    work.drawn(account_id, purse.pool_id, drawn)
    if drawn.drawn_fen:
        days = in_force(rulings(), at).rules.voucher_days
        face = drawn.drawn_fen
        work.voucher(account_id, purse.pool_id, face_fen=face, left_fen=face, at=at, days=days)
    key = f"draw/{ids.block(1)[0]}"
    lock_pools(work)
    amounts = [
        (f"trust:accrued:{pool}", "trust:reserve", drawn.repaid_fen),
        (f"trust:accrued:{pool}", f"trust:voucher:{pool}", drawn.drawn_fen),
    ]
    record_wallets(work, journal_id=post([draft(key=key, kind="draw", amounts=amounts)], at=at)[key])
    return drawn.drawn_fen
