"""Goods come back to the counter: in part and whole, early and late, again and again, and once too often."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from greenloop.services.books.payout import deposit
from greenloop.services.loop.refund import RefundForm, refund
from greenloop.sim.town.rules import CYCLE_DAYS, REFUND_DAYS
from greenloop.sim.town.state import Bought, Town

RETURNS_A_DAY = 4


def bring_back(town: Town) -> None:
    """Bring back a few orders of any age; ask again for what waits, with mistakes in between."""
    forms = [*town.pending.values()]
    forms += [
        _form(town, order, whole=town.chance.randrange(3) == 0)
        for _ in range(town.chance.randint(0, RETURNS_A_DAY))
        if (order := town.order_of_chance())
    ]
    if forms:
        forms += _mistakes(town, forms[-1], town.bought[0])
        ask(town, forms)


def bring_back_what_just_vested(town: Town) -> None:
    """Bring back orders between their vesting and the settlement, while their entry cycle is open."""
    latest = town.calendar.cutoff_at(town.cycle) - timedelta(days=REFUND_DAYS)
    fresh = [
        order
        for order in town.bought
        if latest - timedelta(days=CYCLE_DAYS) < order.sale.paid_at <= latest and order.left_fen > 0
    ]
    chosen = town.chance.sample(fresh, min(3, len(fresh)))
    ask(town, [_form(town, order, whole=town.chance.randrange(2) == 0) for order in chosen])


def bring_back_everything(town: Town) -> None:
    """Let the last raider bring back all it ever bought, and so do the members it brought: points go, vouchers went."""
    if town.raided:
        crowd = {town.raided[-1], *(ref for ref, by in town.brought_by.items() if by == town.raided[-1])}
        orders = [order for order in town.bought if order.sale.member in crowd and order.left_fen > 0]
        ask(town, [_form(town, order, whole=True) for order in orders])
        town.happened["brought everything back"] += bool(orders)


def bring_money(town: Town) -> None:
    """Let the shops whose refunds wait return what these will cost."""
    owed = Counter[str]()
    for form in town.pending.values():
        owed[form.merchant] += form.amount_fen
    for merchant, fen in sorted(owed.items()):
        number = f"deposit-{town.number()}"
        deposit(merchant=merchant, deposit_no=number, amount_fen=fen, at=town.clock.at)
        town.happened["deposit"] += 1
    ask(town, [*town.pending.values()])


def ask(town: Town, forms: Sequence[RefundForm]) -> None:
    """Ask for refunds and note what became of each."""
    if not forms:
        return
    answer = refund(forms=forms, at=town.clock.at)
    for place, (form, state) in enumerate(zip(forms, answer.states, strict=True)):
        key = form.merchant, form.order_no
        if state == "pending":
            town.happened["refund pending"] += 1
            town.pending[key] = form
        elif state == "paid":
            town.happened["refund paid"] += 1
            town.happened["refund paid after waiting"] += town.pending.pop(key, None) == form
        else:
            town.refused[answer.refusals[place].code] += 1


def _form(town: Town, order: Bought, *, whole: bool) -> RefundForm:
    amount_fen = order.left_fen if whole else max(1, order.left_fen * town.chance.randint(1, 9) // 10)
    order.asked_back_fen += amount_fen
    order.refunds += 1
    return RefundForm(order.sale.merchant, order.sale.order_no, f"refund-{order.refunds}", amount_fen)


def _mistakes(town: Town, form: RefundForm, order: Bought) -> list[RefundForm]:
    """Return refunds that are refused, and one that was asked for already and is answered as before."""
    again = town.chance.choice(
        [
            replace(form, refund_no="above", amount_fen=10**9),
            replace(form, amount_fen=form.amount_fen + 1),
            replace(form, refund_no="nothing", amount_fen=0),
            replace(form, order_no="never-bought"),
            replace(form, merchant="nobody"),
            form,
        ]
    )
    return [again, RefundForm(order.sale.merchant, order.sale.order_no, "above", order.total_fen + 1)]
