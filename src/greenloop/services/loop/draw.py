"""Draw claimable vouchers into the unspent balance."""

from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.loop import spending
from greenloop.core.loop.fence import Fence, fence_of, reserve
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.services import ids
from greenloop.services.loop.claiming import Held, NewClaim, next_id, write_claims
from greenloop.services.loop.drawing import record_draw
from greenloop.services.loop.rules import in_force, rulings
from greenloop.services.loop.steps import WalletWork, write_wallets
from greenloop.services.trust.acting import now_acting
from greenloop.services.verb import verb
from greenloop.store import locks
from greenloop.store.models import Account
from greenloop.store.queries import claims, parties, pools, wallets

__all__ = ["Held", "draw"]


@verb
def draw(*, account_id: int, pool: str, at: datetime, amount_fen: int | None = None) -> int | Held:
    """Draw vouchers of one pool, all that is claimable where no amount is given; return the fen drawn.

    A debt to the reserve is repaid first and is not part of what is drawn. What would take the day's draws above the
    fence of the rules is held whole: nothing is drawn, the amount is reserved, and a second person decides.

    :raises Refusal: the account or the pool is unknown, the account is held, the amount is not claimable, or a large
        draw from this pool is held already.
    """
    pool_id = _asked_for(pool, amount_fen)
    if not Account.objects.filter(id=account_id).exists():
        raise Refusal("draw.account", say("There is no account {account}."), field="account", account=account_id)
    locks.holders([account_id])
    if parties.held_accounts([account_id]):
        message = say("The account {account} is on hold and can't draw.")
        raise Refusal("draw.held", message, field="account", account=account_id)
    work = WalletWork()
    work.open(wallets.purses_of([account_id]))
    purses = sorted(work.purses(account_id), key=lambda each: each.pool_id != pool_id)
    if not purses or purses[0].pool_id != pool_id:
        if amount_fen:
            message = say("{amount} fen is more than the {most} fen that can be drawn; draw {most} or less.")
            raise Refusal("wallet.short", message, field="amount_fen", amount=amount_fen, most=0)
        return 0

    purse, *others = spending.place_debt(purses)
    after, drawn = spending.draw(purse, amount_fen)

    if not drawn.drawn_fen and not drawn.repaid_fen:
        return 0
    voucher_days = 0
    if drawn.drawn_fen:
        rules = in_force(rulings(), at).rules
        fence, voucher_days = fence_of(rules, at), rules.voucher_days
        if fence.holds_draw(purse, drawn.drawn_fen):
            return _hold(work, account_id, purse.pool_id, amount_fen=drawn.drawn_fen, fence=fence, at=at)
        after = fence.counted(after, drawn_fen=drawn.drawn_fen)
    record_draw(
        work,
        number=ids.block(1)[0],
        account_id=account_id,
        pool=pool,
        purses=(after, *others),
        drawn=drawn,
        voucher_days=voucher_days,
        at=at,
    )
    return drawn.drawn_fen


def _asked_for(pool: str, amount_fen: int | None) -> int:
    """Return the number of the pool that is asked for an amount."""
    if amount_fen is not None and (type(amount_fen) is not int or not 0 <= amount_fen <= AMOUNT_FEN_MAX):
        message = say("A draw takes a whole number of fen from 0, not {amount}.")
        raise Refusal("draw.amount", message, field="amount_fen", amount=amount_fen)
    pool_ids = {name: number for number, name, _ in pools.names_and_cycles()}
    if pool not in pool_ids:
        raise Refusal("draw.pool", say("There is no pool {pool}."), field="pool", pool=pool)
    return pool_ids[pool]


def _hold(work: WalletWork, account_id: int, pool_id: int, *, amount_fen: int, fence: Fence, at: datetime) -> Held:
    """Reserve a draw for a second person's decision; neither the draw nor its debt moves anything yet."""
    if held := claims.held_draw(account_id, pool_id):
        message = say("A large draw from this pool is held already. Wait for the decision, or withdraw it first.")
        raise Refusal("claim.open", message, field="amount_fen", claim=str(held))
    purse = work.before[account_id, pool_id]
    work.put(account_id, reserve(purse, draw_fen=amount_fen))
    claim = NewClaim(
        id=next_id(),
        kind="draw",
        account_id=account_id,
        parts=((pool_id, amount_fen),),
        day_fen=fence.draws_today_fen(purse),
        most_fen=fence.most_fen or 0,
        asked_by=now_acting().actor,
        pool_id=pool_id,
    )
    write_wallets(work)
    write_claims([claim], at=at)
    return Held(claim.id, amount_fen)
