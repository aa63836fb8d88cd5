"""After the replay: a settlement and a large draw wait for a second person, so that there is something to decide."""

from datetime import datetime, timedelta
from itertools import count

from greenloop.core.loop import spending
from greenloop.core.loop.rules import document_of
from greenloop.services.loop import proposal
from greenloop.services.loop.draw import Held, draw
from greenloop.services.loop.rules import in_force, publish_rules, rulings
from greenloop.services.loop.settle import Run, settle
from greenloop.services.loop.vest import vest
from greenloop.services.trust.acting import acting
from greenloop.sim.clock import Clock, simulated
from greenloop.store import sql
from greenloop.store.queries import lookups, pools, wallets

OPERATOR = "operator"
YUAN = 100


def hold_next() -> Run | None:
    """Close the open cycle at its cut-off under a daily rebate cap that its releases pass; return the held settlement.

    The cap is the nearest round amount below. None, and nothing is published, where the cycle would issue nothing.
    """
    cycle = lookups.open_cycle()
    newest = rulings()[-1]
    cutoff_at = newest.rules.calendar.cutoff_at(cycle)
    with simulated(Clock(cutoff_at)):
        vest(cycle=cycle, at=cutoff_at)
        issuing_fen = proposal.issued_fen(proposal.decide(cycle))
        if issuing_fen == 0:
            return None
        _cap_days_at(_round_below(issuing_fen), cutoff_at)
        return settle(cycle=cycle, at=cutoff_at)


def hold_draw() -> Held | None:
    """Let the member who has the most to draw ask for all of it, under a threshold below; return what is held.

    It is asked for in the first minute of the cycle that is open. None, and nothing is published, where nobody has a
    fen.
    """
    newest = rulings()[-1]
    begun_at = newest.rules.calendar.cutoff_at(lookups.open_cycle() - 1)
    at = max(begun_at, newest.effective_at) + timedelta(minutes=1)
    members = [account for (account,) in sql.rows("SELECT account_id FROM member ORDER BY account_id")]
    drawable = [
        (spending.drawable_fen(purse), account, purse.pool_id)
        for account, purses in wallets.purses_of(members).items()
        for purse in spending.place_debt(purses)
    ]
    most_fen, account, pool = max(drawable, default=(0, 0, 0))
    if most_fen == 0:
        return None
    with simulated(Clock(at)), acting(actor=f"account/{account}"):
        _publish("fenced", "large_claim_fen", _round_below(most_fen), at)
        held = draw(account_id=account, pool=pools.names()[pool], at=at)
    return held if isinstance(held, Held) else None


def _cap_days_at(cap_fen: int, at: datetime) -> None:
    _publish("capped", "daily_rebate_cap_fen", cap_fen, at)


def _publish(name: str, term: str, fen: int, at: datetime) -> None:
    rules = in_force(rulings(), at).rules
    document = {**document_of(rules), "name": f"{rules.name}-{name}", term: fen}
    publish_rules(document=document, effective_at=at, by=OPERATOR, at=at)


def _round_below(fen: int) -> int:
    """Return the largest 1, 2 or 5 × 10^n yuan below an amount; 0 where it is a yuan or less."""
    below = 0
    for step in (by * 10**n * YUAN for n in count() for by in (1, 2, 5)):
        if step >= fen:
            break
        below = step
    return below
