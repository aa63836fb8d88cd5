"""Each cycle: vest, settle, move the fee, let expire; and what a second person decides."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, moment, money, table, text
from greenloop.cli.app import CYCLE, command
from greenloop.cli.reading import CYCLE_MAX, At, By, amount_fen, now
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

if TYPE_CHECKING:
    from greenloop.services.loop.settle import Run

CycleNo = Annotated[
    int | None,
    typer.Option("--cycle", min=1, max=CYCLE_MAX, help=say("The alliance's cycle; without it, all that are due.")),
]
Due = Annotated[
    int | None, typer.Option("--cycle", min=1, max=CYCLE_MAX, help=say("The alliance's cycle, if not the open one."))
]
Held = Annotated[int, typer.Argument(min=1, max=CYCLE_MAX, help=say("The alliance's cycle whose settlement is held."))]


@command("settle", panel=CYCLE, help=say("Close what is due: vest, settle and move the fee, cycle by cycle."))
def settle(
    cycle: CycleNo = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help=say("Who proposes it."))] = "scheduler",
    at: At = None,
) -> Answer:
    """Close due cycles in order; one that is held stops the work until a second person decides."""
    with database.writing():
        from greenloop.services.loop.rules import in_force, rulings
        from greenloop.store.queries import lookups

        present = now(at)
        open_cycle = lookups.open_cycle()
        calendar = in_force(rulings(), present).rules.calendar
        results: list[dict[str, object]] = []
        if cycle is not None:
            results.append(_close(cycle, by, present))
        elif (held := lookups.held_cycle()) is not None:
            results.append(_close(held, by, present))
        else:
            while calendar.cutoff_at(open_cycle) <= present and (not results or results[-1]["state"] == "posted"):
                results.append(_close(open_cycle, by, present))
                open_cycle += 1
    if not results:
        sentence = gettext("Nothing is due: cycle {cycle} is open until {moment}.")
        facts = sentence.format(cycle=open_cycle, moment=moment(calendar.cutoff_at(open_cycle)))
        return Answer([], [text(facts)], lines=True)
    return Answer(results, _shown(results), lines=True)


def _close(cycle: int, by: str, at: datetime) -> dict[str, object]:
    from greenloop.services.books.fees import transfer_fees_if_sound
    from greenloop.services.loop.settle import settle as settle_cycle
    from greenloop.services.loop.vest import vest as vest_cycle

    vesting = vest_cycle(cycle=cycle, at=at)
    run = settle_cycle(cycle=cycle, at=at, by=by)
    fee_fen = transfer_fees_if_sound(cycle=cycle, at=at) if run.state == "posted" else 0
    facts = {"orders": vesting.orders, "concession_fen": vesting.concession_fen, "green_fen": vesting.green_fen}
    return {**_run(run), **facts, "fee_fen": fee_fen}


def _run(run: "Run") -> dict[str, object]:
    return {"cycle": run.cycle, "state": run.state, "issued_fen": run.issued_fen, "daily_cap_fen": run.cap_fen}


def _shown(results: list[dict[str, object]]) -> list[Any]:
    columns = [
        *(gettext("cycle"), gettext("orders vested"), gettext("concessions")),
        *(gettext("vouchers issued"), gettext("fee moved"), gettext("state")),
    ]
    states = {"posted": gettext("posted"), "held": gettext("held for a second person")}
    rows = [
        (
            each["cycle"],
            count(int(str(each["orders"]))),
            *(money(int(str(each[name]))) for name in ("concession_fen", "issued_fen", "fee_fen")),
            states[str(each["state"])],
        )
        for each in results
    ]
    shown: list[Any] = [table(gettext("Settled, in yuan"), columns, rows)]
    if results[-1]["state"] == "held":
        sentence = gettext(
            "The releases of cycle {cycle} pass the daily cap. Another person decides with: "
            "greenloop approve {cycle} --by NAME, or: greenloop reject {cycle} --by NAME --cap POOL=YUAN"
        )
        shown.append(text(sentence.format(cycle=results[-1]["cycle"])))
    return shown


@command("vest", panel=CYCLE, help=say("Only vest the orders of a cycle (settle does it too)."))
def vest(cycle: Due = None, at: At = None) -> Answer:
    """Let the orders of a closed cycle enter their pools."""
    with database.writing():
        from greenloop.services.loop.vest import vest as vest_cycle
        from greenloop.store.queries import lookups

        found = vest_cycle(cycle=cycle or lookups.open_cycle(), at=now(at))
    parts = {
        "green": found.green_fen,
        "red": found.red_fen,
        "coupon": found.coupon_fen,
        "reserve": found.reserve_fen,
        "fee": found.fee_fen,
    }
    names = {
        "green": gettext("green"),
        "red": gettext("red"),
        "coupon": gettext("coupon"),
        "reserve": gettext("reserve"),
        "fee": gettext("fee"),
    }
    facts = {"cycle": found.cycle, "orders": found.orders, "concession_fen": found.concession_fen}
    facts |= {f"{name}_fen": fen for name, fen in parts.items()}
    sentence = gettext("{orders} orders vested in cycle {cycle}; they concede {amount} yuan.")
    told = sentence.format(orders=count(found.orders), cycle=found.cycle, amount=money(found.concession_fen))
    rows = [(names[name], money(fen)) for name, fen in parts.items()]
    return Answer(facts, [text(told), table("", [gettext("part"), gettext("yuan")], rows)])


@command("fees", panel=CYCLE, help=say("Only move the platform's fee of a settled cycle (settle does it too)."))
def fees(
    cycle: Annotated[int, typer.Argument(min=1, max=CYCLE_MAX, help=say("The alliance's cycle."))], at: At = None
) -> Answer:
    """Move a cycle's fee from the trust book to the operating book, once."""
    with database.writing():
        from greenloop.services.books.fees import transfer_fees

        fen = transfer_fees(cycle=cycle, at=now(at))
    sentence = gettext("The fee of cycle {cycle} is moved: {amount} yuan.")
    return Answer({"cycle": cycle, "fee_fen": fen}, [text(sentence.format(cycle=cycle, amount=money(fen)))])


