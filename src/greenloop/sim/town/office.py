"""The centre's office: rules, rates, grants, statements and payouts, and what happens at a cut-off."""

from datetime import timedelta

from greenloop.core.faults import ensure
from greenloop.services.books.fees import transfer_fees
from greenloop.services.books.grants import approve_grant, propose_grant
from greenloop.services.books.payout import pay_out
from greenloop.services.books.reconcile import reconcile
from greenloop.services.loop.confirm import confirm_cash
from greenloop.services.loop.expire import expire
from greenloop.services.loop.rules import publish_rules
from greenloop.services.loop.settle import approve, reject, settle
from greenloop.services.loop.vest import vest
from greenloop.services.people.enrol import enrol_members, enrol_merchants, set_rate
from greenloop.services.trust.acting import SCHEDULER, acting
from greenloop.sim.town import folk, rules
from greenloop.sim.town.large import end_unused
from greenloop.sim.town.returns import bring_back_what_just_vested
from greenloop.sim.town.state import Town

MARKETING, FINANCE, DIRECTOR, AUDITOR = "marketing", "finance", "director", "auditor"


def open_town(town: Town) -> None:
    """Publish the first rules, and enrol the first members and all merchants."""
    at = town.clock.at
    publish_rules(document=rules.first_rules(), effective_at=at, by=FINANCE, at=at)
    welcome(town, range(town.members * folk.FIRST_WAVE_PERCENT // 100 or 1))
    forms = folk.merchant_forms(town.merchants, members=len(town.accounts), chance=town.chance, at=at)
    town.merchant_ids = enrol_merchants(forms=forms, at=at)


def welcome(town: Town, numbers: range) -> None:
    """Enrol a wave of members."""
    forms = folk.wave(numbers, chance=town.chance, at=town.clock.at)
    town.accounts.update(enrol_members(forms=forms, at=town.clock.at))
    town.brought_by.update({form.ref: form.referrer for form in forms if form.referrer})


def change_rules(town: Town) -> None:
    """Publish the second rules for tomorrow, after an attempt to publish unsound ones."""
    at = town.clock.at
    tomorrow = town.calendar.midnight_at(town.calendar.local_date(at) + timedelta(days=1))
    for document in (rules.unsound_rules(), rules.second_rules()):
        town.tries("rules changed", publish_rules, document=document, effective_at=tomorrow, by=FINANCE, at=at)


def change_rate(town: Town) -> None:
    """Give one merchant a new rate card from tomorrow on; a rate of 25 % is refused."""
    at, merchant = town.clock.at, folk.merchant_ref(town.chance.randrange(town.merchants))
    tomorrow = at + timedelta(days=1)
    for rate_ppm in (250_000, town.chance.randint(3, 20) * 10_000):
        town.tries("rate changed", set_rate, merchant=merchant, rate_ppm=rate_ppm, valid_from_at=tomorrow, at=at)


def read_statement(town: Town) -> None:
    """Confirm the cash that has arrived: that of yesterday, or only that of days before."""
    at, today = town.clock.at, town.calendar.local_date(town.clock.at)
    until_at = town.calendar.midnight_at(today - timedelta(days=town.chance.randrange(3)))
    fen = confirm_cash(statement=f"bank/{today}", paid_until_at=until_at, at=at)
    again_fen = confirm_cash(statement=f"bank/{today}", paid_until_at=until_at, at=at)
    ensure(fen == again_fen, "a statement counted twice")
    late = [order.order_id for order in town.bought[:3]]
    town.happened["fen confirmed"] += fen + (
        confirm_cash(statement=f"late/{today}", order_ids=late, at=at) if late else 0
    )


def pay_merchants(town: Town) -> None:
    """Pay what the merchants are owed for the days before."""
    today = town.calendar.local_date(town.clock.at)
    with acting(actor=SCHEDULER):
        paid = pay_out(business_date=today, at=town.clock.at)
        ensure(pay_out(business_date=today, at=town.clock.at) == paid, "a payout came out otherwise the second time")
    town.happened["fen paid out"] += sum(paid.values())
    town.tries("paid ahead", pay_out, business_date=today + timedelta(days=1), at=town.clock.at)


def close_cycle(town: Town) -> None:
    """Close the cycle: vest, settle, let expire, reconcile; some are asked for twice, as after a restart."""
    cycle, at = town.cycle, town.clock.at
    vested = vest(cycle=cycle, at=at)
    town.happened["order vested"] += vested.orders
    bring_back_what_just_vested(town)
    vest(cycle=cycle, at=at)
    run = settle(cycle=cycle, at=at)
    ensure(settle(cycle=cycle, at=at) == run, "a settlement came out otherwise the second time")
    town.tries("settled ahead", settle, cycle=cycle + 1, at=at)
    town.happened[f"settlement {run.state}"] += 1
    town.held = cycle if run.state == "held" else None
    if town.held:
        town.tries("fees of a held cycle", transfer_fees, cycle=cycle, at=at)
    else:
        _after(town, cycle)
    end_unused(town)
    let_expire(town)
    ensure(not reconcile(by=AUDITOR, at=at).differences, "a control account differs from its subledger")
    town.cycle += 1


def let_expire(town: Town) -> None:
    """Let vouchers and coupons expire that are past their day."""
    gone = expire(at=town.clock.at)
    ensure(not gone.more, "a town has fewer holders than one call takes")
    town.happened["fen of vouchers expired"] += gone.voucher_fen
    town.happened["fen of coupons expired"] += gone.coupon_fen


def decide_held(town: Town) -> None:
    """Approve a held settlement, or reject it with caps and let a third person approve what comes of them."""
    if town.held is None:
        return
    cycle, at = town.held, town.clock.at
    town.tries("approved alone", approve, cycle=cycle, by=SCHEDULER, at=at)
    decides = FINANCE
    if cycle % 2:
        caps = {"green": town.chance.randrange(2_000), "taigu": 0}
        reject(cycle=cycle, caps_fen=caps, by=FINANCE, at=at)
        town.happened["settlement rejected"] += 1
        town.tries("approved alone", approve, cycle=cycle, by=FINANCE, at=at)
        decides = DIRECTOR
    approve(cycle=cycle, by=decides, at=at)
    town.happened["settlement approved"] += 1
    town.held = None
    _after(town, cycle)


def _after(town: Town, cycle: int) -> None:
    """Move the fee of a settled cycle, and grant a part of it to newcomers."""
    at = town.clock.at
    fee_fen = transfer_fees(cycle=cycle, at=at)
    ensure(transfer_fees(cycle=cycle, at=at) == fee_fen, "a fee moved twice")
    town.happened["fen of fees"] += fee_fen
    if fee_fen < 1_000:
        return
    for ref, amount_fen in ((f"grant-{cycle}", fee_fen // 2), (f"dream-{cycle}", 10**11)):
        propose_grant(ref=ref, amount_fen=amount_fen, rebate_fen=min(300, fee_fen // 10), by=MARKETING, at=at)
        for by in (MARKETING, FINANCE):
            town.tries("grant approved", approve_grant, ref=ref, by=by, at=at)
