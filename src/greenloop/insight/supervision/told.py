"""How a report says its figures to people, in the language in use: what print, workbook and page have in common."""

from datetime import datetime, timedelta, timezone

from django.utils.translation import gettext as _

from greenloop.insight import figures
from greenloop.insight.supervision import words
from greenloop.insight.supervision.pools import OTHERS
from greenloop.insight.supervision.report import PUBLIC, TOLD_MIN, Report
from greenloop.insight.supervision.steps import Figure
from greenloop.insight.supervision.ties import Tie

LANGUAGES = {"en": "en", "zh": "zh-hans"}


def value(figure: Figure) -> str:
    """Write a figure's amount or count."""
    if figure.value is None:
        return _("too few to tell")
    return figures.plain(figure.value) if figure.unit == "fen" else figures.count(figure.value)


def fen(amount: int | None) -> str:
    """Write an amount in yuan; one that isn't told is a dash."""
    return figures.NONE if amount is None else figures.plain(amount)


def rare(count: int | None) -> str:
    """Write how many exceptions there are."""
    return _("fewer than {least}").format(least=TOLD_MIN) if count is None else figures.count(count)


def pool(name: str) -> str:
    """Write a pool's name."""
    return _(name) if name == OTHERS else name


def what(tie: Tie) -> str:
    """Say what a tie holds equal, of which account where it is of one, and its name where it isn't equal."""
    account = words.ACCOUNTS.get(f"trust:{tie.name.partition('.')[2].removesuffix('_balance')}", "")
    name = "" if tie.holds else tie.name
    return " · ".join(part for part in (_(account) if account else "", _(tie.what), name) if part)


def moment(at: datetime, report: Report) -> str:
    """Write an instant in the alliance's local time."""
    return f"{at.astimezone(timezone(timedelta(minutes=report.period.offset_minutes))):%Y-%m-%d %H:%M}"


def pool_heads() -> list[str]:
    """Return what the columns of the pools' table are called."""
    return [
        *(_("pool"), _("free at the begin"), _("taken in"), _("released"), _("back"), _("free at the end")),
        *(_("drawn"), _("redeemed"), _("not drawn at the end"), _("unspent at the end")),
    ]


def verdict(report: Report) -> str:
    """Say whether everything ties."""
    if report.off:
        sentence = _("{off} of {count} sums do NOT tie. Their names say where.")
        return sentence.format(off=figures.count(report.off), count=figures.count(report.compared))
    return _("All {count} ties hold, to the fen.").format(count=figures.count(report.compared))


def reasons(report: Report) -> list[str]:
    """Say why the period's sums may still change."""
    return [_(sentence).format(count=figures.count(count)) for sentence, count in report.provisional]


def facts(report: Report) -> list[tuple[str, str]]:
    """Say what the report is of, and up to where the books were read."""
    cutoff, none = report.cutoff, _("none yet")
    rules = [
        f"{each.id} ({_('since {moment}').format(moment=moment(each.effective_at, report))})" for each in report.rules
    ]
    owed = fen(cutoff.root_total_fen)
    root = _("cycle {cycle}, {total} yuan owed: {hash}").format(
        cycle=cutoff.root_cycle, total=owed, hash=cutoff.root_hash
    )
    signed = _("{size} leaves: {hash}").format(size=cutoff.checkpoint_size, hash=cutoff.checkpoint_hash)
    return [
        (_("Form"), _(words.FORMS[report.form])),
        (_("Rules in force"), ", ".join(rules) or none),
        (_("Newest journal of the period"), figures.count(cutoff.journal)),
        (_("Newest number of the trust book"), figures.count(cutoff.trust_number)),
        (_("Signed checkpoint of the public log"), signed if cutoff.checkpoint_size else none),
        (_("Root of what is owed"), root if cutoff.root_cycle else none),
        (_("Product"), f"Greenloop {report.product}"),
        (_("Made"), moment(report.made_at, report)),
    ]


def notes(report: Report) -> list[str]:
    """Say how to read the report."""
    small = _(
        "Pools behind which few people stand are told together, and what is rarer than {least} isn't counted: "
        "nobody shall be found out by it. Sums over everybody are complete."
    )
    return [
        _("All amounts are yuan, from whole fen. To the period belongs what its journals made effective in it."),
        _("A tie is one sum read twice: off the ledger, and off the rows beside it. Their difference has to be 0."),
        *([small.format(least=TOLD_MIN)] if report.form == PUBLIC else []),
    ]


def checking() -> list[str]:
    """Say how anybody checks the report."""
    return [
        _("greenloop verify report FOLDER checks the seal, every file's SHA-256, and adds all sums up again."),
        _("The seal is an Ed25519 signature by the key of the public log; compare that key with one from elsewhere."),
        _("The Parquet files hold the same figures, in whole fen, for any program that reads columns."),
        _("What it rests on is in the auditor's bundle, which an independent program recomputes order by order."),
    ]
