"""At the counter: orders come in, goods go out, vouchers are drawn, refunds are asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, REFUSED, Answer, count, moment, money, table, text
from greenloop.cli.app import COUNTER, command
from greenloop.cli.reading import At, amount_fen, instant, malformed, moment_of, now, number, records
from greenloop.cli.words import gettext, told
from greenloop.core.faults import Refusal, say
from greenloop.core.reading import Fields

if TYPE_CHECKING:
    from greenloop.services.loop.taking.sale import Sale

BATCH = 1_000
SHOWN_MAX = 20
SALE = {
    "merchant": str,
    "order_no": str,
    "member": str,
    "paid_at": str,
    "cash_fen": int,
    "voucher_fen": int,
    "coupon_fen": int,
    "shop": str,
    "delivered": bool,
}

Merchant = Annotated[str, typer.Argument(help=say("The merchant's ref."))]
OrderNo = Annotated[str, typer.Argument(help=say("The order's number at the merchant."))]
Orders = Annotated[
    list[str] | None, typer.Option("--order", metavar="ID", help=say("An order's number here; may be repeated."))
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="INSTANT", help=say("All orders that were paid up to this instant."))
]


@command("take", panel=COUNTER, help=say("Take orders from a file (JSON Lines or CSV), in batches."))
def take(
    file: Annotated[str, typer.Argument(metavar="FILE", help=say("The file, or - for what is piped in."))],
    batch: Annotated[int, typer.Option("--batch", min=1, max=5_000, help=say("Orders to one transaction."))] = BATCH,
    at: At = None,
) -> Answer:
    """Take orders: a file that can't be read is refused whole, an order that can't be taken is refused alone."""
    with database.writing():
        from greenloop.services.loop.take import Sale
        from greenloop.services.loop.take import take as take_batch

        sales = records(file, SALE, lambda fields, line: Sale(**_sale(fields, line)))
        if sales.faults:
            return malformed(sales)
        present = now(at)
        results: list[dict[str, object]] = []
        for start in range(0, len(sales.found), batch):
            part = sales.found[start : start + batch]
            taking = take_batch(sales=[sale for _, sale in part], at=present)
            results += [
                _result(line, sale, taking.order_ids[place], taking.refusals.get(place), place in taking.replayed)
                for place, (line, sale) in enumerate(part)
            ]
    return _taken(results)


def _sale(fields: Fields, line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "merchant": fields.text("merchant", length_max=64),
        "order_no": fields.text("order_no"),
        "member": fields.text("member", length_max=64),
        "paid_at": moment_of(fields, "paid_at"),
        "cash_fen": fields.whole("cash_fen"),
        "voucher_fen": fields.whole("voucher_fen") if fields.has("voucher_fen") else 0,
        "coupon_fen": fields.whole("coupon_fen") if fields.has("coupon_fen") else 0,
        "shop": fields.maybe_text("shop", length_max=64) if fields.has("shop") else None,
        "delivered": line.get("delivered", False),
    }


def _result(
    line: int, sale: "Sale", order_id: int | None, refusal: Refusal | None, replayed: bool
) -> dict[str, object]:
    facts: dict[str, object] = {"line": line, "merchant": sale.merchant, "order_no": sale.order_no}
    if refusal is not None:
        return facts | {"state": "refused", "error": told(refusal), "field": refusal.field, "code": refusal.code}
    return facts | {"state": "replayed" if replayed else "taken", "order_id": str(order_id)}


def _taken(results: Sequence[Mapping[str, object]]) -> Answer:
    states = [str(result["state"]) for result in results]
    refused = [result for result in results if result["state"] == "refused"]
    sentence = gettext("{taken} orders taken, {replayed} were there already, {refused} refused.")
    counts = {state: count(states.count(state)) for state in ("taken", "replayed", "refused")}
    shown = [text(sentence.format(**counts))]
    if refused:
        columns = [gettext("line"), gettext("order"), gettext("field"), gettext("reason")]
        rows = [(each["line"], each["order_no"], each["field"] or "–", each["error"]) for each in refused[:SHOWN_MAX]]
        shown.append(table(gettext("Refused"), columns, rows))
    if len(refused) > SHOWN_MAX:
        shown.append(text(gettext("… and {count} more").format(count=len(refused) - SHOWN_MAX)))
    return Answer(list(results), shown, REFUSED if refused else DONE, lines=True)


def _which(order: list[str] | None, until: str | None) -> dict[str, Any]:
    ids = [number(each, "--order") for each in order] if order else None
    until_at: datetime | None = instant(until, "--until") if until else None
    return {"order_ids": ids, "paid_until_at": until_at}


@command("confirm", panel=COUNTER, help=say("Confirm that the cash of orders stands on a bank statement."))
def confirm(
    statement: Annotated[str, typer.Argument(help=say("The statement's number; it counts once."))],
    order: Orders = None,
    until: Until = None,
    at: At = None,
) -> Answer:
    """Confirm cash; show how much it was."""
    with database.writing():
        from greenloop.services.loop.confirm import confirm_cash

        fen = confirm_cash(statement=statement, at=now(at), **_which(order, until))
    sentence = gettext("{amount} yuan have arrived with statement {statement}.")
    facts = {"statement": statement, "confirmed_fen": fen}
    return Answer(facts, [text(sentence.format(amount=money(fen), statement=statement))])


@command("deliver", panel=COUNTER, help=say("Confirm that orders were delivered: their refund windows begin."))
def deliver(order: Orders = None, until: Until = None, at: At = None) -> Answer:
    """Confirm deliveries; show how many were new."""
    with database.writing():
        from greenloop.services.loop.confirm import confirm_delivery

        orders = confirm_delivery(at=now(at), **_which(order, until))
    return Answer({"delivered": orders}, [text(gettext("{count} orders are delivered.").format(count=count(orders)))])


@command(
    "draw", panel=COUNTER, help=say("Draw released vouchers into a holder's balance: all of a pool, or an amount.")
)
def draw(
    holder: Annotated[str, typer.Argument(metavar="REF|ID", help=say("Member or merchant."))],
    pool: Annotated[str, typer.Argument(help=say("The pool."))],
    amount: Annotated[str | None, typer.Option("--amount", metavar="YUAN", help=say("How much, if not all."))] = None,
    at: At = None,
) -> Answer:
    """Draw vouchers."""
    wanted_fen = None if amount is None else amount_fen(amount, "--amount")
    with database.writing():
        from greenloop.services.loop.draw import Held
        from greenloop.services.loop.draw import draw as draw_vouchers
        from greenloop.store.queries import lookups

        account_id = lookups.holder(holder).account_id
        fen = draw_vouchers(account_id=account_id, pool=pool, at=now(at), amount_fen=wanted_fen)
    if isinstance(fen, Held):
        sentence = gettext("Nothing is drawn yet: {amount} yuan of {pool} are reserved, and wait for a second person.")
        held = {"account": str(account_id), "pool": pool, "claim": str(fen.claim_id), "reserved_fen": fen.amount_fen}
        return Answer(held, [text(sentence.format(amount=money(fen.amount_fen), pool=pool))])
    sentence = gettext("{amount} yuan of vouchers are drawn from {pool}.")
    facts = {"account": str(account_id), "pool": pool, "drawn_fen": fen}
    return Answer(facts, [text(sentence.format(amount=money(fen), pool=pool))])


@command("refund", panel=COUNTER, help=say("Refund an order, in part or whole, at any stage."))
def refund(
    merchant: Merchant,
    order_no: OrderNo,
    refund_no: Annotated[str, typer.Argument(help=say("The refund's own number at the merchant."))],
    amount: Annotated[str, typer.Argument(metavar="YUAN", help=say("How much of the price goes back."))],
    at: At = None,
) -> Answer:
    """Refund an order; it is paid, or pending until there is money for it."""
    fen = amount_fen(amount, "amount")
    with database.writing():
        from greenloop.services.loop.refund import RefundForm, unreserved
        from greenloop.services.loop.refund import refund as refund_orders

        present = now(at)
        form = RefundForm(merchant, order_no, unreserved(refund_no), fen)
        outcome = refund_orders(forms=[form], at=present)
    if outcome.refusals:
        raise outcome.refusals[0]
    state, number_here = outcome.states[0], outcome.refund_ids[0]
    if state == "paid":
        sentence = gettext("{amount} yuan are refunded.")
    else:
        sentence = gettext("The refund of {amount} yuan waits: the merchant's dues, or the reserve, can't pay it yet.")
    facts = {"refund_id": str(number_here), "state": state, "amount_fen": fen, "at": present}
    return Answer(facts, [text(f"{sentence.format(amount=money(fen))} ({moment(present)})")])