@command("approve", panel=CYCLE, help=say("As a second person, post a held settlement as it was computed."))
def approve(cycle: Held, by: By, at: At = None) -> Answer:
    """Approve a held settlement; its fee moves with it."""
    with database.writing():
        from greenloop.services.books.fees import transfer_fees_if_sound
        from greenloop.services.loop.settle import approve as approve_run

        present = now(at)
        run = approve_run(cycle=cycle, by=by, at=present)
        fee_fen = transfer_fees_if_sound(cycle=cycle, at=present)
    sentence = gettext("Cycle {cycle} is posted: {amount} yuan of vouchers issued.")
    facts = {**_run(run), "fee_fen": fee_fen}
    return Answer(facts, [text(sentence.format(cycle=cycle, amount=money(run.issued_fen)))])


@command("reject", panel=CYCLE, help=say("As a second person, cap pools of a held settlement and propose it anew."))
def reject(
    cycle: Held,
    by: By,
    cap: Annotated[list[str], typer.Option("--cap", metavar="POOL=YUAN", help=say("A pool's cap; may be repeated."))],
    at: At = None,
) -> Answer:
    """Reject a held settlement: it is computed again under the caps, and whoever rejected it proposes it."""
    caps_fen = dict(_cap(each) for each in cap)
    with database.writing():
        from greenloop.services.loop.settle import reject as reject_run

        run = reject_run(cycle=cycle, caps_fen=caps_fen, by=by, at=now(at))
    sentence = gettext("Cycle {cycle} is proposed anew by {by} with {amount} yuan of vouchers; another person decides.")
    return Answer(_run(run), [text(sentence.format(cycle=cycle, by=by, amount=money(run.issued_fen)))])


def _cap(written: str) -> tuple[str, int]:
    pool, separator, amount = written.rpartition("=")
    if not separator:
        message = say("“{written}” is no cap; write the pool and an amount in yuan, such as green=1000.")
        raise Refusal("cap.unreadable", message, field="--cap", written=written[:64])
    return pool, amount_fen(amount, "--cap")


@command("expire", panel=CYCLE, help=say("Let vouchers and coupons expire that nobody spent in time."))
def expire(at: At = None) -> Answer:
    """Expire what is past its day: vouchers to their pools, coupons to the reserve."""
    voucher_fen = coupon_fen = 0
    with database.writing():
        from greenloop.services.loop.expire import expire as expire_some

        present, more = now(at), True
        while more:
            gone = expire_some(at=present)
            voucher_fen, coupon_fen, more = voucher_fen + gone.voucher_fen, coupon_fen + gone.coupon_fen, gone.more
    sentence = gettext("Expired: {vouchers} yuan of vouchers, {coupons} yuan of coupons.")
    facts = {"voucher_fen": voucher_fen, "coupon_fen": coupon_fen}
    return Answer(facts, [text(sentence.format(vouchers=money(voucher_fen), coupons=money(coupon_fen)))])
