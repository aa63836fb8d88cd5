"""Large draws and spends: the risk officer lets them through or not, holders take them back, and some nobody uses."""

from greenloop.services.loop.claim import approve, lapse, reject, withdraw
from greenloop.sim.town.market import send
from greenloop.sim.town.purses import RISK
from greenloop.sim.town.state import Town
from greenloop.store.queries import claims

CLAIMS_MAX = 1_000


def decide_large(town: Town) -> None:
    """Decide on most of what waits: half is let through, some turned down or taken back, the rest waits on."""
    at = town.clock.at
    for row in claims.claims(state="held", limit=CLAIMS_MAX):
        number, seen = row.id, row.content_hash
        chosen = town.chance.randrange(8)
        if chosen < 4:
            town.tries(f"{row.kind} let through", approve, claim_id=number, seen=seen, by=RISK, at=at)
        elif chosen == 4:
            town.tries("claim rejected", reject, claim_id=number, seen=seen, reason="looks like a raid", by=RISK, at=at)
        elif chosen == 5:
            by = f"account/{row.account_id}"
            town.tries("claim withdrawn", withdraw, claim_id=number, account_id=row.account_id, by=by, at=at)


def come_again(town: Town) -> None:
    """Let customers whose spend was held come again, most of them the next day; some never do."""
    waiting, town.waiting = town.waiting, []
    usual, before = town.last_batch, town.happened["order taken"]
    for sale in waiting:
        if town.chance.randrange(4):
            send(town, [sale._replace(paid_at=town.clock.at)])
    town.last_batch = usual
    town.happened["order taken that was held"] += town.happened["order taken"] - before


def end_unused(town: Town) -> None:
    """End the approvals that nobody used in time."""
    town.happened["claim lapsed"] += lapse(at=town.clock.at).claims
