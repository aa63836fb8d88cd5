"""Fen followed: which orders paid for a voucher, where an order's concession went, and the lines kept by hand."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, done, moment, money, table, text
from greenloop.cli.app import KEEP, LOOK, command
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from greenloop.insight.tracing.fen import Followed, PaidBy
    from greenloop.store.queries.traced import PayerRow, VoucherRow

ROWS_SHOWN_MAX = 50


@command("trace-voucher", panel=LOOK, help=say("Tell which orders paid for a holder's vouchers, to the fen."))
def trace_voucher(
    holder: Annotated[
        str, typer.Argument(metavar="REF|ID", help=say("A member's or merchant's ref, or an account's number."))
    ],
    voucher: Annotated[
        int | None,
        typer.Argument(metavar="VOUCHER", help=say("A voucher's number; without it, the newest are listed.")),
    ] = None,
    fen: Annotated[
        int | None, typer.Option("--fen", metavar="PLACE", help=say("One fen of the voucher, counted from 0."))
    ] = None,
    place: Annotated[
        int, typer.Option("--from", metavar="PLACE", min=0, help=say("Go on from this fen, counted from 0."))
    ] = 0,
) -> Answer:
    """Follow a voucher back to the orders whose concessions paid for it."""
    database.reading()
    from greenloop.insight.tracing.fen import paid_by
    from greenloop.store.queries import lookups, traced

    found = lookups.holder(holder)
    if voucher is None:
        rows = traced.vouchers(found.account_id)
        return Answer([_voucher_facts(row) for row in rows], [_voucher_table(rows)])
    row = traced.voucher(voucher)
    if row.account_id != found.account_id:
        message = say("The voucher {voucher} is not one of {holder}.")
        raise Refusal("voucher.holder", message, field="voucher", voucher=voucher, holder=holder)
    if fen is not None and not 0 <= fen < row.face_fen:
        message = say("The voucher has {face} fen, counted from 0.")
        raise Refusal("voucher.fen", message, field="--fen", face=row.face_fen)
    told = paid_by(row, at=place) if fen is None else paid_by(row, at=fen, fen=1)
    facts = {
        "voucher": _voucher_facts(row),
        "traced": told.traced,
        "next_place": told.next_place,
        "payers": [
            asdict(each) | {"order": each.order and asdict(each.order) | _order_numbers(each.order)}
            for each in told.payers
        ],
    }
    shown = [_payer_table(told), *_cut(len(told.payers))] if told.traced else [text(_later(), "yellow")]
    return Answer(facts, shown + ([] if fen is not None else goes_on(told.next_place, row.face_fen)))


def _later() -> str:
    return gettext("Not on the lines yet. Where no clock runs, greenloop trace-keep brings them up to date.")


def _voucher_facts(row: "VoucherRow") -> dict[str, Any]:
    numbers = {"id": str(row.id), "account_id": str(row.account_id), "pool_id": str(row.pool_id)}
    return asdict(row) | numbers | {"journal_id": None if row.journal_id is None else str(row.journal_id)}


def _order_numbers(order: "PayerRow") -> dict[str, str]:
    return {"id": str(order.id), "member_id": str(order.member_id)}


def _voucher_table(rows: "list[VoucherRow]") -> Any:
    columns = [gettext("voucher"), gettext("pool"), gettext("yuan"), gettext("left"), gettext("drawn")]
    lines = [(str(row.id), row.pool, money(row.face_fen), money(row.left_fen), moment(row.drawn_at)) for row in rows]
    return table(gettext("Vouchers, newest first"), columns, lines)


def _payer_table(told: "PaidBy") -> Any:
    columns = [
        *(gettext("fen from"), gettext("yuan"), gettext("paid by"), gettext("paid"), gettext("released in")),
        *(gettext("payment"), gettext("statement line")),
    ]
    rows = []
    for each in told.payers[:ROWS_SHOWN_MAX]:
        order = each.order
        name = gettext("before vouchers were traced") if order is None else f"{order.merchant} {order.order_no}"
        if each.kind == "refund":
            name = gettext("the refund of {order}").format(order=name)
        line = f"{order.statement} {order.line}" if order and order.line else "–"
        cycle = "–" if each.cycle is None else gettext("cycle {cycle}").format(cycle=each.cycle)
        paid = moment(order.paid_at if order else None)
        rows.append((count(each.at), money(each.fen), name, paid, cycle, (order and order.payment) or "–", line))
    title = gettext("What paid for voucher {voucher}").format(voucher=told.voucher.id)
    return table(title, columns, rows)


def _cut(rows: int) -> list[Any]:
    """Say how many rows of a table aren't shown."""
    if rows <= ROWS_SHOWN_MAX:
        return []
    return [text(gettext("… and {count} more").format(count=count(rows - ROWS_SHOWN_MAX)))]


def goes_on(place: int | None, end: int) -> list[Any]:
    """Say how many fen were not followed, and how to follow them."""
    if place is None:
        return []
    said = gettext("{fen} more fen are not followed here: ask again with --from {place}.")
    return [text(said.format(fen=count(end - place), place=place), "yellow")]


def went_shown(followed: "Followed", all_fen: int) -> list[Any]:
    """Return tables of where the money went that an order brought into its pools, `all_fen` of it."""
    states = {
        "free": gettext("in the pool, not released yet"),
        "released": gettext("released, not drawn yet"),
        "unspent": gettext("in vouchers, unspent"),
        "use": gettext("spent"),
        "returning": gettext("on its way back into the pool"),
        "reserve": gettext("repaid a debt to the reserve"),
    }
    columns = [
        gettext("released in"),
        gettext("where it is"),
        gettext("yuan"),
        gettext("holders"),
        gettext("came back"),
    ]
    shown: list[Any] = []
    for part in followed.parts:
        title = gettext("Where its part of the pool {pool} went").format(pool=part.pool)
        if not part.traced:
            shown.append(text(f"{title}: {_later()}", "yellow"))
            continue
        rows = [
            (
                "–" if each.cycle is None else gettext("cycle {cycle}").format(cycle=each.cycle),
                *(states[each.state], money(each.fen), count(each.holders), f"{count(each.rounds)} ×"),
            )
            for each in part.went[:ROWS_SHOWN_MAX]
        ]
        shown += [table(title, columns, rows), *_cut(len(part.went))]
    return shown + goes_on(followed.next_place, all_fen)


@command("trace-keep", panel=KEEP, help=say("Bring the lines of fen up to date with the books. The clock does it too."))
def trace_keep() -> Answer:
    """Append to the pools' lines what was posted since they were last kept."""
    with database.writing():
        from greenloop.services.trust.lines import keep_up

        runs = keep_up(at=datetime.now(UTC))
    return done(gettext("The lines are up to date: {runs} runs added.").format(runs=count(runs)), runs=runs)
