"""Proof of liabilities: publish the root of what is owed, show the published ones, hand out a holder's proof."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, document, moment, money, pairs, table, text
from greenloop.cli.app import CYCLE, LOOK, command
from greenloop.cli.public_log import sign_and_publish
from greenloop.cli.reading import At, now
from greenloop.cli.words import gettext
from greenloop.core.faults import say

if TYPE_CHECKING:
    from greenloop.store.queries.liabilities import RootRow, Stated

SHOWN_MAX = 20
Cycle = Annotated[int | None, typer.Option("--cycle", min=1, help=say("The cycle whose root it is, if not the last."))]


@command("root", panel=CYCLE, help=say("Publish the root of all that is owed after a settlement (the clock does it)."))
def root(
    publish: Annotated[
        bool, typer.Option("--publish", help=say("Publish the root of the cycle that was settled last."))
    ] = False,
    cycle: Cycle = None,
    at: At = None,
) -> Answer:
    """Publish the newest root, or show the published ones."""
    if publish:
        return _published(cycle, at)
    database.reading()
    from greenloop.insight.inclusion import published, root_of
    from greenloop.store.queries import liabilities

    if cycle is not None:
        return _one(root_of(cycle))
    found = liabilities.roots(limit=SHOWN_MAX)
    columns = [
        *(gettext("cycle"), gettext("as of"), gettext("owed"), gettext("holders")),
        *(gettext("dust"), gettext("cash confirmed"), gettext("root")),
    ]
    rows = [
        (
            *(row.cycle, moment(row.as_of_at), money(row.total_fen), count(row.holders), money(row.dust_fen)),
            *(money(row.bank_fen), row.root_hash[:16]),
        )
        for row in found
    ]
    return Answer(
        [published(row) for row in found], [table(gettext("Published roots, in yuan"), columns, rows)], lines=True
    )


def _published(cycle: int | None, at: str | None) -> Answer:
    with database.writing():
        from greenloop.services.trust.roots import build, publish_root
        from greenloop.store.queries import liabilities

        wanted = cycle or liabilities.last_settled() or 1
        if (found := liabilities.root(wanted)) is None:
            found = publish_root(built=build(cycle=wanted, at=now(at)), at=now(at))
        sign_and_publish(at=now(at))  # so that proofs may be asked for
    return _one(found)


def _one(row: "RootRow") -> Answer:
    from greenloop.insight.inclusion import published

    rows = [
        (gettext("cycle"), row.cycle),
        (gettext("as of"), moment(row.as_of_at)),
        (gettext("root"), row.root_hash),
        (gettext("owed to holders"), money(row.total_fen)),
        (gettext("vouchers that can be drawn"), money(row.claimable_fen)),
        (gettext("unspent vouchers"), money(row.unspent_fen)),
        (gettext("coupons"), money(row.coupon_fen)),
        (gettext("merchants' dues"), money(row.dues_fen)),
        (gettext("holders"), count(row.holders)),
        (gettext("dust beyond it"), money(row.dust_fen)),
        (gettext("cash the ledger holds as confirmed"), money(row.bank_fen)),
        (gettext("cash in transit"), money(row.in_transit_fen)),
        *[(_stated(each), money(each.balance_fen)) for each in row.statements],
        (gettext("number of the trust book"), row.trust_number),
        (gettext("journal"), row.journal_id),
        (gettext("its SHA-256"), row.journal_hash),
        (gettext("leaf of the public log"), row.log_leaf),
        (gettext("published"), moment(row.published_at)),
    ]
    return Answer(published(row), [pairs(gettext("The root of what is owed, in yuan"), rows)])


def _stated(each: "Stated") -> str:
    sentence = gettext("closing balance by the newest statement of {account}, {moment}")
    return sentence.format(account=each.account, moment=moment(each.until_at))


@command("prove", panel=LOOK, help=say("Write a holder's proof that what it was owed is in a published root."))
def prove(
    holder: Annotated[
        str, typer.Argument(metavar="REF|ID", help=say("A member's or merchant's ref, or an account's number."))
    ],
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help=say("Where to write it."))] = None,
    cycle: Cycle = None,
) -> Answer:
    """Hand out a proof, checked here as anybody would check it."""
    database.reading()
    from greenloop.core.trust.liabilities import included_fen
    from greenloop.insight import inclusion
    from greenloop.store.queries import lookups, trees

    row, account = inclusion.root_of(cycle), lookups.holder(holder).account_id
    told = inclusion.document(row, account)
    found = trees.proof(row, account)
    fen = included_fen(row.root, holder=account, nonce=found.nonce, leaves=found.leaves) if found else 0
    path = Path(out or f"proof-{row.cycle}-{account}.json")
    path.write_text(document(told) + "\n", "utf-8")
    sentence = gettext("{amount} yuan of account {account} are in the {total} yuan of the root of cycle {cycle}.")
    named = {"amount": money(fen), "account": account, "total": money(row.total_fen), "cycle": row.cycle}
    shown = [
        text(sentence.format(**named), "green"),
        text(gettext("The proof is in {path}; anybody checks it with check_inclusion.py.").format(path=path)),
    ]
    return Answer({"proof": str(path), "amount_fen": fen, "root": told["root"]}, shown)
