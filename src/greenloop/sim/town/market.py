"""An evening at the market: a batch of sales, most of them sound, some of them not."""

from datetime import timedelta

from greenloop.core.faults import ensure
from greenloop.core.loop.spending import available_fen
from greenloop.services.loop.confirm import confirm_delivery
from greenloop.services.loop.take import Sale, take
from greenloop.sim.town.folk import member_ref, merchant_ref
from greenloop.sim.town.rules import KIOSK
from greenloop.sim.town.state import Bought, Town
from greenloop.store.queries import wallets

CLOSES_HOUR = 20
MEMBERS_PER_SALE = 4
"""A quarter of the members buys something on a day."""


def hold_market(town: Town) -> None:
    """Sell through the day and send the batch in the evening; on some evenings yesterday's batch comes once more."""
    at = town.at_hour(CLOSES_HOUR)
    if town.last_batch and town.chance.randrange(4) == 0:
        send(town, town.last_batch)
    count = max(4, len(town.accounts) // MEMBERS_PER_SALE)
    # Opening at 8 leaves twelve hours, and a sale is paid at some second of them.
    times = sorted(at - timedelta(seconds=town.chance.randrange(1, 12 * 3600)) for _ in range(count))
    sales = [_sound_sale(town, f"order-{town.number()}") for _ in range(count)]
    sales = [sale._replace(paid_at=paid_at) for sale, paid_at in zip(sales, times, strict=True)]
    send(town, [*_with_vouchers(town, sales), *_mistakes(town, sales)])


def send(town: Town, batch: list[Sale]) -> None:
    """Send a batch of sales and note what became of it."""
    known = {(each.sale.merchant, each.sale.order_no): each.order_id for each in town.bought}
    taking = take(sales=batch, at=town.clock.at)
    for place, (sale, order_id) in enumerate(zip(batch, taking.order_ids, strict=True)):
        if order_id is None:
            town.refused[taking.refusals[place].code] += 1
            if taking.refusals[place].code == "claim.held" and sale not in town.waiting:
                town.waiting.append(sale)
        elif place in taking.replayed:
            town.happened["order replayed"] += 1
            ensure(known.get((sale.merchant, sale.order_no), order_id) == order_id, "a replay gave another id")
        else:
            _note(town, sale, order_id)
    town.last_batch = batch


def _note(town: Town, sale: Sale, order_id: int) -> None:
    town.bought.append(Bought(order_id, sale))
    town.happened["order taken"] += 1
    town.happened["order with vouchers"] += bool(sale.voucher_fen)
    town.happened["order with coupons"] += bool(sale.coupon_fen)
    # Some goods go over the counter, most come within days, a few never arrive.
    if not sale.delivered and town.chance.randrange(10):
        town.deliveries.append((town.clock.at + timedelta(days=town.chance.randint(1, 4)), order_id))


def deliver(town: Town) -> None:
    """Deliver the goods that are due."""
    due = [order_id for due_at, order_id in town.deliveries if due_at <= town.clock.at]
    if due:
        town.deliveries = [each for each in town.deliveries if each[0] > town.clock.at]
        town.happened["order delivered later"] += confirm_delivery(at=town.clock.at, order_ids=due)


def _sound_sale(town: Town, order_no: str) -> Sale:
    chance = town.chance
    merchant = chance.randrange(town.merchants)
    small = chance.randrange(12) == 0
    return Sale(
        merchant=merchant_ref(merchant),
        order_no=order_no,
        member=chance.choice(list(town.accounts)),
        paid_at=town.clock.at,
        cash_fen=chance.randint(1, 300) if small else chance.randint(500, 60_000),
        shop=chance.choice([KIOSK, "main", None]) if merchant == 0 else chance.choice(["main", None]),
        delivered=chance.randrange(10) < 7,
    )


def _with_vouchers(town: Town, sales: list[Sale]) -> list[Sale]:
    """Let some customers pay a part with vouchers and coupons, within what they have, and now and then beyond it."""
    accounts = {town.accounts[sale.member] for sale in sales}
    purses = wallets.purses_of(sorted(accounts))
    coupons = wallets.coupons_of(sorted(accounts), town.clock.at)
    found = []
    for sale in sales:
        account = town.accounts[sale.member]
        vouchers_fen = sum(map(available_fen, purses.get(account, ())))
        coupons_fen = sum(coupon.left_fen for coupon in coupons.get(account, ()))
        wanted_fen = vouchers_fen + 1 if town.chance.randrange(40) == 0 else town.chance.randint(0, vouchers_fen)
        used_fen = min(wanted_fen, sale.cash_fen) if town.chance.randrange(2) else 0
        coupon_fen = min(town.chance.randint(0, coupons_fen), sale.cash_fen - used_fen)
        coupon_fen = coupon_fen if town.chance.randrange(3) == 0 else 0
        cash_fen = sale.cash_fen - used_fen - coupon_fen
        found.append(sale._replace(cash_fen=cash_fen, voucher_fen=used_fen, coupon_fen=coupon_fen))
    return found


def _mistakes(town: Town, sales: list[Sale]) -> list[Sale]:
    """Return what tills get wrong: each of these is refused, and the sales around it are taken all the same."""
    sound, others = sales[0], town.chance.sample(range(8), 3)
    wrong = [
        sound._replace(order_no=f"order-{town.number()}", cash_fen=0),
        sound._replace(order_no=f"order-{town.number()}", cash_fen=-500),
        sound._replace(order_no=f"order-{town.number()}", member="stranger"),
        sound._replace(order_no=f"order-{town.number()}", merchant="nobody"),
        sound._replace(order_no=f"order-{town.number()}", shop="elsewhere"),
        sound._replace(cash_fen=sound.cash_fen + 1),
        sound._replace(order_no=f"order-{town.number()}", paid_at=town.clock.at + timedelta(days=1)),
        # The owner of a shop pays there with vouchers.
        sound._replace(
            order_no=f"order-{town.number()}", member=member_ref(0), merchant=merchant_ref(0), voucher_fen=1
        ),
    ]
    return [wrong[place] for place in sorted(others)]
