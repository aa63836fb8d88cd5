"""Money in and out: merchants' payouts and deposits, marketing grants, and the ledger against its subledgers."""

from typing import Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, money, text
from greenloop.cli.app import MONEY, command
from greenloop.cli.proposing import Maker, Reason, proposed
from greenloop.cli.reading import At, By, amount_fen, day, now
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say


@command("payout", panel=MONEY, help=say("Pay merchants the dues of orders paid before a day (T+1)."))
def payout(
    date: Annotated[
        str | None, typer.Option("--date", metavar="DAY", help=say("The business day, if not today."))
    ] = None,
    at: At = None,
) -> Answer:
    """Pay every merchant what it is owed, once a day."""
    with database.writing():
        from greenloop.services.books.payout import pay_out
        from greenloop.services.loop.rules import in_force, rulings

        present = now(at)
        today = in_force(rulings(), present).rules.calendar.local_date(present)
        business_date = day(date, "--date") if date else today
        paid = pay_out(business_date=business_date, at=present)
    sentence = gettext("{merchants} merchants are paid {amount} yuan for {day}.")
    facts = {"business_date": business_date, "paid_fen": {str(merchant): fen for merchant, fen in paid.items()}}
    told = sentence.format(merchants=count(len(paid)), amount=money(sum(paid.values())), day=business_date)
    return Answer(facts, [text(told)])


@command("deposit", panel=MONEY, help=say("Take money that a merchant brings back, so that its refunds can be paid."))
def deposit(  # noqa: PLR0917
    merchant: Annotated[str, typer.Argument(help=say("The merchant's ref."))],
    deposit_no: Annotated[str, typer.Argument(help=say("The deposit's own number at the merchant."))],
    amount: Annotated[str, typer.Argument(metavar="YUAN", help=say("How much it brings."))],
    by: Maker = None,
    reason: Reason = None,
    at: At = None,
) -> Answer:
    """Take a merchant's deposit into its dues; once the platform has people of its own, it is proposed."""
    fen = amount_fen(amount, "amount")
    with database.writing():
        from greenloop.services.books.payout import deposit as take_deposit
        from greenloop.store.queries import trust

        present = now(at)
        if trust.has_staff():
            content = {"merchant": merchant, "deposit_no": deposit_no, "amount_fen": fen}
            return proposed(kind="deposit.take", content=content, from_at=present, reason=reason, by=by, at=present)
        number = take_deposit(merchant=merchant, deposit_no=deposit_no, amount_fen=fen, at=present)
    sentence = gettext("{amount} yuan of {merchant} are taken as a deposit.")
    facts = {"deposit_id": str(number), "merchant": merchant, "amount_fen": fen}
    return Answer(facts, [text(sentence.format(amount=money(fen), merchant=merchant))])


@command("grant", panel=MONEY, help=say("Propose a budget for first-order rebates, or approve it as a second person."))
def grant(  # noqa: PLR0917
    ref: Annotated[str, typer.Argument(help=say("The grant's name."))],
    by: By,
    amount: Annotated[str | None, typer.Option("--amount", metavar="YUAN", help=say("The whole budget."))] = None,
    rebate: Annotated[
        str | None, typer.Option("--rebate", metavar="YUAN", help=say("What each first order gets."))
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help=say("Approve it instead of proposing it."))] = False,
    at: At = None,
) -> Answer:
    """Propose or approve a marketing grant; proposer and approver are two people."""
    if approve != (amount is None and rebate is None):
        message = say("Give a budget and a rebate to propose a grant, or --approve to approve one.")
        raise Refusal("grant.what", message, field="--approve")
    budget_fen = amount_fen(amount or "", "--amount") if not approve else 0
    rebate_fen = amount_fen(rebate or "", "--rebate") if not approve else 0
    with database.writing():
        from greenloop.services.books.grants import approve_grant, propose_grant

        if approve:
            approve_grant(ref=ref, by=by, at=now(at))
        else:
            propose_grant(ref=ref, amount_fen=budget_fen, rebate_fen=rebate_fen, by=by, at=now(at))
    if approve:
        return Answer({"grant": ref, "state": "approved"}, [text(gettext("Grant {ref} is approved.").format(ref=ref))])
    facts = {"grant": ref, "state": "proposed", "amount_fen": budget_fen, "rebate_fen": rebate_fen}
    sentence = gettext(
        "Grant {ref} is proposed; another person approves it with: greenloop grant {ref} --approve --by NAME"
    )
    return Answer(facts, [text(sentence.format(ref=ref))])
