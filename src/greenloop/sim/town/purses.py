"""What holders do with their wallets: draw, hoard, spend all at once; and whom the risk officer stops for a while."""

from collections.abc import Mapping
from datetime import timedelta

from greenloop.core.loop.spending import Purse, available_fen
from greenloop.services.loop.draw import Held, draw
from greenloop.services.loop.hold import hold_account, hold_order, release
from greenloop.services.loop.take import Sale
from greenloop.sim.town.folk import OWNERS, merchant_ref
from greenloop.sim.town.market import send
from greenloop.sim.town.state import Town
from greenloop.store.queries import pools, wallets

DRAWS_A_DAY = 6
RISK = "risk officer"
NOBODY = 1


def draw_some(town: Town) -> None:
    """Let some members and merchants draw: all there is, a part, or too much. Who owes something draws too."""
    holders = wallets.purses_of(sorted([*town.accounts.values(), *town.merchant_ids.values()]))
    names = _pool_names()
    for account in town.chance.sample(sorted(holders), min(DRAWS_A_DAY, len(holders))):
        purse = town.chance.choice(holders[account])
        most_fen = available_fen(purse) - purse.wallet.voucher_fen
        amount_fen = town.chance.choice([None, None, most_fen // 2, most_fen + 100])
        _draw(town, account, names[purse.pool_id], amount_fen)
    for account, purse in [(account, purse) for account, found in holders.items() for purse in found if purse.debt_fen]:
        _draw(town, account, names[purse.pool_id], None)
    _draw(town, town.chance.choice(list(town.accounts.values())), "no such pool", None)
    _draw(town, NOBODY, "green", None)


def _draw(town: Town, account: int, pool: str, amount_fen: int | None) -> None:
    at = town.clock.at
    drawn = town.tries("draw", draw, account_id=account, pool=pool, amount_fen=amount_fen, at=at)
    if isinstance(drawn, Held):
        town.happened["draws held"] += 1
    else:
        town.happened["fen drawn"] += drawn or 0


def spend_everything(town: Town) -> None:
    """Let a rich member draw all, buy with all of it, and plan to bring everything back.

    In every other cycle it is one who has brought others: what they bring back takes its red points too. The richest
    merchant draws all as well, and forgets about it.
    """
    purses = wallets.purses_of(sorted([*town.accounts.values(), *town.merchant_ids.values()]))
    for ref, account in _by_wealth(town.merchant_ids, purses)[:1]:
        _draw_all(town, account, purses[account])
        town.happened["merchant hoarded"] += bool(ref)
    tempted = set(town.brought_by.values() if town.cycle % 2 else town.accounts) - set(town.raided)
    for ref, account in [each for each in _by_wealth(town.accounts, purses) if each[0] in tempted][:1]:
        _draw_all(town, account, purses[account])
        all_fen = sum(map(available_fen, wallets.purses_of([account])[account]))  # but for draws that are held
        shop = merchant_ref(town.chance.randrange(min(OWNERS, town.merchants - 1), town.merchants))
        number, at = f"order-{town.number()}", town.clock.at
        batch, usual = [Sale(shop, number, ref, at, cash_fen=500, voucher_fen=all_fen, delivered=True)], town.last_batch
        send(town, batch)
        town.last_batch = usual
        town.raided.append(ref)


def _by_wealth(refs: Mapping[str, int], purses: Mapping[int, tuple[Purse, ...]]) -> list[tuple[str, int]]:
    """Return (ref, account) of those who hold something, the richest first."""
    wealth = {ref: sum(map(available_fen, purses.get(account, ()))) for ref, account in refs.items()}
    return [(ref, refs[ref]) for ref in sorted(wealth, key=lambda ref: (-wealth[ref], ref)) if wealth[ref] > 0]


def _draw_all(town: Town, account: int, purses: tuple[Purse, ...]) -> None:
    names = _pool_names()
    for purse in purses:
        _draw(town, account, names[purse.pool_id], None)


def _pool_names() -> dict[int, str]:
    return {pool: name for pool, name, _ in pools.names_and_cycles()}


def stop_some(town: Town) -> None:
    """Hold an order that is new, one that has perhaps vested, and an account."""
    at, chance = town.clock.at, town.chance
    for order in [*town.bought[-20:][:1], *town.bought[:-40][-1:]]:
        _hold(town, hold_order(order_id=order.order_id, reason="looks like brushing", by=RISK, at=at))
    account = town.accounts[chance.choice(list(town.accounts))]
    _hold(town, hold_account(account_id=account, reason="a crowd on one device", by=RISK, at=at))


def _hold(town: Town, hold_id: int) -> None:
    town.holds.append((town.clock.at + timedelta(days=town.chance.randint(2, 5)), hold_id))
    town.happened["hold placed"] += 1


def let_go(town: Town) -> None:
    """Release the holds that are due."""
    for due_at, hold_id in town.holds:
        if due_at <= town.clock.at:
            release(hold_id=hold_id, by=RISK, at=town.clock.at)
            town.happened["hold released"] += 1
    town.holds = [each for each in town.holds if each[0] > town.clock.at]
