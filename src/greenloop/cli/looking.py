"""Looking things up: one holder's wallet, one order's way through the books, and how the alliance stands."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, moment, money, pairs, table, text
from greenloop.cli.app import LOOK, command
from greenloop.cli.tracing import went_shown
from greenloop.cli.words import gettext
from greenloop.core.faults import say
from greenloop.core.money import SCALE, share_ppm

if TYPE_CHECKING:
    from greenloop.store.queries.lookups import LotRow, PurseRow
    from greenloop.store.queries.traces import JournalRow, OrderRow, RefundRow

JOURNALS_SHOWN_MAX = 12


@command("wallet", panel=LOOK, help=say("Show a holder's points, vouchers and coupons."))
def wallet(
    holder: Annotated[
        str, typer.Argument(metavar="REF|ID", help=say("A member's or merchant's ref, or an account's number."))
    ],
) -> Answer:
    """Show what a holder has: what was released so far, never what might be."""
    database.reading()
    from greenloop.store.queries import lookups

    found = lookups.holder(holder)
    purses, lots = lookups.purses(found.account_id), lookups.lots(found.account_id)
    coupons, holds = lookups.coupons(found.account_id), lookups.holds(found.account_id)
    facts = {
        **asdict(found),
        "account_id": str(found.account_id),
        "pools": [asdict(purse) | {"claimable_fen": purse.claimable_fen} for purse in purses],
        "lots": [asdict(lot) for lot in lots],
        "coupons": [asdict(coupon) for coupon in coupons],
        "holds": [asdict(hold) | {"id": str(hold.id)} for hold in holds],
    }
    kinds = {"member": gettext("member"), "merchant": gettext("merchant")}
    title = gettext("{kind} {ref} in {city}, account {account}")
    shown: list[Any] = [
        text(title.format(kind=kinds[found.kind], ref=found.ref, city=found.city, account=found.account_id), "bold"),
        _purse_table(purses),
        _lot_table(lots),
    ]
    if coupons:
        columns = [gettext("coupon"), gettext("left"), gettext("usable from"), gettext("expires")]
        names = {"earned": gettext("earned by an order"), "grant": gettext("first-order rebate")}
        rows = [(names[c.kind], money(c.left_fen), moment(c.usable_at), moment(c.expires_at)) for c in coupons]
        shown.append(table(gettext("Shopping coupons, in yuan"), columns, rows))
    for hold in holds:
        sentence = gettext("On hold (number {hold}) since {moment} by {by}: {reason}")
        facts_of = {"hold": hold.id, "moment": moment(hold.placed_at), "by": hold.placed_by, "reason": hold.reason}
        shown.append(text(sentence.format(**facts_of), "yellow"))
    shown.append(
        text(
            gettext("Points promise nothing: the cap of 5 × is an upper limit, and they may end worth nothing."), "dim"
        )
    )
    return Answer(facts, shown)


def _purse_table(purses: "list[PurseRow]") -> object:
    columns = [
        *(gettext("pool"), gettext("points"), gettext("released so far"), gettext("can be drawn")),
        *(gettext("unspent"), gettext("spent"), gettext("expired"), gettext("owed to the reserve")),
    ]
    rows = [
        (
            *(p.pool, money(p.points), money(p.accrued_fen), money(p.claimable_fen), money(p.voucher_fen)),
            *(money(p.redeemed_fen), money(p.expired_fen), money(p.debt_fen)),
        )
        for p in purses
    ]
    return table(gettext("Vouchers by pool, in yuan"), columns, rows)


def _lot_table(lots: "list[LotRow]") -> object:
    columns = [
        gettext("pool"),
        gettext("plan"),
        gettext("entered in cycle"),
        gettext("points"),
        gettext("vouchers per point"),
        gettext("releases"),
    ]
    rows = [(lot.pool, lot.plan, lot.entry, money(lot.points), _index(lot.release_index), lot.age) for lot in lots]
    return table(gettext("Points by cycle of entry"), columns, rows)


def _index(index: int) -> str:
    return f"{index // SCALE}.{index % SCALE * 10**6 // SCALE:06d}"


@command("trace", panel=LOOK, help=say("Follow one order: the split of its own concession, its refunds, its journals."))
def trace(
    merchant: Annotated[str, typer.Argument(help=say("The merchant's ref."))],
    order_no: Annotated[str, typer.Argument(metavar="ORDER_NO", help=say("The order's number at the merchant."))],
    place: Annotated[
        int, typer.Option("--from", metavar="PLACE", min=0, help=say("Go on from this fen, counted from 0."))
    ] = 0,
) -> Answer:
    """Show an order to the fen."""
    database.reading()
    from greenloop.insight.tracing.fen import went
    from greenloop.store.queries import traces

    order = traces.order(merchant, order_no)
    followed = went(order.id, at=place)
    refunds, journals, index = traces.refunds(order.id), traces.journals(order), traces.release_index(order)
    facts = asdict(order) | {
        **{name: str(getattr(order, name)) for name in ("id", "journal_id")},
        "payout_id": None if order.payout_id is None else str(order.payout_id),
        "reserve_part_fen": order.reserve_part_fen,
        "lots": _lots(order, index),
        "went": [asdict(part) for part in followed.parts],
        "next_place": followed.next_place,
        "refunds": [asdict(refund) | _numbered(refund) for refund in refunds],
        "journals": [asdict(journal) | {"id": str(journal.id)} for journal in journals],
    }
    shown: list[Any] = [
        _price(order),
        _split(order),
        *went_shown(followed, order.green_part_fen + order.red_part_fen),
        _lots_table(order, index),
    ]
    if refunds:
        shown.append(_refunds(refunds))
    shown.append(_journals(journals))
    if len(journals) > JOURNALS_SHOWN_MAX:
        shown.append(text(gettext("… and {count} more").format(count=len(journals) - JOURNALS_SHOWN_MAX)))
    shown.append(text(gettext("Postings are the sums of the whole batch that the order was part of."), "dim"))
    return Answer(facts, shown)


def _numbered(refund: "RefundRow") -> dict[str, str | None]:
    names = ("journal_id", "effect_journal_id", "payout_journal_id")
    return {name: None if (number := getattr(refund, name)) is None else str(number) for name in names}


def _price(order: "OrderRow") -> object:
    title = gettext("Order {order_no} at {merchant}").format(order_no=order.order_no, merchant=order.merchant)
    cycle = gettext("cycle {cycle}").format(cycle=order.entry_cycle) if order.entry_cycle else gettext("not yet")
    return pairs(
        title,
        [
            (gettext("member"), order.member),
            (gettext("referrer"), order.referrer or "–"),
            (gettext("paid"), moment(order.paid_at)),
            (gettext("cash"), money(order.cash_fen)),
            (gettext("vouchers"), money(order.voucher_fen)),
            (gettext("coupons"), money(order.coupon_fen)),
            (gettext("refunded"), money(order.refunded_fen)),
            (gettext("rate"), f"{order.rate_ppm / 10_000:g} %"),
            (gettext("concession"), money(order.concession_fen)),
            (gettext("cash confirmed"), moment(order.confirmed_at)),
            (gettext("vests"), moment(order.vests_at)),
            (gettext("on hold"), gettext("yes") if order.held else gettext("no")),
            (gettext("vested in"), cycle),
            (gettext("pool and plan"), f"{order.pool}, {order.plan}"),
        ],
    )


def _split(order: "OrderRow") -> object:
    rows = [
        (gettext("green: the pool, from which vouchers come"), money(order.green_part_fen)),
        (gettext("red: the shopper's referrer"), money(order.red_part_fen)),
        (gettext("coupon: the shopper"), money(order.coupon_part_fen)),
        (gettext("reserve"), money(order.reserve_part_fen)),
        (gettext("fee: the platform"), money(order.fee_part_fen)),
        (gettext("together"), money(order.divided_fen)),
    ]
    return table(gettext("Where its concession went"), [gettext("part"), gettext("yuan")], rows)


def _lots(order: "OrderRow", index: int | None) -> list[dict[str, object]]:
    left_fen = order.concession_fen - order.concession_lost_fen
    points = {
        order.member: share_ppm(left_fen, order.member_multiple_ppm),
        order.merchant: share_ppm(left_fen, order.merchant_multiple_ppm),
    }
    return [
        {"holder": holder, "points": lot, "release_index": index, "released_fen": lot * index // SCALE}
        for holder, lot in points.items()
        if index is not None
    ]


def _lots_table(order: "OrderRow", index: int | None) -> object:
    columns = [gettext("holder"), gettext("points"), gettext("vouchers per point"), gettext("released so far")]
    rows = [
        (lot["holder"], money(int(str(lot["points"]))), _index(index or 0), money(int(str(lot["released_fen"]))))
        for lot in _lots(order, index)
    ]
    return table(gettext("Its green points"), columns, rows)


def _refunds(refunds: "list[RefundRow]") -> object:
    columns = [
        *(gettext("refund"), gettext("state"), gettext("amount"), gettext("cash"), gettext("vouchers")),
        *(gettext("coupons"), gettext("withheld"), gettext("concession lost")),
    ]
    states = {"paid": gettext("paid"), "pending": gettext("pending")}
    rows = [
        (
            *(r.refund_no, states[r.state], money(r.amount_fen), money(r.cash_fen), money(r.voucher_fen)),
            *(money(r.coupon_fen), money(r.withheld_fen), money(r.concession_lost_fen)),
        )
        for r in refunds
    ]
    return table(gettext("Refunds, in yuan"), columns, rows)


def _journals(journals: "list[JournalRow]") -> object:
    columns = [gettext("journal"), gettext("when"), gettext("debit"), gettext("credit"), gettext("yuan")]
    rows = [
        (
            journal.key if place == 0 else "",
            moment(journal.effective_at) if place == 0 else "",
            debit,
            credit,
            money(fen),
        )
        for journal in journals[:JOURNALS_SHOWN_MAX]
        for place, (debit, credit, fen) in enumerate(journal.postings)
    ]
    return table(gettext("Its journals"), columns, rows)


@command("status", panel=LOOK, help=say("Show where the cycles stand, and the balance of every control account."))
def status() -> Answer:
    """Show the open cycle and the trial balance."""
    database.reading()
    from greenloop.services.loop.rules import in_force, rulings
    from greenloop.store.queries import lookups, report

    present, known = datetime.now(UTC), rulings()
    open_cycle, held = lookups.open_cycle(), lookups.held_cycle()
    balances = {name: fen for name, _, fen in report.balances()}
    ruling = in_force(known, present) if known else None
    cutoff_at = ruling.rules.calendar.cutoff_at(open_cycle) if ruling else None
    facts = {
        "rules": ruling.rules.name if ruling else None,
        "open_cycle": open_cycle,
        "cutoff_at": cutoff_at,
        "held_cycle": held,
        "balances_fen": balances,
    }
    rows = [
        (gettext("rules in force"), ruling.rules.name if ruling else "–"),
        (gettext("open cycle"), count(open_cycle)),
        (gettext("cut-off"), moment(cutoff_at)),
        (gettext("held settlement"), held or "–"),
    ]
    accounts = [(name, money(fen)) for name, fen in balances.items()]
    columns = [gettext("control account"), gettext("yuan")]
    return Answer(facts, [pairs(gettext("Where it stands"), rows), table(gettext("The books"), columns, accounts)])
